//! Least privilege: each function's role allows what the function's code can reach, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use expect_test::expect;
use local::template::{Effect, Event, Function, Setting, Stack, settings};
use tests::binaries::binary;

use super::reach::{Grant, Reach};
use super::symbols::Symbols;
use super::{STAGES, root, sending_traces, source, stack};

/// Variables that the template sets: they are of the deployment and no secret, so they are no parameters.
const STRUCTURAL: [&str; 5] =
    ["BURSAR_PARAMETERS", "BURSAR_QUEUE_URL", "BURSAR_STAGE", "BURSAR_TABLE", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Variables that a deployment may leave to their defaults, and the template does.
const OPTIONAL: [&str; 1] = ["OTEL_SERVICE_NAME"];

/// What Lambda does by a function's role before and after the function's own code.
const LOGGING: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];
/// What the mapping between a queue and a function does by the function's role.
const POLLING: [&str; 3] = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];

struct Derived {
    reach: Reach,
    binaries: BTreeMap<String, Symbols>,
}

/// Read once: seven binaries of a hundred megabytes.
static DERIVED: LazyLock<Derived> = LazyLock::new(|| {
    let names = stack("prod").functions().unwrap().into_keys();
    let binaries = names.map(|name| (name.clone(), Symbols::of(binary(&name)))).collect();
    let reach = Reach::of(source::read());
    reach.check(&binaries);
    Derived { reach, binaries }
});

/// What Lambda itself does by a function's role.
fn platform(function: &Function) -> BTreeSet<Grant> {
    let logs = function.logging_config.log_group.replace('}', ".Arn}");
    let mut grants: BTreeSet<Grant> = LOGGING.map(|action| (action.to_owned(), logs.clone())).into();
    for event in function.events.values() {
        match event {
            Event::Queue(of) => grants.extend(POLLING.map(|action| (action.to_owned(), of.queue.clone()))),
            Event::Schedule(_) => {}
        }
    }
    grants
}

fn granted(stack: &Stack, function: &Function) -> BTreeSet<Grant> {
    let mut grants = BTreeSet::new();
    for statement in stack.statements(function).unwrap() {
        assert_eq!(statement.effect, Effect::Allow, "{}: {statement:?}", function.id);
        for action in &statement.action {
            for resource in &statement.resource {
                let new = grants.insert((action.clone(), resource.clone()));
                assert!(new, "{} allows {action} on {resource} twice", function.id);
            }
        }
    }
    grants
}

/// What the template allows a function of prod.
pub(super) fn granted_to(name: &str) -> BTreeSet<Grant> {
    let stack = stack("prod");
    granted(&stack, &stack.functions().unwrap()[name])
}

/// The groups of parameters that a function reads at start.
fn paths(function: &Function) -> BTreeSet<String> {
    function.variables()["BURSAR_PARAMETERS"].split(',').map(str::to_owned).collect()
}

/// What is missing, and what is too much.
fn differences(name: &str, needed: &BTreeSet<Grant>, granted: &BTreeSet<Grant>) -> Vec<String> {
    let say = |what: &str, (action, resource): &Grant| format!("{name}: {what} {action} on {resource}");
    let lack = needed.difference(granted).map(|grant| say("lacks", grant));
    let surplus = granted.difference(needed).map(|grant| say("has no use for", grant));
    lack.chain(surplus).collect()
}

#[test]
fn every_function_may_do_what_its_code_can_reach_and_nothing_else() {
    for (config, stage) in STAGES {
        for stack in [stack(config), sending_traces(stage)] {
            assert_eq!(wrong_grants(&stack), Vec::<String>::new(), "{config}");
        }
    }
}

fn wrong_grants(stack: &Stack) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, function) in stack.functions().unwrap() {
        // Roles change before versions do: while traces are switched off, the version that still sends them must start.
        let mut read = paths(&function);
        read.insert(format!("/bursar/{}/telemetry", function.variables()["BURSAR_STAGE"]));
        let mut needed = DERIVED.reach.grants(&DERIVED.binaries[&name], &read);
        needed.extend(platform(&function));
        wrong.extend(differences(&name, &needed, &granted(stack, &function)));
    }
    wrong
}

