//! Payment intents: create, read, confirm, cancel.

use serde_json::Value;

use super::amount::{check_charge, currency};
use super::api::Call;
use super::error::ApiError;
use super::objects::{Intent, IntentStatus};
use super::settle::{new_intent, status_name};

/// The parameters that Stripe knows; those that this simulator has no use for are accepted and ignored.
const KNOWN: [&str; 16] = [
    "amount",
    "automatic_payment_methods",
    "capture_method",
    "confirm",
    "confirmation_method",
    "currency",
    "customer",
    "description",
    "expand",
    "metadata",
    "payment_method",
    "payment_method_types",
    "receipt_email",
    "return_url",
    "statement_descriptor",
    "statement_descriptor_suffix",
];

/// `POST /v1/payment_intents`.
pub(crate) fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    call.form.allow(&KNOWN)?;
    let missing = || ApiError::invalid("Missing required param: amount.").code("parameter_missing").param("amount");
    let amount = call.form.integer("amount")?.ok_or_else(missing)?;
    let currency = currency(call.form.require("currency")?, "currency")?;
    check_charge(amount, &currency, "amount")?;
    let fresh = new_intent(amount, &currency, call.form.metadata("metadata")?, call.now);
    let intent = Intent { description: call.form.text("description"), ..fresh };
    let id = intent.id.clone();
    call.state.intents.insert(id.clone(), intent);
    if call.form.get("confirm") == Some("true") { confirm(call, &id) } else { read(call, &id) }
}

/// `GET /v1/payment_intents/{id}`.
pub(crate) fn read(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    Ok(call.state.intent(id, "intent")?.json())
}

/// `POST /v1/payment_intents/{id}/confirm`, with one of Stripe's test payment methods.
pub(crate) fn confirm(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    let intent = call.state.intent(id, "intent")?;
    if intent.status != IntentStatus::RequiresPaymentMethod || intent.session.is_some() {
        return Err(unexpected("confirm", intent));
    }
    let method = call.form.require("payment_method")?;
    if !method.starts_with("pm_card_") {
        return Err(ApiError::missing("PaymentMethod", method, "payment_method"));
    }
    let Some((_, reason)) = method.split_once("chargeDeclined") else {
        call.state.capture(id, call.now);
        return read(call, id);
    };
    let reason = decline_code(reason);
    call.state.decline(id, reason, call.now);
    Err(ApiError::declined(reason, read(call, id)?))
}

/// `POST /v1/payment_intents/{id}/cancel`.
pub(crate) fn cancel(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    let intent = call.state.intent(id, "intent")?;
    if intent.session.is_some() {
        let message = "You cannot cancel this PaymentIntent: expire the Checkout Session that made it.";
        return Err(ApiError::invalid(message).code("payment_intent_unexpected_state"));
    }
    if intent.status != IntentStatus::RequiresPaymentMethod {
        return Err(unexpected("cancel", intent));
    }
    call.state.cancel(id, call.form.get("cancellation_reason"), call.now);
    read(call, id)
}

/// The decline code that the rest of a test payment method's name stands for.
fn decline_code(rest: &str) -> &'static str {
    match rest {
        "InsufficientFunds" => "insufficient_funds",
        "LostCard" => "lost_card",
        "StolenCard" => "stolen_card",
        _ => "generic_decline",
    }
}

fn unexpected(verb: &str, intent: &Intent) -> ApiError {
    let status = status_name(intent.status);
    let message = format!("You cannot {verb} this PaymentIntent because it has a status of {status}.");
    ApiError::invalid(message).code("payment_intent_unexpected_state")
}
