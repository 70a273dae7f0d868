//! Checkout sessions: create, read, expire.

use jiff::Timestamp;
use serde_json::Value;

use super::amount::{check_charge, currency};
use super::api::Call;
use super::error::ApiError;
use super::ids::{object_id, random_hex};
use super::objects::{Item, Session, SessionStatus};

/// A session lives between 30 minutes and 24 hours, and 24 hours when nothing is said.
const SHORTEST_S: i64 = 30 * 60;
const LONGEST_S: i64 = 24 * 60 * 60;

/// The parameters that Stripe knows; those that this simulator has no use for are accepted and ignored.
const KNOWN: [&str; 25] = [
    "adaptive_pricing",
    "allow_promotion_codes",
    "automatic_tax",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "currency",
    "custom_text",
    "customer",
    "customer_creation",
    "customer_email",
    "expand",
    "expires_at",
    "invoice_creation",
    "line_items",
    "locale",
    "metadata",
    "mode",
    "payment_intent_data",
    "payment_method_types",
    "phone_number_collection",
    "submit_type",
    "success_url",
    "tax_id_collection",
    "ui_mode",
];

/// `POST /v1/checkout/sessions`.
pub(crate) fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    call.form.allow(&KNOWN)?;
    if call.form.require("mode")? != "payment" {
        return Err(ApiError::invalid("The simulator knows mode `payment` only.").param("mode"));
    }
    let (items, currency) = line_items(call)?;
    let amount_total = total(&items)?;
    check_charge(amount_total, &currency, "line_items")?;
    let id = format!("cs_test_{}", random_hex(24));
    let session = Session {
        created: call.now,
        expires_at: expires_at(call)?,
        status: SessionStatus::Open,
        paid: false,
        currency,
        amount_total,
        items,
        client_reference_id: call.form.text("client_reference_id"),
        customer_email: customer_email(call)?,
        success_url: url(call, "success_url")?.ok_or_else(|| missing("success_url"))?,
        cancel_url: url(call, "cancel_url")?,
        metadata: call.form.metadata("metadata")?,
        intent_metadata: call.form.metadata("payment_intent_data[metadata]")?,
        intent: None,
        url: format!("{}/{id}", call.pay_url),
        id,
    };
    let shown = session.json();
    call.state.sessions.insert(session.id.clone(), session);
    Ok(shown)
}

/// `GET /v1/checkout/sessions/{id}`.
pub(crate) fn read(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    Ok(call.state.session(id)?.json())
}

/// `GET /v1/checkout/sessions/{id}/line_items`.
pub(crate) fn read_items(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    Ok(call.state.session(id)?.line_items())
}

/// `POST /v1/checkout/sessions/{id}/expire`.
pub(crate) fn expire(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    let session = call.state.session(id)?;
    if session.status != SessionStatus::Open {
        let message = "Only Checkout Sessions with a status in [\"open\"] can be expired.";
        return Err(ApiError::invalid(message));
    }
    call.state.expire(id, call.now);
    read(call, id)
}

fn line_items(call: &Call<'_>) -> Result<(Vec<Item>, String), ApiError> {
    let (mut items, mut agreed) = (Vec::new(), None);
    for index in call.form.indexes("line_items") {
        let key = |rest: &str| format!("line_items[{index}]{rest}");
        let named = key("[price_data][currency]");
        let code = currency(call.form.require(&named)?, &named)?;
        if agreed.get_or_insert_with(|| code.clone()) != &code {
            return Err(ApiError::invalid("All line items must have the same currency.").param(&named));
        }
        items.push(Item {
            id: object_id("li"),
            name: call.form.require(&key("[price_data][product_data][name]"))?.to_owned(),
            quantity: positive(call, &key("[quantity]"), 1)?,
            unit_amount: positive(call, &key("[price_data][unit_amount]"), 0)?,
        });
    }
    match agreed {
        Some(currency) => Ok((items, currency)),
        None => Err(missing("line_items")),
    }
}

fn positive(call: &Call<'_>, key: &str, least: i64) -> Result<i64, ApiError> {
    match call.form.integer(key)? {
        None => Err(missing(key)),
        Some(number) if number < least => {
            let message = format!("Invalid integer: must be at least {least}");
            Err(ApiError::invalid(message).code("parameter_invalid_integer").param(key))
        }
        Some(number) => Ok(number),
    }
}

fn total(items: &[Item]) -> Result<i64, ApiError> {
    let line = |item: &Item| item.unit_amount.checked_mul(item.quantity);
    let sum = items.iter().try_fold(0_i64, |sum, item| sum.checked_add(line(item)?));
    sum.ok_or_else(|| ApiError::invalid("The total is too large.").code("amount_too_large").param("line_items"))
}

fn expires_at(call: &Call<'_>) -> Result<i64, ApiError> {
    let now = call.now.as_second();
    let at = call.form.integer("expires_at")?.unwrap_or(now + LONGEST_S);
    let refuse = |limit: &str| {
        let message = format!("The `expires_at` timestamp must be {limit} from Checkout Session creation.");
        Err(ApiError::invalid(message).param("expires_at"))
    };
    match at.saturating_sub(now) {
        life if life < SHORTEST_S => refuse("at least 30 minutes"),
        life if life > LONGEST_S => refuse("less than 24 hours"),
        _ if Timestamp::from_second(at).is_err() => refuse("a time"),
        _ => Ok(at),
    }
}

fn customer_email(call: &Call<'_>) -> Result<Option<String>, ApiError> {
    match call.form.text("customer_email") {
        Some(email) if !email.contains('@') => {
            let message = format!("Invalid email address: {email}");
            Err(ApiError::invalid(message).code("email_invalid").param("customer_email"))
        }
        email => Ok(email),
    }
}

fn url(call: &Call<'_>, key: &str) -> Result<Option<String>, ApiError> {
    match call.form.text(key) {
        Some(text) if !(text.starts_with("https://") || text.starts_with("http://")) => {
            Err(ApiError::invalid("Not a valid URL").code("url_invalid").param(key))
        }
        text => Ok(text),
    }
}

fn missing(key: &str) -> ApiError {
    ApiError::invalid(format!("Missing required param: {key}.")).code("parameter_missing").param(key)
}
