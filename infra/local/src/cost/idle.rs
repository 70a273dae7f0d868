//! What a deployment costs that nobody uses, in a month.

use anyhow::{Context, bail, ensure};
use rust_decimal::Decimal;

use super::bill::{Bill, checked};
use super::durations::Compute;
use super::order::{Rates, gigabytes};
use super::prices::Prices;
use super::usage::Usage;
use crate::template::{Event, Function, LogGroup, Resource, Stack};

/// A month is 730 hours, as in AWS's own calculator.
const MINUTES: u32 = 730 * 60;
/// An instance that is kept busy is replaced about every two hours.
const INSTANCES: u32 = 730 / 2;

/// A month in which nothing happens. `run` is what one run of the schedule uses.
pub(super) fn bill(run: &Usage, rates: &Rates<'_>) -> anyhow::Result<Bill> {
    let Rates { stack, prices, durations, settings } = rates;
    all_known(stack, prices)?;
    let compute = Compute::new(stack, durations, settings)?;
    let mut bill = Bill::default();
    let mut add = |name: &str, price: &str, count: Decimal| bill.add(prices, name, price, count);
    for function in stack.functions()?.values() {
        for event in function.events.values() {
            match event {
                Event::Schedule(schedule) => {
                    let (name, runs) = (function.package()?, Decimal::from(runs(&schedule.schedule)?));
                    let times = |count: Decimal| checked(count.checked_mul(runs));
                    add(&format!("{name}: runs"), "lambda_request", runs)?;
                    for (price, seconds) in compute.gb_seconds(&run.invocations)? {
                        add(&format!("{name}: compute"), &price, times(seconds)?)?;
                    }
                    add(&format!("{name}: reads"), "dynamodb_read", times(run.read_units)?)?;
                    let overhead = run.log.lines.saturating_mul(durations.wire.line_bytes.into());
                    let logged = times(gigabytes(run.log.bytes.saturating_add(overhead))?)?;
                    add(&format!("{name}: logs"), "logs_ingestion", logged)?;
                    let kept = checked(logged.checked_mul(months_kept(stack, function)?))?;
                    add(&format!("{name}: logs kept"), "logs_storage", kept)?;
                    add(&format!("{name}: metrics"), "metric", run.log.metrics.len().into())?;
                    let secrets = Decimal::from(compute.secrets(name)?);
                    add(
                        &format!("{name}: decryption at starts"),
                        "kms_request",
                        checked(secrets.checked_mul(INSTANCES.into()))?,
                    )?;
                }
                Event::Queue(_) => {
                    let polls = Decimal::from(MINUTES).checked_mul(60.into()).context("polls")?;
                    let polls = checked(polls.checked_div(durations.poll.wait_s.into()))?;
                    let polls = checked(polls.checked_mul(durations.poll.pollers.into()))?;
                    add(&format!("{}: polls", function.package()?), "sqs_request", polls)?;
                }
            }
        }
    }
    for (id, resource) in stack.resources() {
        for (name, price, count) in standing(resource).with_context(|| id.clone())? {
            add(&format!("{id}: {name}"), price, count.into())?;
        }
    }
    Ok(bill)
}

/// Whether somebody has said of every resource what it costs.
fn all_known(stack: &Stack, prices: &Prices) -> anyhow::Result<()> {
    for (id, Resource { kind, .. }) in stack.resources() {
        ensure!(prices.nothing.contains_key(kind) || is_priced(kind), "{id}: nobody has said what {kind} costs");
    }
    Ok(())
}

/// The types of resources that cost something, if only by what is in them.
fn is_priced(kind: &str) -> bool {
    matches!(
        kind,
        "AWS::CloudWatch::Alarm"
            | "AWS::CloudWatch::Dashboard"
            | "AWS::DynamoDB::Table"
            | "AWS::Logs::LogGroup"
            | "AWS::SQS::Queue"
            | "AWS::Serverless::Function"
    )
}

/// What a resource costs by being there: a name, a price, a count.
fn standing(resource: &Resource) -> anyhow::Result<Vec<(&'static str, &'static str, u32)>> {
    let properties = &resource.properties;
    Ok(match resource.kind.as_str() {
        "AWS::CloudWatch::Alarm" => {
            // One over several metrics is billed for each.
            if properties.get("Metrics").is_some() || properties["Period"].as_u64().is_none_or(|period| period < 60) {
                bail!("an alarm that is not priced: over several metrics, or of high resolution");
            }
            vec![("an alarm", "alarm", 1)]
        }
        "AWS::CloudWatch::Dashboard" => vec![("a dashboard", "dashboard", 1)],
        "AWS::DynamoDB::Table" => {
            if properties["BillingMode"] != "PAY_PER_REQUEST" {
                bail!("a table whose capacity is provisioned is not priced");
            }
            let backup = &properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
            let backup = (*backup == true).then_some(("backup of nothing", "dynamodb_pitr", 0));
            [Some(("storage of nothing", "dynamodb_storage", 0)), backup].into_iter().flatten().collect()
        }
        _ => Vec::new(),
    })
}

/// How often a schedule runs in a month.
fn runs(schedule: &str) -> anyhow::Result<u32> {
    let inner = schedule.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')'));
    let minutes = inner.and_then(|rate| rate.strip_suffix(" minute").or_else(|| rate.strip_suffix(" minutes")));
    let minutes: u32 =
        minutes.and_then(|count| count.parse().ok()).with_context(|| format!("{schedule} is not priced"))?;
    MINUTES.checked_div(minutes).context("a schedule of no minutes")
}

/// For how many months a function's lines are kept.
fn months_kept(stack: &Stack, function: &Function) -> anyhow::Result<Decimal> {
    let groups = stack.all::<LogGroup>("AWS::Logs::LogGroup")?;
    let id = function.logging_config.log_group.trim_start_matches("${").trim_end_matches('}');
    let days = groups.get(id).and_then(|group| group.retention_in_days).context("logs that are kept for ever")?;
    checked(Decimal::from(days).checked_mul(12.into()).and_then(|days| days.checked_div(365.into())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schedule_runs_so_often_a_month() {
        assert_eq!(runs("rate(1 minute)").unwrap(), 43_800);
        assert_eq!(runs("rate(5 minutes)").unwrap(), 8_760);
        assert!(runs("cron(0 * * * ? *)").is_err());
    }

    #[test]
    fn what_cannot_be_priced_is_not_passed_over() {
        let resource = |kind: &str, properties| Resource { kind: kind.to_owned(), properties, deletion_policy: None };
        for (kind, properties) in [
            ("AWS::CloudWatch::Alarm", json!({"Period": 60, "Metrics": []})),
            ("AWS::CloudWatch::Alarm", json!({"Period": 10})),
            ("AWS::DynamoDB::Table", json!({"BillingMode": "PROVISIONED"})),
        ] {
            assert!(standing(&resource(kind, properties.clone())).is_err(), "{kind} {properties}");
        }
    }

    #[test]
    fn a_resource_that_nobody_has_priced_is_an_error() {
        let stack = |kind: &str| {
            Stack::parse(&format!("Resources: {{ New: {{ Type: {kind} }} }}"), &std::collections::BTreeMap::new())
                .unwrap()
        };
        let prices = Prices::read().unwrap();
        assert!(all_known(&stack("AWS::IAM::Role"), &prices).is_ok());
        let error = all_known(&stack("AWS::EC2::NatGateway"), &prices).unwrap_err();
        assert_eq!(error.to_string(), "New: nobody has said what AWS::EC2::NatGateway costs");
    }
}
