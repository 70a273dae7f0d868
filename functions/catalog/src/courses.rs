//! Reading courses with their seats.

use axum::extract::State;
use axum::response::IntoResponse;
use domain::course_key::CourseKey;
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Caller, Claim, Code, ETag, Joined, Json, Limit, Page, Problem, Query};

use crate::App;
use crate::body::CourseView;

/// What to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// At most so many, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u8>)]
    pub(crate) limit: Limit,
    /// The `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}

/// Lists courses by key, each with its seats.
#[utoipa::path(get, path = "/api/v1/courses", tag = "catalog", params(PageQuery),
    responses((status = 200, body = Page<CourseView>)))]
pub(crate) async fn list_courses(
    State(app): State<App>,
    who: Claim<Caller>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<CourseView>>, Problem> {
    let scope = format!("{}|courses", app.http.tenant());
    let cursors = app.http.cursors();
    let after = query.cursor.map(|cursor| cursors.decode(&scope, &cursor)).transpose()?;
    let list = app.store.list_courses(u16::from(query.limit.get()), after.as_ref());
    let (caller, page) = who.with(list).await?;
    let (staff, now) = (caller.is_staff(), app.http.now());
    let view = |(course, seats): &(_, Vec<_>)| CourseView::of(course, seats, staff, now);
    Ok(Json(Page {
        items: page.items.iter().map(view).collect(),
        next_cursor: page.next.map(|next| cursors.encode(&scope, &next)),
    }))
}

/// Reads a course with its seats. The `ETag` is the course's own version.
#[utoipa::path(get, path = "/api/v1/courses/{course_key}", tag = "catalog", params(("course_key" = String, Path)),
    responses((status = 200, body = CourseView), (status = 404)))]
pub(crate) async fn read_course(
    State(app): State<App>,
    who: Claim<Caller>,
    Joined(key): Joined<CourseKey>,
) -> Result<impl IntoResponse, Problem> {
    let (caller, file) = who.with(app.store.read_course(&key)).await?;
    let course = file.course.ok_or_else(|| Problem::new(Code::UnknownCourse))?;
    let view = CourseView::of(&course, &file.products, caller.is_staff(), app.http.now());
    Ok((ETag(course.version), Json(view)))
}
