//! Courses and their modes, as the shop publishes them.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::api::Call;
use super::state::{Course, Mode, run_of};

/// What `PUT /api/commerce/v1/courses/{course}/` carries.
#[derive(Deserialize)]
struct Published {
    id: Option<String>,
    name: Option<String>,
    verification_deadline: Option<String>,
    modes: Vec<Mode>,
}

/// `GET /api/commerce/v1/courses/{course}/`.
pub(crate) fn read(call: &mut Call<'_>, key: &str) -> Result<Answer, Answer> {
    match call.state.courses.get(key) {
        Some(course) => Ok(Answer::ok(show(key, course))),
        None => Err(Answer::detail(StatusCode::NOT_FOUND, "Not found.")),
    }
}

/// `PUT /api/commerce/v1/courses/{course}/`: the whole list of modes is replaced.
pub(crate) fn publish(call: &mut Call<'_>, key: &str) -> Result<Answer, Answer> {
    check(key)?;
    let body: Published = serde_json::from_value(call.json()?).map_err(|error| Answer::bad(&error.to_string()))?;
    if body.id.as_ref().is_some_and(|id| id != key) {
        return Err(Answer::bad("The id in the body is not the one in the address."));
    }
    if body.modes.iter().any(|mode| mode.name.is_empty()) {
        return Err(Answer::bad("Every mode needs a name."));
    }
    let first_end = body.modes.iter().filter_map(|mode| mode.expires.as_deref()).min();
    if let (Some(deadline), Some(end)) = (body.verification_deadline.as_deref(), first_end)
        && deadline < end
    {
        return Err(Answer::bad("Verification deadline must be after the course mode upgrade deadlines."));
    }
    let name = body.name.unwrap_or_else(|| key.to_owned());
    let course = Course { name, modes: body.modes, verification_deadline: body.verification_deadline };
    let shown = show(key, &course);
    call.state.courses.insert(key.to_owned(), course);
    Ok(Answer::ok(shown))
}

/// `GET /api/course_modes/v1/courses/{course}/`.
pub(crate) fn list_modes(call: &mut Call<'_>, key: &str) -> Result<Answer, Answer> {
    check(key)?;
    let modes: Vec<Value> = call.state.course(key).modes.iter().map(|mode| mode_json(key, mode)).collect();
    Ok(Answer::ok(json!(modes)))
}

/// `POST /api/course_modes/v1/courses/{course}/`: adds one mode.
pub(crate) fn add_mode(call: &mut Call<'_>, key: &str) -> Result<Answer, Answer> {
    check(key)?;
    let body = call.json()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let Some(slug) = text("mode_slug") else {
        return Err(Answer::json(StatusCode::BAD_REQUEST, json!({ "mode_slug": ["This field is required."] })));
    };
    let mode = Mode {
        name: slug,
        currency: text("currency").unwrap_or_else(|| "usd".to_owned()),
        price: body.get("min_price").cloned().unwrap_or_else(|| json!(0)),
        sku: text("sku"),
        bulk_sku: text("bulk_sku"),
        expires: text("expiration_datetime"),
    };
    let fresh = || Course { name: key.to_owned(), modes: Vec::new(), verification_deadline: None };
    let course = call.state.courses.entry(key.to_owned()).or_insert_with(fresh);
    if course.modes.iter().any(|other| other.name == mode.name) {
        let message = "The fields course_id, mode_slug must make a unique set.";
        return Err(Answer::json(StatusCode::BAD_REQUEST, json!({ "non_field_errors": [message] })));
    }
    let shown = mode_json(key, &mode);
    course.modes.push(mode);
    Ok(Answer::json(StatusCode::CREATED, shown))
}

/// Refuses a malformed key, and every course whose key contains `refused`.
fn check(key: &str) -> Result<(), Answer> {
    if run_of(key).is_none() {
        return Err(Answer::bad(&format!("{key} is not a valid course key.")));
    }
    if key.contains("refused") {
        return Err(Answer::bad(&format!("The course {key} was refused.")));
    }
    Ok(())
}

fn show(key: &str, course: &Course) -> Value {
    json!({
        "id": key, "name": course.name, "verification_deadline": course.verification_deadline,
        "modes": course.modes,
    })
}

fn mode_json(key: &str, mode: &Mode) -> Value {
    json!({
        "course_id": key, "mode_slug": mode.name, "mode_display_name": mode.name, "min_price": mode.price,
        "currency": mode.currency, "expiration_datetime": mode.expires,
        "expiration_datetime_is_explicit": mode.expires.is_some(), "description": null,
        "sku": mode.sku, "bulk_sku": mode.bulk_sku,
    })
}
