//! The log lines that functions write, weighed as CloudWatch weighs them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde_json::Value;
use tracing::Dispatch;
use web::Env;
use web::telemetry::{Output, Telemetry};

/// What the engines and simulators of the local cloud say, which no function says on AWS.
const NOT_OURS: &str = "dynoxide=off,local=off,winterbaume_core=off,winterbaume_sqs=off";

/// Lines that were written. Clones are the same lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<u8>>>);

/// What lines come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Lines.
    pub lines: u64,
    /// Bytes, without line ends.
    pub bytes: u64,
    /// The metrics in them: each name with each set of values of its dimensions, which is what is billed.
    pub metrics: BTreeSet<String>,
}

impl Lines {
    /// The telemetry of a function with these variables, which writes here.
    pub(super) fn of(&self, variables: &BTreeMap<String, String>) -> Dispatch {
        // With a single dispatcher in the process, `tracing` remembers of a line what the first thread that came by said
        // of it, which may be one that has none.
        static SECOND: LazyLock<Dispatch> = LazyLock::new(|| {
            Telemetry::of(&Env::of(BTreeMap::<String, String>::new())).to(Output::buffer(&Arc::default())).dispatch()
        });
        LazyLock::force(&SECOND);
        let mut variables = variables.clone();
        let level = variables.entry("RUST_LOG".to_owned()).or_insert_with(|| "info".to_owned());
        *level = format!("{level},{NOT_OURS}");
        Telemetry::of(&Env::of(variables)).to(Output::buffer(&self.0)).dispatch()
    }

    /// The lines so far, which are forgotten.
    pub(super) fn take(&self) -> Weight {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut weight = Weight::default();
        for line in String::from_utf8_lossy(&bytes).lines() {
            let line: Value = serde_json::from_str(line).unwrap_or_else(|_| line.into());
            weight.lines = weight.lines.saturating_add(1);
            weight.bytes = weight.bytes.saturating_add(settled(line.clone()).to_string().len().try_into().unwrap_or(0));
            weight.metrics.extend(metrics(&line));
        }
        weight
    }
}

/// A line whose times are as wide as on every other run.
fn settled(mut line: Value) -> Value {
    if let Value::Object(members) = &mut line {
        for (name, value) in members.iter_mut() {
            if name.ends_with("_ms") {
                *value = 10.into();
            } else if name == "timestamp" {
                *value = "2026-11-22T17:50:38.123456Z".into();
            }
        }
    }
    line
}

/// The metrics of a line in CloudWatch's embedded metric format, by name and values of dimensions.
fn metrics(line: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for directive in line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten() {
        for dimensions in directive["Dimensions"].as_array().into_iter().flatten() {
            let names = dimensions.as_array().into_iter().flatten().filter_map(Value::as_str);
            let values: Vec<&str> = names.map(|name| line[name].as_str().unwrap_or_default()).collect();
            for metric in directive["Metrics"].as_array().into_iter().flatten() {
                found.push(format!("{} {}", metric["Name"].as_str().unwrap_or_default(), values.join(" ")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_weighed_and_their_metrics_found() {
        let lines = Lines::default();
        let metric = concat!(
            r#"{"_aws":{"CloudWatchMetrics":[{"Dimensions":[["Stage","Outcome"]],"Metrics":[{"Name":"WebhookEvents"}]}]},"#,
            r#""Outcome":"applied","Stage":"prod","WebhookEvents":1}"#
        );
        let text = format!("{}\n{metric}\n", r#"{"duration_ms":12345,"a":"b"}"#);
        lines.0.lock().unwrap().extend(text.as_bytes());
        let weight = lines.take();
        let settled = r#"{"duration_ms":10,"a":"b"}"#.len() + metric.len();
        assert_eq!((weight.lines, weight.bytes), (2, settled as u64));
        assert_eq!(weight.metrics, BTreeSet::from(["WebhookEvents prod applied".to_owned()]));
        assert_eq!(lines.take(), Weight::default());
    }
}
