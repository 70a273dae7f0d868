//! Requests, as API Gateway hands them to the functions of the HTTP API.

use http::StatusCode;
use serde_json::json;
use tests::deployment::{Deployment, call};

use super::{ORDER, REFUND, Sample, order_of, paid_order_of, samples, shop};

/// Runs every sample of a function, each on a shop of its own: `scene` opens it and tells the order that is meant.
async fn run(function: &str, scene: impl AsyncFn(&str) -> (Deployment, String)) {
    for sample in samples(function) {
        let (deployment, order) = scene(&sample.name).await;
        let instance = deployment.start(function).await;
        let refund = refund_of(&deployment, &order).await;
        let event = sample.renewed(&deployment, &[(ORDER, &order), (REFUND, &refund)]);
        let answer = call(&instance, &event).await;
        sample.check(&answer);
        same_as_served(&deployment, &sample, &event, answer.status).await;
        drop(instance);
        deployment.app.finish().await;
    }
}

/// The first refund of ada's order; what the samples name if there is none.
async fn refund_of(deployment: &Deployment, order: &str) -> String {
    let read = deployment.app.user("ada").get(&format!("/api/v1/orders/{order}")).await;
    read["refunds"][0]["id"].as_str().unwrap_or(REFUND).to_owned()
}

/// What only reads is answered with the same status by the local cloud's own routers.
async fn same_as_served(deployment: &Deployment, sample: &Sample, event: &str, status: u16) {
    let event: serde_json::Value = serde_json::from_str(event).unwrap();
    if event["requestContext"]["http"]["method"] != "GET" {
        return;
    }
    let (path, query) = (event["rawPath"].as_str().unwrap(), event["rawQueryString"].as_str().unwrap());
    let client = deployment.app.anonymous();
    let request = client.request(reqwest::Method::GET, &format!("{path}?{query}"));
    let headers = event["headers"].as_object().unwrap().iter();
    let sent = headers.filter(|(name, _)| !["accept-encoding", "host"].contains(&name.as_str()));
    let request = sent.fold(request, |request, (name, value)| request.header(name, value.as_str().unwrap()));
    let served = client.send(request).await;
    assert_eq!(served.status.as_u16(), status, "{}: {}", sample.name, served.text);
}

#[tokio::test]
async fn the_catalogs_events_are_answered() {
    run("catalog", async |name| {
        // What makes a product needs a shop without it.
        let deployment = if name.starts_with("create") { Deployment::open().await } else { shop().await };
        (deployment, String::new())
    })
    .await;
}

#[tokio::test]
async fn the_baskets_events_are_answered() {
    run("basket", async |name| {
        let deployment = shop().await;
        if name.starts_with("remove") || name.starts_with("change") {
            deployment.app.user("ada").add("rust-101-verified").await.expect(StatusCode::CREATED);
        }
        (deployment, String::new())
    })
    .await;
}

#[tokio::test]
async fn the_sessions_events_are_answered() {
    run("session", async |_| (shop().await, String::new())).await;
}

/// The number of a new order of ada's, who chose to transfer.
async fn transfer_of(deployment: &Deployment) -> String {
    let ada = deployment.app.user("ada");
    ada.add("rust-101-verified").await.expect(StatusCode::CREATED);
    let body = json!({"processor": "bank_transfer", "return_url": "https://shop.example/"});
    let made = ada.with("Idempotency-Key", "transfer").post("/api/v1/checkout", &body).await;
    made.expect(StatusCode::CREATED).order_number()
}

#[tokio::test]
async fn the_checkouts_events_are_answered() {
    run("checkout", async |name| {
        let deployment = shop().await;
        let order = match name {
            name if name.starts_with("start_checkout") => {
                deployment.app.user("ada").add("rust-101-verified").await.expect(StatusCode::CREATED);
                String::new()
            }
            "cancel_order.409.json" => paid_order_of(&deployment, "ada").await,
            "confirm_transfer.json" => transfer_of(&deployment).await,
            // What came was not what was due, and is to be paid back.
            "confirm_refund.json" => {
                let order = transfer_of(&deployment).await;
                let staff = deployment.app.staff().with("Idempotency-Key", "short");
                let came = json!({"amount": {"amount": "1.00", "currency": "USD"}, "reference": "SHORT"});
                let path = format!("/api/v1/orders/{order}/payments");
                staff.post(&path, &came).await.expect(StatusCode::CREATED);
                order
            }
            // What is decided on was asked for.
            name if name.starts_with("approve_refund.json")
                || name.starts_with("deny_refund")
                || name == "confirm_refund.409.json" =>
            {
                let order = paid_order_of(&deployment, "ada").await;
                let ada = deployment.app.user("ada").with("Idempotency-Key", "asked");
                let path = format!("/api/v1/orders/{order}/refunds");
                ada.post(&path, &json!({"reason": "too hard"})).await.expect(StatusCode::CREATED);
                order
            }
            "create_refund.json" => paid_order_of(&deployment, "ada").await,
            name if name.starts_with("fulfill_order") || name.starts_with("read_receipt") => {
                paid_order_of(&deployment, "ada").await
            }
            _ => order_of(&deployment, "ada").await,
        };
        (deployment, order)
    })
    .await;
}
