//! Where a piece of work stands in a trace, within this process and on the wire (W3C Trace Context).
//!
//! A span begins where the request or message before it says ([`begin`]), and whatever leaves the process says where it
//! comes from ([`current`]). Not here: exporting spans, which `web::telemetry` does, and who records what.

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing::field::{Empty, display};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The header, and the attribute of a message, that carries a [`TraceParent`].
pub const TRACEPARENT: &str = "traceparent";
/// The header in which AWS carries the trace of X-Ray.
pub const X_AMZN_TRACE_ID: &str = "x-amzn-trace-id";
/// The `tracing` target of our own spans, by which telemetry knows them from those of libraries.
pub const TARGET: &str = "bursar";
/// The target of the spans of calls of AWS, which are made only where spans are exported.
pub const CALLS: &str = "bursar::calls";

/// A place in a trace: trace, span, and whether the trace is recorded. Written as `00-<trace>-<span>-<flags>`.
///
/// Source: W3C Trace Context, section 3.2. What vendors add in `tracestate` is not passed on.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceParent(SpanContext);

impl TraceParent {
    /// Reads a `traceparent`; anything malformed is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let well_formed = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
        // A later version may say more, and still says this first; there is none called ff.
        if !well_formed || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
        let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
        let at = SpanContext::new(trace, span, flags, true, TraceState::NONE);
        at.is_valid().then_some(Self(at))
    }

    /// Reads X-Ray's header, such as `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`. A trace
    /// that X-Ray does not record is none: whether ours is recorded is then for us to say.
    ///
    /// Source: AWS X-Ray developer guide, "tracing header". Its trace id is W3C's, in two parts.
    #[must_use]
    pub fn from_xray(header: &str) -> Option<Self> {
        let part = |name: &str| header.split(';').find_map(|part| part.trim().strip_prefix(name));
        let (root, parent) = (part("Root=1-")?, part("Parent=")?);
        part("Sampled=1")?;
        let (seconds, random) = root.split_once('-')?;
        Self::parse(&format!("00-{seconds}{random}-{parent}-01"))
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(at) = self;
        write!(f, "00-{}-{}-{:02x}", at.trace_id(), at.span_id(), at.trace_flags().to_u8())
    }
}

/// Begins a span that was just made: below `parent`, or as a trace of its own. Its field `trace_id`, if it has one, is
/// filled.
pub fn begin(span: &Span, parent: Option<TraceParent>) {
    if let Some(TraceParent(parent)) = parent {
        // It fails only where nobody listens to spans.
        let _nobody_listens = span.set_parent(Context::new().with_remote_span_context(parent));
    }
    if let Some(TraceParent(at)) = place_of(span) {
        span.record("trace_id", display(at.trace_id()));
    }
}

/// The place of the span that is at work now, for whatever it calls; none if nobody listens to spans.
#[must_use]
pub fn current() -> Option<TraceParent> {
    place_of(&Span::current())
}

fn place_of(span: &Span) -> Option<TraceParent> {
    let context = span.context();
    let at = context.span().span_context().clone();
    at.is_valid().then_some(TraceParent(at))
}

/// The span of one try of a call of AWS, named as the SDK names it (`DynamoDB.Query`) by the call's `x-amz-target`
/// (`DynamoDB_20120810.Query`). [`answered`] says what came of it.
#[must_use]
pub fn call(x_amz_target: &str) -> Span {
    tracing::info_span!(
        target: CALLS,
        "call",
        "otel.name" = name_of_call(x_amz_target),
        "otel.kind" = "client",
        "otel.status_code" = Empty,
        "http.response.status_code" = Empty,
    )
}

/// The status of a call's answer, if it had one. A condition that does not hold is a 400, and no error.
pub fn answered(call: &Span, status: Option<u16>) {
    if let Some(status) = status {
        call.record("http.response.status_code", status);
    }
    if status.is_none_or(|status| status >= 500) {
        call.record("otel.status_code", "error");
    }
}

fn name_of_call(x_amz_target: &str) -> String {
    let (service, operation) = x_amz_target.split_once('.').unwrap_or((x_amz_target, "?"));
    let service = service.strip_prefix("Amazon").unwrap_or(service);
    format!("{}.{operation}", service.split('_').next().unwrap_or(service))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_and_written_and_a_malformed_one_is_none() {
        for (text, read) in [
            (GIVEN, true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true),
            ("", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nx: y", false),
        ] {
            let written = TraceParent::parse(text).map(|parent| parent.to_string());
            assert_eq!(written.as_deref(), read.then_some(text), "{text}");
        }
    }

    #[test]
    fn an_xray_header_is_taken_over_if_xray_records_the_trace() {
        let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
        for (header, read) in [
            (format!("{root};Parent=53995c3f42cd8ad8;Sampled=1"), true),
            (format!("{root};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:0"), true),
            (format!("{root};Parent=53995c3f42cd8ad8;Sampled=0"), false),
            (format!("{root};Sampled=1"), false),
            ("Root=1-5759e988;Parent=53995c3f42cd8ad8;Sampled=1".to_owned(), false),
            (String::new(), false),
        ] {
            let written = TraceParent::from_xray(&header).map(|parent| parent.to_string());
            let wanted = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
            assert_eq!(written.as_deref(), read.then_some(wanted), "{header}");
        }
    }

    #[test]
    fn a_call_is_named_as_the_sdk_names_it() {
        for (target, name) in [
            ("DynamoDB_20120810.TransactWriteItems", "DynamoDB.TransactWriteItems"),
            ("AmazonSQS.SendMessage", "SQS.SendMessage"),
            ("AmazonSSM.GetParametersByPath", "SSM.GetParametersByPath"),
            ("", ".?"),
        ] {
            assert_eq!(name_of_call(target), name);
        }
    }

    #[test]
    fn a_span_stands_below_its_parent_and_what_it_calls_below_itself() {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let _listening = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        assert_eq!(current(), None);
        let span = tracing::info_span!("work", trace_id = tracing::field::Empty);
        begin(&span, TraceParent::parse(GIVEN));
        let sent = span.in_scope(current).unwrap().to_string();
        assert_eq!((&sent[..35], &sent[52..]), (&GIVEN[..35], &GIVEN[52..]));
        assert_ne!(sent[36..52], GIVEN[36..52]);
        assert_eq!(
            span.in_scope(|| tracing::info_span!("call").in_scope(current)).unwrap().to_string()[..35],
            GIVEN[..35]
        );
    }
}
