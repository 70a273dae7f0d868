//! A table of its own for each test, and the calls that were made to it.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use domain::owner::UserId;
use domain::plan::{Plan, Write};
use dynoxide::Database;
use jiff::Timestamp;
use store::{CommitError, Store, create_table};
use tokio::net::TcpListener;

pub(crate) struct Table {
    pub(crate) store: Store,
    calls: Calls,
}

/// The operations that were called, by name.
#[derive(Clone, Debug, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").unwrap();
        self.0.lock().unwrap().push(target.rsplit('.').next().unwrap().to_owned());
        Ok(())
    }
}

impl Table {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        #[expect(clippy::disallowed_methods, reason = "the engine ends with the test's runtime")]
        tokio::spawn(dynoxide::server::serve_on(listener, Database::memory().unwrap()));
        let calls = Calls::default();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("local"))
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .endpoint_url(endpoint)
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .interceptor(calls.clone())
            .build();
        let client = aws_sdk_dynamodb::Client::from_conf(config);
        create_table(&client, "bursar").await.unwrap();
        Self { store: Store::new(client, "bursar", "default".parse().unwrap()), calls }
    }

    pub(crate) async fn write(&self, writes: impl Into<Vec<Write>>) {
        self.store.commit(&Plan { writes: writes.into() }).await.unwrap();
    }

    /// The names of the writes that were refused; none if the plan was executed.
    pub(crate) async fn refused(&self, plan: &Plan) -> Vec<&'static str> {
        match self.store.commit(plan).await {
            Ok(()) => Vec::new(),
            Err(CommitError::Refused(names)) => names,
            Err(error) => panic!("{error}"),
        }
    }

    /// What `work` answers, and the calls that it made.
    pub(crate) async fn calls<T>(&self, work: impl Future<Output = T>) -> (T, Vec<String>) {
        self.calls.0.lock().unwrap().clear();
        let answer = work.await;
        (answer, std::mem::take(&mut *self.calls.0.lock().unwrap()))
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

pub(crate) fn ada() -> UserId {
    UserId::from_digest([1; 16])
}

pub(crate) fn bob() -> UserId {
    UserId::from_digest([2; 16])
}
