//! The catalog function on AWS.

use anyhow::Error;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    web::telemetry::init();
    let app = catalog::App::from_env().await?;
    let http = app.http.clone();
    let (router, _) = catalog::router(app).split_for_parts();
    web::serve(web::contract(router, &http)).await.map_err(Error::from_boxed)
}
