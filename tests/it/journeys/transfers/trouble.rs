//! Transfers that come too late, twice, of another amount or for another order; orders that end without one.

use super::*;

#[tokio::test]
async fn an_order_that_nobody_pays_expires_and_a_late_transfer_revives_it_while_there_is_room() {
    let app = TestApp::start().await;
    app.sell("LTD", "20.00", "USD", Some(1)).await;
    let checkout = order(&app.user("ada"), "LTD").await;
    app.advance(14 * DAY_S + 60).await;
    assert_eq!((stands(&app, &checkout).await[0].as_str(), available(&app, "LTD").await), ("expired", json!(1)));
    let late = confirm(&app, &checkout, "20.00", "LATE").await.expect(StatusCode::CREATED);
    assert_eq!(late["outcome"], "paid_late");
    app.settle().await;
    assert_eq!(
        (stands(&app, &checkout).await, available(&app, "LTD").await),
        (["paid", "paid", "complete"].map(str::to_owned), json!(0))
    );
    app.finish().await;
}

#[tokio::test]
async fn a_price_is_not_promised_for_ever() {
    let app = TestApp::start().await;
    app.sell("PY", "20.00", "USD", None).await;
    let checkout = order(&app.user("ada"), "PY").await;
    app.advance(20 * DAY_S).await;
    let late = confirm(&app, &checkout, "20.00", "LATE").await.expect(StatusCode::CREATED);
    assert_eq!((&late["outcome"], &late["order"]["status"]), (&json!("too_late"), &json!("expired")));
    assert_eq!(late["order"]["refunds"][0]["amount"], usd("20.00"));
    app.finish().await;
}

#[tokio::test]
async fn a_transfer_that_comes_too_late_or_for_a_cancelled_order_is_to_be_paid_back() {
    let app = TestApp::start().await;
    app.sell("LTD", "20.00", "USD", Some(1)).await;
    let ada = app.user("ada");
    let checkout = order(&ada, "LTD").await;
    app.advance(14 * DAY_S + 60).await;
    let bob = order(&app.user("bob"), "LTD").await;
    let late = confirm(&app, &checkout, "20.00", "LATE").await.expect(StatusCode::CREATED);
    assert_eq!((&late["outcome"], &late["order"]["status"]), (&json!("too_late"), &json!("expired")));
    let refund = &late["order"]["refunds"][0];
    let owed = (&refund["state"], &refund["reason"], &refund["by_hand"], &refund["amount"]);
    assert_eq!(owed, (&json!("approved"), &json!("late_payment"), &json!(true), &usd("20.00")));

    let cancel = format!("/api/v1/orders/{}/cancel", number(&bob));
    assert_eq!(app.user("bob").post(&cancel, &json!({})).await.expect(StatusCode::OK)["status"], "cancelled");
    assert_eq!(available(&app, "LTD").await, json!(1));
    let late = confirm(&app, &bob, "20.00", "LATER").await.expect(StatusCode::CREATED);
    assert_eq!((&late["outcome"], &late["order"]["money_status"]), (&json!("too_late"), &json!("overpaid")));
    // No processor is asked, however long it takes.
    app.advance(DAY_S).await;
    assert_eq!(app.staff().read_order(&bob).await["refunds"][0]["state"], "approved");
    assert_eq!(active(&app, "bob").await, [] as [bool; 0]);
    app.finish().await;
}