#[test]
fn a_permission_too_few_and_one_too_many_are_both_found() {
    let grants = |list: &[(&str, &str)]| -> BTreeSet<Grant> {
        list.iter().map(|(action, resource)| ((*action).to_owned(), (*resource).to_owned())).collect()
    };
    let needed = grants(&[("dynamodb:GetItem", "${Table.Arn}"), ("dynamodb:Query", "${Table.Arn}/index/gsi1")]);
    let granted = grants(&[("dynamodb:GetItem", "${Table.Arn}"), ("dynamodb:Query", "${Table.Arn}/index/gsi2")]);
    assert_eq!(
        differences("basket", &needed, &granted),
        [
            "basket: lacks dynamodb:Query on ${Table.Arn}/index/gsi1",
            "basket: has no use for dynamodb:Query on ${Table.Arn}/index/gsi2",
        ]
    );
    assert_eq!(differences("basket", &needed, &needed), Vec::<String>::new());
}

/// The real derivation, on a policy from which something was taken and to which something was added.
#[test]
fn a_template_that_was_tampered_with_is_found_out() {
    let stack = stack("prod");
    for (name, function) in stack.functions().unwrap() {
        let symbols = &DERIVED.binaries[&name];
        let needed = DERIVED.reach.grants(symbols, &paths(&function));
        for grant in &needed {
            let mut less = needed.clone();
            less.remove(grant);
            assert_eq!(differences(&name, &needed, &less).len(), 1);
        }
        // What no code of ours does is never derived.
        for (action, _) in &needed {
            let forbidden = ["dynamodb:Scan", "dynamodb:DeleteTable", "dynamodb:BatchWriteItem", "sqs:PurgeQueue"];
            assert!(!forbidden.contains(&action.as_str()), "{name} can reach {action}");
        }
    }
}

#[test]
fn nothing_is_allowed_by_a_pattern_and_no_role_is_shared() {
    let stack = stack("prod");
    let mut roles = BTreeSet::new();
    for (name, function) in stack.functions().unwrap() {
        for (action, resource) in granted(&stack, &function) {
            // The ARN of a log group ends in `:*`, its streams; the template does not write that, CloudFormation does.
            assert!(!action.contains('*') && !resource.contains('*'), "{name}: {action} on {resource}");
        }
        assert!(roles.insert(function.role.clone()), "{name} shares {}", function.role);
    }
    for (id, resource) in stack.resources().iter().filter(|(_, resource)| resource.kind == "AWS::IAM::Role") {
        assert!(roles.contains(&format!("${{{id}.Arn}}")), "{id} is nobody's role");
        let trust = &resource.properties["AssumeRolePolicyDocument"]["Statement"];
        assert_eq!(trust.as_array().map(Vec::len), Some(1), "{id}");
        assert_eq!(trust[0]["Principal"], serde_json::json!({"Service": "lambda.amazonaws.com"}), "{id}");
    }
}

/// The variables of the environment that a function's code names.
pub(super) fn names_of_variables(function: &str) -> BTreeSet<String> {
    DERIVED.reach.variables(&DERIVED.binaries[function])
}

#[test]
fn every_function_reads_the_groups_of_parameters_that_its_code_names_variables_of() {
    let settings = settings().unwrap();
    let group = |variable: &str| settings.iter().find(|of| of.variable == variable).map(|of| of.group.as_str());
    let (mut wrong, mut named) = (Vec::new(), BTreeSet::new());
    for (config, stage) in STAGES {
        let silent = stack(config).functions().unwrap();
        for (name, function) in sending_traces(stage).functions().unwrap() {
            let mut needed = BTreeSet::new();
            for variable in names_of_variables(&name) {
                match group(&variable) {
                    Some(group) => drop(needed.insert(format!("/bursar/{stage}/{group}"))),
                    None if STRUCTURAL.contains(&variable.as_str()) || OPTIONAL.contains(&variable.as_str()) => {}
                    None => wrong.push(format!("{name}: {variable} is in no group of infra/parameters.example")),
                }
                named.insert(variable);
            }
            let read = paths(&function);
            wrong.extend(needed.difference(&read).map(|path| format!("{name}: does not read {path}")));
            wrong.extend(read.difference(&needed).map(|path| format!("{name}: has no use for {path}")));
            // Without a receiver of traces nobody asks for what to tell it: each call counts when many instances start.
            needed.remove(&format!("/bursar/{stage}/telemetry"));
            assert_eq!(paths(&silent[&name]), needed, "{config} {name}");
        }
    }
    let unread = settings.iter().filter(|setting| !named.contains(&setting.variable));
    wrong.extend(unread.map(|Setting { group, variable, .. }| format!("nobody reads {group}/{variable}")));
    assert!(wrong.is_empty(), "\n  {}\n", wrong.join("\n  "));
}

