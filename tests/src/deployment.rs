//! The shop as the template deploys it: each function's own binary under the Runtime API, with the environment, the
//! parameters and the limits that `infra/template.yaml` gives it, on the engines and simulators of a local cloud.
//!
//! The local cloud beside it is there to set a scene and to look at what came of it. Both read the machine's clock, as
//! the binaries do.

use std::collections::BTreeMap;
use std::time::Duration;

use local::endpoint::MOUNT;
use local::lambda::{Answer, Instance, InvokeError, Launch, StartError};
use local::parameter_store::Kind;
use local::parameters::{Addresses, Parameter, list, signing_keys};
use local::template::{Function, Stack, settings};
use serde_json::Value;

use crate::TestApp;
use crate::binaries::binary;

/// The stage whose template and parameters are deployed.
pub const STAGE: &str = "dev";

/// Functions of a deployment, and the local cloud that they work on.
pub struct Deployment {
    /// The cloud.
    pub app: TestApp,
    functions: BTreeMap<String, Function>,
}

/// What a function of an HTTP API answered.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// The headers, and the cookies, as API Gateway is given them.
    pub whole: Value,
    /// The body.
    pub text: String,
    /// The body as JSON, null if it is none.
    pub json: Value,
}

impl Deployment {
    /// A deployment without data, every setting and secret of which is in the parameter store.
    pub async fn open() -> Self {
        Self::of(TestApp::start_by_the_wall().await)
    }

    /// The same on a cloud that goes by another clock, such as one that is late: what is due later by it, is due for
    /// the functions now.
    pub fn of(app: TestApp) -> Self {
        let functions = Stack::of(STAGE).and_then(|stack| stack.functions()).expect("a template");
        let deployment = Self { app, functions };
        let base = &deployment.app.cloud.base_url;
        let secrets: Vec<_> = settings().expect("settings").into_iter().filter(|setting| setting.secret).collect();
        let addresses = Addresses { simulators: base, public: base };
        for Parameter { group, name, value } in list(addresses, &signing_keys().expect("a key")).expect("parameters") {
            let plain_name = name.split("__").next().expect("a name");
            let secret = secrets.iter().any(|secret| secret.variable == plain_name);
            deployment.put(&format!("{group}/{name}"), if secret { Kind::SecureString } else { Kind::String }, &value);
        }
        deployment
    }

    /// Puts a parameter, named `<group>/<variable>`.
    pub fn put(&self, name: &str, kind: Kind, value: &str) {
        self.app.cloud.endpoint.parameters.put(format!("/bursar/{STAGE}/{name}"), kind, value);
    }

    /// Takes a parameter away.
    pub fn remove(&self, name: &str) {
        self.app.cloud.endpoint.parameters.remove(&format!("/bursar/{STAGE}/{name}"));
    }

    /// The functions that the template deploys.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }

    /// How Lambda would start a function.
    ///
    /// # Panics
    /// If the template has no such function.
    #[must_use]
    pub fn launch<'a>(&self, function: &'a str) -> Launch<'a> {
        let deployed = self.functions.get(function).unwrap_or_else(|| panic!("no function is named {function}"));
        let cloud = &self.app.cloud;
        let known = |value: &str| match value {
            "${Table}" => local::cloud::TABLE.to_owned(),
            "${FulfillmentQueue}" => cloud.trigger.url.clone(),
            value => value.to_owned(),
        };
        let variables = deployed.variables().iter().map(|(name, value)| (name.clone(), known(value)));
        let emulated = ("AWS_ENDPOINT_URL".to_owned(), format!("{}{MOUNT}", cloud.base_url));
        Launch {
            function,
            binary: binary(function),
            memory_mb: deployed.memory_size,
            timeout: Duration::from_secs(deployed.timeout.into()),
            variables: variables.chain([emulated]).collect(),
        }
    }

    /// Starts a function.
    pub async fn start(&self, function: &str) -> Instance {
        Instance::start(&self.launch(function)).await.unwrap_or_else(|error| panic!("{function}: {error}"))
    }

    /// What a function that must not start has written.
    pub async fn refused(launch: &Launch<'_>) -> String {
        match Instance::start(launch).await {
            Ok(instance) => {
                panic!("{} has started with {:?}: {}", launch.function, launch.variables, instance.end().await)
            }
            Err(StartError::Exited { status, log }) => {
                assert!(!status.success(), "{} ended as if all were well: {log}", launch.function);
                log
            }
            Err(StartError::Reported { report, log }) => format!("{report}\n{log}"),
            Err(error @ (StartError::NoProcess(_) | StartError::TooLate { .. })) => panic!("{error}"),
        }
    }
}

/// Gives a function of the HTTP API an event, and reads what it answered.
pub async fn call(function: &Instance, event: &str) -> HttpAnswer {
    let answer = function.invoke(event.to_owned()).await.unwrap_or_else(|error| panic!("{event}\n{error}"));
    HttpAnswer::read(&answer)
}

/// Gives a function an event, and reads the JSON that it answered.
///
/// # Errors
/// [`InvokeError`] if the function fails.
pub async fn invoke(function: &Instance, event: &str) -> Result<Value, InvokeError> {
    let answer = function.invoke(event.to_owned()).await?;
    Ok(serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {:?}", answer.body)))
}

impl HttpAnswer {
    fn read(answer: &Answer) -> Self {
        let whole: Value = serde_json::from_slice(&answer.body).expect("an answer of payload 2.0");
        let status = whole["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
        assert_eq!(whole["isBase64Encoded"], false, "{whole}");
        let text = whole["body"].as_str().unwrap_or_default().to_owned();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status: status.expect("a status"), whole, text, json }
    }
}