#[tokio::test]
async fn a_second_transfer_and_one_of_another_amount_are_to_be_paid_back() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = order(&ada, "PY").await;
    let short = confirm(&app, &checkout, "49.00", "SHORT").await.expect(StatusCode::CREATED);
    let said = (&short["outcome"], &short["order"]["status"], &short["order"]["refunds"][0]["reason"]);
    assert_eq!(said, (&json!("amount_mismatch"), &json!("pending_payment"), &json!("wrong_amount")));
    // Another currency cannot be added up with the order's, and is held apart.
    let euros = json!({"amount": {"amount": "49.90", "currency": "EUR"}, "reference": "EUROS"});
    let euros = confirm_by(&app.staff(), "euros", &checkout, &euros).await.expect(StatusCode::CREATED);
    assert_eq!(euros["outcome"], "amount_mismatch");
    // The account is still shown, and the right amount still pays.
    assert_eq!(ada.read_order(&checkout).await["payment"]["transfer"]["reference"], json!(number(&checkout)));
    let right = confirm(&app, &checkout, "49.90", "RIGHT").await.expect(StatusCode::CREATED);
    assert_eq!(right["outcome"], "paid");
    let second = confirm(&app, &checkout, "49.90", "SECOND").await.expect(StatusCode::CREATED);
    assert_eq!(second["outcome"], "second_payment");
    app.settle().await;
    assert_eq!(stands(&app, &checkout).await, ["paid", "overpaid", "complete"]);
    let order = app.staff().read_order(&checkout).await;
    for refund in order["refunds"].as_array().expect("refunds") {
        let path = format!("/api/v1/refunds/{}/confirm", refund["id"].as_str().expect("an id"));
        assert_eq!(app.staff().post(&path, &json!({})).await.expect(StatusCode::OK)["state"], "succeeded");
    }
    app.settle().await;
    // What was not the order's price takes no place with it.
    assert_eq!(stands(&app, &checkout).await, ["paid", "paid", "complete"]);
    assert_eq!(active(&app, "ada").await, [true]);
    app.finish().await;
}

#[tokio::test]
async fn one_transfer_pays_one_order() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let (ada, bob) = (order(&app.user("ada"), "PY").await, order(&app.user("bob"), "PY").await);
    let (left, right) = tokio::join!(confirm(&app, &ada, "49.90", "ONE"), confirm(&app, &bob, "49.90", "one"));
    let mut statuses = [left.status.as_u16(), right.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let (refused, unpaid) = if left.status == StatusCode::CONFLICT { (left, &ada) } else { (right, &bob) };
    refused.problem(409, "reference_used");
    confirm(&app, unpaid, "49.90", "One").await.problem(409, "reference_used");
    confirm(&app, unpaid, "49.90", "TWO").await.expect(StatusCode::CREATED);
    app.settle().await;
    assert_eq!((active(&app, "ada").await, active(&app, "bob").await), (vec![true], vec![true]));
    app.finish().await;
}

#[tokio::test]
async fn a_learner_who_changes_their_mind_pays_by_card_and_the_reverse() {
    let app = TestApp::start().await;
    app.sell("LTD", "20.00", "USD", Some(1)).await;
    let ada = app.user("ada");
    let by_transfer = order(&ada, "LTD").await;
    let by_card = ada.checkout("card").await.expect(StatusCode::CREATED);
    assert_ne!(by_card["order_number"], by_transfer["order_number"]);
    assert_eq!(stands(&app, &by_transfer).await[0], "cancelled");
    let again = choose(&ada, "again").await.expect(StatusCode::CREATED);
    assert_eq!((stands(&app, &by_card).await[0].as_str(), available(&app, "LTD").await), ("cancelled", json!(0)));
    confirm(&app, &by_card, "20.00", "CARD").await.problem(409, "not_by_transfer");
    confirm(&app, &again, "20.00", "RIGHT").await.expect(StatusCode::CREATED);
    app.settle().await;
    assert_eq!(stands(&app, &again).await, ["paid", "paid", "complete"]);
    app.finish().await;
}

