//! Changing a coupon: what is told of it, and the terms of its offer and codes together.

use jiff::Timestamp;

use super::{CouponFile, CouponRefusal, InvoiceNote, Part, check_dates, of};
use crate::batch::{Edit, TermsEdit, change_batch, edited};
use crate::offer::{COUNTED, Limits, Offer, save_offer};
use crate::plan::{Plan, Write};
use crate::text::{Note, Title};
use crate::voucher::save_voucher;

/// What becomes of a coupon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CouponEdit {
    /// What people read.
    pub title: Edit<Title>,
    /// What staff should know.
    pub note: Edit<Option<Note>>,
    /// Who was invoiced.
    pub invoice: Edit<Option<InvoiceNote>>,
    /// The limits of its offer.
    pub limits: Edit<Limits>,
    /// The dates of offer and codes, and the other terms of the codes.
    pub terms: TermsEdit,
}

impl CouponEdit {
    /// Ends a coupon at `now`, whenever it was to begin: none of its codes opens anything any more.
    #[must_use]
    pub fn deactivate(now: Timestamp) -> Self {
        let terms = TermsEdit { starts_at: Edit::Set(None), ends_at: Edit::Set(Some(now)), ..TermsEdit::default() };
        Self { terms, ..Self::default() }
    }
}

/// Decides a change. The offer has the new dates at once, and with it all codes; a batch follows as a job.
///
/// # Errors
/// [`CouponRefusal`].
pub fn change_coupon(
    file: &CouponFile,
    edit: &CouponEdit,
    now: Timestamp,
) -> Result<(CouponFile, Plan), CouponRefusal> {
    let mut after = file.clone();
    let coupon = &mut after.coupon;
    edit.title.apply(&mut coupon.title);
    edit.note.apply(&mut coupon.note);
    edit.invoice.apply(&mut coupon.invoice);
    coupon.version = coupon.version.saturating_add(1);
    coupon.updated_at = now;
    let mut plan = Plan::of(Write::SaveCoupon(Box::new(coupon.clone())));
    if edit.limits != Edit::Keep || edit.terms != TermsEdit::default() {
        let before = file.offer.as_ref().ok_or(CouponRefusal::OfferGone)?;
        let (offer, saved) = change_offer(before, edit, now)?;
        plan.extend(saved.writes);
        change_codes(&mut after, &offer, edit, &mut plan, now)?;
        after.offer = Some(offer);
    }
    Ok((after, plan))
}

fn change_offer(before: &Offer, edit: &CouponEdit, now: Timestamp) -> Result<(Offer, Plan), CouponRefusal> {
    let mut draft = before.clone();
    edit.terms.starts_at.apply(&mut draft.starts_at);
    edit.terms.ends_at.apply(&mut draft.ends_at);
    edit.limits.apply(&mut draft.limits);
    draft.limits.max_uses.get_or_insert(COUNTED);
    check_dates(draft.starts_at, draft.ends_at)?;
    save_offer(Some(before), draft, now).map_err(of(Part::Offer))
}

fn change_codes(
    after: &mut CouponFile,
    offer: &Offer,
    edit: &CouponEdit,
    plan: &mut Plan,
    now: Timestamp,
) -> Result<(), CouponRefusal> {
    if edit.terms == TermsEdit::default() {
        return Ok(());
    }
    for voucher in &mut after.vouchers {
        let draft = edited(voucher, &edit.terms);
        if draft != *voucher {
            let (saved, writes) = save_voucher(Some(voucher), draft, Some(offer), now).map_err(of(Part::Codes))?;
            plan.extend(writes.writes);
            *voucher = saved;
        }
    }
    if let Some(batch) = &mut after.batch {
        let (changed, writes) = change_batch(batch, edit.terms.clone(), Some(offer), now).map_err(of(Part::Codes))?;
        plan.extend(writes.writes);
        *batch = changed;
    }
    Ok(())
}
