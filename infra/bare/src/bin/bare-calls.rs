//! A function that does nothing but call: the reads of the parameter store that `BURSAR_PARAMETERS` lists at start, and
//! `BARE_CALLS` sequential `GetItem`s for each request. With it the real ones are compared that make as many.
//!
//! Its AWS clients are made as ours are, so that what is compared is what we do with them. Only what fails is told.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use futures::future::try_join_all;
use lambda_http::Error;
use web::Env;

/// What a request does.
#[derive(Clone)]
struct Calls {
    dynamodb: Client,
    table: Arc<str>,
    count: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let sdk = web::sdk_config(&Env::process())?;
    let ssm = aws_sdk_ssm::Client::new(&sdk);
    let paths = variable("BURSAR_PARAMETERS");
    let reads = paths.split(',').filter(|path| !path.is_empty());
    try_join_all(reads.map(|path| ssm.get_parameters_by_path().path(path).with_decryption(true).send())).await?;
    let calls = Calls {
        dynamodb: Client::new(&sdk),
        table: variable("BURSAR_TABLE").into(),
        count: variable("BARE_CALLS").parse()?,
    };
    lambda_http::run(Router::new().fallback(call).with_state(calls)).await
}

async fn call(State(calls): State<Calls>) -> Result<&'static str, StatusCode> {
    for _ in 0..calls.count {
        let key = AttributeValue::S("bare".to_owned());
        let read = calls.dynamodb.get_item().table_name(&*calls.table).key("pk", key.clone()).key("sk", key);
        read.send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    }
    Ok("")
}

/// A variable, which may be unset.
fn variable(name: &str) -> String {
    Env::process().optional(name).unwrap_or_default()
}
