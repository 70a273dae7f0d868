//! The samples are kept in step with the functions, the template and what we handle of the processor's events.

use std::collections::BTreeSet;
use std::fs;

use aws_lambda_events::event::sqs::SqsEvent;
use local::template::{Stack, route};
use serde_json::Value;

use super::{Sample, samples};

const HTTP: [&str; 5] = ["basket", "catalog", "checkout", "payment-webhook", "session"];

fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn every_sample_is_an_event_of_its_functions_kind() {
    for function in HTTP {
        for sample in samples(function) {
            lambda_http::request::from_str(&sample.text).unwrap_or_else(|error| panic!("{}: {error}", sample.name));
            assert_eq!(sample.json()["version"], "2.0", "{}", sample.name);
        }
    }
    for sample in samples("fulfillment") {
        let batch: SqsEvent = serde_json::from_str(&sample.text).unwrap();
        assert!(!batch.records.is_empty(), "{}", sample.name);
        for record in batch.records {
            let parent = record.message_attributes.get("traceparent").and_then(|found| found.string_value.clone());
            assert!(parent.is_some_and(|parent| parent.starts_with("00-")), "{}", sample.name);
            assert!(record.attributes.contains_key("ApproximateReceiveCount"), "{}", sample.name);
        }
    }
    for sample in samples("janitor") {
        let event = sample.json();
        assert_eq!((&event["detail-type"], &event["source"]), (&"Scheduled Event".into(), &"aws.events".into()));
    }
}

#[test]
fn every_function_of_the_template_has_samples_and_its_routes_take_them() {
    let stack = Stack::of(tests::deployment::STAGE).unwrap();
    let routes = stack.routes().unwrap();
    let functions: Vec<_> = stack.functions().unwrap().into_keys().collect();
    for function in &functions {
        assert!(!samples(function).is_empty());
    }
    for function in HTTP {
        for Sample { name, text } in samples(function) {
            let event: Value = serde_json::from_str(&text).unwrap();
            let method = event["requestContext"]["http"]["method"].as_str().unwrap();
            let taken = route(&routes, method, event["rawPath"].as_str().unwrap());
            let taken = taken.unwrap_or_else(|| panic!("{name}: no route takes it"));
            assert_eq!((taken.function.as_str(), taken.key.as_str()), (function, event["routeKey"].as_str().unwrap()));
            assert_eq!(event["routeKey"], event["requestContext"]["routeKey"], "{name}");
        }
    }
}

/// The types of processor events that the code matches, and that the README asks an operator to send.
#[test]
fn every_type_of_processor_event_that_is_handled_has_a_sample() {
    let types = |text: &str, quote: char| -> BTreeSet<String> {
        let quoted = text.split(quote).skip(1).step_by(2);
        let known = |name: &&str| {
            ["checkout.session.", "payment_intent.", "charge.", "refund."].iter().any(|of| name.starts_with(of))
        };
        quoted.filter(known).map(|name| name.trim_end_matches('*').to_owned()).collect()
    };
    let code = read("shared/payments/src/stripe/event.rs");
    let handled = types(code.split_once("\nfn told(").unwrap().1.split_once("\n}\n").unwrap().0, '"');
    let readme = read("functions/payment-webhook/README.md");
    assert_eq!(types(&readme, '`'), handled, "the README asks for what the code handles");
    let bodies: Vec<Value> = samples("payment-webhook")
        .iter()
        .filter_map(|sample| serde_json::from_str(sample.json()["body"].as_str()?).ok())
        .collect();
    for kind in &handled {
        let has = |body: &Value| {
            body["type"].as_str().is_some_and(|of| of == kind || kind.ends_with('.') && of.starts_with(kind))
        };
        assert!(bodies.iter().any(has), "no sample is a {kind}");
    }
    let ignored = |body: &&Value| !handled.iter().any(|kind| body["type"].as_str().unwrap().starts_with(kind.as_str()));
    assert_eq!(bodies.iter().filter(ignored).count(), 1, "one type that is ignored");
}
