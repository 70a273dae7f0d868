//! The resources that tests and prices look into, typed.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Resource, Stack, read_as};

/// The type of a function.
pub(super) const FUNCTION: &str = "AWS::Serverless::Function";

/// A function.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Function {
    /// Its logical id.
    #[serde(skip)]
    pub id: String,
    /// The folder of its artefact.
    pub code_uri: String,
    /// `provided.al2023`.
    pub runtime: String,
    /// `arm64` or `x86_64`.
    pub architectures: Vec<String>,
    /// Memory in MB.
    pub memory_size: u32,
    /// Timeout in seconds.
    pub timeout: u32,
    /// Its role: a reference.
    pub role: String,
    /// The alias that is deployed to.
    pub auto_publish_alias: Option<String>,
    /// How a new version takes over.
    pub deployment_preference: Option<Deployment>,
    /// Where and what it logs.
    pub logging_config: Logging,
    environment: Environment,
    /// What invokes it, except for the API, whose routes are resources of their own.
    #[serde(default)]
    pub events: BTreeMap<String, Event>,
}

/// How a new version takes over.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Deployment {
    /// Whether CodeDeploy shifts the traffic; if not, all of it moves at once.
    pub enabled: bool,
    /// Such as `Canary10Percent5Minutes`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// The alarms that roll it back: references.
    #[serde(default)]
    pub alarms: Vec<String>,
}

/// Where and what a function logs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Logging {
    /// Its log group: a reference.
    pub log_group: String,
    /// Which of its own lines Lambda writes.
    pub system_log_level: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Environment {
    variables: BTreeMap<String, String>,
}

/// Something that invokes a function.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "Type", content = "Properties")]
pub enum Event {
    /// A queue.
    #[serde(rename = "SQS")]
    Queue(QueueEvent),
    /// A schedule.
    Schedule(ScheduleEvent),
}

/// A queue that invokes a function.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct QueueEvent {
    /// The queue: a reference.
    pub queue: String,
    /// Messages at once.
    pub batch_size: u32,
    /// `ReportBatchItemFailures`.
    #[serde(default)]
    pub function_response_types: Vec<String>,
    /// The most batches at once.
    pub scaling_config: BTreeMap<String, u32>,
}

/// A schedule that invokes a function.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScheduleEvent {
    /// Such as `rate(1 minute)`.
    pub schedule: String,
}

impl Function {
    /// The package that it is built from.
    ///
    /// # Errors
    /// If its artefact is not where artefacts are.
    pub fn package(&self) -> anyhow::Result<&str> {
        let name = self.code_uri.strip_prefix("../target/lambda/").and_then(|rest| rest.strip_suffix('/'));
        name.with_context(|| format!("{}: CodeUri is {}", self.id, self.code_uri))
    }

    /// Its environment.
    #[must_use]
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.environment.variables
    }
}

/// A queue.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Queue {
    /// Seconds for which a received message is hidden; 30 unless said.
    #[serde(default = "thirty")]
    pub visibility_timeout: u32,
    /// Seconds for which messages are kept.
    pub message_retention_period: u32,
    /// Where messages go that were received too often.
    pub redrive_policy: Option<Redrive>,
    /// Whether SQS encrypts with a key of its own.
    pub sqs_managed_sse_enabled: Option<bool>,
}

const fn thirty() -> u32 {
    30
}

/// Where messages go that were received too often.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Redrive {
    /// The other queue: a reference.
    pub dead_letter_target_arn: String,
    /// How often is too often.
    pub max_receive_count: u32,
}

/// A log group.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LogGroup {
    /// Its name.
    pub log_group_name: String,
    /// Days for which lines are kept; for ever if not said.
    pub retention_in_days: Option<u32>,
}

/// An alarm.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Alarm {
    /// What it is about, and where that is explained.
    pub alarm_description: String,
    /// The metric's namespace.
    pub namespace: String,
    /// The metric.
    pub metric_name: String,
    /// The metric's dimensions.
    #[serde(default)]
    pub dimensions: Vec<Dimension>,
    /// Seconds of one datapoint.
    pub period: u32,
    /// What a datapoint is made of, such as `Sum`.
    pub statistic: String,
    /// What no data means.
    pub treat_missing_data: String,
}

/// One dimension of a metric.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Dimension {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A route of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Such as `ANY /api/v1/products/{proxy+}`.
    pub key: String,
    /// The package that answers.
    pub function: String,
}

pub(super) fn routes(stack: &Stack) -> anyhow::Result<Vec<Route>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Written {
        route_key: String,
        target: String,
    }
    let functions = stack.functions()?;
    let mut routes = Vec::new();
    for (id, route) in stack.all::<Written>("AWS::ApiGatewayV2::Route")? {
        let integration = route.target.strip_prefix("integrations/").unwrap_or_default();
        let integration = &stack.resource(referred(integration)?)?.properties;
        ensure!(integration["PayloadFormatVersion"] == "2.0", "{id}: the payload is not of version 2.0");
        let uri = integration["IntegrationUri"].as_str().unwrap_or_default();
        // The alias, so that a version that is rolled back takes no more requests.
        let function = uri.strip_prefix("${").and_then(|uri| uri.strip_suffix(".Alias}"));
        let function = functions.iter().find(|(_, of)| Some(of.id.as_str()) == function);
        let (name, _) = function.with_context(|| format!("{id} leads to {uri}"))?;
        routes.push(Route { key: route.route_key, function: name.clone() });
    }
    Ok(routes)
}

/// The logical id in a reference such as `${Table}` or `${Table.Arn}`.
pub(super) fn referred(reference: &str) -> anyhow::Result<&str> {
    let inner = reference.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let inner = inner.with_context(|| format!("{reference:?} is no reference"))?;
    Ok(inner.split('.').next().unwrap_or(inner))
}

/// A statement of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Statement {
    /// Its name.
    #[serde(default)]
    pub sid: String,
    /// Whether it allows.
    pub effect: Effect,
    /// What, such as `dynamodb:GetItem`.
    #[serde(deserialize_with = "one_or_many")]
    pub action: Vec<String>,
    /// On what.
    #[serde(deserialize_with = "one_or_many")]
    pub resource: Vec<String>,
}

/// Whether a statement allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It forbids.
    Deny,
}

pub(super) fn statements(stack: &Stack, function: &Function) -> anyhow::Result<Vec<Statement>> {
    let id = referred(&function.role)?;
    let role: &Resource = stack.resource(id)?;
    ensure!(role.kind == "AWS::IAM::Role", "{id} is no role");
    ensure!(role.properties.get("ManagedPolicyArns").is_none(), "{id} has policies of others");
    for (other, resource) in stack.resources() {
        let attached =
            matches!(resource.kind.as_str(), "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" | "AWS::IAM::RolePolicy");
        ensure!(!attached, "{other} is a policy outside its role");
    }
    let mut all = Vec::new();
    for policy in role.properties["Policies"].as_array().into_iter().flatten() {
        let Value::Array(statements) = &policy["PolicyDocument"]["Statement"] else {
            bail!("{id}: its statements are no list");
        };
        for statement in statements {
            all.push(read_as(id, statement)?);
        }
    }
    Ok(all)
}

fn one_or_many<'de, D: Deserializer<'de>>(of: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Either::deserialize(of)? {
        Either::One(one) => vec![one],
        Either::Many(many) => many,
    })
}
