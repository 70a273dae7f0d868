//! The client: what we ask of Stripe, one method a need.

use std::sync::Arc;

use domain::payment::{
    Flow, NextStep, OpenedSession, ProcessorEvent, RefundAnswer, RefundRequest, SessionEnd, SessionRequest,
};
use domain::text::ProcessorRef;
use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;

use super::transport::{CONNECT, Call, Failure};
use super::wire::{Intent, Refund, Session};
use super::{event, fact, form, signature};
use crate::{ProcessorError, Retrieved, Secret, WebhookRefusal, redacted};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SESSIONS: &str = "checkout/sessions";
const INTENTS: &str = "payment_intents";

/// How to reach Stripe, and as whom.
#[derive(Clone, Debug)]
pub struct StripeConfig {
    /// `https://api.stripe.com`, or where a simulator listens; `/v1/…` is added to it.
    pub api_base: String,
    /// `sk_…` or a restricted `rk_…`.
    pub secret_key: Secret,
    /// `pk_…`: what a shop's own payment form needs. Not a secret.
    pub publishable_key: String,
    /// The webhook endpoint's secrets (`whsec_…`), all that are active during a rotation.
    pub webhook_secrets: Vec<Secret>,
    /// Whether events of the live mode are ours; those of the other mode are ignored.
    pub livemode: bool,
}

/// A configuration that cannot work, by the variable that it is read from.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The mode is neither `true` nor `false`.
    #[error("BURSAR_STRIPE_LIVEMODE must be true or false")]
    Mode,
    /// The address of the API is no `http` or `https` URL.
    #[error("BURSAR_STRIPE_API must be an http or https URL")]
    ApiBase,
    /// The secret key is empty, or cannot be a header value.
    #[error("BURSAR_STRIPE_SECRET_KEY is not usable")]
    SecretKey,
    /// There is no webhook secret, or an empty one, which anybody could sign with.
    #[error("BURSAR_STRIPE_WEBHOOK_SECRETS has no secret, or an empty one")]
    WebhookSecrets,
    /// The HTTP client cannot be built.
    #[error("http client cannot be built")]
    Http(#[from] outbound::Error),
}

/// A client of Stripe. Clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Arc<str>,
    /// Authorization, and the request id if there is one.
    headers: HeaderMap,
    webhook_secrets: Arc<[Secret]>,
    livemode: bool,
    publishable_key: Arc<str>,
}

impl Client {
    /// The key that a shop's own payment form needs.
    #[must_use]
    pub fn publishable_key(&self) -> &str {
        &self.publishable_key
    }

