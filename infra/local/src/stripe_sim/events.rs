//! `GET /v1/events`: what happened, newest first, for a reconciler.

use serde_json::{Value, json};

use super::api::Call;
use super::error::ApiError;
use super::state::Event;

const KNOWN: [&str; 6] = ["created", "ending_before", "limit", "starting_after", "type", "types"];

/// `GET /v1/events/{id}`.
pub(crate) fn read(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    let found = call.state.events.iter().find(|event| event.id == id);
    found.map(|event| event.body.clone()).ok_or_else(|| ApiError::missing("event", id, "id"))
}

/// `GET /v1/events?type=&types[]=&created[gte]=&limit=&starting_after=`.
pub(crate) fn list(call: &mut Call<'_>) -> Result<Value, ApiError> {
    call.form.allow(&KNOWN)?;
    let limit = usize::try_from(call.form.integer("limit")?.unwrap_or(10)).unwrap_or(0);
    if !(1..=100).contains(&limit) {
        return Err(ApiError::invalid("Limit must be between 1 and 100").param("limit"));
    }
    let bounds = Bounds::parse(call)?;
    let (single, types) = (call.form.get("type"), call.form.list("types"));
    let wanted = |event: &&Event| {
        bounds.hold(event.at.as_second())
            && single.is_none_or(|kind| matches_type(kind, &event.kind))
            && (types.is_empty() || types.iter().any(|kind| matches_type(kind, &event.kind)))
    };
    let newest = call.state.events.iter().rev().filter(wanted);
    let mut page: Vec<&Event> = match call.form.get("starting_after") {
        Some(id) => newest.skip_while(|event| event.id != id).skip(1).take(limit + 1).collect(),
        None => newest.take(limit + 1).collect(),
    };
    let has_more = page.len() > limit;
    page.truncate(limit);
    let data: Vec<&Value> = page.into_iter().map(|event| &event.body).collect();
    Ok(json!({ "object": "list", "url": "/v1/events", "has_more": has_more, "data": data }))
}

struct Bounds {
    least: Option<i64>,
    most: Option<i64>,
}

impl Bounds {
    fn parse(call: &Call<'_>) -> Result<Self, ApiError> {
        let at = |key: &str| call.form.integer(&format!("created[{key}]"));
        let after = at("gt")?.map(|second| second.saturating_add(1));
        let before = at("lt")?.map(|second| second.saturating_sub(1));
        Ok(Self { least: at("gte")?.max(after), most: at("lte")?.or(before) })
    }

    fn hold(&self, second: i64) -> bool {
        self.least.is_none_or(|least| second >= least) && self.most.is_none_or(|most| second <= most)
    }
}

/// `charge.*` stands for every type that begins so.
fn matches_type(wanted: &str, kind: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(prefix) => kind.starts_with(prefix),
        None => wanted == kind,
    }
}
