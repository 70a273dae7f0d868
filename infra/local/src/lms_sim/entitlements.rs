//! Entitlements. As at the real platform, a repeated grant makes a second one: it is the caller's to look first.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;
use super::api::Call;
use super::state::{Entitlement, exists};
use crate::stripe_sim::ids::uuid;

/// `POST /api/entitlements/v1/entitlements/`.
pub(crate) fn grant(call: &mut Call<'_>) -> Result<Answer, Answer> {
    let body = call.json()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let need = |name: &str| {
        let missing = || Answer::json(StatusCode::BAD_REQUEST, json!({ name: ["This field is required."] }));
        text(name).ok_or_else(missing)
    };
    let (user, course_uuid, mode) = (need("user")?, need("course_uuid")?, need("mode")?);
    if !exists(&user) {
        let message = format!("Object with username={user} does not exist.");
        return Err(Answer::json(StatusCode::BAD_REQUEST, json!({ "user": [message] })));
    }
    let order_number = text("order_number");
    let right =
        Entitlement { uuid: uuid(), user, course_uuid, mode, order_number, created: call.now, expired_at: None };
    let shown = show(&right);
    call.state.entitlements.push(right);
    Ok(Answer::json(StatusCode::CREATED, shown))
}

/// `GET /api/entitlements/v1/entitlements/?user=`: a page of a learner's entitlements, newest first.
pub(crate) fn list(call: &Call<'_>, query: &str) -> Answer {
    let wanted = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "user").map(|(_, user)| user);
    let of = |right: &&Entitlement| wanted.as_ref().is_none_or(|wanted| right.user == *wanted);
    let results: Vec<Value> = call.state.entitlements.iter().rev().filter(of).map(show).collect();
    Answer::json(StatusCode::OK, json!({"count": results.len(), "next": null, "previous": null, "results": results}))
}

/// `DELETE /api/entitlements/v1/entitlements/{uuid}/`: ends it; doing so again changes nothing.
pub(crate) fn revoke(call: &mut Call<'_>, uuid: &str) -> Answer {
    match call.state.entitlements.iter_mut().find(|right| right.uuid == uuid) {
        Some(right) => {
            right.expired_at.get_or_insert(call.now);
            Answer::empty(StatusCode::NO_CONTENT)
        }
        None => Answer::detail(StatusCode::NOT_FOUND, "Not found."),
    }
}

fn show(right: &Entitlement) -> Value {
    json!({
        "uuid": right.uuid, "user": right.user, "course_uuid": right.course_uuid, "mode": right.mode,
        "order_number": right.order_number, "created": right.created, "modified": right.created,
        "expired_at": right.expired_at, "enrollment_course_run": null, "refund_locked": false,
    })
}
