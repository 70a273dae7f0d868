//! The HTTP contract, once: identity, problem details, idempotency, paging, telemetry, and the seams to clock, entropy
//! and configuration.
//!
//! A function's router uses the extractors of this crate and answers [`Problem`]s; [`contract`] goes around the finished
//! router; [`serve`] runs it on Lambda:
//!
//! ```no_run
//! use axum::Router;
//! use axum::routing::get;
//! use web::{Caller, Clock, Entropy, Env, Http, HttpConfig, Json, Problem};
//!
//! async fn read_me(caller: Caller) -> Result<Json<bool>, Problem> {
//!     Ok(Json(caller.user().is_some()))
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! web::telemetry::init();
//! let mut env = Env::process();
//! let config = HttpConfig::from_env(&mut env);
//! let http = Http::new(env.finish(config)?, Clock::wall(), Entropy::system()?);
//! let router = Router::new().route("/api/v1/users/me", get(read_me)).with_state(http.clone());
//! web::serve(web::contract(router, &http)).await
//! # }
//! ```
//!
//! Not here: anything that knows a processor or the LMS, or reads the table.

pub mod aws;
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
pub mod money;
pub mod page;
pub mod params;
pub mod problem;
pub mod request_id;
pub mod run;
pub mod telemetry;
#[cfg(test)]
mod testing;

pub use body::RawBody;
pub use clock::Clock;
pub use code::Code;
pub use config::{ConfigError, Env, Secret};
pub use context::{Http, HttpConfig, JwtConfig};
pub use cors::Origin;
pub use cursor::{BadCursor, Cursors};
pub use entropy::Entropy;
pub use etag::{ETag, IfMatch, IfNoneMatch};
pub use idempotency::{IdempotencyKey, fingerprint, fingerprint_of};
pub use identity::{Caller, Fulfiller, OwnerForWrite, Principal, Session, SetCookies, SignedIn, Staff, User};
pub use json::Json;
pub use layers::contract;
pub use money::MoneyBody;
pub use page::{Limit, Page};
pub use params::{Path, Query};
pub use problem::{FieldError, Problem, ProblemDetails};
pub use request_id::RequestId;
pub use run::serve;
