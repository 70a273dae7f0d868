//! The fulfillment function on AWS.

use anyhow::Error;
use aws_lambda_events::event::sqs::SqsEvent;
use fulfillment::MARGIN;
use lambda_runtime::{LambdaEvent, run, service_fn};
use web::Until;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    web::telemetry::init();
    let apps = web::for_each_tenant(async |env, tenant, sdk| fulfillment::App::from_env(env, tenant, sdk)).await?;
    let worked = async |LambdaEvent { payload, context }: LambdaEvent<SqsEvent>| {
        let until = Until::before(context.deadline, MARGIN);
        // The runtime reports the error, and Lambda counts it.
        fulfillment::handle(&apps, payload, &until).await.map_err(|error| lambda_runtime::Error::from(Box::new(error)))
    };
    run(service_fn(worked)).await.map_err(Error::from_boxed)
}
