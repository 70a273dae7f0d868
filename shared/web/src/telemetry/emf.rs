//! Metrics as lines that CloudWatch reads: the embedded metric format.
//!
//! Source: Amazon CloudWatch user guide, "Specification: Embedded metric format"
//! (`CloudWatch_Embedded_Metric_Format_Specification.html`). The fields of the spans around a metric stand beside it as
//! plain members, which cost nothing and lead back to the order.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::fields::Fields;
use super::output::Output;
use crate::clock::Clock;
use crate::metrics::NAMESPACE;

/// Writes a document for each metric.
pub(super) struct Emf {
    stage: String,
    clock: Clock,
    output: Output,
}

impl Emf {
    pub(super) fn new(stage: String, clock: Clock, output: Output) -> Self {
        Self { stage, clock, output }
    }
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Emf {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut metric = Fields::default();
        event.record(&mut metric);
        let mut text = |name| match metric.take(name) {
            Some(Value::String(text)) => Some(text),
            Some(_) | None => None,
        };
        let (Some(name), Some(unit), Some(value)) = (text("metric"), text("unit"), text("value")) else { return };
        let Ok(value) = RawValue::from_string(value) else { return };
        let dimension = text("dimension").zip(text("member"));
        let mut around = Fields::default();
        around.extend_around(context.event_scope(event));
        let at = self.clock.issuer_now().as_millisecond();
        self.output.write(&Document { stage: &self.stage, name, unit, value, dimension, around, at });
    }
}

struct Document<'a> {
    stage: &'a str,
    name: String,
    unit: String,
    /// A number as it is written: an amount of money goes through no float here.
    value: Box<RawValue>,
    dimension: Option<(String, String)>,
    around: Fields,
    at: i64,
}

/// What CloudWatch reads of a line.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directives<'a> {
    cloud_watch_metrics: [Directive<'a>; 1],
    /// Unix milliseconds.
    timestamp: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    /// One set, of one or two names.
    dimensions: [&'a [&'a str]; 1],
    metrics: [Definition<'a>; 1],
    namespace: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition<'a> {
    name: &'a str,
    unit: &'a str,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let own = self.dimension.as_ref().map(|(name, _)| name.as_str());
        let both = ["Stage", own.unwrap_or_default()];
        let directive = Directive {
            dimensions: [if own.is_some() { &both } else { &both[..1] }],
            metrics: [Definition { name: &self.name, unit: &self.unit }],
            namespace: NAMESPACE,
        };
        let mut document = serializer.serialize_map(None)?;
        document.serialize_entry("_aws", &Directives { cloud_watch_metrics: [directive], timestamp: self.at })?;
        document.serialize_entry("Stage", self.stage)?;
        if let Some((name, member)) = &self.dimension {
            document.serialize_entry(name, member)?;
        }
        document.serialize_entry(&self.name, &self.value)?;
        for (name, value) in self.around.iter() {
            document.serialize_entry(name, value)?;
        }
        document.end()
    }
}
