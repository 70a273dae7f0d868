//! What a function's code can reach, as the permissions that it needs.
//!
//! Reads are told by the SDK's operations in the binary, and the indexes by those of `store`'s functions in it that name one.
//! Writes are finer: every function that commits holds the code of all of them, so they are told by the plans that it can
//! make. A plan's writes are variants of one enum; the functions that make a variant are known from the sources, and whether
//! they can be reached from the binary. Where one arm of `store`'s encoding may do two things, both count: it errs towards
//! more, never towards less.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{ANYONE, Said, Sources, arms};
use super::symbols::Symbols;

/// An action on a resource.
pub(super) type Grant = (String, String);

/// The services by which the SDK finds credentials on a laptop. On Lambda they are in the environment, and none is asked;
/// none of our packages depends on them.
const CREDENTIALS: [&str; 3] = ["sso", "ssooidc", "sts"];

/// Operations that write what a plan says, and are therefore told by plans.
const BY_PLAN: [&str; 4] = ["DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"];

/// The functions that execute plans.
const EXECUTE: [&str; 2] = ["store::Store::write_all", "store::Store::write_one"];

/// Functions that pass on what others have made, and make no write of their own.
const PASS_ON: [(&str, &str); 3] = [
    ("domain::Plan::move_stock", "joins movements of stock that are in the plan"),
    ("domain::Plan::move_uses", "joins movements of uses that are in the plan"),
    ("store::sweep::expires", "looks for a write"),
];

/// What an action of `store`'s encoding is called by IAM, alone and in a transaction.
const ACTIONS: [(&str, &str); 4] = [
    ("Check", "dynamodb:ConditionCheckItem"),
    ("Delete", "dynamodb:DeleteItem"),
    ("Put", "dynamodb:PutItem"),
    ("Update", "dynamodb:UpdateItem"),
];

/// What is for the local cloud and for tests, and in no function.
const LOCAL: [&str; 1] = ["store::table::create_table"];

const TABLE: &str = "${Table.Arn}";
const QUEUE: &str = "${FulfillmentQueue.Arn}";

/// What is known of the sources.
pub(super) struct Reach {
    sources: Sources,
    /// For each kind of write, what it does to rows.
    pub(super) writes: BTreeMap<String, BTreeSet<&'static str>>,
}

impl Reach {
    pub(super) fn of(mut sources: Sources) -> Self {
        for (function, _) in PASS_ON {
            let said = sources.get_mut(function).unwrap_or_else(|| panic!("{function} is not there any more"));
            assert!(!said.writes.is_empty(), "{function} needs no exception any more");
            said.writes.clear();
        }
        let writes = arms().into_iter().map(|(write, paths)| (write, actions(&sources, &paths))).collect();
        Self { sources, writes }
    }

