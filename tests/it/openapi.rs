//! The OpenAPI document: the committed one is the code's, and says what a caller needs to know of every operation.
//!
//! `UPDATE_OPENAPI=1 cargo test -p tests openapi` writes `docs/openapi.json` anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use http::StatusCode;
use local::faults::{Fault, Target};
use serde_json::{Value, json};
use tests::TestApp;

/// The verbs that begin an operation id.
const VERBS: [&str; 24] = [
    "add",
    "approve",
    "cancel",
    "change",
    "clear",
    "confirm",
    "create",
    "deactivate",
    "delete",
    "deny",
    "end",
    "establish",
    "fulfill",
    "import",
    "issue",
    "list",
    "read",
    "receive",
    "remove",
    "replace",
    "rotate",
    "save",
    "set",
    "start",
];

/// Operations that are done to nothing but the caller.
const PLAIN: [&str; 2] = ["login", "logout"];

/// An operation of the document.
pub(super) struct Operation {
    /// Its id.
    pub(super) id: String,
    /// `GET` and the like.
    pub(super) method: String,
    /// Its path, with `{parameters}`.
    pub(super) path: String,
    /// All that the document says of it.
    pub(super) said: Value,
}

impl Operation {
    /// The roles that a token needs; `None` for operations that can be called without a token or session.
    pub(super) fn roles(&self) -> Option<Vec<String>> {
        let security = self.said.get("security")?.as_array()?;
        if security.contains(&json!({})) {
            return None;
        }
        let needed = security.iter().find_map(|one| one.get("jwt"))?;
        Some(needed.as_array()?.iter().map(|role| role.as_str().unwrap().to_owned()).collect())
    }

    /// Whether it takes a JSON body.
    pub(super) fn takes_json(&self) -> bool {
        self.said["requestBody"]["content"].get("application/json").is_some()
    }
}

/// Every operation that the code documents.
pub(super) fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(local::functions::document()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, said) in item.as_object().unwrap() {
            let id = said["operationId"].as_str().unwrap_or_default().to_owned();
            found.push(Operation { id, method: method.to_uppercase(), path: path.clone(), said: said.clone() });
        }
    }
    found
}

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/openapi.json")
}

#[expect(clippy::disallowed_methods, reason = "a switch of this test, and no configuration of a function")]
fn asked_to_update() -> bool {
    std::env::var("UPDATE_OPENAPI").is_ok_and(|value| value == "1")
}

#[test]
fn the_committed_document_is_the_codes_own() {
    let generated = local::functions::document().to_pretty_json().unwrap() + "\n";
    if asked_to_update() {
        fs::write(committed(), &generated).unwrap();
    }
    let committed = fs::read_to_string(committed()).unwrap();
    let line = committed.lines().zip(generated.lines()).position(|(old, new)| old != new);
    assert!(
        committed == generated,
        "docs/openapi.json is not what the code says (first at line {line:?}); UPDATE_OPENAPI=1 writes it anew"
    );
}

