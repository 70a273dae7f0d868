//! Listing products: by catalog, course, kind, and words of the title.

use axum::extract::State;
use domain::course_key::CourseKey;
use domain::product::Kind;
use domain::text::Slug;
use serde::Deserialize;
use store::ProductFilter;
use utoipa::IntoParams;
use web::{BadCursor, Caller, Claim, Code, Json, Limit, Page, Problem, Query};

use crate::App;
use crate::body::ProductView;

/// What to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProductQuery {
    /// Only products of this catalog.
    #[param(value_type = Option<String>)]
    catalog: Option<Slug>,
    /// Only products of this course run.
    #[param(value_type = Option<String>)]
    course: Option<CourseKey>,
    /// Only products of this kind.
    #[param(value_type = Option<String>)]
    kind: Option<Kind>,
    /// Only products whose titles have words that begin so.
    q: Option<String>,
    /// At most so many, 1 to 100; a page can be shorter although more follows.
    #[serde(default)]
    #[param(value_type = Option<u8>)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists products. Unpublished ones are listed for staff only.
#[utoipa::path(get, path = "/api/v1/products", tag = "catalog", params(ProductQuery),
    responses((status = 200, body = Page<ProductView>)))]
pub(crate) async fn list_products(
    State(app): State<App>,
    who: Claim<Caller>,
    Query(query): Query<ProductQuery>,
) -> Result<Json<Page<ProductView>>, Problem> {
    if query.q.as_ref().is_some_and(|q| q.chars().count() > 200) {
        return Err(Problem::field("/q", "q must be at most 200 characters"));
    }
    let limit = u16::from(query.limit.get());
    let mut filter = ProductFilter {
        catalog: query.catalog,
        course: query.course,
        kind: query.kind,
        search: query.q.filter(|q| !q.trim().is_empty()),
        hidden_too: false,
    };
    let scope = |filter: &ProductFilter| format!("{}|products|{filter:?}", app.http.tenant());
    let cursors = app.http.cursors();
    // Who is staff is known only with the page: what the cursor was issued for, or else the token says, is taken to be so.
    let (staff, after) = cursors.resume(query.cursor.as_deref(), who.says_staff(), |staff| {
        scope(&ProductFilter { hidden_too: staff, ..filter.clone() })
    })?;
    filter.hidden_too = staff;
    let (caller, mut page) = who.with(app.store.list_products(&filter, limit, after.as_ref())).await?;
    let staff = caller.is_staff();
    if staff != filter.hidden_too {
        after.is_none().then_some(()).ok_or(BadCursor)?;
        filter.hidden_too = staff;
        page = app.store.list_products(&filter, limit, None).await?;
    }
    let scope = scope(&filter);
    let page = page.ok_or_else(|| Problem::new(Code::UnknownCatalog))?;
    let now = app.http.now();
    Ok(Json(Page {
        items: page.items.iter().map(|product| ProductView::of(product, staff, now)).collect(),
        next_cursor: page.next.map(|next| cursors.encode(&scope, &next)),
    }))
}
