//! The table, the queues and the functions are what the code takes them to be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use aws_sdk_dynamodb::types::{AttributeDefinition, AttributeValue, KeySchemaElement};
use domain::fulfil_task::LEASE;
use http::StatusCode;
use local::template::{Event, Function, LogGroup, Queue, Stack};
use serde_json::{Value, json};
use tests::TestApp;

use super::policy::{granted_to, names_of_variables};
use super::{STAGES, root, stack, stack_with};

fn the_only<T>(all: BTreeMap<String, T>) -> T {
    assert_eq!(all.len(), 1, "{:?}", all.keys());
    all.into_values().next().unwrap()
}

fn table(stack: &Stack) -> Value {
    the_only(stack.all::<Value>("AWS::DynamoDB::Table").unwrap())
}

fn keys(schema: &[KeySchemaElement]) -> Value {
    let key = |key: &KeySchemaElement| json!({"AttributeName": key.attribute_name, "KeyType": key.key_type.as_str()});
    schema.iter().map(key).collect()
}

/// A list whose order says nothing.
fn sorted(list: &Value, by: &str) -> Vec<Value> {
    let mut list = list.as_array().unwrap().clone();
    list.sort_by_key(|one| one[by].as_str().unwrap().to_owned());
    list
}

#[tokio::test]
async fn the_table_is_the_one_that_the_store_makes() {
    let app = TestApp::start().await;
    let made = app.cloud.dynamodb.describe_table().table_name("bursar").send().await.unwrap().table.unwrap();
    let attribute = |of: &AttributeDefinition| json!({"AttributeName": of.attribute_name, "AttributeType": of.attribute_type.as_str()});
    let attributes: Value = made.attribute_definitions().iter().map(attribute).collect();
    let indexes: Value = made
        .global_secondary_indexes()
        .iter()
        .map(|index| {
            let projection = index.projection().and_then(|of| of.projection_type()).unwrap().as_str();
            let schema = keys(index.key_schema());
            json!({"IndexName": index.index_name, "KeySchema": schema, "Projection": {"ProjectionType": projection}})
        })
        .collect();
    for (config, _) in STAGES {
        let table = table(&stack(config));
        assert_eq!(table["KeySchema"], keys(made.key_schema()));
        let sort = |list: &Value| sorted(list, "AttributeName");
        assert_eq!(sort(&table["AttributeDefinitions"]), sort(&attributes));
        let sort = |list: &Value| sorted(list, "IndexName");
        assert_eq!(sort(&table["GlobalSecondaryIndexes"]), sort(&indexes));
        assert_eq!(table["BillingMode"], made.billing_mode_summary().unwrap().billing_mode().unwrap().as_str());
    }
    app.finish().await;
}

/// DynamoDB drops rows by an attribute of seconds; the rows of an anonymous basket have it under the name that it is told.
#[tokio::test]
async fn rows_expire_by_the_attribute_that_the_table_is_told() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.session("1").add("PY").await.expect(StatusCode::CREATED);
    let rows = app.cloud.dynamodb.scan().table_name("bursar").send().await.unwrap().items.unwrap();
    let basket = |row: &&std::collections::HashMap<String, AttributeValue>| row["sk"].as_s().unwrap() == "BASKET";
    let basket = rows.iter().find(basket).unwrap();
    let told = &table(&stack("prod"))["TimeToLiveSpecification"];
    assert_eq!(told["Enabled"], true);
    let seconds = basket[told["AttributeName"].as_str().unwrap()].as_n().unwrap();
    assert!(seconds.parse::<i64>().unwrap() > app.cloud.clock.now().as_second());
    app.finish().await;
}

#[test]
fn the_table_of_prod_outlives_a_mistake_and_can_be_put_back() {
    let prod = stack("prod");
    let (table, resource) = (table(&prod), prod.resource("Table").unwrap());
    assert_eq!(table["DeletionProtectionEnabled"], true);
    assert!(resource.deletion_policy.as_deref().is_some_and(|policy| policy.starts_with("Retain")));
    for (config, _) in STAGES {
        let table = &stack(config).resource("Table").unwrap().properties.clone();
        assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true, "{config}");
        assert_eq!(table["StreamSpecification"]["StreamViewType"], "NEW_AND_OLD_IMAGES", "{config}");
    }
}

const FOURTEEN_DAYS: u32 = 14 * 24 * 60 * 60;

