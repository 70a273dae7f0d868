//! Reading a request's body: at most 256 KiB, as bytes.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;

use crate::code::Code;
use crate::problem::Problem;

/// The largest body that is read, in bytes. DynamoDB takes 400 KiB an item; no request of ours comes near it.
pub const MAX_BODY: usize = 256 * 1024;

/// The body as it came, for webhooks whose signature covers the raw bytes.
#[derive(Clone, Debug)]
pub struct RawBody(pub Bytes);

impl<S: Sync> FromRequest<S> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let announced =
            request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| usize::try_from(length).unwrap_or(usize::MAX) > MAX_BODY) {
            return Err(Problem::new(Code::PayloadTooLarge));
        }
        read(request.into_body()).await.map(Self)
    }
}

async fn read(body: Body) -> Result<Bytes, Problem> {
    to_bytes(body, MAX_BODY).await.map_err(|error| {
        let cause = std::error::Error::source(&error);
        if cause.is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>()) {
            Problem::new(Code::PayloadTooLarge)
        } else {
            Problem::new(Code::BadRequest).detail("the body ended early")
        }
    })
}
