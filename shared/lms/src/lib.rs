//! A client of Open edX: places in courses, entitlements, and the modes that a course is sold in.
//!
//! Every failure is classified once, here, into what may pass by itself and what will not ([`LmsError::retryable`]);
//! when to try again, and how often, is fulfilment's business. Calls are safe to repeat, except
//! [`Lms::grant_entitlement`], which says how.
//!
//! The seam for tests is the wire: the base URL comes from the configuration, and the present from the caller.

mod course_modes;
mod enrolment;
mod entitlement;
mod error;
mod mode_rank;
mod token;
mod transport;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use reqwest::Url;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, USER_AGENT};

pub use domain::secret::Secret;

pub use crate::course_modes::{CourseMode, CourseModes};
pub use crate::enrolment::{EnrolRequest, Enrolled};
pub use crate::entitlement::{EntitlementRef, EntitlementRequest, NotAnEntitlementRef};
pub use crate::error::{LmsError, TokenFailure};
pub use crate::mode_rank::same_or_better;
use crate::token::Tokens;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How to reach the LMS, and as which application.
///
/// The application's user must be global staff, or the LMS answers 404 for other learners and 403 for paid modes.
#[derive(Clone, Debug)]
pub struct LmsConfig {
    /// The LMS root, such as `https://courses.example`.
    pub base_url: String,
    /// The OAuth2 application's id.
    pub oauth_client_id: String,
    /// The OAuth2 application's secret.
    pub oauth_client_secret: Secret,
}

impl LmsConfig {
    /// Reads `BURSAR_LMS_URL`, `BURSAR_LMS_CLIENT_ID` and `BURSAR_LMS_CLIENT_SECRET` through `variable`, which reports
    /// what is missing.
    pub fn configured(mut variable: impl FnMut(&'static str) -> Option<String>) -> Option<Self> {
        let base_url = variable("BURSAR_LMS_URL");
        let client = variable("BURSAR_LMS_CLIENT_ID");
        let secret = variable("BURSAR_LMS_CLIENT_SECRET");
        let oauth_client_secret = Secret::new(secret?);
        Some(Self { base_url: base_url?, oauth_client_id: client?, oauth_client_secret })
    }
}

/// A configuration that cannot work, by the variable that it is read from.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The LMS's address is no `http` or `https` URL.
    #[error("BURSAR_LMS_URL must be an http or https URL")]
    BaseUrl,
    /// The HTTP client cannot be built.
    #[error("http client cannot be built")]
    Http(#[from] outbound::Error),
}

/// A client of one LMS. Clones share connections and the access token.
#[derive(Clone, Debug)]
pub struct Lms {
    http: reqwest::Client,
    base: Arc<str>,
    tokens: Arc<Tokens>,
    headers: HeaderMap,
}

impl Lms {
    /// Builds a client; nothing is called.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: LmsConfig) -> Result<Self, ConfigError> {
        let web = |url: &Url| matches!(url.scheme(), "http" | "https");
        if !config.base_url.parse().as_ref().is_ok_and(web) {
            return Err(ConfigError::BaseUrl);
        }
        let base: Arc<str> = config.base_url.trim_end_matches('/').into();
        Ok(Self {
            http: outbound::client(|http| http.connect_timeout(transport::CONNECT))?,
            tokens: Arc::new(Tokens::new(&base, config.oauth_client_id, config.oauth_client_secret)),
            base,
            headers: HeaderMap::from_iter([
                (ACCEPT, HeaderValue::from_static("application/json")),
                (USER_AGENT, HeaderValue::from_static("bursar")),
            ]),
        })
    }

    /// The same client, whose calls carry `request_id` as `X-Request-Id`. An id that cannot be a header value is left
    /// out.
    #[must_use]
    pub fn with_request_id(&self, request_id: &str) -> Self {
        let mut lms = self.clone();
        if let Ok(value) = HeaderValue::from_str(request_id) {
            lms.headers.insert(REQUEST_ID.clone(), value);
        }
        lms
    }
}
