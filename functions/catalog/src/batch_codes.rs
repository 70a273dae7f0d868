//! The codes of a batch as CSV, in pages that a function's answer can hold. One page after the other is one file.

use std::collections::HashMap;
use std::fmt::Write;
use std::ops::Range;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LINK};
use axum::response::{IntoResponse, Response};
use domain::batch::Batch;
use domain::id::BatchId;
use domain::text::VoucherCode;
use domain::voucher::Voucher;
use jiff::Timestamp;
use serde::Deserialize;
use store::{Position, StoreError};
use utoipa::IntoParams;
use web::{Claim, Code, Path, Problem, Query, Staff};

use crate::App;
use crate::batch_body::url;

/// The most codes of one page: 220 bytes each at most, and Lambda answers with up to 6 MB. It reads as many rows as the
/// table gives in a second.
const MAX_PAGE: u32 = 10_000;
/// How many codes are read at once, and how many such calls go out together.
const AT_ONCE: u32 = 100;
const TOGETHER: u32 = 4;

/// The first line of the file, RFC 4180.
const HEADER: &str = "code,offer,usage,max_uses,starts_at,ends_at,uses\r\n";
/// The media type of the first page, and of those after it (RFC 4180, section 3).
const WITH_HEADER: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
const WITHOUT: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8; header=absent");

/// Which codes to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CodesQuery {
    /// How many codes a page holds at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, default = 1000)]
    limit: CodesLimit,
    /// Of the `Link` of the page before.
    pub(crate) cursor: Option<String>,
}

/// How many codes a page holds at most.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u32")]
struct CodesLimit(u32);

impl Default for CodesLimit {
    fn default() -> Self {
        Self(1000)
    }
}

impl TryFrom<u32> for CodesLimit {
    type Error = &'static str;

    fn try_from(limit: u32) -> Result<Self, &'static str> {
        if (1..=MAX_PAGE).contains(&limit) { Ok(Self(limit)) } else { Err("limit must be 1 to 10000") }
    }
}

/// Lists the codes of a batch that are made so far, as CSV (RFC 4180), in the order in which they were made. `Link` with
/// `rel="next"` leads to the next page, which has no header line: one after the other they are one file.
#[utoipa::path(get, path = "/api/v1/vouchers/batches/{id}/codes", tag = "catalog",
    params(("id" = String, Path), CodesQuery),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 404)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn list_batch_codes(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<BatchId>,
    Query(query): Query<CodesQuery>,
) -> Result<Response, Problem> {
    let (_, batch) = who.with(app.store.read_batch(&id)).await?;
    let batch = batch.ok_or_else(|| Problem::new(Code::UnknownBatch))?;
    page_of(&app, &batch, query).await
}

/// A page of a batch's codes.
pub(crate) async fn page_of(app: &App, batch: &Batch, query: CodesQuery) -> Result<Response, Problem> {
    let scope = format!("{}|codes|{}", app.http.tenant(), batch.id);
    let cursors = app.http.cursors();
    let after = query.cursor.map(|cursor| cursors.decode(&scope, &cursor)).transpose()?;
    let from = after.as_ref().map_or(Ok(0), place)?;
    let end = from.saturating_add(query.limit.0).min(batch.made);
    let first = from == 0;
    let mut headers = headers(if first { WITH_HEADER } else { WITHOUT });
    if end < batch.made {
        let cursor = cursors.encode(&scope, &Position::from([("place".to_owned(), end.to_string())]));
        let link = format!("<{}/codes?limit={}&cursor={cursor}>; rel=\"next\"", url(batch), query.limit.0);
        headers.insert(LINK, HeaderValue::try_from(link).map_err(|error| Problem::internal(&error))?);
    }
    let csv = write(app, batch, from..end, if first { HEADER } else { "" }).await?;
    Ok((headers, csv).into_response())
}