    /// Builds a client; nothing is called.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: StripeConfig) -> Result<Self, ConfigError> {
        let web = |url: &Url| matches!(url.scheme(), "http" | "https");
        if !config.api_base.parse().as_ref().is_ok_and(web) {
            return Err(ConfigError::ApiBase);
        }
        if config.webhook_secrets.is_empty() || config.webhook_secrets.iter().any(|s| s.expose().is_empty()) {
            return Err(ConfigError::WebhookSecrets);
        }
        let key = config.secret_key.expose();
        let mut bearer = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| ConfigError::SecretKey)?;
        if key.is_empty() {
            return Err(ConfigError::SecretKey);
        }
        bearer.set_sensitive(true);
        let http = outbound::client(|http| http.connect_timeout(CONNECT))?;
        Ok(Self {
            http,
            base: config.api_base.trim_end_matches('/').into(),
            headers: HeaderMap::from_iter([(AUTHORIZATION, bearer)]),
            webhook_secrets: config.webhook_secrets.into(),
            livemode: config.livemode,
            publishable_key: config.publishable_key.into(),
        })
    }

    /// See [`crate::Processor::with_request_id`].
    #[must_use]
    pub fn with_request_id(&self, request_id: &str) -> Self {
        let mut client = self.clone();
        if let Ok(value) = HeaderValue::from_str(request_id) {
            client.headers.insert(REQUEST_ID.clone(), value);
        }
        client
    }

    /// See [`crate::Processor::open_session`].
    pub(crate) async fn open_session(&self, request: &SessionRequest) -> Result<OpenedSession, ProcessorError> {
        let key = format!("co:{}:{}", request.order, request.attempt);
        match request.flow {
            Flow::HostedPage => {
                let body = form::checkout_session(request)?;
                let raw = self.post(SESSIONS, &body, key).await?;
                let session: Session = parse(&raw)?;
                let url = session.url.ok_or(ProcessorError::BadAnswer { status: 200 })?;
                Ok(OpenedSession { reference: session.id, next: NextStep::Redirect { url }, raw: redacted(&raw) })
            }
            Flow::ClientSecret => {
                let body = form::payment_intent(request)?;
                let raw = self.post(INTENTS, &body, key).await?;
                let intent: Intent = parse(&raw)?;
                let client_secret = intent.client_secret.ok_or(ProcessorError::BadAnswer { status: 200 })?;
                Ok(OpenedSession {
                    reference: intent.id,
                    next: NextStep::ClientSecret { client_secret },
                    raw: redacted(&raw),
                })
            }
        }
    }

    /// See [`crate::Processor::end_session`].
    ///
    /// Stripe refuses to end what has ended, without a code that tells paid from expired, and repeats a stored 500 for
    /// a day; so after a refusal or a failure the object itself is asked.
    pub(crate) async fn end_session(&self, reference: &ProcessorRef, flow: Flow) -> Result<SessionEnd, ProcessorError> {
        let id = segment(reference);
        let (path, body) = match flow {
            Flow::HostedPage => (format!("{SESSIONS}/{id}/expire"), String::new()),
            Flow::ClientSecret => (format!("{INTENTS}/{id}/cancel"), form::cancel_intent()),
        };
        match self.post(&path, &body, format!("end:{reference}")).await.map_err(ProcessorError::from) {
            Ok(raw) => end(&raw, flow)?.ok_or(ProcessorError::BadAnswer { status: 200 }),
            Err(
                error @ (ProcessorError::InvalidRequest { .. }
                | ProcessorError::Idempotency { .. }
                | ProcessorError::Server { .. }),
            ) => match self.standing(&id, flow).await {
                Ok(Some(end)) => Ok(end),
                Ok(None) | Err(_) => Err(error),
            },
            Err(
                error @ (ProcessorError::Unreachable(_)
                | ProcessorError::Declined { .. }
                | ProcessorError::RateLimited
                | ProcessorError::BadAnswer { .. }
                | ProcessorError::UnreadableAmount(_)
                | ProcessorError::NotPayable(_)),
            ) => Err(error),
        }
    }

    async fn standing(&self, id: &str, flow: Flow) -> Result<Option<SessionEnd>, ProcessorError> {
        let path = match flow {
            Flow::HostedPage => format!("{SESSIONS}/{id}"),
            Flow::ClientSecret => format!("{INTENTS}/{id}"),
        };
        end(&self.get(&path).await?, flow)
    }

    /// See [`crate::Processor::retrieve`]. Stripe's ids tell what they name: `cs_…` a session, else an intent.
    pub(crate) async fn retrieve(&self, reference: &ProcessorRef) -> Result<Retrieved, ProcessorError> {
        let id = segment(reference);
        let (fact, payment, raw) = if reference.as_str().starts_with("cs_") {
            let raw = self.get(&format!("{SESSIONS}/{id}?expand[0]=payment_intent")).await?;
            let session: Session = parse(&raw)?;
            (fact::session_now(&session), fact::payment_of(&session), raw)
        } else {
            let raw = self.get(&format!("{INTENTS}/{id}")).await?;
            let intent: Intent = parse(&raw)?;
            (fact::intent_now(&intent), Some(intent.id), raw)
        };
        Ok(Retrieved { fact: fact?, payment, raw: redacted(&raw) })
    }

    /// See [`crate::Processor::refund`].
    pub(crate) async fn refund(&self, request: &RefundRequest) -> Result<RefundAnswer, ProcessorError> {
        let body = form::refund(request)?;
        match self.post("refunds", &body, format!("rf:{}", request.refund)).await {
            Ok(raw) => {
                let refund: Refund = parse(&raw)?;
                let standing = fact::refund_standing(refund.status.as_ref());
                Ok(RefundAnswer { reference: refund.id, standing, raw: redacted(&raw) })
            }
            Err(Failure { error: ProcessorError::InvalidRequest { code, .. }, raw })
                if code == "charge_already_refunded" =>
            {
                let standing = domain::payment::RefundStanding::Succeeded;
                Ok(RefundAnswer { reference: request.payment.clone(), standing, raw: redacted(&raw) })
            }
            Err(failure) => Err(failure.error),
        }
    }

    /// See [`crate::Processor::verify`].
    pub(crate) fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: &[Timestamp],
    ) -> Result<ProcessorEvent, WebhookRefusal> {
        let mut sent = headers.get_all("stripe-signature").iter();
        let (Some(header), None) = (sent.next(), sent.next()) else { return Err(WebhookRefusal::NoSignature) };
        let header = header.to_str().map_err(|_| WebhookRefusal::BadSignature)?;
        signature::verify_signature(header, body, &self.webhook_secrets, now)?;
        event::read(body, self.livemode)
    }

    async fn get(&self, path: &str) -> Result<String, Failure> {
        self.call(path, None).await
    }

    async fn post(&self, path: &str, body: &str, key: String) -> Result<String, Failure> {
        self.call(path, Some((body, key))).await
    }

    async fn call(&self, path: &str, post: Option<(&str, String)>) -> Result<String, Failure> {
        let url = format!("{}/v1/{path}", self.base);
        Call { http: &self.http, url, post, headers: self.headers.clone() }.send().await
    }
}

/// A reference as one segment of a path.
fn segment(reference: &ProcessorRef) -> String {
    form_urlencoded::byte_serialize(reference.as_str().as_bytes()).collect()
}

fn end(raw: &str, flow: Flow) -> Result<Option<SessionEnd>, ProcessorError> {
    Ok(match flow {
        Flow::HostedPage => fact::session_end(&parse(raw)?),
        Flow::ClientSecret => fact::intent_end(&parse(raw)?),
    })
}

fn parse<T: DeserializeOwned>(raw: &str) -> Result<T, ProcessorError> {
    serde_json::from_str(raw).map_err(|_| ProcessorError::BadAnswer { status: 200 })
}
