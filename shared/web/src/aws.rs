//! The AWS configuration that functions build their clients from.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

/// Credentials, region and retries of the environment (Lambda's role; `AWS_ENDPOINT_URL` on an emulator), with bounded
/// waits: an attempt that hangs is given up early enough that a retry still fits into API Gateway's 30 seconds.
pub async fn sdk_config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(10))
        .build();
    aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await
}
