//! Importing paid orders of a shop that is given up: each keeps its number and its dates, once, however often it is
//! imported. Nobody is charged or enrolled because of it.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::course_key::CourseKey;
use domain::id::OrderNumber;
use domain::import_order::{ImportRefusal, ImportedLine, ImportedOrder, ImportedRefund, MOST, decide};
use domain::owner::UserId;
use domain::text::{BankReference, Email, LegacyNumber, Mode, Sku, Slug, Title, Username, VoucherCode};
use domain::voucher::Entered;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Claim, Code, Json, MoneyBody, Problem, Staff};

use crate::App;
use crate::results::{Results, answer};

/// How often an order is decided anew when something changed under it.
const ROUNDS: u32 = 4;

/// A place that was sold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportedLineBody {
    /// What it is called here; the catalog need not have it.
    #[schema(value_type = String, max_length = 64)]
    sku: Sku,
    #[schema(value_type = String, max_length = 255)]
    title: Title,
    /// The course run of a seat.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    course_key: Option<CourseKey>,
    /// The course's UUID, of an entitlement: a line has either.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 64)]
    course_uuid: Option<Slug>,
    #[schema(value_type = String, max_length = 40)]
    mode: Mode,
    /// What it cost, tax included, before anything was taken off.
    price: MoneyBody,
    /// What was taken off; nothing if it is not given.
    #[serde(default)]
    discount: Option<MoneyBody>,
    /// When access was taken back; the learner has it if it is not given.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

/// Money that went back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportedRefundBody {
    amount: MoneyBody,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// A paid order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportedOrderBody {
    /// Its number in the other shop, by which it is found here as well.
    #[schema(value_type = String, max_length = 64)]
    number: LegacyNumber,
    /// The learner's name at the LMS.
    #[schema(value_type = String, max_length = 255)]
    username: Username,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 254)]
    email: Option<Email>,
    #[schema(value_type = String, format = DateTime)]
    placed_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    paid_at: Timestamp,
    /// 1 to 20.
    lines: Vec<ImportedLineBody>,
    /// What the payment was called there; none for a total of nothing.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 64)]
    payment: Option<BankReference>,
    /// At most 10.
    #[serde(default)]
    refunds: Vec<ImportedRefundBody>,
    /// The code that was redeemed. It must be here, with room for one use more.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    voucher: Option<VoucherCode>,
}

/// Orders to import.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportOrdersBody {
    /// 1 to 25.
    #[schema(min_items = 1, max_items = 25)]
    orders: Vec<ImportedOrderBody>,
}

/// What became of an order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportResult {
    /// Its place in the request, from 0.
    index: usize,
    /// Its number in the other shop.
    number: String,
    /// `imported`, `exists` for one that was imported before, or `refused`.
    status: &'static str,
    /// Why it was refused, as a problem's `code`.
    code: Option<&'static str>,
    /// What is wrong, if the code is `invalid_fields`.
    detail: Option<String>,
    /// Its number here, unless it was refused.
    order_number: Option<String>,
}

/// Where an order ended.
enum Import {
    Imported(OrderNumber),
    Exists(OrderNumber),
    Refused(Code, Option<String>),
}

