//! The fulfillment function on AWS.

use std::convert::Infallible;

use anyhow::Error;
use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    web::telemetry::init();
    let apps = web::for_each_tenant(async |env, tenant, sdk| fulfillment::App::from_env(env, tenant, sdk)).await?;
    let worked =
        async |event: LambdaEvent<SqsEvent>| Ok::<_, Infallible>(fulfillment::handle(&apps, event.payload).await);
    run(service_fn(worked)).await.map_err(Error::from_boxed)
}
