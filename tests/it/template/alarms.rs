//! Alarms name metrics that exist, and a page that says what to do.

use std::collections::BTreeSet;
use std::fs;

use local::template::{Alarm, Dimension};
use web::metrics::{self, WebhookOutcome};

use super::{STAGES, root, stack, stack_with};

/// What AWS counts by itself, and by what.
const BY_AWS: [(&str, &str, &str); 4] = [
    ("AWS/ApiGateway", "5xx", "ApiId"),
    ("AWS/Lambda", "Errors", "FunctionName"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName"),
];

/// Ten are free; the two about the webhook are worth twenty cents a month.
const MOST: usize = 12;

/// What is wrong with the metric that an alarm looks at.
fn fault(alarm: &Alarm, stage: &str) -> Option<String> {
    let Alarm { namespace, metric_name, dimensions, .. } = alarm;
    if namespace != metrics::NAMESPACE {
        let by = dimensions.iter().map(|of| of.name.as_str()).collect::<Vec<_>>().join(" ");
        let known = BY_AWS.iter().any(|known| (known.0, known.1, known.2) == (namespace, metric_name, &by));
        return (!known).then(|| format!("{namespace} has no {metric_name} by {by}"));
    }
    let Some(metric) = metrics::ALL.iter().find(|metric| metric.name == metric_name) else {
        return Some(format!("nobody emits {metric_name}"));
    };
    let (stages, others): (Vec<&Dimension>, Vec<&Dimension>) = dimensions.iter().partition(|of| of.name == "Stage");
    let outcome = |of: &&Dimension| of.name != "Outcome" || WebhookOutcome::ALL.iter().any(|it| it.name() == of.value);
    let right = matches!(stages[..], [of] if of.value == stage)
        && others.iter().map(|of| Some(of.name.as_str())).eq(metric.dimension.map(Some))
        && others.iter().all(outcome);
    (!right).then(|| format!("{metric_name} is not emitted by {dimensions:?}"))
}

#[test]
fn every_alarm_looks_at_a_metric_that_is_emitted() {
    for (config, stage) in STAGES {
        let alarms = stack(config).all::<Alarm>("AWS::CloudWatch::Alarm").unwrap();
        let wrong: Vec<_> =
            alarms.iter().filter_map(|(id, alarm)| Some(format!("{id}: {}", fault(alarm, stage)?))).collect();
        assert_eq!(wrong, Vec::<String>::new());
        assert!(alarms.len() <= MOST, "{} alarms", alarms.len());
    }
}

#[test]
fn an_alarm_that_looks_at_nothing_is_found() {
    let good = stack("prod").all::<Alarm>("AWS::CloudWatch::Alarm").unwrap();
    let ours = good.values().find(|alarm| alarm.namespace == metrics::NAMESPACE && alarm.dimensions.len() > 1);
    let ours = ours.expect("an alarm by outcome").clone();
    assert_eq!(fault(&ours, "prod"), None);
    let renamed = Alarm { metric_name: "WebhookEvent".to_owned(), ..ours.clone() };
    let elsewhere = Alarm { namespace: "AWS/SQS".to_owned(), ..ours.clone() };
    let without = Alarm { dimensions: ours.dimensions[..1].to_vec(), ..ours.clone() };
    let mut misspelt = ours.clone();
    misspelt.dimensions[1].value = "refuzed".to_owned();
    for alarm in [&renamed, &elsewhere, &without, &misspelt] {
        assert!(fault(alarm, "prod").is_some(), "{alarm:?}");
    }
    assert!(fault(&ours, "dev").is_some());
}

/// Sums say nothing where nothing happened; only the janitor's own silence is an alarm.
#[test]
fn silence_is_an_alarm_only_where_something_must_be_heard() {
    for (id, alarm) in stack("prod").all::<Alarm>("AWS::CloudWatch::Alarm").unwrap() {
        let heard_each_minute = alarm.metric_name == "DueLag";
        assert_eq!(alarm.treat_missing_data, if heard_each_minute { "breaching" } else { "notBreaching" }, "{id}");
        assert!(alarm.period >= 60 && ["Average", "Maximum", "Sum"].contains(&alarm.statistic.as_str()), "{id}");
    }
}

/// What is counted once waits on when the counting ends, so an end of such an alarm is no good news.
#[test]
fn an_alarm_about_what_waits_for_a_human_does_not_say_that_all_is_well() {
    let watched = stack_with(&[("AlarmEmail", "ops@school.example")]);
    for (id, resource) in watched.resources().iter().filter(|(_, of)| of.kind == "AWS::CloudWatch::Alarm") {
        let (alarm, told) = (&resource.properties, serde_json::json!(["${AlarmTopic}"]));
        let counts = alarm["Namespace"] == metrics::NAMESPACE && alarm["Statistic"] == "Sum";
        assert_eq!(alarm["AlarmActions"], told, "{id}");
        assert_eq!(alarm.get("OKActions"), (!counts).then_some(&told), "{id}");
    }
}

/// The anchors of a Markdown document, as they are made of its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter_map(|line| line.strip_prefix("## "));
    let kept = |c: &char| c.is_alphanumeric() || *c == ' ' || *c == '-';
    headings.map(|heading| heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

#[test]
fn every_alarm_leads_to_its_page_and_every_page_has_an_alarm() {
    let runbook = fs::read_to_string(root().join("docs/runbook.md")).unwrap();
    let pages = anchors(&runbook);
    let mut led_to = BTreeSet::new();
    for (id, alarm) in stack("prod").all::<Alarm>("AWS::CloudWatch::Alarm").unwrap() {
        let (_, anchor) =
            alarm.alarm_description.split_once("docs/runbook.md#").unwrap_or_else(|| panic!("{id} leads nowhere"));
        assert!(pages.contains(anchor), "{id}: docs/runbook.md has no {anchor}, but {pages:?}");
        // The promise that is broken, by its number.
        assert!(alarm.alarm_description.starts_with('I'), "{id}: {}", alarm.alarm_description);
        led_to.insert(anchor.to_owned());
    }
    let alone: Vec<_> = pages.difference(&led_to).collect();
    assert_eq!(alone, Vec::<&String>::new(), "pages without an alarm");
}

#[test]
fn every_metric_of_ours_is_seen_on_the_dashboard() {
    let stack = stack("prod");
    let boards = stack.all::<serde_json::Value>("AWS::CloudWatch::Dashboard").unwrap();
    let body: String = boards.values().map(|board| board["DashboardBody"].as_str().unwrap()).collect();
    let parsed = serde_json::from_str::<serde_json::Value>(&body);
    assert!(parsed.is_ok(), "{parsed:?}");
    let unseen: Vec<_> = metrics::ALL.iter().map(|metric| metric.name).filter(|name| !body.contains(name)).collect();
    assert_eq!(unseen, Vec::<&str>::new());
}
