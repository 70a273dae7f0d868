//! A good request for every operation: whoever is admitted succeeds with it.

use http::StatusCode;
use local::dev_keys::WEBHOOK_SECRETS;
use local::stripe_sim::sign;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tests::Client;

use super::callers::{log_in, own_token};
use super::shop::{Shop, text};
use crate::openapi::Operation;

/// A coupon with a code of its own.
pub(super) fn coupon(id: &str) -> Value {
    json!({
        "id": id, "title": id, "offer": {"benefit": {"type": "percent", "value": "10"}},
        "codes": {"usage": "multi_use", "codes": [id]},
    })
}

/// Who asks, and whether the request will use something up: what is used up is made for it.
pub(super) struct Asker<'a> {
    pub(super) name: &'a str,
    pub(super) client: &'a Client,
    pub(super) uses_up: bool,
}

/// What a request has besides its method and its path.
#[derive(Default)]
struct Content {
    /// The values of the path's parameters, and what follows the path.
    path: Vec<(&'static str, String)>,
    query: &'static str,
    body: Option<Value>,
}

fn at(name: &'static str, value: &str) -> Content {
    Content { path: vec![(name, value.to_owned())], ..Content::default() }
}

fn nothing() -> Content {
    Content::default()
}

fn sent(body: Value) -> Content {
    nothing().sends(body)
}

impl Content {
    fn sends(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }
}

impl Shop {
    /// A request for an operation.
    pub(super) async fn request(&self, operation: &Operation, asker: &Asker<'_>) -> RequestBuilder {
        let id = operation.id.as_str();
        let content = match self.catalog(id, asker).await {
            Some(content) => content,
            None => match self.purchase(id, asker).await {
                Some(content) => content,
                None if id.contains("refund") => self.refund(id, asker).await,
                None => self.identity(id, asker).await.unwrap_or_else(|| panic!("no request for {id}")),
            },
        };
        let mut path = format!("{}{}", operation.path, content.query);
        for (name, value) in &content.path {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        let method: Method = operation.method.parse().expect("a method");
        let request = asker.client.request(method, &path);
        match (id, content.body) {
            ("issue_token", Some(form)) => request.form(&form),
            ("receive_event", Some(event)) => self.signed(request, &event),
            (
                "start_checkout" | "create_refund" | "create_batch" | "create_manual_orders" | "confirm_transfer",
                Some(body),
            ) => request.header("Idempotency-Key", self.fresh("key-")).json(&body),
            (_, Some(body)) => request.json(&body),
            (_, None) => request,
        }
    }

    fn signed(&self, request: RequestBuilder, event: &Value) -> RequestBuilder {
        let body = event.to_string();
        let at = self.app.cloud.clock.now().as_second();
        request.header("Stripe-Signature", sign(&WEBHOOK_SECRETS.map(str::to_owned), at, body.as_bytes())).body(body)
    }

    async fn catalog(&self, id: &str, asker: &Asker<'_>) -> Option<Content> {
        let price = json!({"amount": "9.00", "currency": "USD"});
        let product = |sku: &str| json!({"sku": sku, "kind": "seat", "title": sku, "course_key": "course-v1:Test+EDIT+1", "mode": "verified"});
        let group = |id: &str| json!({"id": id, "title": "Group", "skus": ["PY"]});
        if let Some(content) = self.promotion(id, asker).await {
            return Some(content);
        }
        Some(match id {
            "list_products" | "list_courses" | "list_catalogs" | "read_openapi" | "read_health" => nothing(),
            "read_product" => at("sku", "PY"),
            "create_product" => sent(product(&self.fresh("NEW-"))),
            "replace_product" => at("sku", "EDIT").sends(product("EDIT")),
            "change_product" => at("sku", "EDIT").sends(json!({"title": "Changed"})),
            "set_stock" => at("sku", "EDIT").sends(json!({"price": price})),
            "delete_product" if asker.uses_up => {
                let sku = self.fresh("OLD-");
                let made = self.staff.post("/api/v1/products", &product(&sku)).await;
                at("sku", &text(&made.expect(StatusCode::CREATED), "sku"))
            }
            "delete_product" => at("sku", "EDIT"),
            "read_course" => at("course_key", "course-v1:Test+PY+1"),
            "save_course" => {
                let seat = json!({"sku": "EDIT", "mode": "verified", "price": price});
                at("course_key", "course-v1:Test+EDIT+1").sends(json!({"title": "C", "org": "Test", "seats": [seat]}))
            }
            "create_catalog" => sent(group(&self.fresh("new-"))),
            "delete_catalog" if asker.uses_up => {
                let made = self.staff.post("/api/v1/catalogs", &group(&self.fresh("old-"))).await;
                at("id", &text(&made.expect(StatusCode::CREATED), "id"))
            }
            "read_catalog" | "delete_catalog" => at("id", "sci"),
            "replace_catalog" => at("id", "sci").sends(group("sci")),
            _ => return None,
        })
    }

    async fn promotion(&self, id: &str, asker: &Asker<'_>) -> Option<Content> {
        let offer = |id: &str| json!({"id": id, "name": id, "benefit": {"type": "percent", "value": "10"}});
        let code = |code: &str| json!({"code": code, "usage": "multi_use", "offer": "tenth"});
        Some(match id {
            "list_offers" | "list_vouchers" | "list_batches" | "list_coupons" => nothing(),
            "create_batch" => sent(json!({"count": 2, "usage": "single_use", "offer": "tenth"})),
            "read_batch" | "list_batch_codes" => at("id", &self.objects.batch),
            "change_batch" => at("id", &self.objects.batch).sends(json!({"ends_at": null})),
            "create_coupon" => sent(coupon(&self.fresh("new-"))),
            "read_coupon" | "list_coupon_codes" | "deactivate_coupon" => at("id", "acme"),
            "change_coupon" => at("id", "acme").sends(json!({"title": "Acme"})),
            "create_offer" => sent(offer(&self.fresh("new-"))),
            "read_offer" => at("id", "tenth"),
            "replace_offer" => at("id", "tenth").sends(offer("tenth")),
            "delete_offer" if asker.uses_up => {
                let made = self.staff.post("/api/v1/offers", &offer(&self.fresh("old-"))).await;
                at("id", &text(&made.expect(StatusCode::CREATED), "id"))
            }
            "delete_offer" => at("id", "tenth"),
            "create_voucher" => sent(code(&self.fresh("NEW-"))),
            "read_voucher" | "list_voucher_uses" => at("code", "TENTH"),
            "replace_voucher" => at("code", "TENTH").sends(code("TENTH")),
            "delete_voucher" if asker.uses_up => {
                let made = self.staff.post("/api/v1/vouchers", &code(&self.fresh("OLD-"))).await;
                at("code", &text(&made.expect(StatusCode::CREATED), "code"))
            }
            "delete_voucher" => at("code", "TENTH"),
            _ => return None,
        })
    }

    async fn purchase(&self, id: &str, asker: &Asker<'_>) -> Option<Content> {
        let line = json!({"sku": "PY"});
        // Who has no session has no basket: what is put there would start one that the request does not name.
        let has_basket = !["nobody", "userinfo:spoofed", "northwind:key"].contains(&asker.name);
        if asker.uses_up && has_basket && ["set_quantity", "remove_line", "start_checkout"].contains(&id) {
            asker.client.add("PY").await.expect(StatusCode::CREATED);
        }
        if asker.uses_up && has_basket && id == "remove_voucher" {
            // Entering codes is throttled, and many of these callers are one.
            self.app.cloud.clock.advance(jiff::SignedDuration::from_secs(61));
            asker.client.post("/api/v1/basket/vouchers", &json!({"code": "TENTH"})).await.expect(StatusCode::CREATED);
        }
        Some(match id {
            "add_voucher" => sent(json!({"code": "tenth"})),
            "remove_voucher" => at("code", "TENTH"),
            "read_basket" | "clear_basket" | "list_orders" | "list_processors" => nothing(),
            "read_quote" => Content { query: "?sku=PY", ..nothing() },
            "add_line" => sent(line),
            "add_lines" => sent(json!({"lines": [line]})),
            "set_quantity" => at("sku", "PY").sends(json!({"quantity": 1})),
            "remove_line" => at("sku", "PY"),
            "start_checkout" => {
                sent(json!({"processor": "stripe", "return_url": "https://shop.example/{order_number}"}))
            }
            "read_order" | "read_timeline" | "read_receipt" | "read_codes" => at("number", &self.objects.order),
            "cancel_order" if asker.uses_up => at("number", &self.pending().await),
            "cancel_order" => at("number", &self.objects.order),
            "create_manual_orders" => {
                let item = json!({"username": self.fresh("learner-"), "sku": "PY"});
                sent(json!({"reason": "scholarship", "enrollments": [item]}))
            }
            "import_orders" => {
                let line = json!({"sku": "OLD", "title": "Old", "course_key": "course-v1:Test+OLD+1", "mode": "verified",
                    "price": {"amount": "9.00", "currency": "USD"}});
                let (number, payment) = (self.fresh("LEGACY-"), self.fresh("P-"));
                sent(json!({"orders": [{
                    "number": number, "username": "learner", "placed_at": "2019-03-01T10:00:00Z",
                    "paid_at": "2019-03-01T10:00:00Z", "payment": payment, "lines": [line],
                }]}))
            }
            "confirm_transfer" => at("number", &self.objects.transfer).sends(self.transfer()),
            "fulfill_order" => at("number", &self.objects.order).sends(json!({"lines": ["SHUT"]})),
            "receive_event" => {
                let path = vec![("tenant", "default".to_owned()), ("processor", "stripe".to_owned())];
                let object = json!({"id": "cus_1", "object": "customer"});
                let event = json!({
                    "id": "evt_1", "object": "event", "api_version": "2026-10-28.endive", "created": 1_795_176_000,
                    "livemode": false, "type": "customer.created", "data": {"object": object},
                });
                Content { path, ..sent(event) }
            }
            _ => return None,
        })
    }

    /// What a refund is asked of, or decided on, is made for each request that will use it up.
    async fn refund(&self, id: &str, asker: &Asker<'_>) -> Content {
        let body = json!({"reason": "too hard"});
        match id {
            "list_refunds" => nothing(),
            "create_refund" if asker.uses_up => at("number", &self.free_order().await).sends(body),
            "create_refund" => at("number", &self.objects.order).sends(body),
            "confirm_refund" if asker.uses_up => {
                let path = format!("/api/v1/orders/{}/payments", self.objects.transfer);
                let staff = self.staff.with("Idempotency-Key", &self.fresh("transfer-"));
                let made = staff.post(&path, &self.transfer()).await.expect(StatusCode::CREATED);
                let refunds = made["order"]["refunds"].as_array().expect("refunds").iter();
                let owed = refunds.map(|refund| (&refund["state"], &refund["id"])).find(|owed| owed.0 == "approved");
                at("id", owed.and_then(|owed| owed.1.as_str()).expect("a refund by hand"))
            }
            _ if asker.uses_up => {
                let path = format!("/api/v1/orders/{}/refunds", self.free_order().await);
                let ada = self.ada.with("Idempotency-Key", &self.fresh("asked-"));
                at("id", &text(&ada.post(&path, &body).await.expect(StatusCode::CREATED), "id"))
            }
            _ => at("id", &self.objects.refund),
        }
    }

    /// A transfer of another amount than any order's: it is to be paid back by hand.
    fn transfer(&self) -> Value {
        json!({"amount": {"amount": "0.01", "currency": "USD"}, "reference": self.fresh("R-")})
    }

    /// An order of ada's that cost nothing.
    async fn free_order(&self) -> String {
        let sku = self.fresh("FREE-");
        self.app.sell(&sku, "0", "USD", None).await;
        self.ada.delete("/api/v1/basket").await.expect(StatusCode::OK);
        text(&self.ada.order(&sku).await, "order_number")
    }

    /// An order of ada's that waits for payment.
    async fn pending(&self) -> String {
        self.ada.add("PY").await.expect(StatusCode::CREATED);
        text(&self.ada.checkout(&self.fresh("pending-")).await.expect(StatusCode::CREATED), "order_number")
    }

    async fn identity(&self, id: &str, asker: &Asker<'_>) -> Option<Content> {
        let machine = json!({"name": "New", "username": "worker", "scopes": ["orders:read"]});
        let key = json!({"name": "New", "may": ["read"]});
        Some(match id {
            "read_me"
            | "read_csrf_token"
            | "logout"
            | "establish_session"
            | "read_jwks"
            | "read_discovery"
            | "list_sessions"
            | "end_sessions"
            | "list_client_keys"
            | "list_machine_clients" => nothing(),
            "login" => sent(json!({"token": own_token(self, asker.name)})),
            "end_session" if asker.uses_up => {
                let login = log_in(&self.nobody, &self.fresh("end-"), &own_token(self, "ada")).await;
                at("id", login["session"]["id"].as_str().expect("an id"))
            }
            "end_session" => at("id", &self.objects.session),
            "issue_token" => {
                let (id, secret) = &self.objects.worker;
                sent(json!({"grant_type": "client_credentials", "client_id": id, "client_secret": secret}))
            }
            "create_client_key" => sent(key),
            "rotate_client_key" => at("id", &self.objects.client_key),
            "delete_client_key" if asker.uses_up => at("id", &self.made("client-keys", &key).await),
            "delete_client_key" => at("id", &self.objects.client_key),
            "create_machine_client" => sent(machine),
            "rotate_machine_client" => at("id", &self.objects.machine_client),
            "delete_machine_client" if asker.uses_up => at("id", &self.made("machine-clients", &machine).await),
            "delete_machine_client" => at("id", &self.objects.machine_client),
            "read_user" => at("username", "bystander"),
            "change_user" => at("username", "bystander").sends(json!({"active": true})),
            _ => return None,
        })
    }

    /// The id of a client that staff made.
    async fn made(&self, kind: &str, body: &Value) -> String {
        text(&self.staff.post(&format!("/api/v1/{kind}"), body).await.expect(StatusCode::CREATED), "id")
    }
}
