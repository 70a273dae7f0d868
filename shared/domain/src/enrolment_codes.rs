//! Enrolment codes: what a line that sells them gives. Each is a voucher for one use, which opens an offer that makes one
//! product free; it is redeemed like any code, by a checkout of nothing.
//!
//! The codes follow from a seed in the line's task, written when a worker claims it. So a worker that crashed half way
//! leaves nothing that the next one does not find, and making them twice makes them once.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::code_seed::CodeSeed;
use crate::entitlement::LineRef;
use crate::offer::{Condition, Limits, Offer, next_version};
use crate::order::{Order, OrderLine};
use crate::part::Part;
use crate::plan::{Plan, Write};
use crate::pricing::Reduction;
use crate::selection::Selection;
use crate::task::Task;
use crate::text::{BadText, Sku, Slug, Title, VoucherCode};
use crate::uses::Level;
use crate::voucher::{Origin, Usage, Voucher};

/// How many codes are made by one transaction.
pub const CHUNK: usize = 50;

/// The offer that enrolment codes for a product open. Its id is a digest, since a SKU has letters that an id has not.
///
/// # Errors
/// [`BadText`] never: the texts are made here.
pub fn offer_for(part: &Part, now: Timestamp) -> Result<Offer, BadText> {
    let products = Selection::Skus(BTreeSet::from([part.sku.clone()]));
    Ok(Offer {
        id: offer_id(&part.sku)?,
        name: title(part)?,
        condition: Condition {
            products,
            min_quantity: None,
            min_value: None,
            whole: false,
            first_purchase: false,
            users: BTreeSet::new(),
            email_domains: BTreeSet::new(),
        },
        benefit: Reduction::Free,
        limits: Limits::default(),
        starts_at: None,
        ends_at: None,
        // Somebody paid for it: no other offer takes its place.
        priority: u16::MAX,
        exclusive: false,
        automatic: false,
        version: next_version(None, now),
        updated_at: now,
        level: Level::default(),
    })
}

/// The id of the offer that enrolment codes for a product open.
///
/// # Errors
/// [`BadText`] never: the text is made here.
pub fn offer_id(sku: &Sku) -> Result<Slug, BadText> {
    let digest = Sha256::digest(sku.as_str().as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{OFFER}{hex}").parse()
}

/// What the ids of those offers begin with.
const OFFER: &str = "enrollment-code-";

/// Whether an offer is one that enrolment codes open, by its id.
#[must_use]
pub fn is_of_codes(offer: &Slug) -> bool {
    offer.as_str().starts_with(OFFER)
}

fn title(part: &Part) -> Result<Title, BadText> {
    let title: String = part.title.as_str().chars().take(200).collect();
    format!("Enrolment code: {title}").parse()
}

/// The codes of a line, first to last.
#[must_use]
pub fn codes(line: &OrderLine, seed: &CodeSeed) -> Vec<VoucherCode> {
    // Without a prefix there is always a code.
    (0..line.quantity.get()).filter_map(|place| seed.code(None, place).ok()).collect()
}

/// The line that a code was made for, as the voucher keeps it.
#[must_use]
pub fn origin(order: &Order, line: &OrderLine) -> Origin {
    Origin::Line(LineRef { order: order.number.clone(), line: line.number })
}

/// Decides some of a line's codes, which open `offer`. Conditions: none of them is there, and the worker still has the
/// line: one whose lease ended must not make codes of a line that was refunded meanwhile.
#[must_use]
pub fn issue(
    order: &Order,
    (line, task): (&OrderLine, &Task),
    offer: &Slug,
    codes: &[VoucherCode],
    now: Timestamp,
) -> Plan {
    let write = |code: &VoucherCode| Write::SaveVoucher {
        voucher: Box::new(Voucher {
            code: code.clone(),
            usage: Usage::SingleUse,
            offer: offer.clone(),
            max_uses: None,
            starts_at: None,
            ends_at: None,
            email_domains: BTreeSet::new(),
            origin: Some(origin(order, line)),
            version: next_version(None, now),
            updated_at: now,
            level: Level::default(),
            holder: None,
        }),
        expect: None,
    };
    let mut plan = Plan::of(Write::CheckTask(order.number.clone(), task.clone()));
    plan.writes.extend(codes.iter().map(write));
    plan
}

/// Decides that codes cannot be used any more, those that were used included: what was enrolled by them stays. `None` if
/// all have ended already.
#[must_use]
pub fn withdraw(vouchers: &[Voucher], now: Timestamp) -> Option<Plan> {
    let open = vouchers.iter().filter(|voucher| voucher.ends_at.is_none_or(|end| end > now));
    let end = |voucher: &Voucher| Write::SaveVoucher {
        voucher: Box::new(Voucher {
            // A code may not have begun yet: its end comes after its beginning all the same.
            starts_at: voucher.starts_at.filter(|from| *from < now),
            ends_at: Some(now),
            version: next_version(Some(voucher.version), now),
            updated_at: now,
            ..voucher.clone()
        }),
        expect: Some(voucher.version),
    };
    let writes: Vec<Write> = open.map(end).collect();
    if writes.is_empty() { None } else { Some(Plan { writes }) }
}
