//! The next step of a batch: one transaction.

use std::ops::Range;

use jiff::Timestamp;

use super::{Batch, Failure, SLICE, Terms, TermsEdit};
use crate::offer::Offer;
use crate::plan::{Plan, Write};
use crate::text::VoucherCode;
use crate::voucher::{Voucher, save_voucher};

/// What is next to be done of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slice {
    /// Codes are to be made; nothing needs to be read for it.
    Make,
    /// These codes are to be changed, and must be read.
    Revise(Vec<VoucherCode>),
}

impl Slice {
    /// What is next; nothing of a batch that is done or failed.
    #[must_use]
    pub fn of(batch: &Batch) -> Option<Self> {
        match &batch.revision {
            _ if !batch.is_open() => None,
            Some(revision) => Some(Self::Revise(batch.codes(some(revision.next, revision.end)))),
            None => Some(Self::Make),
        }
    }
}

/// As many places as one slice has.
fn some(next: u32, end: u32) -> Range<u32> {
    next..next.saturating_add(SLICE).min(end)
}

/// Decides the next slice. `codes` are those that it changes, as they are now.
#[must_use]
pub fn next_slice(batch: &Batch, codes: &[Voucher], offer: Option<&Offer>, now: Timestamp) -> (Batch, Plan) {
    match (offer, &batch.revision) {
        (Some(offer), _) if offer.automatic => fail(batch, Failure::OfferGone, now),
        (None, _) => fail(batch, Failure::OfferGone, now),
        (Some(offer), Some(_)) => revise(batch, codes, offer, now),
        (Some(offer), None) => make(batch, offer, now),
    }
}

/// Stops a batch.
#[must_use]
pub fn fail(batch: &Batch, failure: Failure, now: Timestamp) -> (Batch, Plan) {
    finish(Batch { failed: Some(failure), ..batch.clone() }, Plan::default(), now)
}

fn finish(batch: Batch, mut plan: Plan, now: Timestamp) -> (Batch, Plan) {
    let batch = batch.written(now);
    plan.push(Write::SaveBatch(Box::new(batch.clone())));
    (batch, plan)
}

fn make(batch: &Batch, offer: &Offer, now: Timestamp) -> (Batch, Plan) {
    let mut plan = Plan::default();
    let places = some(batch.made, batch.count);
    let end = places.end;
    for code in batch.codes(places) {
        match save_voucher(None, batch.draft(code, now), Some(offer), now) {
            Ok((_, saved)) => plan.extend(saved.writes),
            // The terms were checked when they were set: only the offer can have become another.
            Err(_) => return fail(batch, Failure::OfferGone, now),
        }
    }
    finish(Batch { made: end, ..batch.clone() }, plan, now)
}

fn revise(batch: &Batch, codes: &[Voucher], offer: &Offer, now: Timestamp) -> (Batch, Plan) {
    let mut after = batch.clone();
    let mut plan = Plan::default();
    let Some(mut revision) = after.revision.take() else { return (after, plan) };
    let places = some(revision.next, revision.end);
    revision.next = places.end;
    for code in batch.codes(places) {
        let Some(before) = codes.iter().find(|voucher| voucher.code == code) else { continue };
        let draft = edited(before, &revision.edit);
        if draft == *before {
            continue;
        }
        match save_voucher(Some(before), draft, Some(offer), now) {
            Ok((_, saved)) => plan.extend(saved.writes),
            Err(_) => after.refused = after.refused.saturating_add(1),
        }
    }
    after.revision = Some(revision).filter(|revision| revision.next < revision.end);
    finish(after, plan, now)
}

/// A code with some of its terms changed.
pub(crate) fn edited(voucher: &Voucher, edit: &TermsEdit) -> Voucher {
    let Voucher { max_uses, starts_at, ends_at, email_domains, .. } = voucher.clone();
    let mut terms = Terms { max_uses, starts_at, ends_at, email_domains };
    edit.apply(&mut terms);
    let Terms { max_uses, starts_at, ends_at, email_domains } = terms;
    Voucher { max_uses, starts_at, ends_at, email_domains, ..voucher.clone() }
}
