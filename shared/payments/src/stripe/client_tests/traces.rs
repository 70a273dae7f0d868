//! Calls as parts of a trace.

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use super::*;

#[tokio::test]
async fn each_try_says_where_in_a_trace_it_comes_from() {
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    // One more than one, or `tracing` asks the wrong one when another test's thread comes first.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _listening = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let (stripe, recorder) = stripe(vec![(500, None, String::new()), ok(&open())]).await;
    stripe.open_session(&request(Flow::HostedPage)).instrument(tracing::info_span!("request")).await.unwrap();
    let seen = recorder.seen.lock().unwrap();
    let (first, second) = (seen[0].header("traceparent"), seen[1].header("traceparent"));
    assert_eq!((first.len(), &first[..36]), (55, &second[..36]));
    assert_ne!(first[36..52], second[36..52]);
}