#[tokio::test]
async fn what_cannot_be_a_transfer_is_refused() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("EURO", "49.90", "EUR", None).await;
    app.sell("FREE", "0.00", "USD", None).await;
    let ada = app.user("ada");
    let checkout = order(&ada, "PY").await;
    let staff = app.staff();
    let body = |place: &str, value: Value| {
        let mut body = json!({"amount": usd("49.90"), "reference": "R-1"});
        body[place] = value;
        body
    };
    for (place, value, pointer) in [
        ("amount", usd("0.00"), "/amount/amount"),
        ("amount", usd("-1.00"), "/amount/amount"),
        ("reference", json!("a b"), "/reference"),
        ("reference", json!(""), "/reference"),
        ("received_at", json!("2026-12-20T12:00:00Z"), "/received_at"),
        ("received_at", json!("yesterday"), "/received_at"),
    ] {
        let answer = confirm_by(&staff, "bad", &checkout, &body(place, value)).await;
        answer.problem(422, "invalid_fields");
        assert_eq!(answer["errors"][0]["pointer"], pointer, "{}", answer.text);
    }
    let good = body("reference", json!("R-1"));
    confirm_by(&ada, "own", &checkout, &good).await.problem(403, "forbidden");
    confirm_by(&app.user("eve"), "own", &checkout, &good).await.problem(403, "forbidden");
    let path = format!("/api/v1/orders/{}/payments", number(&checkout));
    staff.post(&path, &good).await.problem(400, "missing_idempotency_key");
    let nowhere = "/api/v1/orders/ord_01jz0000000000000000000001/payments";
    staff.with("Idempotency-Key", "k").post(nowhere, &good).await.problem(404, "unknown_order");
    // Another currency than the order's is money all the same, and goes back.
    let euro = json!({"amount": {"amount": "49.90", "currency": "EUR"}, "reference": "E-1"});
    let other = confirm_by(&staff, "euro", &checkout, &euro).await.expect(StatusCode::CREATED);
    assert_eq!((&other["outcome"], &other["order"]["status"]), (&json!("amount_mismatch"), &json!("pending_payment")));

    let bob = app.user("bob");
    bob.add("EURO").await.expect(StatusCode::CREATED);
    choose(&bob, "euro").await.problem(422, "unsupported_currency");
    // What costs nothing is not transferred.
    let eve = app.user("eve");
    let free = order(&eve, "FREE").await;
    assert_eq!((&free["status"], &free["payment"]["transfer"]), (&json!("paid"), &Value::Null));
    confirm(&app, &free, "1.00", "F-1").await.problem(409, "not_by_transfer");
    app.finish().await;
}

#[tokio::test]
async fn a_webhook_cannot_speak_for_a_bank() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let checkout = order(&app.user("ada"), "PY").await;
    let event = json!({"id": "evt_1", "type": "transfer_received", "order": number(&checkout)});
    let answer = app.anonymous().post("/webhooks/default/bank_transfer", &event).await;
    assert!(answer.status.is_client_error(), "{}", answer.text);
    assert_eq!(stands(&app, &checkout).await[0], "pending_payment");
    app.finish().await;
}

#[tokio::test]
async fn a_transfer_and_a_cancellation_at_once_end_as_one_of_the_two() {
    let app = TestApp::start().await;
    app.sell("LTD", "20.00", "USD", Some(1)).await;
    let ada = app.user("ada");
    let checkout = order(&ada, "LTD").await;
    let (path, body) = (format!("/api/v1/orders/{}/cancel", number(&checkout)), json!({}));
    let (came, cancelled) = tokio::join!(confirm(&app, &checkout, "20.00", "R-1"), ada.post(&path, &body));
    let came = came.expect(StatusCode::CREATED);
    app.settle().await;
    match cancelled.status {
        StatusCode::OK => {
            assert_eq!(came["outcome"], "too_late");
            assert_eq!(stands(&app, &checkout).await, ["cancelled", "overpaid", "none"]);
            assert_eq!((active(&app, "ada").await, available(&app, "LTD").await), (vec![], json!(1)));
        }
        _ => {
            cancelled.problem(409, "not_cancellable");
            assert_eq!(came["outcome"], "paid");
            assert_eq!((active(&app, "ada").await, available(&app, "LTD").await), (vec![true], json!(0)));
        }
    }
    app.finish().await;
}
