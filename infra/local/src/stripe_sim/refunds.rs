//! Refunds, capped at what is left of a charge, and disputes.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::amount::show;
use super::api::Call;
use super::error::ApiError;
use super::ids::object_id;
use super::objects::{Charge, Dispute, Refund};

const KNOWN: [&str; 7] = ["amount", "charge", "expand", "instructions_email", "metadata", "payment_intent", "reason"];
const REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];

/// `POST /v1/refunds`; the whole remaining amount when none is given.
pub(crate) fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    call.form.allow(&KNOWN)?;
    let reason = call.form.get("reason");
    if reason.is_some_and(|reason| !REASONS.contains(&reason)) {
        let message = format!("Invalid reason: must be one of {}", REASONS.join(", "));
        return Err(ApiError::invalid(message).param("reason"));
    }
    let metadata = call.form.metadata("metadata")?;
    let mut charge = charge_of(call)?;
    let amount = amount(call, &charge)?;
    let refund = Refund {
        id: object_id("re"),
        created: call.now,
        charge: charge.id.clone(),
        intent: charge.intent.clone(),
        amount,
        currency: charge.currency.clone(),
        reason: reason.map(ToOwned::to_owned),
        metadata,
        failed: false,
    };
    charge.amount_refunded = charge.amount_refunded.saturating_add(amount);
    let shown = refund.json();
    call.state.emit("charge.refunded", charge.json(), call.now);
    call.state.emit("refund.created", shown.clone(), call.now);
    call.state.charges.insert(charge.id.clone(), charge);
    call.state.refunds.insert(refund.id.clone(), refund);
    Ok(shown)
}

/// `GET /v1/refunds/{id}`.
pub(crate) fn read(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    let refund = call.state.refunds.get(id).ok_or_else(|| ApiError::missing("refund", id, "refund"))?;
    Ok(refund.json())
}

/// `GET /v1/refunds`, newest first, of one payment intent or charge when named.
pub(crate) fn list(call: &mut Call<'_>) -> Value {
    let same = |key: &str, value: &str| call.form.get(key).is_none_or(|wanted| wanted == value);
    let of = |refund: &&Refund| same("payment_intent", &refund.intent) && same("charge", &refund.charge);
    let mut found: Vec<&Refund> = call.state.refunds.values().filter(of).collect();
    found.sort_by_key(|refund| Reverse(refund.created));
    let data: Vec<Value> = found.into_iter().map(Refund::json).collect();
    json!({ "object": "list", "url": "/v1/refunds", "has_more": false, "data": data })
}

/// `POST /_refund_fails/{refund}`: the learner's bank does not take the money.
pub(crate) fn fail(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    let refund = call.state.refunds.get_mut(id).ok_or_else(|| ApiError::missing("refund", id, "refund"))?;
    if refund.failed {
        return Err(ApiError::invalid(format!("Refund {id} has failed already.")));
    }
    refund.failed = true;
    let (shown, charge, amount) = (refund.json(), refund.charge.clone(), refund.amount);
    let charge = call.state.charge(&charge, "charge")?;
    charge.amount_refunded = charge.amount_refunded.saturating_sub(amount);
    for kind in ["refund.failed", "refund.updated", "charge.refund.updated"] {
        call.state.emit(kind, shown.clone(), call.now);
    }
    Ok(shown)
}

/// `POST /_dispute/{payment_intent}`: the cardholder's bank asks for the money.
pub(crate) fn dispute(call: &mut Call<'_>, intent: &str) -> Result<Value, ApiError> {
    let id = paid(call, intent)?;
    let charge = call.state.charge(&id, "charge")?;
    if charge.disputed {
        return Err(ApiError::invalid(format!("Charge {id} is disputed already.")).code("charge_disputed"));
    }
    charge.disputed = true;
    let dispute = Dispute {
        id: object_id("dp"),
        created: call.now,
        charge: id,
        intent: intent.to_owned(),
        amount: charge.amount,
        currency: charge.currency.clone(),
    };
    let shown = dispute.json();
    call.state.emit("charge.dispute.created", shown.clone(), call.now);
    call.state.disputes.insert(dispute.id.clone(), dispute);
    Ok(shown)
}

fn charge_of(call: &mut Call<'_>) -> Result<Charge, ApiError> {
    let id = match (call.form.get("charge"), call.form.get("payment_intent")) {
        (Some(charge), _) => charge.to_owned(),
        (None, Some(intent)) => paid(call, intent)?,
        (None, None) => {
            let message = "One of the following params should be provided for this request: payment_intent or charge.";
            return Err(ApiError::invalid(message).code("parameter_missing").param("payment_intent"));
        }
    };
    Ok(call.state.charge(&id, "charge")?.clone())
}

/// The charge of a payment intent that has taken money.
fn paid(call: &mut Call<'_>, intent: &str) -> Result<String, ApiError> {
    let found = call.state.intent(intent, "payment_intent")?;
    found.charge.clone().ok_or_else(|| {
        let message = format!("This PaymentIntent ({intent}) does not have a successful charge to refund.");
        ApiError::invalid(message).code("payment_intent_unexpected_state").param("payment_intent")
    })
}

fn amount(call: &Call<'_>, charge: &Charge) -> Result<i64, ApiError> {
    let id = &charge.id;
    if charge.disputed {
        return Err(ApiError::invalid(format!("Charge {id} has been charged back.")).code("charge_disputed"));
    }
    let left = charge.remaining();
    if left == 0 {
        let message = format!("Charge {id} has already been refunded.");
        return Err(ApiError::invalid(message).code("charge_already_refunded"));
    }
    let amount = call.form.integer("amount")?.unwrap_or(left);
    if amount < 1 {
        let message = "Invalid positive integer";
        return Err(ApiError::invalid(message).code("parameter_invalid_integer").param("amount"));
    }
    if amount > left {
        let (asked, left) = (show(amount, &charge.currency), show(left, &charge.currency));
        let message = format!("Refund amount ({asked}) is greater than unrefunded amount on charge ({left})");
        return Err(ApiError::invalid(message).param("amount"));
    }
    Ok(amount)
}
