//! The parameter store of AWS Systems Manager as functions use it: `GetParametersByPath`, a page at a time.
//!
//! It keeps what start-up rests on: a page has at most ten parameters, a `SecureString` is not readable unless its
//! decryption is asked for, and a path that the caller's policy does not allow is refused. The crate `winterbaume-ssm`
//! answers all at once, in clear, and to everyone.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::parameters::Parameter;

/// The most that one call answers, and what it answers unless told.
const PAGE: usize = 10;

/// How a value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In clear.
    String,
    /// Encrypted.
    SecureString,
}

#[derive(Clone, Debug)]
struct Stored {
    kind: Kind,
    value: String,
}

/// A parameter store. Clones are the same store.
#[derive(Clone, Debug, Default)]
pub struct ParameterStore(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    parameters: BTreeMap<String, Stored>,
    /// The paths that may be read; all, if none is named.
    allowed: Option<BTreeSet<String>>,
}

/// The fields of `GetParametersByPath` that are kept to.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    path: String,
    #[serde(default)]
    recursive: bool,
    #[serde(default)]
    with_decryption: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

impl ParameterStore {
    /// Puts a parameter in place of the one of the same name, such as `/bursar/dev/lms/BURSAR_LMS_URL`.
    pub fn put(&self, name: impl Into<String>, kind: Kind, value: impl Into<String>) {
        self.lock().parameters.insert(name.into(), Stored { kind, value: value.into() });
    }

    /// Puts a deployment's parameters below `/bursar/<stage>/`, each as a secret.
    pub fn put_all(&self, stage: &str, list: impl IntoIterator<Item = Parameter>) {
        for Parameter { group, name, value } in list {
            self.put(format!("/bursar/{stage}/{group}/{name}"), Kind::SecureString, value);
        }
    }

    /// Takes a parameter away.
    pub fn remove(&self, name: &str) {
        self.lock().parameters.remove(name);
    }

    /// Refuses every path but these, as a function's policy does.
    pub fn allow_only<P: Into<String>>(&self, paths: impl IntoIterator<Item = P>) {
        self.lock().allowed = Some(paths.into_iter().map(Into::into).collect());
    }

    /// Answers a call of the AWS JSON protocol.
    pub(crate) fn answer(&self, operation: &str, body: &[u8]) -> (StatusCode, Value) {
        let state = self.lock();
        let answer = match operation {
            "GetParametersByPath" => state.get_parameters_by_path(body),
            _ => Err(("UnknownOperationException", format!("{operation} is not offered here"))),
        };
        match answer {
            Ok(page) => (StatusCode::OK, page),
            Err((kind, message)) => (StatusCode::BAD_REQUEST, json!({"__type": kind, "message": message})),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn get_parameters_by_path(&self, body: &[u8]) -> Result<Value, (&'static str, String)> {
        let invalid = |message: String| ("ValidationException", message);
        let request: Request = serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))?;
        let path = request.path.trim_end_matches('/');
        if !path.starts_with('/') {
            return Err(invalid(format!("the parameter path {path:?} must begin with /")));
        }
        if self.allowed.as_ref().is_some_and(|allowed| !allowed.contains(path)) {
            let resource = format!("arn:aws:ssm:us-east-1:123456789012:parameter{path}");
            let denied = "User is not authorized to perform: ssm:GetParametersByPath on resource:";
            return Err(("AccessDeniedException", format!("{denied} {resource}")));
        }
        let most = request.max_results.unwrap_or(PAGE);
        if !(1..=PAGE).contains(&most) {
            return Err(invalid(format!("MaxResults must be between 1 and {PAGE}")));
        }
        let below = format!("{path}/");
        let after = request.next_token.map_or(Bound::Included(below.clone()), Bound::Excluded);
        let mut found = self
            .parameters
            .range((after, Bound::Unbounded))
            .take_while(|(name, _)| name.starts_with(&below))
            .filter(|(name, _)| request.recursive || !name.strip_prefix(&below).is_some_and(|rest| rest.contains('/')))
            .peekable();
        let mut page = Vec::new();
        let mut last = None;
        for (name, parameter) in found.by_ref().take(most) {
            page.push(parameter.shown(name, request.with_decryption));
            last = Some(name);
        }
        Ok(json!({"Parameters": page, "NextToken": last.filter(|_| found.peek().is_some())}))
    }
}

impl Stored {
    fn shown(&self, name: &str, decrypted: bool) -> Value {
        let (kind, value) = match (self.kind, decrypted) {
            (Kind::String, _) => ("String", self.value.as_str()),
            (Kind::SecureString, true) => ("SecureString", self.value.as_str()),
            (Kind::SecureString, false) => ("SecureString", "AQICAHhencrypted"),
        };
        json!({
            "Name": name, "Type": kind, "Value": value, "Version": 1, "DataType": "text",
            "ARN": format!("arn:aws:ssm:us-east-1:123456789012:parameter{name}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(store: &ParameterStore, request: &Value) -> (u16, Value) {
        let (status, answer) = store.answer("GetParametersByPath", request.to_string().as_bytes());
        (status.as_u16(), answer)
    }

    fn names(answer: &Value) -> Vec<&str> {
        answer["Parameters"].as_array().unwrap().iter().map(|parameter| parameter["Name"].as_str().unwrap()).collect()
    }

    #[test]
    fn a_path_is_read_a_page_at_a_time_and_no_deeper() {
        let store = ParameterStore::default();
        for name in ["/a/x/DEEP", "/a/A", "/a/B", "/a/C", "/ab/D", "/b/E"] {
            store.put(name, Kind::String, "value");
        }
        let (_, first) = get(&store, &json!({"Path": "/a", "MaxResults": 2}));
        assert_eq!((names(&first), &first["NextToken"]), (vec!["/a/A", "/a/B"], &json!("/a/B")));
        let (_, second) = get(&store, &json!({"Path": "/a/", "MaxResults": 2, "NextToken": "/a/B"}));
        assert_eq!((names(&second), &second["NextToken"]), (vec!["/a/C"], &Value::Null));
        let (_, all) = get(&store, &json!({"Path": "/a", "Recursive": true}));
        assert_eq!(names(&all), ["/a/A", "/a/B", "/a/C", "/a/x/DEEP"]);
        assert_eq!(get(&store, &json!({"Path": "/a", "MaxResults": 11})).0, 400);
    }

    #[test]
    fn a_secret_is_decrypted_on_demand_only() {
        let store = ParameterStore::default();
        store.put("/a/SECRET", Kind::SecureString, "hunter2");
        let value = |request| get(&store, &request).1["Parameters"][0]["Value"].clone();
        assert_eq!(value(json!({"Path": "/a", "WithDecryption": true})), "hunter2");
        assert_ne!(value(json!({"Path": "/a"})), "hunter2");
    }

    #[test]
    fn a_path_that_is_not_allowed_is_refused_by_name() {
        let store = ParameterStore::default();
        store.allow_only(["/a"]);
        assert_eq!(get(&store, &json!({"Path": "/a"})).0, 200);
        let (status, refusal) = get(&store, &json!({"Path": "/b"}));
        assert_eq!((status, refusal["__type"].as_str()), (400, Some("AccessDeniedException")));
        assert!(refusal["message"].as_str().unwrap().ends_with("parameter/b"));
        assert_eq!(get(&store, &json!({"Path": "b"})).0, 400);
    }
}
