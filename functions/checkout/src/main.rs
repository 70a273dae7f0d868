//! The checkout function on AWS.

use anyhow::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    web::telemetry::init();
    let apps = web::for_each_tenant(async |env, tenant, sdk| checkout::App::from_env(env, tenant, sdk)).await?;
    let sites = apps.into_iter().map(|app| (app.http.clone(), checkout::router(app)));
    web::serve(sites).await.map_err(Error::from_boxed)
}
