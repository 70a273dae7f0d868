//! Settings and secrets from the parameter store of AWS Systems Manager, read once at start-up.
//!
//! A parameter's name is `<path>/<variable>`, such as `/bursar/prod/lms/BURSAR_LMS_URL`; secrets are `SecureString`s. A
//! function may read the paths that its policy names, and no other.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::Builder;
use aws_sdk_ssm::config::retry::RetryConfig;
use aws_sdk_ssm::error::DisplayErrorContext;
use futures::future::try_join_all;

use crate::aws::{SdkConfig, retries};
use crate::config::ConfigError;

/// The most that one call returns.
const PAGE: i32 = 10;

/// The parameters directly below each of a comma-separated list of paths, by their variables. Nothing is called for an
/// empty list.
pub(crate) async fn read_parameters(sdk: &SdkConfig, paths: &str) -> Result<BTreeMap<String, String>, ConfigError> {
    let paths: Vec<&str> = paths.split(',').map(str::trim).filter(|path| !path.is_empty()).collect();
    if paths.is_empty() {
        return Ok(BTreeMap::new());
    }
    let client = Client::from_conf(Builder::from(sdk).retry_config(patient()).build());
    let groups = try_join_all(paths.into_iter().map(|path| read_path(&client, path))).await?;
    Ok(groups.into_iter().flatten().collect())
}

/// An account may make [40 such calls a second], which many functions that start together pass: then they wait for one
/// another, within the ten seconds that Lambda gives a start.
///
/// [40 such calls a second]: https://docs.aws.amazon.com/general/latest/gr/ssm.html
fn patient() -> RetryConfig {
    retries()
        .with_max_attempts(8)
        .with_initial_backoff(Duration::from_millis(200))
        .with_max_backoff(Duration::from_secs(2))
}

async fn read_path(client: &Client, path: &str) -> Result<Vec<(String, String)>, ConfigError> {
    let request = client.get_parameters_by_path().path(path).with_decryption(true).max_results(PAGE);
    let mut pages = request.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let failed = |error| ConfigError::of(format!("parameters below {path}: {}", DisplayErrorContext(&error)));
        for parameter in page.map_err(failed)?.parameters.unwrap_or_default() {
            let name = parameter.name.as_deref().and_then(|name| name.rsplit('/').next());
            if let (Some(name), Some(value)) = (name, parameter.value) {
                found.push((name.to_owned(), value));
            }
        }
    }
    Ok(found)
}
