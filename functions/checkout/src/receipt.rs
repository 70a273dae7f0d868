//! Receipts of paid orders, as JSON or as a page to print.

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{Html, IntoResponse, Response};
use domain::money::Money;
use domain::order::{OrderFile, OrderState};
use domain::refund::{Refund, RefundState};
use jiff::Timestamp;
use maud::{DOCTYPE, html};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Claim, Code, Json, MoneyBody, OrderReader, Path, Problem, User};

use crate::App;
use crate::order_name::OrderName;
use crate::order_view::Totals;
use crate::refund_view::RefundView;

/// A line of a receipt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceiptLine {
    sku: String,
    title: String,
    quantity: u32,
    unit_price: MoneyBody,
    discount: MoneyBody,
    tax: Option<MoneyBody>,
    /// The tax's rate in percent.
    tax_rate: Option<String>,
    total: MoneyBody,
}

/// A receipt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceiptView {
    order_number: String,
    /// The learner's name at the LMS.
    buyer: String,
    #[schema(value_type = String, format = DateTime)]
    placed_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    paid_at: Timestamp,
    /// The processor that took the money, or `none`.
    processor: &'static str,
    /// The processor's name for the payment.
    payment_reference: Option<String>,
    lines: Vec<ReceiptLine>,
    totals: Totals,
    refunds: Vec<RefundView>,
}

impl ReceiptView {
    fn of(file: &OrderFile, paid_at: Timestamp, reader: &User) -> Result<Self, Problem> {
        let order = &file.order;
        let attempt = file.attempts.iter().find(|attempt| attempt.state == domain::attempt::AttemptState::Succeeded);
        let line = |line: &domain::order::OrderLine| ReceiptLine {
            sku: line.sku.to_string(),
            title: line.title.to_string(),
            quantity: line.quantity.get(),
            unit_price: line.unit_price.into(),
            discount: line.discount.into(),
            tax: line.tax.map(|tax| tax.amount.into()),
            tax_rate: line.tax.map(|tax| tax.rate.to_string()),
            total: line.total.into(),
        };
        Ok(Self {
            order_number: order.number.to_string(),
            buyer: order.username.to_string(),
            placed_at: order.placed_at,
            paid_at,
            processor: attempt.map_or("none", |attempt| attempt.processor.name()),
            payment_reference: attempt.and_then(|attempt| attempt.payment.as_ref()).map(ToString::to_string),
            lines: order.lines.iter().map(line).collect(),
            totals: Totals::of(order)?,
            refunds: refunds(file, reader),
        })
    }
}

/// What went back or will: what is only asked for, or came to nothing, is no matter for a receipt.
fn refunds(file: &OrderFile, reader: &User) -> Vec<RefundView> {
    let agreed = |refund: &&Refund| refund.is_alive() && refund.state != RefundState::Requested;
    let agreed = file.refunds.iter().filter(agreed);
    agreed.map(|refund| RefundView::of(&file.order.number, refund, reader)).collect()
}

/// Reads the receipt of a paid order: JSON, or HTML for a client that asks for it.
#[utoipa::path(get, path = "/api/v1/orders/{number}/receipt", tag = "orders", params(("number" = String, Path)),
    responses((status = 200, body = ReceiptView), (status = 404), (status = 406), (status = 409)),
    security(("jwt" = [])))]
pub(crate) async fn read_receipt(
    State(app): State<App>,
    who: Claim<OrderReader>,
    Path(name): Path<OrderName>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (OrderReader(user), file) = app.order_named(who, &name).await?;
    let OrderState::Paid { at } = file.order.state else {
        return Err(Problem::new(Code::Conflict).detail("there is no receipt before payment"));
    };
    let receipt = ReceiptView::of(&file, at, &user)?;
    match wanted(&headers)? {
        Format::Json => Ok(Json(receipt).into_response()),
        Format::Html => {
            let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
            Ok(([(CONTENT_SECURITY_POLICY, policy)], Html(page(&receipt))).into_response())
        }
    }
}

enum Format {
    Json,
    Html,
}

/// The first of the accepted types that we have; JSON for a client that does not say.
fn wanted(headers: &HeaderMap) -> Result<Format, Problem> {
    let Some(accept) = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()) else { return Ok(Format::Json) };
    let types = accept.split(',').filter_map(|range| range.split(';').next()).map(str::trim);
    let format = |range: &str| match range {
        "text/html" | "application/xhtml+xml" => Some(Format::Html),
        "application/json" | "application/*" | "*/*" => Some(Format::Json),
        _ => None,
    };
    types.filter_map(format).next().ok_or_else(|| Problem::new(Code::NotAcceptable))
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color:#1b1b1f;\
background:#fff}h1{font-size:1.6rem;margin:0}table{width:100%;border-collapse:collapse;margin:2rem 0}\
th,td{text-align:left;padding:.5rem .25rem;border-bottom:1px solid #ddd}td.n,th.n{text-align:right;\
font-variant-numeric:tabular-nums}tfoot td{border:0}tfoot tr:last-child td{font-weight:700;border-top:2px solid #1b1b1f}\
.muted{color:#5c5c66}@media print{body{margin:0}}";

fn page(receipt: &ReceiptView) -> String {
    let shown = |money: &MoneyBody| Money::from(*money).to_string();
    let totals = &receipt.totals;
    let sums = [
        ("Subtotal", &totals.subtotal),
        ("Discount", &totals.discount),
        (if totals.tax_included { "Tax in it" } else { "Tax" }, &totals.tax),
        ("Total paid", &totals.total),
    ];
    html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "Receipt " (receipt.order_number) } style { (STYLE) } }
            body {
                h1 { "Receipt" }
                p.muted { "Order " (receipt.order_number) " · paid " (receipt.paid_at.strftime("%-d %B %Y, %H:%M UTC")) }
                p { "Learner: " (receipt.buyer) }
                table {
                    thead { tr { th { "Item" } th.n { "Quantity" } th.n { "Price" } th.n { "Amount" } } }
                    tbody {
                        @for line in &receipt.lines {
                            tr {
                                td { (line.title) br; span.muted { (line.sku) } }
                                td.n { (line.quantity) }
                                td.n { (shown(&line.unit_price)) }
                                td.n { (shown(&line.total)) }
                            }
                        }
                    }
                    tfoot {
                        @for (name, sum) in sums {
                            tr { td {} td {} td.n { (name) } td.n { (shown(sum)) } }
                        }
                    }
                }
                @if let Some(reference) = &receipt.payment_reference {
                    p.muted { "Paid through " (receipt.processor) ", reference " (reference) }
                }
            }
        }
    }
    .into_string()
}
