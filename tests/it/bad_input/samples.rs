//! A good request for every operation.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local::dev_keys::{GATEWAY, ISSUER, MACHINE_CLIENT};
use serde_json::{Value, json};

use super::{Who, World};

/// A request that succeeds.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) who: Who,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    /// A body that is a form.
    pub(super) form: Option<String>,
}

/// The order in which every sample succeeds in one and the same world.
pub(super) const IN_ORDER: [&str; 87] = [
    "read_openapi",
    "read_health",
    "list_products",
    "read_product",
    "create_product",
    "replace_product",
    "change_product",
    "set_stock",
    "list_courses",
    "read_course",
    "save_course",
    "list_catalogs",
    "read_catalog",
    "create_catalog",
    "replace_catalog",
    "list_offers",
    "read_offer",
    "create_offer",
    "replace_offer",
    "list_batches",
    "create_batch",
    "read_batch",
    "list_batch_codes",
    "change_batch",
    "list_coupons",
    "create_coupon",
    "read_coupon",
    "list_coupon_codes",
    "change_coupon",
    "deactivate_coupon",
    "list_vouchers",
    "read_voucher",
    "list_voucher_uses",
    "create_voucher",
    "replace_voucher",
    "read_quote",
    "read_basket",
    "add_voucher",
    "remove_voucher",
    "delete_voucher",
    "delete_offer",
    "delete_catalog",
    "add_line",
    "add_lines",
    "set_quantity",
    "start_checkout",
    "remove_line",
    "clear_basket",
    "list_orders",
    "read_order",
    "read_timeline",
    "read_receipt",
    "read_codes",
    "fulfill_order",
    "cancel_order",
    "create_manual_orders",
    "import_orders",
    "confirm_transfer",
    "create_refund",
    "list_refunds",
    "approve_refund",
    "deny_refund",
    "confirm_refund",
    "list_processors",
    "receive_event",
    "delete_product",
    "read_me",
    "read_csrf_token",
    "login",
    "list_sessions",
    "end_session",
    "end_sessions",
    "logout",
    "establish_session",
    "issue_token",
    "read_jwks",
    "read_discovery",
    "list_client_keys",
    "create_client_key",
    "rotate_client_key",
    "delete_client_key",
    "list_machine_clients",
    "create_machine_client",
    "rotate_machine_client",
    "delete_machine_client",
    "read_user",
    "change_user",
];

fn sample(who: Who, path: &str) -> Sample {
    Sample { who, path: path.to_owned(), headers: Vec::new(), body: None, form: None }
}

