//! From a verified webhook body to a [`ProcessorEvent`].
//!
//! Malformed is only what can be no event at all. Types that we do not know, other modes, other applications on the
//! same account: all become [`Fact::Irrelevant`], because a 400 would make Stripe repeat them for three days.
//!
//! Of refunds only failures are read: `charge.refunded` carries the sum of all that went back, which is what the ledger
//! needs. Stripe tells of a failure by up to three events.

use domain::payment::{Fact, ProcessorEvent, ProcessorName};
use domain::text::ProcessorRef;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::fact::{self, ReadFact};
use super::wire::{Charge, Dispute, Event, Expandable, Intent, Metadata, Refund, Session};
use crate::{UnreadableEvent, WebhookRefusal};

/// What the object of an event tells.
#[derive(Debug)]
struct Told {
    metadata: Metadata,
    session: Option<ProcessorRef>,
    payment: Option<ProcessorRef>,
    fact: ReadFact,
}

/// Reads an event; `livemode` is the mode that we are configured for.
///
/// # Errors
/// [`WebhookRefusal::Malformed`] or [`WebhookRefusal::Unreadable`].
pub(crate) fn read(body: &[u8], livemode: bool) -> Result<ProcessorEvent, WebhookRefusal> {
    let event: Event<'_> = serde_json::from_slice(body).map_err(|_| WebhookRefusal::Malformed("not an event"))?;
    if event.object != "event" {
        // A "thin" notification (`v2.core.event`): the endpoint was set up for the wrong payload style.
        return Err(WebhookRefusal::Malformed("object is not `event`"));
    }
    let occurred_at =
        Timestamp::from_second(event.created).map_err(|_| WebhookRefusal::Malformed("created is not a time"))?;
    let told = if event.livemode != livemode || event.account.is_some() {
        let Event { id, kind, livemode, account, .. } = &event;
        tracing::warn!(%id, kind, livemode, account, "event of another mode or account");
        Told::nothing()
    } else {
        told(&event.kind, event.data.object)?
    };
    let order = told.metadata.order_number.and_then(|number| number.parse().ok());
    let attempt = told.metadata.attempt_id.and_then(|id| id.parse().ok());
    let (fact, unreadable) = match told.fact {
        Ok(fact) => (fact, None),
        Err(amount) => (Fact::Irrelevant, Some(amount)),
    };
    let event = ProcessorEvent {
        processor: ProcessorName::Stripe,
        event: event.id,
        event_type: event.kind,
        occurred_at,
        order,
        attempt,
        session: told.session,
        payment: told.payment,
        fact,
    };
    match unreadable {
        Some(amount) if event.order.is_some() => {
            Err(WebhookRefusal::Unreadable(Box::new(UnreadableEvent { event, amount })))
        }
        Some(amount) => {
            let ProcessorEvent { event: id, event_type, .. } = &event;
            tracing::warn!(%id, event_type, %amount, "unreadable amount of no order of ours");
            Ok(event)
        }
        None => Ok(event),
    }
}

fn told(kind: &str, object: &RawValue) -> Result<Told, WebhookRefusal> {
    match kind {
        "checkout.session.completed" => Ok(Told::session(parse(object)?, fact::completed)),
        "checkout.session.async_payment_succeeded" => Ok(Told::session(parse(object)?, fact::paid)),
        "checkout.session.async_payment_failed" => {
            // The session does not say why; the intent's own event does.
            let failed = |_: &Session| Ok(Fact::Failed { reason: "async_payment_failed".to_owned() });
            Ok(Told::session(parse(object)?, failed))
        }
        "checkout.session.expired" => Ok(Told::session(parse(object)?, |_| Ok(Fact::SessionExpired))),
        "payment_intent.succeeded" => Ok(Told::intent(parse(object)?, fact::received)),
        "payment_intent.processing" => Ok(Told::intent(parse(object)?, |_| Ok(Fact::Processing))),
        "payment_intent.payment_failed" => Ok(Told::intent(parse(object)?, |intent| Ok(fact::declined(intent)))),
        "payment_intent.canceled" => Ok(Told::intent(parse(object)?, |intent| Ok(fact::canceled(intent)))),
        "charge.refunded" => Ok(Told::charge(parse(object)?)),
        "charge.refund.updated" => Ok(Told::refund(parse(object)?)),
        "refund.failed" => Ok(Told::refund(parse(object)?)),
        "refund.updated" => Ok(Told::refund(parse(object)?)),
        dispute if dispute.starts_with("charge.dispute.") => Ok(Told::dispute(parse(object)?)),
        _ => Ok(Told::nothing()),
    }
}