/// A whole file of some codes.
pub(crate) fn file_of(vouchers: &[Voucher]) -> Response {
    let mut csv = HEADER.to_owned();
    for voucher in vouchers {
        line(&mut csv, voucher);
    }
    (headers(WITH_HEADER), csv).into_response()
}

fn headers(kind: HeaderValue) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, kind), (CACHE_CONTROL, HeaderValue::from_static("no-store"))])
}

/// The place at which a page begins.
fn place(position: &Position) -> Result<u32, Problem> {
    position.get("place").and_then(|place| place.parse().ok()).ok_or_else(|| Problem::new(Code::BadCursor))
}

async fn write(app: &App, batch: &Batch, places: Range<u32>, header: &str) -> Result<String, Problem> {
    let mut csv = header.to_owned();
    let mut from = places.start;
    while from < places.end {
        let part = |n: u32| {
            let start = from.saturating_add(AT_ONCE.saturating_mul(n)).min(places.end);
            batch.codes(start..start.saturating_add(AT_ONCE).min(places.end))
        };
        let [a, b, c, d] = [0, 1, 2, 3].map(part);
        let (read_a, read_b, read_c, read_d) =
            tokio::try_join!(read(app, &a), read(app, &b), read(app, &c), read(app, &d))?;
        for (codes, read) in [(a, read_a), (b, read_b), (c, read_c), (d, read_d)] {
            let read: HashMap<_, _> = read.iter().map(|voucher| (&voucher.code, voucher)).collect();
            for voucher in codes.iter().filter_map(|code| read.get(code)) {
                line(&mut csv, voucher);
            }
        }
        from = from.saturating_add(AT_ONCE.saturating_mul(TOGETHER));
    }
    Ok(csv)
}

async fn read(app: &App, codes: &[VoucherCode]) -> Result<Vec<Voucher>, StoreError> {
    app.store.read_vouchers(codes).await
}

/// A line. No field has anything in it that would need quotes: codes, handles, numbers and moments.
fn line(csv: &mut String, voucher: &Voucher) {
    let moment = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    let max_uses = voucher.max_uses.map(|most| most.to_string()).unwrap_or_default();
    let usage = voucher.usage.name();
    let (starts_at, ends_at) = (moment(voucher.starts_at), moment(voucher.ends_at));
    let Voucher { code, offer, level, .. } = voucher;
    // A spreadsheet takes what begins with `=`, `+`, `-` or `@` for a formula. No code does; a handle can begin with `-`.
    let guard = if offer.as_str().starts_with('-') { "'" } else { "" };
    // Writing to a string does not fail.
    let _ = write!(csv, "{code},{guard}{offer},{usage},{max_uses},{starts_at},{ends_at},{}\r\n", level.taken);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voucher(code: &str, offer: &str) -> Voucher {
        let fields = serde_json::json!({
            "code": code, "usage": "multi_use", "offer": offer, "max_uses": 3, "starts_at": null,
            "ends_at": "2027-01-01T00:00:00Z", "version": 1, "updated_at": "2026-01-01T00:00:00Z",
        });
        serde_json::from_value(fields).unwrap()
    }

    #[test]
    fn no_field_is_a_formula_to_a_spreadsheet() {
        for formula in ["=1", "+1", "-1", "@a", "\t1", "\r1"] {
            let code: Result<VoucherCode, _> = formula.parse();
            // What surrounds a code when it is pasted is no part of it.
            assert!(code.is_err() || code.is_ok_and(|code| code.as_str() == "1"), "{formula}");
        }
        let mut csv = HEADER.to_owned();
        line(&mut csv, &voucher("A-1", "-b2"));
        line(&mut csv, &voucher("A-2", "spring"));
        let formula = |field: &str| field.starts_with(['=', '+', '-', '@', '\t']);
        assert!(!csv.split("\r\n").flat_map(|line| line.split(',')).any(formula), "{csv}");
        assert_eq!(csv.lines().nth(2), Some("A-2,spring,multi_use,3,,2027-01-01T00:00:00Z,0"));
    }
}