#[test]
fn every_operation_says_what_a_caller_needs_to_know() {
    let document = serde_json::to_value(local::functions::document()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let (mut wrong, mut ids) = (Vec::new(), BTreeSet::new());
    for operation in operations() {
        let name = format!("{} {}", operation.method, operation.path);
        if !ids.insert(operation.id.clone()) {
            wrong.push(format!("{name}: {} is another's id too", operation.id));
        }
        if !is_verb_noun(&operation.id) {
            wrong.push(format!("{name}: {:?} is not verb_noun", operation.id));
        }
        if operation.said["summary"].as_str().is_none_or(str::is_empty) {
            wrong.push(format!("{name}: no summary"));
        }
        wrong.extend(undescribed(&operation).map(|fault| format!("{name}: {fault}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

fn is_verb_noun(id: &str) -> bool {
    let Some((verb, noun)) = id.split_once('_') else { return PLAIN.contains(&id) };
    let plain = |c: char| c.is_ascii_lowercase() || c == '_';
    VERBS.contains(&verb) && !noun.is_empty() && noun.chars().all(plain)
}

/// Responses without a description, and refusals that are not problem details. Health answers its own shape, and the
/// token endpoint OAuth's.
fn undescribed(operation: &Operation) -> impl Iterator<Item = String> {
    let responses = operation.said["responses"].as_object().unwrap();
    let mut wrong = Vec::new();
    if !responses.contains_key("default") {
        wrong.push("no default response".to_owned());
    }
    for (status, response) in responses {
        if response["description"].as_str().is_none_or(str::is_empty) {
            wrong.push(format!("{status} has no description"));
        }
        let refusal = status == "default" || status.parse::<u16>().is_ok_and(|status| status >= 400);
        let (kind, schema) = match (operation.id.as_str(), status.as_str()) {
            ("read_health", "503") => ("application/json", "HealthView"),
            ("issue_token", "400" | "401") => ("application/json", "OAuthRefusalView"),
            _ => ("application/problem+json", "ProblemDetails"),
        };
        let said = &response["content"][kind]["schema"]["$ref"];
        if refusal && *said != format!("#/components/schemas/{schema}") {
            wrong.push(format!("{status} is not {kind}"));
        }
    }
    wrong.into_iter()
}

#[test]
fn every_credential_is_declared() {
    let document = serde_json::to_value(local::functions::document()).unwrap();
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    let known = [
        ("client_key", "header", Some("X-Client-Key")),
        ("csrf_token", "header", Some("X-CSRF-Token")),
        ("gateway_secret", "header", Some("X-Gateway-Secret")),
        ("gateway_user", "header", Some("X-Userinfo")),
        ("jwt", "bearer", None),
        ("jwt_cookie", "cookie", Some("edx-jwt-cookie-header-payload")),
        ("jwt_cookie_signature", "cookie", Some("edx-jwt-cookie-signature")),
        ("session", "header", Some("Session-Id")),
        ("session_cookie", "cookie", Some("bursar_session")),
    ];
    assert!(schemes.keys().eq(known.map(|(name, ..)| name)), "{:?}", schemes.keys());
    for (name, by, carrier) in known {
        let scheme = &schemes[name];
        let found = (scheme.get("in").or(scheme.get("scheme")), scheme["name"].as_str());
        assert_eq!(found, (Some(&json!(by)), carrier), "{name}");
        assert!(scheme["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
    }
}

/// What goes together, goes together everywhere: two halves of a token, the gateway's proof and its word, and a cookie
/// and its CSRF token in every write. A scope is a token's alone.
#[test]
fn every_way_to_call_an_operation_is_whole() {
    let document = serde_json::to_value(local::functions::document()).unwrap();
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    for operation in operations() {
        let name = format!("{} {}", operation.method, operation.path);
        let ways = operation.said.get("security").unwrap_or(&document["security"]).as_array().unwrap();
        assert!(!ways.is_empty(), "{name} is for nobody");
        for way in ways.iter().map(|way| way.as_object().unwrap()) {
            let has = |scheme: &str| way.contains_key(scheme);
            assert!(way.keys().all(|scheme| schemes.contains_key(scheme)), "{name}: {way:?}");
            assert_eq!(has("jwt_cookie"), has("jwt_cookie_signature"), "{name}: {way:?}");
            assert_eq!(has("gateway_secret"), has("gateway_user"), "{name}: {way:?}");
            let by_cookie = has("jwt_cookie") || has("session_cookie");
            assert_eq!(has("csrf_token"), by_cookie && operation.method != "GET", "{name}: {way:?}");
            let roles = way.values().flat_map(|roles| roles.as_array().unwrap());
            assert!(has("jwt") || roles.into_iter().all(|role| role == "staff"), "{name}: {way:?}");
        }
        // Whoever may come by a token may come by a session, unless a scope is what counts.
        let needs_scope = operation.roles().is_some_and(|roles| roles.iter().any(|role| role != "staff"));
        let by = |scheme: &str| ways.iter().any(|way| way.get(scheme).is_some());
        assert_eq!(by("session"), by("jwt") && !needs_scope, "{name}");
    }
}

#[test]
fn every_reference_leads_to_a_schema() {
    let document = serde_json::to_value(local::functions::document()).unwrap();
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    assert!(references.contains("#/components/schemas/BasketView"), "{references:?}");
    let dead: Vec<_> = references.iter().filter(|name| document.pointer(&name[1..]).is_none()).collect();
    assert_eq!(dead, Vec::<&String>::new());
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect(member, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// In the merged document, a second schema of the same name would silently take the place of the first.
#[test]
fn no_two_functions_name_a_schema_alike() {
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("functions");
    let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for function in fs::read_dir(functions).unwrap() {
        let source = function.unwrap().path().join("src");
        for file in fs::read_dir(source).unwrap() {
            let file = file.unwrap().path();
            for name in schemas(&fs::read_to_string(&file).unwrap()) {
                named.entry(name).or_default().push(file.display().to_string());
            }
        }
    }
    assert!(named.contains_key("BasketView") && named.contains_key("OrderLineView"), "{named:?}");
    named.retain(|_, files| files.len() > 1);
    assert_eq!(named, BTreeMap::new());
}

/// The names under which a file's types stand in the document: their own, or `#[schema(as = …)]`.
fn schemas(source: &str) -> Vec<String> {
    let (mut found, mut derives, mut renamed) = (Vec::new(), false, None);
    for line in source.lines() {
        if line.starts_with("#[derive(") {
            (derives, renamed) = (line.contains("ToSchema"), None);
        } else if let Some(name) = line.strip_prefix("#[schema(as = ") {
            renamed = name.strip_suffix(")]").map(str::to_owned);
        } else if let Some(rest) = line.strip_prefix("pub(crate) struct ").or(line.strip_prefix("pub(crate) enum ")) {
            let own = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned();
            found.extend(std::mem::take(&mut derives).then(|| renamed.take().unwrap_or(own)));
        }
    }
    found
}

#[tokio::test]
async fn the_document_is_served() {
    let app = TestApp::start().await;
    let served = app.anonymous().get("/api/v1/openapi.json").await.expect(StatusCode::OK);
    assert_eq!(served.headers["content-type"], "application/json");
    assert_eq!(served.text, fs::read_to_string(committed()).unwrap());
    app.finish().await;
}

#[tokio::test]
async fn health_is_the_tables() {
    let app = TestApp::start().await;
    let well = app.anonymous().get("/health").await.expect(StatusCode::OK);
    assert_eq!(well.json, json!({"status": "ok", "dependencies": {"dynamodb": "ok"}}));
    app.cloud.faults.add(Fault { status: Some(500), times: 100, ..Fault::of(Target::Dynamodb) });
    let ill = app.anonymous().get("/health").await.expect(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ill.json, json!({"status": "unavailable", "dependencies": {"dynamodb": "unavailable"}}));
    app.cloud.faults.clear(None);
    app.anonymous().get("/health").await.expect(StatusCode::OK);
    let costs = app.cloud.ledger.costs().remove("read_health").unwrap();
    assert_eq!(costs[0].calls, ["dynamodb GetItem"]);
    app.finish().await;
}
