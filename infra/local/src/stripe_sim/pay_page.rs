//! How the hosted payment page looks: plain HTML, no script, light and dark.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use super::amount::show;
use super::objects::Item;

/// What a payment page shows.
pub(crate) struct Sheet {
    pub(crate) status: Value,
    pub(crate) payment_status: Value,
    /// It can be paid.
    pub(crate) open: bool,
    /// A bank debit runs.
    pub(crate) waiting: bool,
    pub(crate) intent: Option<String>,
    pub(crate) items: Vec<Item>,
    pub(crate) currency: String,
    pub(crate) total: i64,
    pub(crate) email: Option<String>,
}

/// The page of a payment.
pub(crate) fn payment(sheet: &Sheet, declined: bool) -> Markup {
    let total = show(sheet.total, &sheet.currency);
    layout(
        "Pay",
        &html! {
            p.eyebrow { "Test payment" }
            h1 { (total) }
            @if let Some(email) = &sheet.email { p.muted { "For " (email) } }
            @if declined && sheet.open {
                p.alert role="alert" { "Your card was declined. You can try again." }
            }
            (lines(sheet, &total))
            @if sheet.open { (open_actions(&total)) }
            @else if sheet.waiting { (bank_actions()) }
            @else {
                p.notice role="status" {
                    "This payment is " (text(&sheet.status)) " and " (text(&sheet.payment_status)) "."
                }
            }
            p.muted { "This is a simulator inside your local Bursar. No card is asked for and no money moves." }
        },
    )
}

/// A page that says one thing.
pub(crate) fn notice(title: &str, message: &str) -> Markup {
    layout(title, &html! { h1 { (title) } p.notice role="alert" { (message) } })
}

fn lines(sheet: &Sheet, total: &str) -> Markup {
    html! {
        @if !sheet.items.is_empty() {
            table {
                caption { "Your order" }
                thead {
                    tr {
                        th scope="col" { "Item" }
                        th.number scope="col" { "Quantity" }
                        th.number scope="col" { "Amount" }
                    }
                }
                tbody {
                    @for item in &sheet.items {
                        tr {
                            td { (item.name) }
                            td.number { (item.quantity) }
                            td.number { (show(item.unit_amount.saturating_mul(item.quantity), &sheet.currency)) }
                        }
                    }
                }
                tfoot { tr { th scope="row" colspan="2" { "Total" } td.number { strong { (total) } } } }
            }
        }
    }
}

fn open_actions(total: &str) -> Markup {
    html! {
        form method="post" {
            button.primary name="outcome" value="succeed" { "Pay " (total) }
            button name="outcome" value="decline" { "Decline the card" }
            button name="outcome" value="processing" { "Pay by bank debit (settles later)" }
            button.quiet name="outcome" value="abandon" { "Abandon and go back" }
        }
    }
}

fn bank_actions() -> Markup {
    html! {
        p.notice role="status" { "The bank debit is on its way. What does the bank say?" }
        form method="post" {
            button.primary name="outcome" value="async_succeed" { "The debit succeeds" }
            button name="outcome" value="async_fail" { "The debit fails" }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn layout(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Bursar test payments" }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (content) } }
        }
    }
}

const STYLE: &str = include_str!("pay_page.css");
