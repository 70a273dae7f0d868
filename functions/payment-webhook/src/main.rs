//! The payment-webhook function on AWS.

use anyhow::Error;
use mimalloc::MiMalloc;

/// A tenth less CPU than the system's allocator, for some megabytes of memory (ADR 26).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    web::telemetry::init();
    let apps = web::for_each_tenant(async |env, tenant, sdk| payment_webhook::App::from_env(env, tenant, sdk)).await?;
    let sites = apps.into_iter().map(|app| (app.http.clone(), payment_webhook::router(app)));
    web::serve(sites).await.map_err(Error::from_boxed)
}
