//! Refusals in Stripe's words: `{"error":{"type","code","message","param"}}`.

use http::StatusCode;
use serde_json::{Map, Value, json};

/// A refused call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    decline_code: Option<&'static str>,
    pub(crate) message: String,
    param: Option<String>,
    intent: Option<Box<Value>>,
}

impl ApiError {
    fn of(status: StatusCode, kind: &'static str, message: String) -> Self {
        Self { status, kind, code: None, decline_code: None, message, param: None, intent: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::of(StatusCode::BAD_REQUEST, "invalid_request_error", message.into())
    }

    pub(crate) fn missing(kind: &str, id: &str, param: &str) -> Self {
        let error = Self::of(StatusCode::NOT_FOUND, "invalid_request_error", format!("No such {kind}: '{id}'"));
        error.code("resource_missing").param(param)
    }

    pub(crate) fn unknown_url(operation: &str) -> Self {
        let message = format!("Unrecognized request URL ({operation}).");
        Self::of(StatusCode::NOT_FOUND, "invalid_request_error", message)
    }

    pub(crate) fn unauthorized(key: Option<&str>) -> Self {
        let message = match key {
            None => "You did not provide an API key.".to_owned(),
            Some(key) => format!("Invalid API Key provided: {}***", key.chars().take(8).collect::<String>()),
        };
        Self::of(StatusCode::UNAUTHORIZED, "invalid_request_error", message)
    }

    pub(crate) fn idempotency() -> Self {
        let message = "Keys for idempotent requests can only be used with the same parameters they were first used \
                       with. Try using a key other than the one sent if you meant to execute a different request.";
        Self::of(StatusCode::BAD_REQUEST, "idempotency_error", message.to_owned())
    }

    /// A declined card; `intent` is the payment intent as it stands after the decline.
    pub(crate) fn declined(decline_code: &'static str, intent: Value) -> Self {
        let error = Self::of(StatusCode::PAYMENT_REQUIRED, "card_error", DECLINED.to_owned());
        Self { decline_code: Some(decline_code), intent: Some(Box::new(intent)), ..error.code("card_declined") }
    }

    /// The body that goes with a status which a fault forced.
    pub(crate) fn forced(status: StatusCode) -> Self {
        let message = "The local cloud was told to fail this call.".to_owned();
        match status {
            StatusCode::TOO_MANY_REQUESTS => Self::of(status, "invalid_request_error", message).code("rate_limit"),
            StatusCode::PAYMENT_REQUIRED => Self::of(status, "card_error", message).code("card_declined"),
            StatusCode::CONFLICT => Self::of(status, "idempotency_error", message).code("idempotency_key_in_use"),
            status if status.is_server_error() => Self::of(status, "api_error", message),
            status => Self::of(status, "invalid_request_error", message),
        }
    }

    pub(crate) const fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub(crate) fn param(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    pub(crate) fn body(&self) -> Value {
        let mut error = Map::new();
        error.insert("type".to_owned(), json!(self.kind));
        error.insert("message".to_owned(), json!(self.message));
        let optional = [("code", json!(self.code)), ("decline_code", json!(self.decline_code))];
        let more = [("param", json!(self.param)), ("payment_intent", json!(self.intent))];
        for (name, value) in optional.into_iter().chain(more).filter(|(_, value)| !value.is_null()) {
            error.insert(name.to_owned(), value);
        }
        json!({ "error": error })
    }
}

/// What a cardholder is told.
pub(crate) const DECLINED: &str = "Your card was declined.";
