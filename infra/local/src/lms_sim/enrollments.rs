//! Enrolments: one place per learner and course run, changed by posting it again.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::api::Call;
use super::state::{Attribute, Enrollment, Mode, State, exists, run_of};

/// The user that a call without one enrols: the token's own.
const SERVICE_USER: &str = "service-worker";

/// What a caller asks for.
struct Wish {
    user: String,
    course: String,
    mode: Option<String>,
    active: bool,
    force: bool,
    attributes: Vec<Attribute>,
}

/// `POST /api/enrollment/v1/enrollment`: creates, changes, reactivates or deactivates a place.
pub(crate) fn enroll(call: &mut Call<'_>) -> Result<Answer, Answer> {
    let wish = Wish::parse(&call.json()?)?;
    let Some(run) = run_of(&wish.course).filter(|run| !run.contains("unknown")) else {
        return Err(Answer::bad(&format!("No course '{}' found for enrollment", wish.course)));
    };
    if !exists(&wish.user) {
        let message = format!("The user {} does not exist.", wish.user);
        return Err(Answer::message(StatusCode::NOT_ACCEPTABLE, &message));
    }
    let known = call.state.enrollment(&wish.user, &wish.course).cloned();
    if wish.active && run.contains("embargo") {
        let url = json!("/embargo/blocked-message/enrollment/default/");
        let message = format!("Users from this location cannot access the course '{}'.", wish.course);
        return Err(Answer::json(StatusCode::FORBIDDEN, json!({ "message": message, "user_message_url": url })));
    }
    if wish.active && run.contains("closed") && !wish.force && !known.as_ref().is_some_and(|place| place.is_active) {
        return Err(Answer::bad("Enrollment closed"));
    }
    match known {
        Some(place) => change(call.state, &wish, &place)?,
        None => create(call, &wish)?,
    }
    Ok(Answer::ok(show(call.state, &wish.user, &wish.course)))
}

/// `GET /api/enrollment/v1/enrollment/{user},{course}`: the place, or `null`.
pub(crate) fn read(call: &mut Call<'_>, pair: &str) -> Answer {
    match pair.split_once(',') {
        Some((user, course)) => Answer::ok(show(call.state, user, course)),
        None => Answer::empty(StatusCode::NOT_FOUND),
    }
}

fn create(call: &mut Call<'_>, wish: &Wish) -> Result<(), Answer> {
    let modes = call.state.course(&wish.course).modes;
    let offered = |slug: &str| modes.iter().any(|mode| mode.name == slug);
    let default = if offered("audit") || !offered("honor") { "audit" } else { "honor" };
    let mode = wish.mode.clone().unwrap_or_else(|| default.to_owned());
    check_mode(call.state, &wish.course, &mode)?;
    call.state.enrollments.push(Enrollment {
        user: wish.user.clone(),
        course_id: wish.course.clone(),
        mode,
        is_active: wish.active,
        created: call.now,
        attributes: wish.attributes.clone(),
    });
    Ok(())
}

fn change(state: &mut State, wish: &Wish, place: &Enrollment) -> Result<(), Answer> {
    let mode = wish.mode.as_deref().unwrap_or(&place.mode);
    if !wish.active && mode != place.mode {
        let modes = format!("active mode={}, requested mode={mode}", place.mode);
        return Err(Answer::bad(&format!("Enrollment mode mismatch: {modes}. Won't deactivate.")));
    }
    let provider =
        wish.attributes.iter().any(|one| (one.namespace.as_str(), one.name.as_str()) == ("credit", "provider_id"));
    if mode == "credit" && !wish.attributes.is_empty() && !provider {
        return Err(Answer::bad("The [credit] course mode needs the attribute credit:provider_id."));
    }
    if mode != place.mode {
        check_mode(state, &wish.course, mode)?;
    }
    let mode = mode.to_owned();
    if let Some(place) = state.enrollment_mut(&wish.user, &wish.course) {
        place.mode = mode;
        place.is_active = wish.active;
        for fact in &wish.attributes {
            place.attributes.retain(|old| (&old.namespace, &old.name) != (&fact.namespace, &fact.name));
            place.attributes.push(fact.clone());
        }
    }
    Ok(())
}

fn check_mode(state: &State, course: &str, slug: &str) -> Result<(), Answer> {
    if state.course(course).modes.iter().any(|mode| mode.name == slug) {
        return Ok(());
    }
    let message = format!("The [{slug}] course mode is expired or otherwise unavailable for course run [{course}].");
    let body = json!({ "message": message, "course_details": details(state, course) });
    Err(Answer::json(StatusCode::BAD_REQUEST, body))
}

fn show(state: &State, user: &str, course: &str) -> Value {
    let Some(place) = state.enrollment(user, course) else { return Value::Null };
    json!({
        "created": place.created, "mode": place.mode, "is_active": place.is_active, "user": place.user,
        "course_details": details(state, course),
    })
}

fn details(state: &State, key: &str) -> Value {
    let course = state.course(key);
    let mode = |mode: &Mode| {
        json!({
            "slug": mode.name, "name": mode.name, "min_price": mode.price, "suggested_prices": "",
            "currency": mode.currency, "expiration_datetime": mode.expires, "description": null,
            "sku": mode.sku, "bulk_sku": mode.bulk_sku,
        })
    };
    json!({
        "course_id": key, "course_name": course.name, "enrollment_start": null, "enrollment_end": null,
        "course_start": null, "course_end": null, "invite_only": false, "pacing_type": "Instructor Paced",
        "course_modes": course.modes.iter().map(mode).collect::<Vec<_>>(),
    })
}

impl Wish {
    fn parse(body: &Value) -> Result<Self, Answer> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let course = body.pointer("/course_details/course_id").and_then(Value::as_str);
        let Some(course) = course.filter(|course| !course.is_empty()) else {
            return Err(Answer::bad("Course ID must be specified to create a new enrollment."));
        };
        let by_email = || text("email").and_then(|email| email.split('@').next());
        let active = flag(body, "is_active", "is an invalid enrollment activation status")?;
        let force = flag(body, "force_enrollment", "is an invalid force enrollment status")?;
        if text("cohort").is_some_and(|cohort| cohort.contains("unknown")) {
            return Err(Answer::bad("An error occurred while adding to cohort: it does not exist."));
        }
        Ok(Self {
            user: text("user").or_else(by_email).unwrap_or(SERVICE_USER).to_owned(),
            course: course.to_owned(),
            mode: text("mode").map(ToOwned::to_owned),
            active: active.unwrap_or(true),
            force: force.unwrap_or(false),
            attributes: attributes(body)?,
        })
    }
}

fn flag(body: &Value, name: &str, wrong: &str) -> Result<Option<bool>, Answer> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(other) => Err(Answer::bad(&format!("'{other}' {wrong}."))),
    }
}

fn attributes(body: &Value) -> Result<Vec<Attribute>, Answer> {
    let list = match body.get("enrollment_attributes") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(list) => list.as_array().cloned().ok_or_else(|| Answer::bad("Enrollment attributes must be a list."))?,
    };
    let part = |fields: &Map<String, Value>, name: &str| {
        let missing = || Answer::bad(&format!("An enrollment attribute lacks its {name}."));
        fields.get(name).and_then(Value::as_str).map(ToOwned::to_owned).ok_or_else(missing)
    };
    let none = Map::new();
    let read = |item: &Value| {
        let fields = item.as_object().unwrap_or(&none);
        let (namespace, name) = (part(fields, "namespace")?, part(fields, "name")?);
        Ok(Attribute { namespace, name, value: part(fields, "value")? })
    };
    list.iter().map(read).collect()
}
