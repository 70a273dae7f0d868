//! Requests, as API Gateway hands them to the functions of the HTTP API.

use http::StatusCode;
use tests::deployment::{Deployment, call};

use super::{ORDER, Sample, order_of, paid_order_of, samples, shop};

/// Runs every sample of a function, each on a shop of its own: `scene` opens it and tells the order that is meant.
async fn run(function: &str, scene: impl AsyncFn(&str) -> (Deployment, String)) {
    for sample in samples(function) {
        let (deployment, order) = scene(&sample.name).await;
        let instance = deployment.start(function).await;
        let answer = call(&instance, &sample.renewed(&deployment, &[(ORDER, &order)])).await;
        sample.check(&answer);
        same_as_served(&deployment, &sample, &order, answer.status).await;
        drop(instance);
        deployment.app.finish().await;
    }
}

/// What only reads is answered with the same status by the local cloud's own routers.
async fn same_as_served(deployment: &Deployment, sample: &Sample, order: &str, status: u16) {
    let event: serde_json::Value = serde_json::from_str(&sample.renewed(deployment, &[(ORDER, order)])).unwrap();
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
            name if name.starts_with("fulfill_order") || name.starts_with("read_receipt") => {
                paid_order_of(&deployment, "ada").await
            }
            _ => order_of(&deployment, "ada").await,
        };
        (deployment, order)
    })
    .await;
}
