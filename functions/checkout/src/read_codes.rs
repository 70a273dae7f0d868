//! Showing a buyer the enrolment codes of an order.

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use domain::enrolment_codes::{codes, origin};
use domain::id::OrderNumber;
use domain::order::{OrderFile, OrderLine};
use domain::part::Part;
use domain::text::VoucherCode;
use domain::voucher::Voucher;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Claim, Json, Path, Problem, SignedIn};

use crate::App;

/// The enrolment codes of an order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodesView {
    /// The order's number.
    order_number: String,
    /// The codes, line by line; none while they are not made yet.
    items: Vec<CodeView>,
}

/// An enrolment code.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodeView {
    /// The line by which it was bought.
    line: u32,
    /// What is typed.
    code: String,
    /// `available`, `used` (also while an unpaid checkout holds it) or `withdrawn`.
    status: &'static str,
    /// The product that it makes free.
    sku: String,
    /// That product's title when the codes were bought.
    title: String,
    /// Its course run, of a seat.
    course_key: Option<String>,
}

impl CodeView {
    fn of(line: u32, part: &Part, voucher: &Voucher, now: Timestamp) -> Self {
        let status = match voucher.level.taken {
            0 if voucher.holds_at(now) => "available",
            0 => "withdrawn",
            _ => "used",
        };
        Self {
            line,
            code: voucher.code.to_string(),
            status,
            sku: part.sku.to_string(),
            title: part.title.to_string(),
            course_key: part.course_key.as_ref().map(ToString::to_string),
        }
    }
}

/// Reads the enrolment codes that an order bought. Another user's order does not exist.
#[utoipa::path(get, path = "/api/v1/orders/{number}/codes", tag = "orders", params(("number" = String, Path)),
    responses((status = 200, body = CodesView), (status = 404)),
    security(("jwt" = [])))]
pub(crate) async fn read_codes(
    State(app): State<App>,
    who: Claim<SignedIn>,
    Path(number): Path<OrderNumber>,
) -> Result<impl IntoResponse, Problem> {
    let (_, file) = app.order_for(who, &number).await?;
    let lines: Vec<_> = file.order.lines.iter().filter_map(|line| made(&file, line)).collect();
    let codes: Vec<VoucherCode> = lines.iter().flat_map(|(_, _, codes)| codes.clone()).collect();
    let vouchers = app.store.read_vouchers(&codes).await?;
    let now = app.http.now();
    let items = lines.iter().flat_map(|(line, part, codes)| {
        let ours = |voucher: &&Voucher| voucher.origin.as_ref() == Some(&origin(&file.order, line));
        let find = |code: &VoucherCode| vouchers.iter().filter(ours).find(|voucher| voucher.code == *code);
        codes.iter().filter_map(find).map(|voucher| CodeView::of(line.number, part, voucher, now)).collect::<Vec<_>>()
    });
    let items = items.collect();
    // Who has a code can use it.
    Ok(([(CACHE_CONTROL, "no-store")], Json(CodesView { order_number: number.to_string(), items })))
}

/// A line's codes, if some were made, with what they are for.
fn made<'a>(file: &OrderFile, line: &'a OrderLine) -> Option<(&'a OrderLine, &'a Part, Vec<VoucherCode>)> {
    let seed = file.tasks_of(line.number).find_map(|task| task.seed.as_ref())?;
    Some((line, line.parts.first()?, codes(line, seed)))
}