    /// The functions of the sources in a binary.
    fn linked<'a>(&'a self, symbols: &'a Symbols) -> impl Iterator<Item = (&'a String, &'a Said)> {
        self.sources.iter().filter(|(path, _)| symbols.has(path))
    }

    /// What the code in a binary needs. `paths` are those of the parameter store that it is told to read.
    pub(super) fn grants(&self, symbols: &Symbols, paths: &BTreeSet<String>) -> BTreeSet<Grant> {
        let mut grants = BTreeSet::new();
        let mut grant = |action: &str, resource: &str| grants.insert((action.to_owned(), resource.to_owned()));
        for (service, operation) in symbols.operations() {
            match (service, operation) {
                ("dynamodb", operation) if BY_PLAN.contains(&operation) => {}
                ("dynamodb", "Query") => {
                    for place in self.queried(symbols) {
                        grant("dynamodb:Query", &place);
                    }
                }
                ("dynamodb", operation) => {
                    grant(&format!("dynamodb:{operation}"), TABLE);
                }
                ("sqs", operation) => {
                    grant(&format!("sqs:{operation}"), QUEUE);
                }
                ("ssm", operation) => {
                    for path in paths {
                        grant(&format!("ssm:{operation}"), &parameters(path));
                    }
                }
                other => assert!(CREDENTIALS.contains(&other.0), "{other:?} is new, and nobody has said on what"),
            }
        }
        for action in self.written(symbols) {
            grant(action, TABLE);
        }
        grants
    }

    /// The table and its indexes, as far as somebody queries them.
    fn queried(&self, symbols: &Symbols) -> BTreeSet<String> {
        let mut places = BTreeSet::new();
        for (path, said) in self.linked(symbols).filter(|(path, _)| path.starts_with("store::")) {
            places.extend(said.indexes.iter().map(|index| format!("{TABLE}/index/{index}")));
            places.extend(said.table.then(|| TABLE.to_owned()));
            // The one that all others query by takes the place from them.
            let own = said.calls.contains("query") && path != "store::Store::query";
            assert!(!own || !said.indexes.is_empty(), "{path} queries what cannot be told");
        }
        places
    }

    /// The actions on rows that its plans and its own calls ask for.
    fn written(&self, symbols: &Symbols) -> BTreeSet<&'static str> {
        let mut actions = BTreeSet::new();
        let commits = symbols.has("store::Store::commit");
        for (path, said) in self.linked(symbols) {
            assert!(commits || said.writes.is_empty(), "{path} makes a plan, and nobody commits it");
            for write in &said.writes {
                actions.extend(
                    self.writes.get(write).unwrap_or_else(|| panic!("{path} makes {write}, which is no write")),
                );
            }
            if path.starts_with("store::") && !EXECUTE.contains(&path.as_str()) {
                actions.extend(
                    ACTIONS.iter().filter(|(call, _)| said.calls.contains(&item_call(call))).map(|(_, name)| name),
                );
            }
        }
        actions
    }

    /// The variables of the environment that its code names.
    pub(super) fn variables(&self, symbols: &Symbols) -> BTreeSet<String> {
        self.linked(symbols).flat_map(|(_, said)| said.variables.iter().cloned()).collect()
    }

    /// What the derivation rests on, and would be wrong without: each function that says something is in one of the binaries
    /// under the name that it is looked for by; nothing is said outside functions; each call of the SDK that a binary holds
    /// is made by a function of `store` in it that is known, and the other way round.
    pub(super) fn check(&self, binaries: &BTreeMap<String, Symbols>) {
        for (path, said) in self.sources.iter().filter(|(_, said)| said.says_something()) {
            assert!(!path.ends_with(ANYONE), "{path} says {said:?} outside of functions");
            let somewhere = binaries.values().any(|symbols| symbols.has(path)) || LOCAL.contains(&path.as_str());
            assert!(somewhere, "{path} says {said:?}, and is in no binary under that name");
        }
        let made: BTreeSet<&String> = self.sources.values().flat_map(|said| &said.writes).collect();
        assert!(self.writes.keys().eq(made), "not every kind of write is made by a function that is known");
        let all: BTreeSet<(&str, &str)> = binaries.values().flat_map(Symbols::operations).collect();
        for (name, symbols) in binaries {
            let ours = self
                .linked(symbols)
                .filter(|(path, _)| path.starts_with("store::") || path.starts_with("web::parameters::"));
            let calls: BTreeSet<&String> = ours.flat_map(|(_, said)| &said.calls).collect();
            let held = symbols.operations();
            for &(service, operation) in all.iter().filter(|(service, _)| !CREDENTIALS.contains(service)) {
                let (holds, calls) = (held.contains(&(service, operation)), calls.contains(&snake(operation)));
                assert_eq!(
                    holds, calls,
                    "{name}: {service} {operation} is in the binary / is called by a function in it"
                );
            }
        }
    }
}

/// The ARN of a path of the parameter store.
fn parameters(path: &str) -> String {
    format!("arn:${{AWS::Partition}}:ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter{path}")
}

fn item_call(action: &str) -> String {
    format!("{}_item", action.to_lowercase())
}

/// `PutItem` as `put_item`.
fn snake(operation: &str) -> String {
    let mut name = String::new();
    for c in operation.chars() {
        if c.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    name
}

/// What the functions at `paths` do to rows, with all that they call in `store`'s encoding.
fn actions(sources: &Sources, paths: &BTreeSet<String>) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open: Vec<String> = paths.iter().flat_map(|path| candidates(path, "store::encode")).collect();
    while let Some(path) = open.pop() {
        let Some(said) = sources.get(&path) else { continue };
        if !seen.insert(path.clone()) {
            continue;
        }
        let module = path.rsplit_once("::").map_or("", |(module, _)| module);
        for named in &said.paths {
            let action = named.rsplit_once("Action::").map(|(_, action)| action);
            found.extend(ACTIONS.iter().filter(|(name, _)| action == Some(name)).map(|(_, action)| *action));
            open.extend(candidates(named, module));
        }
    }
    assert!(!found.is_empty(), "{paths:?} does nothing to rows");
    found
}

/// Where a function may be that is written like this inside `module`.
fn candidates(written: &str, module: &str) -> Vec<String> {
    let names: Vec<&str> = written.split("::").collect();
    let method = match names.as_slice() {
        [.., "Self", name] => Some(format!("{module}::{name}")),
        [.., owner, name] if owner.starts_with(char::is_uppercase) => Some(format!("store::{owner}::{name}")),
        _ => None,
    };
    let around = written.strip_prefix("super::").map(|rest| format!("store::encode::{rest}"));
    let below = format!("{module}::{written}");
    [Some(below), Some(format!("store::encode::{written}")), method, around].into_iter().flatten().collect()
}

#[test]
fn operations_are_called_by_their_names_in_snake_case() {
    assert_eq!(["PutItem", "Query", "GetParametersByPath"].map(snake), ["put_item", "query", "get_parameters_by_path"]);
    assert_eq!(item_call("Put"), "put_item");
}
