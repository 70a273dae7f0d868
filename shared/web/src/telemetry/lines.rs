//! Log lines: one JSON object each, with the fields of the event and of every span around it side by side, so that lines
//! join on one name wherever they come from.

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::fields::{Fields, SpanFields};
use super::output::Output;
use crate::clock::Clock;

/// Writes a line for each event.
pub(super) struct Lines {
    clock: Clock,
    output: Output,
}

impl Lines {
    pub(super) fn new(clock: Clock, output: Output) -> Self {
        Self { clock, output }
    }
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        SpanFields::begin(attributes, id, &context);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        SpanFields::add(record, id, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut told = Fields::default();
        event.record(&mut told);
        let mut line = Fields::default();
        line.put("timestamp", format!("{:.3}", self.clock.issuer_now()));
        line.put("level", event.metadata().level().as_str());
        line.put("message", told.take("message").unwrap_or_default());
        line.extend_around(context.event_scope(event));
        line.extend(told);
        self.output.write(&line);
    }
}