/// The actions on table and queue, and the indexes, by their names alone.
fn names(grants: &BTreeSet<Grant>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (action, resource) in grants {
        let (service, name) = action.split_once(':').unwrap();
        if ["dynamodb", "sqs"].contains(&service) {
            names.insert(name.to_owned());
        }
        names.extend(resource.split_once("/index/").map(|(_, index)| index.to_owned()));
    }
    names
}

#[test]
fn every_readme_says_what_its_function_may_do() {
    let stack = stack("prod");
    let functions = stack.functions().unwrap();
    let known: BTreeSet<String> = functions.values().flat_map(|function| names(&granted(&stack, function))).collect();
    for (name, function) in &functions {
        let readme = std::fs::read_to_string(root().join(format!("functions/{name}/README.md"))).unwrap();
        let (_, section) = readme.split_once("\n## Permissions\n").expect("a section on permissions");
        let section = section.split("\n## ").next().unwrap();
        let said = section.split('`').skip(1).step_by(2).filter(|text| known.contains(*text)).map(str::to_owned);
        assert_eq!(said.collect::<BTreeSet<_>>(), names(&granted(&stack, function)), "functions/{name}/README.md");
    }
}

/// What the derivation takes each write of a plan to do; printed so that a reader can see it, and that a change is seen.
#[test]
fn every_write_of_a_plan_is_known_by_what_it_does_to_rows() {
    let mut table = String::new();
    for (write, actions) in &DERIVED.reach.writes {
        let actions: Vec<&str> = actions.iter().map(|action| action.trim_start_matches("dynamodb:")).collect();
        table.push_str(&format!("{write}: {}\n", actions.join(" ")));
    }
    known_writes().assert_eq(&table);
}

/// The writes by what they do.
fn known_writes() -> expect_test::Expect {
    expect![[r#"
        CheckNotOwned: ConditionCheckItem
        CheckOffer: ConditionCheckItem
        CheckTask: ConditionCheckItem
        ClaimLegacy: PutItem
        ClaimPayment: PutItem
        CreateAttempt: PutItem
        CreateBatch: PutItem
        CreateCoupon: PutItem
        CreateOfferOfCatalog: PutItem UpdateItem
        CreateOrder: PutItem
        CreateRefund: PutItem
        CreateTask: PutItem
        CreateUser: PutItem
        DropBasket: DeleteItem
        DropCatalog: DeleteItem
        DropOffer: DeleteItem UpdateItem
        DropUse: DeleteItem
        DropVoucher: DeleteItem
        EndSession: DeleteItem
        Grant: UpdateItem
        Journal: PutItem
        LinkPart: UpdateItem
        LinkReference: UpdateItem
        LinkSubject: PutItem
        Log: PutItem
        MoveStock: ConditionCheckItem UpdateItem
        MoveUses: ConditionCheckItem UpdateItem
        NoteUse: PutItem
        Owe: PutItem
        PostLedger: PutItem
        RecordEvent: PutItem
        RefreshOffer: PutItem
        Remember: PutItem
        Resend: PutItem
        SaveAttempt: PutItem
        SaveBasket: PutItem
        SaveBatch: PutItem
        SaveCatalog: PutItem
        SaveClientKey: PutItem
        SaveCoupon: PutItem
        SaveCourse: PutItem
        SaveMachineClient: PutItem
        SaveOffer: ConditionCheckItem PutItem UpdateItem
        SaveOrder: PutItem
        SaveProduct: DeleteItem PutItem UpdateItem
        SaveRefund: PutItem
        SaveTask: PutItem
        SaveUser: PutItem
        SaveVoucher: UpdateItem
        Settle: DeleteItem
        StartSession: PutItem
        ThawBasket: UpdateItem
        Ungrant: UpdateItem
        UnlinkPart: UpdateItem
        UnlinkSubject: DeleteItem
    "#]]
}