impl Sample {
    fn sends(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// The samples by operation id.
pub(super) fn all(world: &World) -> BTreeMap<&'static str, Sample> {
    let mut all = catalog();
    all.extend(basket());
    all.extend(promotions());
    all.extend(batches(world));
    all.extend(coupons());
    all.extend(orders(world));
    all.extend(refunds(world));
    all.extend(sessions(world));
    all.extend(clients(world));
    all.extend([
        ("read_openapi", sample(Who::Nobody, "/api/v1/openapi.json")),
        ("read_health", sample(Who::Nobody, "/health")),
        ("list_processors", sample(Who::Nobody, "/api/v1/payments/processors")),
        ("receive_event", sample(Who::Nobody, "/webhooks/default/stripe").sends(event())),
    ]);
    all
}

fn catalog() -> BTreeMap<&'static str, Sample> {
    let price = json!({"amount": "49.90", "currency": "USD"});
    let window = json!({"price": price, "quantity": 10, "valid_from": "2026-01-01T00:00:00Z", "valid_to": "2027-01-01T00:00:00Z"});
    let product = json!({
        "sku": "NEW", "kind": "seat", "title": "New", "course_key": "course-v1:Test+NEW+1", "mode": "verified",
        "attributes": {"level": "basic"}, "published": true, "stock": [window],
    });
    let replaced =
        super::with(&super::with(&product, "/sku", json!("PY")), "/course_key", json!("course-v1:Test+PY+1"));
    let patch = json!({
        "title": "Changed", "course_key": "course-v1:Test+PY+1", "mode": "verified", "attributes": {}, "published": true,
        "stock": [window],
    });
    let seat = json!({"sku": "PY", "mode": "verified", "price": price, "quantity": 5, "title": "Seat", "attributes": {}, "published": true});
    let course = json!({
        "title": "Course", "org": "Test", "start": "2026-12-01T00:00:00Z", "end": "2027-12-01T00:00:00Z", "seats": [seat],
    });
    let group = |id: &str| {
        json!({"id": id, "title": "Group", "skus": ["PY"], "query": {
            "org": "Test", "key_pattern": "course-v1:*", "mode": "verified", "kind": "seat", "title_words": ["course"],
        }})
    };
    BTreeMap::from([
        ("list_products", sample(Who::Nobody, "/api/v1/products?kind=seat&limit=2")),
        ("read_product", sample(Who::Nobody, "/api/v1/products/PY")),
        ("create_product", sample(Who::Staff, "/api/v1/products").sends(product)),
        ("replace_product", sample(Who::Staff, "/api/v1/products/PY").sends(replaced)),
        ("change_product", sample(Who::Staff, "/api/v1/products/PY").sends(patch)),
        ("delete_product", sample(Who::Staff, "/api/v1/products/PY")),
        ("set_stock", sample(Who::Staff, "/api/v1/products/PY/stock").sends(window)),
        ("list_courses", sample(Who::Nobody, "/api/v1/courses?limit=2")),
        ("read_course", sample(Who::Nobody, "/api/v1/courses/course-v1:Test+PY+1")),
        ("save_course", sample(Who::Staff, "/api/v1/courses/course-v1:Test+PY+1").sends(course)),
        ("list_catalogs", sample(Who::Staff, "/api/v1/catalogs?limit=2")),
        ("read_catalog", sample(Who::Staff, "/api/v1/catalogs/sci")),
        ("create_catalog", sample(Who::Staff, "/api/v1/catalogs").sends(group("new"))),
        ("replace_catalog", sample(Who::Staff, "/api/v1/catalogs/sci").sends(group("sci"))),
        ("delete_catalog", sample(Who::Staff, "/api/v1/catalogs/sci")),
    ])
}

fn promotions() -> BTreeMap<&'static str, Sample> {
    let usd = |amount: &str| json!({"amount": amount, "currency": "USD"});
    let offer = |id: &str| {
        json!({
            "id": id, "name": "Offer",
            "condition": {
                "skus": ["PY"], "min_quantity": 1, "min_value": usd("1.00"), "whole": false, "first_purchase": false,
                "users": ["eve"], "email_domains": ["example.com"],
            },
            "benefit": {"type": "absolute", "value": usd("5.00")},
            "limits": {"max_uses": 10, "max_uses_per_user": 2, "max_discount": usd("100.00")},
            "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2028-01-01T00:00:00Z", "priority": 3, "exclusive": false,
            "automatic": false,
        })
    };
    let voucher = |code: &str| {
        json!({
            "code": code, "usage": "multi_use", "offer": "deal", "max_uses": 10, "starts_at": "2026-01-01T00:00:00Z",
            "ends_at": "2028-01-01T00:00:00Z", "email_domains": ["example.com"],
        })
    };
    BTreeMap::from([
        ("list_offers", sample(Who::Staff, "/api/v1/offers?limit=2")),
        ("read_offer", sample(Who::Staff, "/api/v1/offers/deal")),
        ("create_offer", sample(Who::Staff, "/api/v1/offers").sends(offer("new"))),
        ("replace_offer", sample(Who::Staff, "/api/v1/offers/deal").sends(offer("deal"))),
        ("delete_offer", sample(Who::Staff, "/api/v1/offers/deal")),
        ("list_vouchers", sample(Who::Staff, "/api/v1/vouchers?prefix=D&limit=2")),
        ("read_voucher", sample(Who::Staff, "/api/v1/vouchers/DEAL")),
        ("list_voucher_uses", sample(Who::Staff, "/api/v1/vouchers/DEAL/uses?limit=2")),
        ("create_voucher", sample(Who::Staff, "/api/v1/vouchers").sends(voucher("NEW"))),
        ("replace_voucher", sample(Who::Staff, "/api/v1/vouchers/DEAL").sends(voucher("DEAL"))),
        ("delete_voucher", sample(Who::Staff, "/api/v1/vouchers/DEAL")),
        ("add_voucher", sample(Who::Eve, "/api/v1/basket/vouchers").sends(json!({"code": "deal"}))),
        ("remove_voucher", sample(Who::Eve, "/api/v1/basket/vouchers/DEAL")),
    ])
}

