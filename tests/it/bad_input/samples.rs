//! A good request for every operation.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Who, World};

/// A request that succeeds.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) who: Who,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: Option<Value>,
}

/// The order in which every sample succeeds in one and the same world.
pub(super) const IN_ORDER: [&str; 33] = [
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
    "delete_catalog",
    "read_quote",
    "read_basket",
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
    "fulfill_order",
    "cancel_order",
    "list_processors",
    "receive_event",
    "delete_product",
];

fn sample(who: Who, path: &str) -> Sample {
    Sample { who, path: path.to_owned(), headers: Vec::new(), body: None }
}

impl Sample {
    fn sends(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }
}

/// The samples by operation id.
pub(super) fn all(world: &World) -> BTreeMap<&'static str, Sample> {
    let mut all = catalog();
    all.extend(basket());
    all.extend(orders(world));
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
    let group = |id: &str| json!({"id": id, "title": "Group", "skus": ["PY"]});
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

fn basket() -> BTreeMap<&'static str, Sample> {
    let line = |sku: &str| json!({"sku": sku, "quantity": 1});
    BTreeMap::from([
        ("read_quote", sample(Who::Nobody, "/api/v1/quote?sku=PY&sku=LTD&code=SPRING")),
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
    let start =
        Sample { headers: vec![("idempotency-key", "first")], ..sample(Who::Eve, "/api/v1/checkout").sends(checkout) };
    let fulfill = Sample { who: Who::Service, ..of(&world.paid, "/fulfill").sends(json!({"lines": ["SHUT"]})) };
    BTreeMap::from([
        ("start_checkout", start),
        ("list_orders", sample(Who::Ada, "/api/v1/orders?limit=1")),
        ("read_order", of(&world.paid, "")),
        ("read_timeline", of(&world.paid, "/timeline")),
        ("read_receipt", of(&world.paid, "/receipt")),
        ("fulfill_order", fulfill),
        ("cancel_order", of(&world.pending, "/cancel")),
    ])
}

/// An event of Stripe's that concerns nothing here.
fn event() -> Value {
    json!({
        "id": "evt_1", "object": "event", "api_version": "2026-10-28.endive", "created": 1_795_176_000,
        "livemode": false, "type": "customer.created", "data": {"object": {"id": "cus_1", "object": "customer"}},
    })
}
