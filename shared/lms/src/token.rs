//! The access token: one for all calls of a client, renewed shortly before it ends.
//!
//! `POST {base}/oauth2/access_token`, form `grant_type=client_credentials&client_id&client_secret&token_type=jwt`,
//! answers `{"access_token","token_type":"JWT","expires_in":3600,…}`. Source: Open edX `oauth_dispatch`.

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{HeaderMap, HeaderValue};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::transport::read;
use crate::{LmsError, Secret, TokenFailure};

/// A token is renewed when it has less left than this, or than a tenth of its life if that is shorter; so a token that
/// lives for a minute is still used more than once.
const MARGIN_S: i64 = 60;
/// No token lives for more than a year; a larger number is cut to it.
const LONGEST_S: i64 = 365 * 24 * 60 * 60;

/// A token in use.
#[derive(Clone, Debug)]
struct Token {
    /// `JWT <token>`, marked as sensitive.
    authorization: HeaderValue,
    renew_at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Answer {
    access_token: String,
    /// Seconds.
    expires_in: i64,
}

/// The source of tokens. The lock is held while one is fetched, so that calls at the same time fetch only one.
#[derive(Debug)]
pub(crate) struct Tokens {
    url: String,
    client_id: String,
    client_secret: Secret,
    current: Mutex<Option<Token>>,
}

impl Tokens {
    pub(crate) fn new(base: &str, client_id: String, client_secret: Secret) -> Self {
        Self { url: format!("{base}/oauth2/access_token"), client_id, client_secret, current: Mutex::default() }
    }

    /// The `Authorization` of a token that is still good at `now`. `refused` is one that the LMS has just refused; it
    /// is not given out again.
    pub(crate) async fn authorization(
        &self,
        http: &reqwest::Client,
        headers: &HeaderMap,
        refused: Option<&HeaderValue>,
        now: Timestamp,
    ) -> Result<HeaderValue, LmsError> {
        let mut current = self.current.lock().await;
        let good = |token: &&Token| now < token.renew_at && refused != Some(&token.authorization);
        if let Some(token) = current.as_ref().filter(good) {
            return Ok(token.authorization.clone());
        }
        *current = None;
        let token = self.fetch(http, headers, now).await.map_err(LmsError::Token)?;
        let authorization = token.authorization.clone();
        *current = Some(token);
        Ok(authorization)
    }

    async fn fetch(&self, http: &reqwest::Client, headers: &HeaderMap, now: Timestamp) -> Result<Token, TokenFailure> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose()),
            ("token_type", "jwt"),
        ];
        let response = http.post(&self.url).headers(headers.clone()).form(&form).send().await;
        let response = response.map_err(TokenFailure::Unreachable)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(TokenFailure::Status { status });
        }
        let body = read(response).await.map_err(TokenFailure::Unreachable)?;
        let answer: Option<Answer> = body.and_then(|body| serde_json::from_str(&body).ok());
        answer.and_then(|answer| answer.token(now)).ok_or(TokenFailure::Unreadable)
    }
}

impl Answer {
    fn token(self, now: Timestamp) -> Option<Token> {
        let life = self.expires_in.clamp(0, LONGEST_S);
        let used = SignedDuration::from_secs(life - (life / 10).min(MARGIN_S));
        let mut authorization = HeaderValue::from_str(&format!("JWT {}", self.access_token)).ok()?;
        authorization.set_sensitive(true);
        let renew_at = now.saturating_add(used).ok()?;
        (!self.access_token.is_empty()).then_some(Token { authorization, renew_at })
    }
}
