//! Metrics as lines that CloudWatch reads: the embedded metric format.
//!
//! Source: Amazon CloudWatch user guide, "Specification: Embedded metric format"
//! (`CloudWatch_Embedded_Metric_Format_Specification.html`). The fields of the spans around a metric stand beside it as
//! plain members, which cost nothing and lead back to the order.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::fields::Fields;
use super::output::Output;
use crate::clock::Clock;
use crate::metrics::{Measured, NAMESPACE};

/// Writes a document for what is counted together.
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
        let mut told = Fields::default();
        event.record(&mut told);
        let Some(Value::String(text)) = told.take("metrics") else { return };
        let Ok(measured) = serde_json::from_str::<Vec<Measured<'_>>>(&text) else { return };
        let mut around = Fields::default();
        around.extend_around(context.event_scope(event));
        let at = self.clock.issuer_now().as_millisecond();
        self.output.write(&Document { stage: &self.stage, measured: &measured, around, at });
    }
}

struct Document<'a> {
    stage: &'a str,
    measured: &'a [Measured<'a>],
    around: Fields,
    at: i64,
}

/// What CloudWatch reads of a line.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directives<'a> {
    cloud_watch_metrics: Vec<Directive<'a>>,
    /// Unix milliseconds.
    timestamp: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    /// One set, of one or two names.
    dimensions: [Vec<&'a str>; 1],
    metrics: [Definition<'a>; 1],
    namespace: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition<'a> {
    name: &'a str,
    unit: &'a str,
}

impl<'a> Directive<'a> {
    fn of(measured: &'a Measured<'a>) -> Self {
        let own = measured.dimension.map(|(name, _)| name);
        Self {
            dimensions: [std::iter::once("Stage").chain(own).collect()],
            metrics: [Definition { name: measured.name, unit: measured.unit }],
            namespace: NAMESPACE,
        }
    }
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_map(None)?;
        let directives = self.measured.iter().map(Directive::of).collect();
        document.serialize_entry("_aws", &Directives { cloud_watch_metrics: directives, timestamp: self.at })?;
        document.serialize_entry("Stage", self.stage)?;
        for Measured { name, value, dimension, .. } in self.measured {
            if let Some((name, member)) = dimension {
                document.serialize_entry(name, member)?;
            }
            document.serialize_entry(name, value)?;
        }
        for (name, value) in self.around.iter() {
            document.serialize_entry(name, value)?;
        }
        document.end()
    }
}
