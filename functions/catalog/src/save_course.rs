//! Saving a course with all its seats: in one write, and only if the learning platform takes its modes.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::catalog::{self, CourseDraft, ProductDraft};
use domain::course_key::CourseKey;
use domain::places::Country;
use domain::product::{Kind, Product};
use domain::text::{Mode, Sku, Title};
use jiff::Timestamp;
use lms::{CourseMode, CourseModes, LmsError};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Claim, Code, ETag, IfMatch, Joined, Json, MoneyBody, Problem, RequestId, Staff};

use crate::App;
use crate::body::{CourseView, StockBody, refused};

/// The most seats of a course: more than the LMS has modes in use, and few enough for one transaction.
const MAX_SEATS: usize = 6;

/// A course as staff sends it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CourseBody {
    /// What people read.
    #[schema(value_type = String, max_length = 255)]
    title: Title,
    /// The organisation that gives it.
    #[schema(max_length = 255)]
    org: String,
    /// When it begins.
    #[schema(value_type = Option<String>, format = DateTime)]
    start: Option<Timestamp>,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    end: Option<Timestamp>,
    /// All its seats, at most 6. One that it had and that is not named any more is taken off sale.
    seats: Vec<SeatBody>,
}

/// A seat of a course as staff sends it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeatBody {
    /// Its SKU.
    #[schema(value_type = String)]
    sku: Sku,
    /// The mode in which the LMS enrols.
    #[schema(value_type = String)]
    mode: Mode,
    /// Its price, always in force; use the stock call for scheduled prices.
    price: MoneyBody,
    /// How many may ever be sold; null is unlimited.
    quantity: Option<u32>,
    /// What people read; the course's title if left out.
    #[schema(value_type = Option<String>)]
    title: Option<Title>,
    /// Further facts by name.
    #[serde(default)]
    attributes: std::collections::BTreeMap<String, serde_json::Value>,
    /// Countries in which it is not sold.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    blocked_countries: std::collections::BTreeSet<Country>,
    /// Whether it is seen and sold; true if left out.
    published: Option<bool>,
}

impl SeatBody {
    fn draft(self, key: &CourseKey, title: &Title, pointer: &str) -> Result<ProductDraft, Problem> {
        let window = StockBody { price: self.price, quantity: self.quantity, valid_from: None, valid_to: None };
        crate::body::check_attributes(&self.attributes, &format!("{pointer}/attributes"))?;
        Ok(ProductDraft {
            sku: self.sku,
            kind: Kind::Seat,
            title: self.title.unwrap_or_else(|| title.clone()),
            course_key: Some(key.clone()),
            mode: Some(self.mode),
            attributes: self.attributes,
            contains: Vec::new(),
            blocked_countries: self.blocked_countries,
            published: self.published.unwrap_or(true),
            stock: Some(vec![window.draft(pointer)?]),
        })
    }
}

impl CourseBody {
    fn draft(self, key: CourseKey) -> Result<CourseDraft, Problem> {
        if self.seats.len() > MAX_SEATS {
            return Err(Problem::field("/seats", "a course has at most 6 seats"));
        }
        if self.org.trim().is_empty() || self.org.chars().count() > 255 || self.org.chars().any(char::is_control) {
            return Err(Problem::field("/org", "org must be 1 to 255 characters without control characters"));
        }
        let seat = |(i, seat): (usize, SeatBody)| seat.draft(&key, &self.title, &format!("/seats/{i}"));
        let seats = self.seats.into_iter().enumerate().map(seat).collect::<Result<_, _>>()?;
        Ok(CourseDraft { key, title: self.title, org: self.org, start: self.start, end: self.end, seats })
    }
}

/// Saves a course and all its seats. The LMS is told first; if it refuses, nothing is saved.
#[utoipa::path(put, path = "/api/v1/courses/{course_key}", tag = "catalog", params(("course_key" = String, Path)),
    request_body = CourseBody,
    responses((status = 200, body = CourseView), (status = 201, body = CourseView), (status = 412), (status = 502)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn save_course(
    State(app): State<App>,
    who: Claim<Staff>,
    Joined(key): Joined<CourseKey>,
    (if_match, request): (IfMatch, RequestId),
    Json(body): Json<CourseBody>,
) -> Result<impl IntoResponse, Problem> {
    let draft = body.draft(key.clone())?;
    let skus: Vec<Sku> = draft.seats.iter().map(|seat| seat.sku.clone()).collect();
    let (_, before) = who.with(app.store.read_course_for_edit(&key, &skus)).await?;
    let version = before.course.as_ref().map_or(0, |course| course.version);
    if_match.check(version)?;
    let now = app.http.now();
    let (course, seats, plan) = catalog::save_course(before, draft, None, now).map_err(|e| refused(e, ""))?;
    app.store.check_size(&plan).map_err(|_| Problem::field("/seats", "too many seats change at once; change fewer"))?;
    let modes = CourseModes { course_key: &key, title: course.title.as_str(), modes: modes(&seats, now) };
    app.lms.with_request_id(request.as_str()).publish_course(&modes, now).await.map_err(|e| lms_refused(&e))?;
    app.store
        .commit(&plan)
        .await
        .map_err(|error| if error.is_conflict() { Problem::new(Code::VersionMismatch) } else { error.into() })?;
    let status = if version == 0 { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, ETag(course.version), Json(CourseView::of(&course, &seats, true, now))))
}

fn modes(seats: &[Product], now: Timestamp) -> Vec<CourseMode> {
    let mode = |seat: &Product| {
        Some(CourseMode { mode: seat.mode.clone()?, price: seat.offer_at(now)?.price, sku: seat.sku.clone() })
    };
    seats.iter().filter(|seat| seat.published).filter_map(mode).collect()
}

fn lms_refused(error: &LmsError) -> Problem {
    if error.retryable() {
        Problem::unavailable_as(Code::LmsUnavailable, error)
    } else {
        Problem::new(Code::LmsRefused).detail(format!("the learning platform answered {}", error.reason()))
    }
}
