//! The hosted payment page's behaviour: what a browser or a test does to a session or an intent.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State as Extract};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use super::StripeSim;
use super::objects::{IntentStatus, SessionStatus};
use super::pay_page::{self, Sheet};
use super::settle::{Outcome, Unpayable, status_name};
use super::state::{Cause, State};
use crate::faults::problem;

/// `GET /pay/{id}`.
pub(crate) async fn show_page(
    Extract(sim): Extract<StripeSim>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let _ = sim.expire_due();
    let declined = query.is_some_and(|query| query == DECLINED);
    match sim.read(|state, _| sheet(state, &id)) {
        Some(sheet) => page(StatusCode::OK, pay_page::payment(&sheet, declined)),
        None => page(StatusCode::NOT_FOUND, pay_page::notice("No such payment", "This payment page does not exist.")),
    }
}

/// `POST /pay/{id}` with `{"outcome":"succeed"}` or the page's own form.
pub(crate) async fn settle_payment(
    Extract(sim): Extract<StripeSim>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let json = mentions(&headers, &header::CONTENT_TYPE, "json") || mentions(&headers, &header::ACCEPT, "json");
    let browser = !json && !body.starts_with(b"{");
    let Some(outcome) = outcome(&body) else {
        let detail = "outcome must be succeed, decline, abandon, processing, async_succeed or async_fail";
        return refuse(browser, StatusCode::BAD_REQUEST, "invalid_outcome", detail);
    };
    let _ = sim.expire_due();
    let settled = sim.change(Cause::default(), |state, now| {
        state.settle(&id, outcome, now).map(|()| (sheet(state, &id), redirect(state, &id, outcome)))
    });
    match settled {
        Ok((Some(sheet), redirect)) if !browser => axum::Json(json!({
            "status": sheet.status, "payment_status": sheet.payment_status,
            "payment_intent": sheet.intent, "redirect_url": redirect,
        }))
        .into_response(),
        Ok((_, redirect)) => {
            let again = if outcome == Outcome::Decline { format!("?{DECLINED}") } else { "?".to_owned() };
            see_other(&redirect.unwrap_or(again))
        }
        Err(Unpayable::Unknown) => {
            refuse(browser, StatusCode::NOT_FOUND, "unknown_payment", "this payment does not exist")
        }
        Err(Unpayable::Conflict(why)) => refuse(browser, StatusCode::CONFLICT, "payment_not_open", &why),
    }
}

/// The query that makes the page say that the card was declined.
const DECLINED: &str = "declined=1";

/// The outcome in a JSON or a form body.
fn outcome(body: &[u8]) -> Option<Outcome> {
    #[derive(serde::Deserialize)]
    struct Body {
        outcome: Outcome,
    }
    if let Ok(body) = serde_json::from_slice::<Body>(body) {
        return Some(body.outcome);
    }
    let (_, value) = form_urlencoded::parse(body).find(|(name, _)| name == "outcome")?;
    serde_json::from_value(json!(value)).ok()
}

/// What the page of a session or an intent shows.
fn sheet(state: &State, id: &str) -> Option<Sheet> {
    if let Some(session) = state.sessions.get(id) {
        return Some(Sheet {
            status: json!(session.status),
            payment_status: json!(session.payment_status()),
            open: session.status == SessionStatus::Open,
            waiting: session.status == SessionStatus::Complete && !session.paid,
            intent: session.intent.clone(),
            items: session.items.clone(),
            currency: session.currency.clone(),
            total: session.amount_total,
            email: session.customer_email.clone(),
        });
    }
    let intent = state.intents.get(id)?;
    Some(Sheet {
        status: json!(status_name(intent.status)),
        payment_status: json!(if intent.charge.is_some() { "paid" } else { "unpaid" }),
        open: intent.status == IntentStatus::RequiresPaymentMethod,
        waiting: intent.status == IntentStatus::Processing,
        intent: Some(intent.id.clone()),
        items: Vec::new(),
        currency: intent.currency.clone(),
        total: intent.amount,
        email: None,
    })
}

/// Where the payer goes next; `None` is the page itself.
fn redirect(state: &State, id: &str, outcome: Outcome) -> Option<String> {
    let session = state.sessions.get(id)?;
    match outcome {
        Outcome::Succeed | Outcome::Processing | Outcome::AsyncSucceed => {
            Some(session.success_url.replace("{CHECKOUT_SESSION_ID}", id))
        }
        Outcome::Abandon => session.cancel_url.clone(),
        Outcome::Decline | Outcome::AsyncFail => None,
    }
}

fn mentions(headers: &HeaderMap, name: &header::HeaderName, part: &str) -> bool {
    headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|text| text.contains(part))
}

fn see_other(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => page(StatusCode::OK, pay_page::notice("Done", "The shop's address cannot be opened.")),
    }
}

fn refuse(browser: bool, status: StatusCode, code: &str, detail: &str) -> Response {
    if browser {
        return page(status, pay_page::notice("This cannot be paid", detail));
    }
    problem(status, code, detail)
}

fn page(status: StatusCode, html: maud::Markup) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, html.into_string()).into_response()
}
