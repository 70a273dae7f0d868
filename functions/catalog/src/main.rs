//! The catalog function on AWS.

use anyhow::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    web::telemetry::init();
    let apps = web::for_each_tenant(async |env, tenant, sdk| catalog::App::from_env(env, tenant, sdk)).await?;
    let sites = apps.into_iter().map(|app| (app.http.clone(), catalog::router(app)));
    web::serve(sites).await.map_err(Error::from_boxed)
}
