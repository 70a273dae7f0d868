//! Coupons as staff know them: a catalog, an offer, codes, and who was invoiced for them, made by one decision.
//!
//! A coupon owns its offer, which has its dates: what changes there holds for all of its codes at once, however many
//! there are. The parts are what they are when they are made one by one, and keep to the same rules; this adds none.

mod change;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, BatchAsk, Terms, start_batch};
use crate::catalog::{Catalog, CatalogRefusal, Links, save_catalog};
use crate::code_seed::{CodePrefix, CodeSeed};
use crate::id::BatchId;
use crate::money::Money;
use crate::offer::{COUNTED, Offer, save_offer};
use crate::plan::{Plan, Write};
use crate::selection::Selection;
use crate::text::{InvoiceReference, Note, Slug, Title, Username, VoucherCode};
use crate::uses::Level;
use crate::voucher::{Origin, Usage, Voucher, save_voucher};

pub use change::{CouponEdit, change_coupon};

/// The most codes that are named: they are in one transaction with the rest.
pub const MAX_NAMED: usize = 50;

/// When an invoice is to be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceKind {
    /// Before the codes are used.
    Prepaid,
    /// For the codes that were used.
    Postpaid,
    /// There is none: the codes were given away.
    NotApplicable,
}

/// Who was invoiced for the codes, and what for. It is told, and decides nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceNote {
    /// Who pays.
    pub client: Title,
    /// When it is to be paid.
    pub kind: InvoiceKind,
    /// The client's own number for it.
    pub purchase_order: Option<InvoiceReference>,
    /// The invoice's number.
    pub number: Option<InvoiceReference>,
    /// What the client pays for all of it.
    pub price: Option<Money>,
    /// When the invoice was written.
    pub issued_at: Option<Timestamp>,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
}

/// The codes of a coupon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponCodes {
    /// Those that staff named.
    Named(BTreeSet<VoucherCode>),
    /// A batch.
    Batch(BatchId),
}

/// A coupon. Its offer has its id, and so has the catalog that was made with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    /// Its handle.
    pub id: Slug,
    /// What people read.
    pub title: Title,
    /// What staff should know.
    pub note: Option<Note>,
    /// Who was invoiced.
    pub invoice: Option<InvoiceNote>,
    /// The catalog that was made with it.
    pub catalog: Option<Slug>,
    /// Its codes.
    pub codes: CouponCodes,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: Username,
    /// The last edit.
    pub updated_at: Timestamp,
    /// Counts up with every edit.
    pub version: u64,
}

/// A coupon with its parts as they are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouponFile {
    /// The coupon.
    pub coupon: Coupon,
    /// Its offer, unless staff removed it.
    pub offer: Option<Offer>,
    /// Its codes, if they were named.
    pub vouchers: Vec<Voucher>,
    /// Its batch, if they were not.
    pub batch: Option<Batch>,
}

/// Which codes staff ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodesAsk {
    /// These.
    Named(BTreeSet<VoucherCode>),
    /// So many, with a prefix.
    Batch(Option<CodePrefix>, u32),
}

/// What staff ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouponAsk {
    /// What people read.
    pub title: Title,
    /// What staff should know.
    pub note: Option<Note>,
    /// Who is invoiced.
    pub invoice: Option<InvoiceNote>,
    /// A catalog that is made for it, with the coupon's id; the offer is then for its products.
    pub catalog: Option<Catalog>,
    /// The offer as a draft, with the coupon's id and dates.
    pub offer: Offer,
    /// Which codes.
    pub codes: CodesAsk,
    /// How often, and by whom, each can be used.
    pub usage: Usage,
    /// At what terms, with the coupon's dates.
    pub terms: Terms,
    /// Who asks.
    pub by: Username,
}

/// The part of a coupon that is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The dates, which all parts have.
    Dates,
    /// The catalog.
    Catalog,
    /// The offer.
    Offer,
    /// The codes.
    Codes,
}

/// Why a coupon is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CouponRefusal {
    /// A part cannot be so.
    #[error("{1}")]
    Invalid(Part, CatalogRefusal),
    /// Its offer was removed: nothing of it can be changed any more but what is told of it.
    #[error("its offer was removed")]
    OfferGone,
}

fn of(part: Part) -> impl Fn(CatalogRefusal) -> CouponRefusal {
    move |refusal| CouponRefusal::Invalid(part, refusal)
}

