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
            @else { p.notice role="status" { "This payment is " (text(&sheet.status)) " and " (text(&sheet.payment_status)) "." } }
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
                thead { tr { th scope="col" { "Item" } th.number scope="col" { "Quantity" } th.number scope="col" { "Amount" } } }
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

const STYLE: &str = "
:root { --ink:#1b2330; --soft:#5a6474; --paper:#fff; --ground:#eef1f6; --line:#d9dee7; --accent:#2f4fd0; --on:#fff; --warn:#a1260d; --tint:#fdeeea }
@media (prefers-color-scheme: dark) {
  :root { --ink:#e9edf5; --soft:#a3adbd; --paper:#1a202b; --ground:#10141b; --line:#333c4a; --accent:#8fa6ff; --on:#0e1330; --warn:#ffb4a2; --tint:#3a1f19 }
}
* { box-sizing:border-box }
body { margin:0; min-height:100vh; display:grid; place-items:center; padding:1.25rem; background:var(--ground); color:var(--ink); font:1rem/1.5 system-ui,sans-serif }
main { width:100%; max-width:30rem; background:var(--paper); border:1px solid var(--line); border-radius:1rem; padding:2rem; box-shadow:0 1rem 3rem #0000001a }
h1 { margin:0 0 .25rem; font-size:2rem; letter-spacing:-.02em }
.eyebrow { margin:0; font-size:.8rem; font-weight:600; text-transform:uppercase; letter-spacing:.08em; color:var(--soft) }
.muted { color:var(--soft); font-size:.9rem }
.alert, .notice { padding:.75rem 1rem; border-radius:.6rem; border:1px solid var(--line) }
.alert { color:var(--warn); background:var(--tint); border-color:currentColor }
table { width:100%; border-collapse:collapse; margin:1.25rem 0 }
caption { text-align:left; font-weight:600; padding-bottom:.5rem }
th, td { text-align:left; padding:.5rem 0; border-top:1px solid var(--line) }
th { font-size:.85rem; color:var(--soft) }
.number { text-align:right; font-variant-numeric:tabular-nums; padding-left:.75rem; white-space:nowrap }
form { display:grid; gap:.6rem; margin-top:1rem }
button { font:inherit; font-weight:600; padding:.75rem 1rem; border-radius:.6rem; border:1px solid var(--line); background:transparent; color:inherit; cursor:pointer }
button.primary { background:var(--accent); border-color:var(--accent); color:var(--on) }
button.quiet { border-color:transparent; color:var(--soft) }
button:hover { filter:brightness(1.08); border-color:var(--accent) }
button:focus-visible { outline:3px solid var(--accent); outline-offset:2px }
";