fn batches(world: &World) -> BTreeMap<&'static str, Sample> {
    let of = |what: &str| sample(Who::Staff, &format!("/api/v1/vouchers/batches/{}{what}", world.batch));
    let (starts_at, ends_at) = ("2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z");
    let body = json!({
        "prefix": "NEW", "count": 2, "usage": "multi_use", "offer": "deal", "max_uses": 10, "starts_at": starts_at,
        "ends_at": ends_at, "email_domains": ["example.com"],
    });
    let patch = json!({"max_uses": 20, "starts_at": starts_at, "ends_at": ends_at, "email_domains": ["example.com"]});
    let all = sample(Who::Staff, "/api/v1/vouchers/batches");
    BTreeMap::from([
        ("list_batches", sample(Who::Staff, "/api/v1/vouchers/batches?limit=2")),
        ("create_batch", all.sends(body).with("idempotency-key", "batch")),
        ("read_batch", of("")),
        ("list_batch_codes", of("/codes?limit=1")),
        ("change_batch", of("").sends(patch)),
    ])
}

/// A coupon with a code of its own.
pub(super) fn coupon(id: &str) -> Value {
    json!({
        "id": id, "title": id, "offer": {"benefit": {"type": "percent", "value": "10"}},
        "codes": {"usage": "multi_use", "codes": [id]},
    })
}

fn coupons() -> BTreeMap<&'static str, Sample> {
    let usd = |amount: &str| json!({"amount": amount, "currency": "USD"});
    let (starts_at, ends_at) = ("2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z");
    let invoice = json!({
        "client": "Acme Ltd", "kind": "postpaid", "purchase_order": "PO 7", "number": "INV-12", "price": usd("120.00"),
        "issued_at": starts_at, "paid_at": ends_at,
    });
    let limits = json!({"max_uses": 10, "max_uses_per_user": 2, "max_discount": usd("100.00")});
    let query = json!({
        "org": "Test", "key_pattern": "course-v1:*", "mode": "verified", "kind": "seat", "title_words": ["course"],
    });
    let condition = json!({
        "min_quantity": 1, "min_value": usd("1.00"), "whole": false, "first_purchase": false, "users": ["eve"],
        "email_domains": ["example.com"],
    });
    let body = json!({
        "id": "new-coupon", "title": "Acme 2027", "note": "renewal in May",
        "catalog": {"skus": ["PY"], "query": query},
        "offer": {
            "condition": condition, "benefit": {"type": "absolute", "value": usd("5.00")}, "limits": limits,
            "priority": 3, "exclusive": false,
        },
        "codes": {"usage": "multi_use", "count": 2, "prefix": "ACME", "max_uses": 3, "email_domains": ["example.com"]},
        "starts_at": starts_at, "ends_at": ends_at, "invoice": invoice,
    });
    let patch = json!({
        "title": "Acme", "note": "over", "invoice": invoice, "starts_at": starts_at, "ends_at": ends_at,
        "limits": limits, "codes": {"max_uses": 4, "email_domains": ["example.com"]},
    });
    let of = |what: &str| sample(Who::Staff, &format!("/api/v1/coupons/acme{what}"));
    BTreeMap::from([
        ("list_coupons", sample(Who::Staff, "/api/v1/coupons?limit=2")),
        ("create_coupon", sample(Who::Staff, "/api/v1/coupons").sends(body)),
        ("read_coupon", of("")),
        ("list_coupon_codes", of("/codes?limit=1")),
        ("change_coupon", of("").sends(patch)),
        ("deactivate_coupon", of("/deactivate")),
    ])
}