fn check_dates(starts_at: Option<Timestamp>, ends_at: Option<Timestamp>) -> Result<(), CouponRefusal> {
    let wrong = starts_at.zip(ends_at).is_some_and(|(from, end)| from >= end);
    let rule = "ends_at must be after starts_at";
    if wrong { Err(of(Part::Dates)(CatalogRefusal::Invalid { field: "/ends_at", rule })) } else { Ok(()) }
}

/// Decides a new coupon with all its parts. `named` are the id and the seed of the batch, if its codes are one.
///
/// # Errors
/// [`CouponRefusal`].
pub fn create_coupon(
    ask: CouponAsk,
    named: (BatchId, CodeSeed),
    now: Timestamp,
) -> Result<(CouponFile, Plan), CouponRefusal> {
    check_dates(ask.terms.starts_at, ask.terms.ends_at)?;
    let mut coupon = Coupon {
        id: ask.offer.id.clone(),
        title: ask.title,
        note: ask.note,
        invoice: ask.invoice,
        catalog: ask.catalog.as_ref().map(|catalog| catalog.id.clone()),
        codes: CouponCodes::Named(BTreeSet::new()),
        created_at: now,
        created_by: ask.by.clone(),
        updated_at: now,
        version: 1,
    };
    let (offer, mut plan) = create_offer(ask.offer, ask.catalog, now)?;
    let (mut vouchers, mut batch) = (Vec::new(), None);
    match ask.codes {
        CodesAsk::Named(codes) => {
            if !(1..=MAX_NAMED).contains(&codes.len()) {
                let rule = "codes must be 1 to 50; more can be made as a batch, by count";
                return Err(of(Part::Codes)(CatalogRefusal::Invalid { field: "/codes", rule }));
            }
            for code in &codes {
                let draft = draft(code.clone(), ask.usage, &ask.terms, &offer, now);
                let (voucher, saved) = save_voucher(None, draft, Some(&offer), now).map_err(of(Part::Codes))?;
                plan.extend(saved.writes);
                vouchers.push(voucher);
            }
            coupon.codes = CouponCodes::Named(codes);
        }
        CodesAsk::Batch(prefix, count) => {
            let (usage, terms, by) = (ask.usage, ask.terms, ask.by);
            let ask = BatchAsk { prefix, count, usage, offer: offer.id.clone(), terms, by };
            let (made, saved) = start_batch(ask, Some(&offer), named, now).map_err(of(Part::Codes))?;
            plan.extend(saved.writes);
            coupon.codes = CouponCodes::Batch(made.id.clone());
            batch = Some(made);
        }
    }
    plan.push(Write::CreateCoupon(Box::new(coupon.clone())));
    Ok((CouponFile { coupon, offer: Some(offer), vouchers, batch }, plan))
}

/// The offer, with the catalog that is made for it. Its uses are counted, so that staff see how often it was used.
fn create_offer(mut draft: Offer, catalog: Option<Catalog>, now: Timestamp) -> Result<(Offer, Plan), CouponRefusal> {
    draft.limits.max_uses.get_or_insert(COUNTED);
    let Some(catalog) = catalog else { return save_offer(None, draft, now).map_err(of(Part::Offer)) };
    let (catalog, _) = save_catalog(None, catalog, std::slice::from_ref(&draft), now).map_err(of(Part::Catalog))?;
    draft.condition.products = Selection::Catalog(Box::new(catalog.clone()));
    let (offer, _) = save_offer(None, draft, now).map_err(of(Part::Offer))?;
    let links = Links { offers: BTreeSet::from([offer.id.clone()]), changes: 1 };
    let catalog = Box::new(Catalog { links, ..catalog });
    let plan = Plan::of(Write::CreateOfferOfCatalog { catalog, offer: Box::new(offer.clone()) });
    Ok((offer, plan))
}

fn draft(code: VoucherCode, usage: Usage, terms: &Terms, offer: &Offer, now: Timestamp) -> Voucher {
    let Terms { max_uses, starts_at, ends_at, email_domains } = terms.clone();
    Voucher {
        code,
        usage,
        offer: offer.id.clone(),
        max_uses,
        starts_at,
        ends_at,
        email_domains,
        origin: Some(Origin::Coupon(offer.id.clone())),
        version: 0,
        updated_at: now,
        level: Level::default(),
        holder: None,
    }
}