#[test]
fn a_message_is_hidden_for_six_attempts_tried_five_times_and_kept_for_fourteen_days() {
    for (config, _) in STAGES {
        let stack = stack(config);
        let queues = stack.all::<Queue>("AWS::SQS::Queue").unwrap();
        let mut triggers = 0;
        for function in stack.functions().unwrap().values() {
            for event in function.events.values() {
                let Event::Queue(event) = event else { continue };
                triggers += 1;
                assert_eq!(event.function_response_types, ["ReportBatchItemFailures"]);
                assert!(event.batch_size <= 10 && event.scaling_config["MaximumConcurrency"] >= 2);
                let queue = &queues[event.queue.trim_start_matches("${").split('.').next().unwrap()];
                assert!(queue.visibility_timeout >= 6 * function.timeout, "{config}: {queue:?}");
                let redrive = queue.redrive_policy.as_ref().expect("a dead-letter queue");
                assert_eq!(redrive.max_receive_count, 5);
                let dead = &queues[redrive.dead_letter_target_arn.trim_start_matches("${").split('.').next().unwrap()];
                assert!(dead.redrive_policy.is_none());
            }
        }
        assert_eq!((triggers, queues.len()), (1, 2));
        for (id, queue) in queues {
            assert_eq!(queue.message_retention_period, FOURTEEN_DAYS, "{id}");
            assert_eq!(queue.sqs_managed_sse_enabled, Some(true), "{id}");
        }
    }
}

/// A worker that dies holds its line for the length of the lease; one that lives must be done with it, or told so, first.
#[test]
fn fulfillment_has_longer_than_a_lines_lease() {
    let lease = u32::try_from(LEASE.as_secs()).unwrap();
    for (config, _) in STAGES {
        assert!(stack(config).functions().unwrap()["fulfillment"].timeout > lease, "{config}");
    }
}

