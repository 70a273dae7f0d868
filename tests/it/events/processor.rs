//! What the processor calls the webhook with.

use std::fmt::Write;

use expect_test::expect;
use http::StatusCode;
use local::dev_keys::WEBHOOK_SECRETS;
use local::stripe_sim::sign;
use serde_json::{Value, json};
use tests::deployment::{Deployment, call};

use super::{ORDER, Sample, order_of, paid_order_of, samples, shop};

/// The order's attempt to pay, as the samples name it.
const ATTEMPT: &str = "pay_01m810rwd80000000000000008";
/// The attempt's session at the processor.
const SESSION: &str = "cs_test_a1B2c3D4e5F6g7H8i9J0";
/// Its payment there.
const PAYMENT: &str = "pi_3SWbVqFk2JmR8xLd0PqYt7Zn";
/// When the refund of a payment that is not known was told of, which must not be long ago.
const REFUNDED_AT: &str = "1795413465";

/// The sample about this shop's order, and what the processor knows of it.
async fn in_this_shop(deployment: &Deployment, sample: &Sample, order: &str) -> String {
    let ada = deployment.app.user("ada");
    let read = ada.get(&format!("/api/v1/orders/{order}")).await.expect(StatusCode::OK);
    let attempt = read["payments"][0]["id"].as_str().unwrap().to_owned();
    let now = deployment.app.cloud.clock.now().as_second().to_string();
    let mut names = vec![(ORDER, order), (ATTEMPT, &attempt), (REFUNDED_AT, &now)];
    if let Some(page) = read["payment"]["url"].as_str() {
        names.push((SESSION, page.rsplit('/').next().unwrap()));
    }
    let receipt = ada.get(&format!("/api/v1/orders/{order}/receipt")).await;
    if let Some(payment) = receipt["payment_reference"].as_str() {
        names.push((PAYMENT, payment));
    }
    sample.renewed(deployment, &names)
}

/// The event with a signature by `secret`.
fn signed(deployment: &Deployment, event: &str, secret: &str) -> String {
    let mut event: Value = serde_json::from_str(event).unwrap();
    let body = event["body"].as_str().unwrap().to_owned();
    let bytes = match event["isBase64Encoded"] == true {
        true => base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).unwrap(),
        false => body.into_bytes(),
    };
    let now = deployment.app.cloud.clock.now().as_second();
    event["headers"]["stripe-signature"] = json!(sign(&[secret.to_owned()], now, &bytes));
    event.to_string()
}

#[tokio::test]
async fn the_processors_events_are_taken() {
    let mut became = String::new();
    for sample in samples("payment-webhook") {
        let deployment = shop().await;
        // What is about a charge is about one that was made.
        let of_charge = ["charge", "refund"].iter().any(|of| sample.name.starts_with(of));
        let paid = of_charge && !sample.name.contains("unknown");
        let order = if paid { paid_order_of(&deployment, "ada").await } else { order_of(&deployment, "ada").await };
        let event = in_this_shop(&deployment, &sample, &order).await;
        let instance = deployment.start("payment-webhook").await;
        let forged = call(&instance, &signed(&deployment, &event, "whsec_of_somebody_else")).await;
        let expected = if sample.name.ends_with(".404.json") { 404 } else { 400 };
        assert_eq!(forged.status, expected, "{} is believed from anyone", sample.name);
        sample.check(&call(&instance, &event).await);
        if !sample.name.contains("forged") {
            for secret in WEBHOOK_SECRETS {
                sample.check(&call(&instance, &signed(&deployment, &event, secret)).await);
            }
        }
        let read = deployment.app.user("ada").get(&format!("/api/v1/orders/{order}")).await;
        let sent = deployment.app.cloud.trigger.depth().await.unwrap().visible;
        let (status, money) = (read["status"].as_str().unwrap(), read["money_status"].as_str().unwrap());
        writeln!(became, "{}: {status}, {money}, {sent} messages", sample.name).unwrap();
        drop(instance);
        deployment.app.finish().await;
    }
    expect![[r#"
        charge_dispute_closed.json: paid, paid, 1 messages
        charge_dispute_created.json: paid, paid, 1 messages
        charge_dispute_funds_withdrawn.json: paid, paid, 1 messages
        charge_refund_updated.json: paid, paid, 1 messages
        charge_refunded.json: paid, partially_refunded, 1 messages
        charge_refunded_in_full.json: paid, refunded, 2 messages
        charge_refunded_unknown_payment.409.json: pending_payment, unpaid, 0 messages
        checkout_session_async_payment_failed.json: expired, unpaid, 0 messages
        checkout_session_async_payment_succeeded.json: paid, paid, 1 messages
        checkout_session_completed.json: paid, paid, 1 messages
        checkout_session_completed_base64.json: paid, paid, 1 messages
        checkout_session_completed_forged.400.json: pending_payment, unpaid, 0 messages
        checkout_session_completed_no_order_of_ours.json: pending_payment, unpaid, 0 messages
        checkout_session_completed_other_amount.json: pending_payment, overpaid, 0 messages
        checkout_session_completed_unknown_tenant.404.json: pending_payment, unpaid, 0 messages
        checkout_session_completed_unpaid.json: pending_payment, unpaid, 0 messages
        checkout_session_expired.json: expired, unpaid, 0 messages
        customer_created.json: pending_payment, unpaid, 0 messages
        payment_intent_canceled.json: expired, unpaid, 0 messages
        payment_intent_payment_failed.json: pending_payment, unpaid, 0 messages
        payment_intent_processing.json: pending_payment, unpaid, 0 messages
        payment_intent_succeeded.json: paid, paid, 1 messages
        refund_failed.json: paid, paid, 1 messages
        refund_updated.json: paid, paid, 1 messages
    "#]]
    .assert_eq(&became);
}
