//! The fields of a span or an event as JSON.

use std::error::Error;
use std::fmt::Debug;

use serde::{Serialize, Serializer};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Scope};

use crate::problem::chain;

/// What the runtime's span calls things, and we.
const RENAMED: [(&str, &str); 2] = [("requestId", "lambda_request_id"), ("xrayTraceId", "xray_trace_id")];

/// Names with values, in the order in which they came. A later value of a name replaces an earlier one.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    pub(super) fn put(&mut self, name: &'static str, value: impl Into<Value>) {
        let value = value.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.remove(at).1)
    }

    pub(super) fn extend(&mut self, Self(others): Self) {
        for (name, value) in others {
            self.put(name, value);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(&'static str, Value)> {
        self.0.iter()
    }

    /// Adds the fields of all spans around an event, outermost first.
    pub(super) fn extend_around<'a, S: for<'span> LookupSpan<'span>>(&mut self, scope: Option<Scope<'a, S>>) {
        for span in scope.into_iter().flat_map(Scope::from_root) {
            if let Some(SpanFields(fields)) = span.extensions().get() {
                self.extend(fields.clone());
            }
        }
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field.name(), chain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field.name(), format!("{value:?}"));
    }
}

/// The fields of a span that stand on the lines below it. Those that are named as OpenTelemetry names them, with a dot,
/// are for the span itself.
pub(super) struct SpanFields(Fields);

impl SpanFields {
    /// Keeps the fields that a span is made with.
    pub(super) fn begin<S>(attributes: &Attributes<'_>, id: &Id, context: &Context<'_, S>)
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().replace(Self(on_lines(fields)));
        }
    }

    /// Adds what became known of a span.
    pub(super) fn add<S>(record: &Record<'_>, id: &Id, context: &Context<'_, S>)
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    {
        let mut more = Fields::default();
        record.record(&mut more);
        if let Some(span) = context.span(id)
            && let Some(Self(fields)) = span.extensions_mut().get_mut()
        {
            fields.extend(on_lines(more));
        }
    }
}

fn on_lines(Fields(mut fields): Fields) -> Fields {
    fields.retain(|(name, _)| !name.contains('.'));
    for (name, _) in &mut fields {
        *name = RENAMED.iter().find(|(theirs, _)| theirs == name).map_or(*name, |(_, ours)| ours);
    }
    Fields(fields)
}