fn parse<T: DeserializeOwned>(object: &RawValue) -> Result<T, WebhookRefusal> {
    serde_json::from_str(object.get())
        .map_err(|_| WebhookRefusal::Malformed("data.object does not have its type's shape"))
}

impl Told {
    fn nothing() -> Self {
        Self { metadata: Metadata::default(), session: None, payment: None, fact: Ok(Fact::Irrelevant) }
    }

    fn session(session: Session, fact: impl Fn(&Session) -> ReadFact) -> Self {
        let (fact, payment) = (fact(&session), fact::payment_of(&session));
        let mut metadata = session.metadata.unwrap_or_default();
        metadata.order_number = metadata.order_number.or(session.client_reference_id);
        Self { metadata, session: Some(session.id), payment, fact }
    }

    fn intent(intent: Intent, fact: impl Fn(&Intent) -> ReadFact) -> Self {
        let fact = fact(&intent);
        Self { metadata: intent.metadata.unwrap_or_default(), session: None, payment: Some(intent.id), fact }
    }

    fn charge(charge: Charge) -> Self {
        let fact = fact::refunded(&charge);
        let payment = charge.payment_intent.map(Expandable::into_id);
        Self { metadata: charge.metadata.unwrap_or_default(), session: None, payment, fact }
    }

    fn refund(refund: Refund) -> Self {
        let fact = Ok(fact::refund_changed(&refund));
        let payment = refund.payment_intent.map(Expandable::into_id);
        Self { metadata: refund.metadata.unwrap_or_default(), session: None, payment, fact }
    }