/// Imports paid orders. Each succeeds or fails on its own: 200 if all did, 207 if some, 422 `nothing_done` if none, always
/// with `results`; one that was imported before counts as success, and is left as it is.
#[utoipa::path(post, path = "/api/v1/orders/imports", tag = "orders", request_body = ImportOrdersBody,
    responses((status = 200, body = Results<ImportResult>), (status = 207, body = Results<ImportResult>), (status = 413),
        (status = 422)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn import_orders(
    State(app): State<App>,
    who: Claim<Staff>,
    Json(body): Json<ImportOrdersBody>,
) -> Result<Response, Problem> {
    if body.orders.is_empty() {
        return Err(Problem::field("/orders", "must name an order"));
    }
    if body.orders.len() > MOST {
        return Err(Problem::new(Code::TooManyItems).detail(format!("at most {MOST} orders")));
    }
    let codes: Vec<VoucherCode> = body.orders.iter().filter_map(|order| order.voucher.clone()).collect();
    let (Staff(user), entered) = who.with(Box::pin(app.store.read_entered(&codes))).await?;
    let (mut results, mut refused) = (Vec::new(), 0_usize);
    for (index, order) in body.orders.into_iter().enumerate() {
        let number = order.number.to_string();
        let (status, code, detail, found) = match Box::pin(import(&app, order, &entered, &user.id)).await? {
            Import::Imported(order) => ("imported", None, None, Some(order.to_string())),
            Import::Exists(order) => ("exists", None, None, Some(order.to_string())),
            Import::Refused(code, detail) => ("refused", Some(code.as_str()), detail, None),
        };
        refused = refused.saturating_add(usize::from(code.is_some()));
        results.push(ImportResult { index, number, status, code, detail, order_number: found });
    }
    tracing::info!(items = results.len(), refused, "orders imported");
    Ok(answer(results, refused).into_response())
}

/// Imports one order, unless it was before.
async fn import(app: &App, body: ImportedOrderBody, entered: &[Entered], by: &UserId) -> Result<Import, Problem> {
    let legacy = body.number.clone();
    let voucher = match &body.voucher {
        None => None,
        Some(code) => match entered.iter().find(|entered| entered.voucher.code == *code) {
            Some(entered) => Some(entered.clone()),
            None => return Ok(Import::Refused(Code::UnknownVoucher, None)),
        },
    };
    let order = imported(app, body, voucher, by);
    for _ in 0..ROUNDS {
        let mut known = app.store.read_legacy_numbers(std::slice::from_ref(&legacy)).await?;
        if let Some(number) = known.remove(&legacy) {
            return Ok(Import::Exists(number));
        }
        // Of the time when it was placed: orders are listed by their numbers.
        let (file, plan) = match decide(&order, app.http.now(), &mut app.http.ids(order.placed_at)) {
            Ok(decided) => decided,
            Err(refusal) => return Ok(refused(&refusal)),
        };
        match app.store.commit(&plan).await {
            Ok(()) => return Ok(Import::Imported(file.order.number)),
            Err(error) if error.refused("claim_legacy") => {}
            Err(error) if error.refused("claim_payment") => return Ok(Import::Refused(Code::ReferenceUsed, None)),
            Err(error) if error.refused("move_uses") => return Ok(Import::Refused(Code::VoucherUsedUp, None)),
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Import::Refused(Code::Conflict, None))
}

fn imported(app: &App, body: ImportedOrderBody, voucher: Option<Entered>, by: &UserId) -> ImportedOrder {
    let line = |line: ImportedLineBody| {
        let price = domain::money::Money::from(line.price);
        ImportedLine {
            sku: line.sku,
            title: line.title,
            course_key: line.course_key,
            course_uuid: line.course_uuid.map(String::from),
            mode: line.mode,
            price,
            discount: line.discount.map_or(domain::money::Money::zero(price.currency()), Into::into),
            revoked_at: line.revoked_at,
        }
    };
    let refund = |refund: ImportedRefundBody| ImportedRefund { amount: refund.amount.into(), at: refund.at };
    ImportedOrder {
        owner: app.http.user_id(&body.username),
        legacy: body.number,
        username: body.username,
        email: body.email,
        placed_at: body.placed_at,
        paid_at: body.paid_at,
        lines: body.lines.into_iter().map(line).collect(),
        payment: body.payment,
        refunds: body.refunds.into_iter().map(refund).collect(),
        voucher,
        by: by.clone(),
    }
}

fn refused(refusal: &ImportRefusal) -> Import {
    let code = match refusal {
        ImportRefusal::OfferCurrency => Code::CurrencyMismatch,
        ImportRefusal::Money(_)
        | ImportRefusal::Name(_)
        | ImportRefusal::Size
        | ImportRefusal::Twice
        | ImportRefusal::NoPlace
        | ImportRefusal::Dates
        | ImportRefusal::Amounts
        | ImportRefusal::Payment => Code::InvalidFields,
    };
    Import::Refused(code, Some(refusal.to_string()))
}
