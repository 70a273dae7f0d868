//! The janitor function on AWS.

use anyhow::Error;
use janitor::MARGIN;
use lambda_runtime::{LambdaEvent, run, service_fn};
use serde::de::IgnoredAny;
use web::Until;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    web::telemetry::init();
    let apps = web::for_each_tenant(async |env, tenant, sdk| janitor::App::from_env(env, tenant, sdk)).await?;
    // The schedule says nothing but that it is time.
    let swept = async |event: LambdaEvent<IgnoredAny>| {
        let until = Until::before(event.context.deadline, MARGIN);
        // The runtime reports the error, and Lambda counts it.
        janitor::handle(&apps, &until).await.map(drop).map_err(|error| lambda_runtime::Error::from(Box::new(error)))
    };
    run(service_fn(swept)).await.map_err(Error::from_boxed)
}