    fn dispute(dispute: Dispute) -> Self {
        let fact = Ok(fact::disputed(&dispute));
        let payment = dispute.payment_intent.map(Expandable::into_id);
        Self { metadata: dispute.metadata.unwrap_or_default(), session: None, payment, fact }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use expect_test::{Expect, expect};
    use serde_json::{Value, json};

    use super::*;

    static COMPLETED: LazyLock<String> =
        LazyLock::new(|| body(include_str!("../../../../events/payment-webhook/checkout_session_completed.json")));
    static EXPIRED: LazyLock<String> =
        LazyLock::new(|| body(include_str!("../../../../events/payment-webhook/checkout_session_expired.json")));
    static DECLINED: LazyLock<String> =
        LazyLock::new(|| body(include_str!("../../../../events/payment-webhook/payment_intent_payment_failed.json")));
    static REFUNDED: LazyLock<String> =
        LazyLock::new(|| body(include_str!("../../../../events/payment-webhook/charge_refunded.json")));
    static DISPUTED: LazyLock<String> =
        LazyLock::new(|| body(include_str!("../../../../events/payment-webhook/charge_dispute_created.json")));

    /// The body that a sample event of the gateway's carries.
    fn body(event: &str) -> String {
        serde_json::from_str::<Value>(event).unwrap()["body"].as_str().unwrap().to_owned()
    }

    /// One line: whether order and attempt are named, session, payment, fact; or the refusal.
    fn shown(body: &[u8]) -> String {
        let event = match read(body, false) {
            Ok(event) => event,
            Err(WebhookRefusal::Unreadable(unreadable)) => return format!("unreadable: {unreadable}"),
            Err(refusal) => return refusal.to_string(),
        };
        let dash = |reference: &Option<ProcessorRef>| reference.as_ref().map_or("-".to_owned(), ToString::to_string);
        let order = event.order.as_ref().map_or("-", |_| "order");
        let attempt = event.attempt.as_ref().map_or("-", |_| "attempt");
        let (session, payment) = (dash(&event.session), dash(&event.payment));
        format!("{order} {attempt} {session} {payment} {:?}", event.fact)
    }

    #[track_caller]
    fn check(body: &str, expected: &Expect) {
        expected.assert_eq(&shown(body.as_bytes()));
    }

    fn event(kind: &str, object: &Value) -> String {
        json!({"id": "evt_1", "object": "event", "type": kind, "created": 1_795_327_065, "livemode": false,
               "data": {"object": object}})
        .to_string()
    }

    fn ours() -> Value {
        json!({"order_number": "ord_01m810rwd80000000000000007", "attempt_id": "pay_01m810rwd80000000000000008"})
    }

    #[test]
    fn the_sample_events_are_read() {
        check(
            &COMPLETED,
            &expect![
                "order attempt cs_test_a1B2c3D4e5F6g7H8i9J0 pi_3SWbVqFk2JmR8xLd0PqYt7Zn Captured { amount: 49.90 USD }"
            ],
        );
        check(&EXPIRED, &expect!["order attempt cs_test_a1B2c3D4e5F6g7H8i9J0 - SessionExpired"]);
        check(
            &DECLINED,
            &expect![[r#"order attempt - pi_3SWbVqFk2JmR8xLd0PqYt7Zn Declined { reason: "insufficient_funds" }"#]],
        );
        check(&REFUNDED, &expect!["order attempt - pi_3SWbVqFk2JmR8xLd0PqYt7Zn Refunded { total: 20.00 USD }"]);
        check(
            &DISPUTED,
            &expect![[
                r#"- - - pi_3SWbVqFk2JmR8xLd0PqYt7Zn Disputed { status: "needs_response", amount: Some(49.90 USD) }"#
            ]],
        );
    }

    #[test]
    fn an_event_keeps_its_name_type_and_time() {
        let event = read(EXPIRED.as_bytes(), false).unwrap();
        let seen =
            (event.processor.name(), event.event.as_str(), event.event_type.as_str(), event.occurred_at.as_second());
        assert_eq!(seen, ("stripe", "evt_1SWc0aFk2JmR8xLdQ3bN6mVe", "checkout.session.expired", 1_795_328_865));
    }

    #[test]
    fn sessions_become_facts() {
        let session = |kind: &str, change: Value| {
            let mut object = json!({"id": "cs_1", "object": "checkout.session", "amount_total": 4900, "currency": "usd",
                "payment_status": "paid", "payment_intent": "pi_1",
                "client_reference_id": "ord_01m810rwd80000000000000007"});
            object.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            event(&format!("checkout.session.{kind}"), &object)
        };
        check(&session("completed", json!({})), &expect!["order - cs_1 pi_1 Captured { amount: 49.00 USD }"]);
        check(
            &session("completed", json!({"payment_intent": {"id": "pi_2", "object": "payment_intent"}})),
            &expect!["order - cs_1 pi_2 Captured { amount: 49.00 USD }"],
        );
        check(&session("completed", json!({"payment_status": "unpaid"})), &expect!["order - cs_1 pi_1 Processing"]);
        check(&session("completed", json!({"payment_status": "half_paid"})), &expect!["order - cs_1 pi_1 Processing"]);
        check(
            &session(
                "completed",
                json!({"payment_status": "no_payment_required", "payment_intent": null, "amount_total": 0}),
            ),
            &expect!["order - cs_1 cs_1 Captured { amount: 0.00 USD }"],
        );
        check(
            &session("async_payment_succeeded", json!({"currency": "jpy"})),
            &expect!["order - cs_1 pi_1 Captured { amount: 4900 JPY }"],
        );
        check(
            &session("async_payment_failed", json!({"payment_status": "unpaid"})),
            &expect![[r#"order - cs_1 pi_1 Failed { reason: "async_payment_failed" }"#]],
        );
        check(
            &session("completed", json!({"metadata": null, "client_reference_id": "b1"})),
            &expect!["- - cs_1 pi_1 Captured { amount: 49.00 USD }"],
        );
    }

    #[test]
    fn intents_become_facts() {
        let intent = |kind: &str, change: Value| {
            let mut object = json!({"id": "pi_1", "object": "payment_intent", "amount": 4900, "amount_received": 1230,
                "currency": "kwd", "metadata": ours(), "latest_charge": {"id": "ch_1"}});
            object.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            event(&format!("payment_intent.{kind}"), &object)
        };
        check(&intent("succeeded", json!({})), &expect!["order attempt - pi_1 Captured { amount: 1.230 KWD }"]);
        check(&intent("processing", json!({})), &expect!["order attempt - pi_1 Processing"]);
        check(
            &intent("payment_failed", json!({"last_payment_error": {"code": "expired_card"}})),
            &expect![[r#"order attempt - pi_1 Declined { reason: "expired_card" }"#]],
        );
        check(
            &intent("payment_failed", json!({})),
            &expect![[r#"order attempt - pi_1 Declined { reason: "declined" }"#]],
        );
        check(
            &intent("canceled", json!({"cancellation_reason": "abandoned"})),
            &expect![[r#"order attempt - pi_1 Failed { reason: "abandoned" }"#]],
        );
        check(&intent("canceled", json!({})), &expect![[r#"order attempt - pi_1 Failed { reason: "canceled" }"#]]);
        check(&intent("requires_action", json!({})), &expect!["- - - - Irrelevant"]);
    }

    #[test]
    fn charges_and_disputes_become_facts() {
        let charge =
            json!({"id": "ch_1", "amount_refunded": 1000, "currency": "eur", "payment_intent": {"id": "pi_1"}});
        check(&event("charge.refunded", &charge), &expect!["- - - pi_1 Refunded { total: 10.00 EUR }"]);
        let dispute =
            json!({"id": "dp_1", "status": "lost", "amount": 1000, "currency": "isk", "payment_intent": "pi_1"});
        check(
            &event("charge.dispute.closed", &dispute),
            &expect![[r#"- - - pi_1 Disputed { status: "lost", amount: None }"#]],
        );
        check(
            &event("charge.dispute.funds_withdrawn", &json!({})),
            &expect![[r#"- - - - Disputed { status: "unknown", amount: None }"#]],
        );
        let refund = json!({"id": "re_1", "status": "failed", "amount": 1000, "currency": "eur", "payment_intent": "pi_1",
            "failure_reason": "lost_or_stolen_card", "metadata": {"refund_id": "ref_01m810rwd80000000000000009"}});
        let failed = expect![[
            r#"- - - pi_1 RefundFailed(FailedRefund { refund: Some(ref_01m810rwd80000000000000009), reference: ProcessorRef("re_1"), amount: Some(10.00 EUR), reason: "lost_or_stolen_card" })"#
        ]];
        for kind in ["refund.failed", "refund.updated", "charge.refund.updated"] {
            check(&event(kind, &refund), &failed);
        }
        let mut paid = refund.clone();
        paid["status"] = json!("succeeded");
        check(&event("refund.updated", &paid), &expect!["- - - pi_1 Irrelevant"]);
        check(&event("charge.updated", &json!({"id": 7})), &expect!["- - - - Irrelevant"]);
        check(&event("refund.created", &json!({"id": "re_1"})), &expect!["- - - - Irrelevant"]);
    }

    #[test]
    fn an_unreadable_amount_of_our_order_is_told_apart() {
        let intent = |change: Value| {
            let mut object = json!({"id": "pi_1", "amount_received": 4900, "currency": "isk", "metadata": ours()});
            object.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            event("payment_intent.succeeded", &object)
        };
        check(&intent(json!({})), &expect!["unreadable: payment_intent.succeeded of evt_1 about 4900 units of isk"]);
        check(
            &intent(json!({"currency": "usd", "amount_received": null})),
            &expect!["unreadable: payment_intent.succeeded of evt_1 about no units of usd"],
        );
        check(
            &intent(json!({"currency": "usd", "amount_received": -1})),
            &expect!["unreadable: payment_intent.succeeded of evt_1 about -1 units of usd"],
        );
        check(&intent(json!({"metadata": {}})), &expect!["- - - pi_1 Irrelevant"]);
    }

    #[test]
    fn another_mode_or_account_is_irrelevant() {
        let live = COMPLETED.replace(r#""livemode": false"#, r#""livemode": true"#);
        check(&live, &expect!["- - - - Irrelevant"]);
        assert_eq!(read(COMPLETED.as_bytes(), true).map(|event| event.fact), Ok(Fact::Irrelevant));
        let connected = COMPLETED.replacen(r#""object": "event","#, r#""object": "event", "account": "acct_1","#, 1);
        check(&connected, &expect!["- - - - Irrelevant"]);
    }

    #[test]
    fn what_can_be_no_event_is_malformed() {
        let whole = json!({"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "created": 1,
                           "data": {"object": {"id": "pi_1"}}});
        check(&whole.to_string(), &expect!["- - - pi_1 Irrelevant"]);
        for field in ["id", "object", "type", "created", "data"] {
            let mut part = whole.clone();
            part.as_object_mut().unwrap().remove(field);
            check(&part.to_string(), &expect!["body is not an event: not an event"]);
        }
        let thin = whole.to_string().replace(r#""object":"event""#, r#""object":"v2.core.event""#);
        check(&thin, &expect!["body is not an event: object is not `event`"]);
        check(
            &whole.to_string().replace("pi_1", ""),
            &expect!["body is not an event: data.object does not have its type's shape"],
        );
        check(
            &whole.to_string().replace(r#""created":1"#, r#""created":99999999999999"#),
            &expect!["body is not an event: created is not a time"],
        );
        check(
            &whole.to_string().replacen(r#""id":"evt_1""#, r#""id":"evt_1","id":"evt_2""#, 1),
            &expect!["body is not an event: not an event"],
        );
        for body in ["", "null", "[]", "{", "\u{feff}{}"] {
            check(body, &expect!["body is not an event: not an event"]);
        }
        assert_eq!(shown(&[0xff, 0xfe]), "body is not an event: not an event");
        assert_eq!(shown("[".repeat(100_000).as_bytes()), "body is not an event: not an event");
    }
}