/// The packages under functions/, which are what the template deploys.
fn packages() -> BTreeSet<String> {
    let folders = fs::read_dir(root().join("functions")).unwrap();
    folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_function_is_deployed_behind_an_alias_and_rolled_back_by_an_alarm() {
    for (config, stage) in STAGES {
        let stack = stack(config);
        let functions = stack.functions().unwrap();
        assert_eq!(functions.keys().cloned().collect::<BTreeSet<_>>(), packages());
        for (name, function) in functions {
            assert_eq!(
                (function.runtime.as_str(), function.architectures.as_slice()),
                ("provided.al2023", &["arm64".to_owned()][..])
            );
            assert_eq!(function.auto_publish_alias.as_deref(), Some("live"), "{name}");
            let deployment = function.deployment_preference.expect("a deployment preference");
            if stage == "dev" {
                assert!(!deployment.enabled, "{name}");
                continue;
            }
            // A canary of what is called once a minute is most likely over before it was called at all.
            let rare = function.events.values().any(|event| matches!(event, Event::Schedule(_)));
            let steps = if rare { "Linear10PercentEvery1Minute" } else { "Canary10Percent5Minutes" };
            assert_eq!((deployment.enabled, deployment.kind.as_str()), (true, steps), "{name}");
            assert!(!deployment.alarms.is_empty(), "{name} is rolled back by nothing");
            for alarm in &deployment.alarms {
                let alarm = stack.resource(alarm.trim_start_matches("${").trim_end_matches('}')).unwrap();
                assert_eq!(alarm.kind, "AWS::CloudWatch::Alarm", "{name}");
                // What does not answer people is called so seldom that one failure must do.
                let one_is_enough = alarm.properties["Namespace"] == "AWS/Lambda";
                assert!(!one_is_enough || alarm.properties["DatapointsToAlarm"] == 1, "{name}");
            }
        }
    }
}

/// The dead table is written to by nobody, and looked at by nobody.
#[test]
fn a_restored_table_takes_the_place_of_the_stacks_own_everywhere() {
    let restored = stack_with(&[("Stage", "prod"), ("RestoredTable", "kept")]);
    let arn = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/kept";
    for (name, function) in restored.functions().unwrap() {
        assert_eq!(function.variables()["BURSAR_TABLE"], "kept", "{name}");
        let mut granted = BTreeSet::new();
        for statement in restored.statements(&function).unwrap() {
            for action in &statement.action {
                let of = |resource: &String| (action.clone(), resource.replace(arn, "${Table.Arn}"));
                granted.extend(statement.resource.iter().map(of));
            }
            assert!(!statement.resource.iter().any(|resource| resource.contains("${Table")), "{name}: {statement:?}");
        }
        assert_eq!(granted, granted_to(&name), "{name}");
    }
    let boards = restored.all::<Value>("AWS::CloudWatch::Dashboard").unwrap();
    let body = the_only(boards)["DashboardBody"].as_str().unwrap().to_owned();
    assert!(body.contains(r#""TableName", "kept""#) && !body.contains("${Table}"), "{body}");
}

#[test]
fn every_function_logs_into_a_group_of_its_own_that_forgets() {
    for (config, _) in STAGES {
        let stack = stack(config);
        let groups = stack.all::<LogGroup>("AWS::Logs::LogGroup").unwrap();
        let mut taken = BTreeSet::new();
        for (name, function) in stack.functions().unwrap() {
            let id = function.logging_config.log_group.trim_start_matches("${").trim_end_matches('}').to_owned();
            assert!(groups[&id].log_group_name.ends_with(&format!("-{name}")), "{name} logs into {:?}", groups[&id]);
            assert!(taken.insert(id), "{name} logs into another's group");
            // Lambda's own lines about every invocation cost more than ours and say less.
            assert_eq!(function.logging_config.system_log_level.as_deref(), Some("WARN"), "{name}");
        }
        assert!(groups.values().all(|group| group.retention_in_days.is_some()), "{config}: something is kept for ever");
    }
}

/// What the template sets in the environment of every function, and the queue for those that send messages.
fn expected_variables(name: &str) -> BTreeSet<String> {
    let mut expected: BTreeSet<String> =
        ["BURSAR_PARAMETERS", "BURSAR_STAGE", "BURSAR_TABLE", "OTEL_EXPORTER_OTLP_ENDPOINT", "RUST_LOG"]
            .map(str::to_owned)
            .into();
    let sends = names_of_variables(name).contains("BURSAR_QUEUE_URL");
    expected.extend(sends.then(|| "BURSAR_QUEUE_URL".to_owned()));
    expected
}

#[test]
fn the_environment_holds_what_is_no_secret_and_nothing_else() {
    for (config, stage) in STAGES {
        for (name, function) in stack(config).functions().unwrap() {
            let variables = function.variables();
            // Changed when the functions are to start anew; nobody reads it.
            let set = variables.keys().filter(|name| *name != "BURSAR_REVISION").cloned().collect::<BTreeSet<_>>();
            assert_eq!(set, expected_variables(&name), "{name}");
            assert_eq!(variables["BURSAR_STAGE"], stage);
            assert_eq!(variables["BURSAR_TABLE"], "${Table}");
            assert!(variables.get("BURSAR_QUEUE_URL").is_none_or(|queue| queue == "${FulfillmentQueue}"));
        }
    }
}

#[test]
fn nothing_names_an_account() {
    for file in ["infra/template.yaml", "samconfig.toml", "infra/parameters.example"] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| digits.len() == 12);
        assert_eq!(numbers.collect::<Vec<_>>(), Vec::<&str>::new(), "{file}");
    }
}

/// The gateway waits longer than the function, so that it is the function that says what took too long.
#[test]
fn the_gateway_may_invoke_the_functions_that_answer_http_and_waits_for_them() {
    let stack = stack("prod");
    let functions = stack.functions().unwrap();
    let answering: BTreeSet<String> = stack.routes().unwrap().into_iter().map(|route| route.function).collect();
    let of_alias = |alias: &Value| -> (String, Function) {
        let id = alias.as_str().unwrap().trim_start_matches("${").trim_end_matches(".Alias}").to_owned();
        let found = functions.iter().find(|(_, function)| function.id == id).expect("the alias of a function");
        (found.0.clone(), found.1.clone())
    };
    let mut invoked = BTreeSet::new();
    for (id, permission) in stack.all::<Value>("AWS::Lambda::Permission").unwrap() {
        assert_eq!(permission["Principal"], "apigateway.amazonaws.com", "{id}");
        assert_eq!(permission["Action"], "lambda:InvokeFunction", "{id}");
        assert!(permission["SourceArn"].as_str().is_some_and(|arn| arn.contains("${Api}/")), "{id}: of any API");
        invoked.insert(of_alias(&permission["FunctionName"]).0);
    }
    assert_eq!(invoked, answering);
    for (id, integration) in stack.all::<Value>("AWS::ApiGatewayV2::Integration").unwrap() {
        let (_, function) = of_alias(&integration["IntegrationUri"]);
        let waits = integration["TimeoutInMillis"].as_u64().unwrap();
        assert!(waits > u64::from(function.timeout) * 1000 && waits <= 30_000, "{id} waits {waits} ms");
    }
}
