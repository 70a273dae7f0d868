//! The HTTP contract, once: identity, problem details, idempotency, paging, telemetry, and the seams to clock, entropy
//! and configuration.
//!
//! A function's router uses the extractors of this crate and answers [`Problem`]s; [`contract`] goes around the finished
//! router; [`serve`] runs it on Lambda:
//!
//! ```no_run
//! use axum::Router;
//! use axum::routing::get;
//! use web::{Caller, Claim, Http, Json, Problem};
//!
//! async fn am_i_somebody(who: Claim<Caller>) -> Result<Json<bool>, Problem> {
//!     Ok(Json(who.alone().await?.user().is_some()))
//! }
//!
//! # async fn run(http: Http) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! web::telemetry::init();
//! let router = Router::new().route("/somebody", get(am_i_somebody)).with_state(http.clone());
//! web::serve([(http, router)]).await
//! # }
//! ```
//!
//! Not here: anything that knows a processor or the LMS, or reads more of the table than who is calling.

pub mod answer;
mod aws;
pub mod body;
pub mod clock;
pub mod code;
pub mod config;
pub mod context;
pub mod cors;
pub mod cursor;
mod digest;
pub mod entropy;
pub mod etag;
mod field_path;
mod from_store;
pub mod idempotency;
pub mod identity;
pub mod json;
pub mod layers;
pub mod metrics;
pub mod money;
pub mod operations;
pub mod page;
mod parameters;
pub mod params;
mod places;
pub mod problem;
pub mod request_id;
pub mod run;
pub mod telemetry;
pub mod tenants;
#[cfg(test)]
mod testing;
pub mod until;

pub use answer::Notes;
pub use aws::{SdkConfig, sdk_config};
pub use body::RawBody;
pub use clock::Clock;
pub use code::Code;
pub use config::{ConfigError, Env, Secret};
pub use context::{Http, HttpConfig};
pub use cors::Origin;
pub use cursor::{BadCursor, Cursors};
pub use entropy::Entropy;
pub use etag::{ETag, IfMatch, IfNoneMatch};
pub use idempotency::{IdempotencyKey, fingerprint, fingerprint_of};
pub use identity::{
    Caller, Claim, Fulfiller, Login, NewSecret, NewSession, OrderReader, OwnerForWrite, Principal, Role, SameSite,
    Session, SetCookies, Shopper, SignedIn, Staff, User,
};
pub use json::Json;
pub use layers::contract;
pub use money::MoneyBody;
pub use page::{Limit, Page};
pub use params::{Joined, Path, Query};
pub use places::places;
pub use problem::{FieldError, Problem, ProblemDetails};
pub use request_id::RequestId;
pub use run::{serve, site};
pub use tenants::for_each_tenant;
pub use until::Until;
