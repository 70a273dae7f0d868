//! How a function is watched: log lines, metrics and spans, all recorded through `tracing`.
//!
//! Log lines and metrics are JSON on standard output, which Lambda carries to CloudWatch; `RUST_LOG` sets how much is
//! logged (`info` if it is not set), and `BURSAR_STAGE` that metrics are written. Spans are sent to the collector of
//! `OTEL_EXPORTER_OTLP_ENDPOINT` before an invocation is answered, or only counted and passed on if there is none. No
//! personal data, token or query string is ever logged or sent.

mod emf;
mod fields;
mod lines;
mod output;
mod spans;

use domain::id::OrderNumber;
use opentelemetry::trace::TracerProvider;
use tracing::field::display;
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Level, Metadata, Span, dispatcher};
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};

use crate::clock::Clock;
use crate::config::{ConfigError, Env};
use crate::metrics;
use crate::telemetry::emf::Emf;
use crate::telemetry::lines::Lines;
pub use crate::telemetry::output::Output;
use crate::telemetry::spans::{Collector, Outbox};

/// The runtime's own span around an invocation, which knows Lambda's request id.
const RUNTIME: &str = "lambda_runtime";
/// Libraries that log whole requests, with tokens and personal data in them, at levels below `info`: those are never
/// written, whatever `RUST_LOG` says.
const CARRIERS: [&str; 6] = ["aws_", "h2", "hyper", "lambda_", "reqwest", "rustls"];

/// What is written and where.
#[derive(Clone, Debug)]
pub struct Telemetry {
    logged: Targets,
    stage: Option<String>,
    exports: bool,
    clock: Clock,
    output: Output,
}

impl Telemetry {
    /// As `RUST_LOG`, `BURSAR_STAGE` and `OTEL_EXPORTER_OTLP_ENDPOINT` say, on standard output. A `RUST_LOG` that cannot
    /// be read counts as unset here, and fails [`Telemetry::configure`].
    #[must_use]
    pub fn of(env: &Env) -> Self {
        let logged = env.optional("RUST_LOG").and_then(|text| text.parse().ok());
        Self {
            logged: logged.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO)),
            stage: env.optional("BURSAR_STAGE"),
            exports: env.optional(spans::ENDPOINT).is_some(),
            clock: Clock::wall(),
            output: Output::stdout(),
        }
    }

    /// The same, written elsewhere.
    #[must_use]
    pub fn to(self, output: Output) -> Self {
        Self { output, ..self }
    }

    /// The same, in the time of `clock`.
    #[must_use]
    pub fn at(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// What is to be told of everything that happens.
    #[must_use]
    pub fn dispatch(self) -> Dispatch {
        let Self { logged, stage, exports, clock, output } = self;
        let lines = Lines::new(clock.clone(), output.clone());
        let told_elsewhere = [metrics::TARGET, trace::CALLS].map(|target| (target, LevelFilter::OFF));
        let logged = logged.with_targets(told_elsewhere).and(filter_fn(is_discreet));
        let framed = || filter_fn(is_framing).with_max_level_hint(LevelFilter::INFO);
        let counted = filter_fn(|what| what.target() == metrics::TARGET).with_max_level_hint(LevelFilter::INFO);
        let emf = stage.map(|stage| Emf::new(stage, clock, output).with_filter(counted.or(framed())));
        let traced = filter_fn(move |what| is_traced(what, exports)).with_max_level_hint(LevelFilter::INFO);
        let outbox = exports.then(Outbox::default);
        let registry = tracing_subscriber::registry()
            .with(lines.with_filter(logged.or(framed())))
            .with(emf)
            .with(otel(outbox.clone()).with_filter(traced))
            // It only wants to be found.
            .with(outbox.map(|outbox| outbox.with_filter(LevelFilter::OFF)));
        Dispatch::new(registry)
    }

    /// Makes it the process's own. A second call changes nothing.
    pub fn init(self) {
        // The error says that there is one already, which is what we want.
        let _already_set = dispatcher::set_global_default(self.dispatch());
    }

    /// Says where spans are sent, once the parameters are read: the headers of a collector may be a secret.
    ///
    /// # Errors
    /// [`ConfigError`] if a variable is malformed.
    pub fn configure(env: &Env) -> Result<(), ConfigError> {
        let mut env = env.clone();
        let logged = env.parsed_or("RUST_LOG", Targets::new());
        let collector = Collector::configured(&mut env);
        let collector = env.finish(logged.and(collector))?;
        if let (Some(outbox), Some(collector)) = (outbox(), collector) {
            outbox.send_to(collector);
        }
        Ok(())
    }
}

fn is_discreet(what: &Metadata<'_>) -> bool {
    *what.level() <= Level::INFO || !CARRIERS.iter().any(|carrier| what.target().starts_with(carrier))
}

/// Starts telemetry as the process's environment says.
pub fn init() {
    Telemetry::of(&Env::process()).init();
}

/// Sends the spans that have ended, before an invocation is answered: nothing is left running after it. A collector that
/// does not answer costs little time and nothing else.
pub async fn flush() {
    if let Some(outbox) = outbox() {
        outbox.flush().await;
    }
}

fn outbox() -> Option<Outbox> {
    dispatcher::get_default(|dispatch| dispatch.downcast_ref::<Outbox>().cloned())
}

/// What is at work now concerns this order: every further line of it says so.
pub fn concerns(order: &OrderNumber) {
    Span::current().record("order", display(order));
}

/// What is at work now is a processor's event of this type: every further line of it says so.
pub fn concerns_event(event: impl std::fmt::Display, event_type: &str) {
    Span::current().record("event", display(event)).record("event_type", event_type);
}

/// What became of the processor's event: every further line of it says so, the request's own at least.
pub fn came_to(outcome: &str) {
    Span::current().record("outcome", outcome);
}

fn otel<S>(outbox: Option<Outbox>) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder();
    let provider = match outbox {
        Some(outbox) => provider.with_span_processor(outbox),
        None => provider,
    };
    tracing_opentelemetry::layer()
        .with_tracer(provider.build().tracer("bursar"))
        .with_location(false)
        .with_threads(false)
        .with_level(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false)
}

/// Spans whose fields stand on every line below them, however little is logged.
fn is_framing(what: &Metadata<'_>) -> bool {
    what.is_span()
        && *what.level() <= Level::INFO
        && (what.target() == trace::TARGET || what.target().starts_with(RUNTIME))
}

/// What becomes a span, or an event of one.
fn is_traced(what: &Metadata<'_>, exports: bool) -> bool {
    if what.is_span() {
        what.target() == trace::TARGET || (exports && what.target() == trace::CALLS)
    } else {
        exports && *what.level() <= Level::WARN
    }
}

#[cfg(test)]
mod tests;