fn basket() -> BTreeMap<&'static str, Sample> {
    let line = |sku: &str| json!({"sku": sku, "quantity": 1});
    BTreeMap::from([
        ("read_quote", sample(Who::Nobody, "/api/v1/quote?sku=PY&sku=LTD")),
        ("read_basket", sample(Who::Eve, "/api/v1/basket")),
        ("clear_basket", sample(Who::Eve, "/api/v1/basket")),
        ("add_line", sample(Who::Eve, "/api/v1/basket/lines").sends(line("LTD"))),
        (
            "add_lines",
            sample(Who::Eve, "/api/v1/basket/lines/batch").sends(json!({"lines": [line("PY"), line("LTD")]})),
        ),
        ("set_quantity", sample(Who::Eve, "/api/v1/basket/lines/PY").sends(json!({"quantity": 1}))),
        ("remove_line", sample(Who::Eve, "/api/v1/basket/lines/PY")),
    ])
}

fn orders(world: &World) -> BTreeMap<&'static str, Sample> {
    let of = |number: &str, what: &str| sample(Who::Ada, &format!("/api/v1/orders/{number}{what}"));
    let checkout = json!({
        "processor": "stripe", "return_url": "https://shop.example/orders/{order_number}", "flow": "redirect",
    });
    let start = sample(Who::Eve, "/api/v1/checkout").sends(checkout).with("idempotency-key", "first");
    let fulfill = Sample { who: Who::Service, ..of(&world.paid, "/fulfill").sends(json!({"lines": ["SHUT"]})) };
    let item = json!({"username": "newcomer", "email": "newcomer@example.com", "sku": "PY"});
    let manual = sample(Who::Staff, "/api/v1/orders/manual")
        .sends(json!({"reason": "scholarship", "enrollments": [item]}))
        .with("idempotency-key", "manual");
    let import = sample(Who::Staff, "/api/v1/orders/imports").sends(json!({"orders": [imported()]}));
    let came = json!({
        "amount": {"amount": "30.00", "currency": "USD"}, "reference": "2026-11/0017",
        "received_at": "2026-11-19T00:00:00Z",
    });
    let transfer = Sample { who: Who::Staff, ..of(&world.transfer, "/payments") };
    let transfer = transfer.sends(came).with("idempotency-key", "transfer-2");
    BTreeMap::from([
        ("start_checkout", start),
        ("list_orders", sample(Who::Ada, "/api/v1/orders?limit=1")),
        ("read_order", of(&world.paid, "")),
        ("read_timeline", of(&world.paid, "/timeline")),
        ("read_receipt", of(&world.paid, "/receipt")),
        ("read_codes", of(&world.paid, "/codes")),
        ("fulfill_order", fulfill),
        ("cancel_order", of(&world.pending, "/cancel")),
        ("create_manual_orders", manual),
        ("import_orders", import),
        ("confirm_transfer", transfer),
    ])
}

/// An order of another shop.
fn imported() -> Value {
    let usd = |amount: &str| json!({"amount": amount, "currency": "USD"});
    let at = "2019-03-01T10:00:00Z";
    let line = json!({
        "sku": "OLD", "title": "Old", "course_key": "course-v1:Test+OLD+1", "mode": "verified", "price": usd("40.00"),
        "discount": usd("4.00"), "revoked_at": at,
    });
    json!({
        "number": "EDX-100001", "username": "newcomer", "email": "newcomer@example.com", "placed_at": at, "paid_at": at,
        "lines": [line], "payment": "pi-1", "refunds": [{"amount": usd("36.00"), "at": at}],
    })
}

