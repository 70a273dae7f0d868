//! Every request reaches the function whose path it is, and no function is given another's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use local::template::{Route, route};
use serde_json::Value;

use super::{root, stack};

/// Paths that a function serves besides those of its documented operations, for clients that ask there.
const UNDOCUMENTED: [(&str, &str); 3] = [
    ("session", "/.well-known/oauth-authorization-server/oauth2"),
    ("session", "/oauth2/.well-known/openid-configuration"),
    ("session", "/oauth2/access_token/"),
];

/// Something for each name in a path, as hostile as such things get.
const NAMES: [(&str, &str); 9] = [
    ("{code}", "SPRING"),
    ("{course_key}", "course-v1:Org+Python+2026"),
    ("{id}", "01jz0000000000000000000001"),
    ("{number}", "ord_01jz0000000000000000000001"),
    ("{processor}", "stripe"),
    ("{sku}", "PY-101%2Fverified"),
    ("{tenant}", "north-wind"),
    ("{username}", "ada%40example.com"),
    ("{proxy+}", "a/b"),
];

/// The documented operations: path and methods.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let document = fs::read_to_string(root().join("docs/openapi.json")).unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    let methods = |item: &Value| item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
    document["paths"].as_object().unwrap().iter().map(|(path, item)| (path.clone(), methods(item))).collect()
}

/// The function in whose sources each documented path stands.
fn owners() -> BTreeMap<String, String> {
    let mut owners = BTreeMap::new();
    for function in fs::read_dir(root().join("functions")).unwrap() {
        let function = function.unwrap();
        let name = function.file_name().into_string().unwrap();
        for file in fs::read_dir(function.path().join("src")).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            for line in text.lines().filter(|line| line.starts_with("#[utoipa::path(")) {
                let (path, _) =
                    line.split_once("path = \"").and_then(|(_, rest)| rest.split_once('"')).expect("a path");
                let before = owners.insert(path.to_owned(), name.clone());
                assert!(before.is_none_or(|before| before == name), "{path} is of two functions");
            }
        }
    }
    owners
}

/// Every request that somebody answers: method, path and function. A preflight is a request like others, and a `GET` may be
/// asked for its head only.
fn requests() -> Vec<(String, String, String)> {
    let (documented, owners) = (documented(), owners());
    assert!(documented.keys().eq(owners.keys()), "documented: {:?}, served: {:?}", documented.keys(), owners.keys());
    let mut requests = Vec::new();
    for (path, methods) in documented {
        let concrete = NAMES.iter().fold(path.clone(), |path, (name, value)| path.replace(name, value));
        assert!(!concrete.contains('{'), "{concrete}: a name that nothing stands for");
        let more = methods.contains("GET").then_some("HEAD").into_iter().chain(["OPTIONS"]).map(str::to_owned);
        // What a function answers with 405 is its own to answer as well.
        for method in methods.iter().cloned().chain(more).chain(["DELETE".to_owned()]) {
            requests.push((method, concrete.clone(), owners[&path].clone()));
        }
    }
    for (function, path) in UNDOCUMENTED {
        requests.push(("GET".to_owned(), path.to_owned(), function.to_owned()));
    }
    requests
}

/// What is wrong with routes: a request that none takes, or takes to another function; a route that no request takes.
fn faults(routes: &[Route]) -> Vec<String> {
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for (method, path, function) in requests() {
        match route(routes, &method, &path) {
            Some(found) if found.function == function => drop(used.insert(found.key.clone())),
            Some(Route { key, function: other }) => wrong.push(format!("{method} {path} goes to {other} by {key}")),
            None => wrong.push(format!("{method} {path} of {function} goes nowhere")),
        }
    }
    let unused = routes.iter().filter(|route| !used.contains(&route.key));
    wrong.extend(unused.map(|Route { key, function }| format!("{key} of {function} is for nothing")));
    wrong
}

#[test]
fn every_request_reaches_the_function_that_answers_it() {
    assert_eq!(faults(&stack("prod").routes().unwrap()), Vec::<String>::new());
}

#[test]
fn a_route_too_few_too_many_or_to_another_function_is_found() {
    let good = stack("prod").routes().unwrap();
    let without = |key: &str| -> Vec<Route> { good.iter().filter(|route| route.key != key).cloned().collect() };
    assert!(
        faults(&without("ANY /webhooks/{tenant}/{processor}"))
            .contains(&"POST /webhooks/north-wind/stripe of payment-webhook goes nowhere".to_owned())
    );
    let mut stray = good.clone();
    stray.push(Route { key: "ANY /admin/{proxy+}".to_owned(), function: "session".to_owned() });
    assert_eq!(faults(&stray), ["ANY /admin/{proxy+} of session is for nothing"]);
    let mut stolen = good;
    stolen.push(Route { key: "GET /api/v1/orders/{number}".to_owned(), function: "basket".to_owned() });
    let expected = "GET /api/v1/orders/ord_01jz0000000000000000000001 goes to basket by GET /api/v1/orders/{number}";
    assert!(faults(&stolen).contains(&expected.to_owned()), "{:?}", faults(&stolen));
}

#[test]
fn nothing_is_answered_by_a_route_for_everything() {
    for Route { key, .. } in stack("prod").routes().unwrap() {
        assert!(key != "$default" && !key.ends_with(" /{proxy+}"), "{key}");
    }
}