fn refunds(world: &World) -> BTreeMap<&'static str, Sample> {
    let staff = |path: &str| sample(Who::Staff, &format!("/api/v1/{path}"));
    let [approved, denied] = &world.refunds;
    let amount = json!({"amount": "1.00", "currency": "USD"});
    let body = json!({"lines": ["SHUT"], "amount": amount, "reason": "too hard", "revoke": true});
    let create = staff(&format!("orders/{}/refunds", world.paid)).sends(body).with("idempotency-key", "refund");
    BTreeMap::from([
        ("create_refund", create),
        ("list_refunds", staff("refunds?status=requested&limit=1")),
        ("approve_refund", staff(&format!("refunds/{approved}/approve")).sends(json!({"revoke": false}))),
        ("confirm_refund", staff(&format!("refunds/{}/confirm", world.by_hand)).sends(json!({"reference": "OUT-1"}))),
        ("deny_refund", staff(&format!("refunds/{denied}/deny")).sends(json!({"reason": "watched it all"}))),
    ])
}

fn sessions(world: &World) -> BTreeMap<&'static str, Sample> {
    let person = json!({"sub": "0b9f1f0e", "preferred_username": "ada"});
    let (proof, [secret, _]) = GATEWAY;
    assert_eq!(proof, "X-Gateway-Secret");
    let handed_over = sample(Who::Nobody, "/establish_session?next=/courses")
        .with("x-gateway-secret", secret)
        .with("x-userinfo", &STANDARD.encode(person.to_string()));
    let (id, secret) = MACHINE_CLIENT;
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}&token_type=jwt");
    BTreeMap::from([
        ("read_me", sample(Who::Ada, "/api/v1/users/me")),
        ("read_csrf_token", sample(Who::Nobody, "/csrf/api/v1/token")),
        ("login", sample(Who::Nobody, "/api/v1/login").sends(json!({"token": world.token(Who::Ada)}))),
        ("logout", sample(Who::Ada, "/api/v1/logout")),
        ("list_sessions", sample(Who::Ada, "/api/v1/sessions")),
        ("end_session", sample(Who::Ada, &format!("/api/v1/sessions/{}", world.session))),
        ("end_sessions", sample(Who::Ada, "/api/v1/sessions")),
        ("establish_session", handed_over),
        ("issue_token", Sample { form: Some(form), ..sample(Who::Nobody, "/oauth2/access_token") }),
        ("read_jwks", sample(Who::Nobody, "/oauth2/jwks")),
        ("read_discovery", sample(Who::Nobody, "/.well-known/openid-configuration")),
    ])
}

fn clients(world: &World) -> BTreeMap<&'static str, Sample> {
    let staff = |path: &str| sample(Who::Staff, &format!("/api/v1/{path}"));
    let key = |what: &str| staff(&format!("client-keys/{}{what}", world.client_key));
    let machine = |what: &str| staff(&format!("machine-clients/{}{what}", world.machine_client));
    let grace = json!({"grace_s": 60});
    let worker = json!({
        "name": "Worker", "username": "worker", "scopes": ["orders:read"], "filters": ["content_org:Test"],
    });
    BTreeMap::from([
        ("list_client_keys", staff("client-keys?limit=1")),
        ("create_client_key", staff("client-keys").sends(json!({"name": "Shop", "may": ["read"]}))),
        ("rotate_client_key", key("/rotate").sends(grace.clone())),
        ("delete_client_key", key("")),
        ("list_machine_clients", staff("machine-clients?limit=1")),
        ("create_machine_client", staff("machine-clients").sends(worker)),
        ("rotate_machine_client", machine("/rotate").sends(grace)),
        ("delete_machine_client", machine("")),
        ("read_user", staff("users/bob")),
        ("change_user", staff("users/bob").sends(json!({"active": true, "unlink": [ISSUER]}))),
    ])
}

/// An event of Stripe's that concerns nothing here.
fn event() -> Value {
    json!({
        "id": "evt_1", "object": "event", "api_version": "2026-10-28.endive", "created": 1_795_176_000,
        "livemode": false, "type": "customer.created", "data": {"object": {"id": "cus_1", "object": "customer"}},
    })
}
