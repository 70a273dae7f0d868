//! Vouchers: codes that open an offer, and who may use one how often (I5).

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::CatalogRefusal;
use crate::entitlement::LineRef;
use crate::id::BatchId;
use crate::offer::{Offer, next_version};
use crate::owner::UserId;
use crate::plan::{Plan, Write};
use crate::text::{EmailDomain, Slug, VoucherCode};
use crate::uses::Level;

/// The most uses of a voucher that staff can allow, and so the most of one that names no limit.
pub const MAX_USES: u32 = 1_000_000;
/// The most e-mail domains of one voucher: baskets carry them.
const MAX_DOMAINS: usize = 50;

/// How often a code can be used, and by whom. The four are edX ecommerce's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Usage {
    /// Once, by anybody.
    SingleUse,
    /// Once by each customer.
    OncePerCustomer,
    /// By anybody, as often as its limit allows.
    MultiUse,
    /// By the first customer who uses it, as often as its limit allows.
    MultiUsePerCustomer,
}

impl Usage {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SingleUse => "single_use",
            Self::OncePerCustomer => "once_per_customer",
            Self::MultiUse => "multi_use",
            Self::MultiUsePerCustomer => "multi_use_per_customer",
        }
    }
}

/// What made a code that no person made by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A batch that staff asked for.
    Batch(BatchId),
    /// A coupon, for which staff named it.
    Coupon(Slug),
    /// A line by which somebody bought enrolment codes.
    Line(LineRef),
}

/// A code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voucher {
    /// What is typed.
    pub code: VoucherCode,
    /// How often, and by whom.
    pub usage: Usage,
    /// The offer that it opens.
    pub offer: Slug,
    /// How often in all; none is [`MAX_USES`].
    pub max_uses: Option<u32>,
    /// Its first moment.
    pub starts_at: Option<Timestamp>,
    /// Its end, which is no part of it.
    pub ends_at: Option<Timestamp>,
    /// Only for addresses of these domains; empty is for all.
    #[serde(default)]
    pub email_domains: BTreeSet<EmailDomain>,
    /// What made it; none is a person. No edit changes it.
    #[serde(default)]
    pub origin: Option<Origin>,
    /// Counts up with every edit, never with a use.
    pub version: u64,
    /// The last edit.
    pub updated_at: Timestamp,
    /// How often it was used or is held. Not part of the edited voucher: checkouts change it.
    #[serde(skip)]
    pub level: Level,
    /// Who has its uses, of one that is one customer's. Not part of the edited voucher either.
    #[serde(skip)]
    pub holder: Option<UserId>,
}

impl Voucher {
    /// How often it can be used in all.
    #[must_use]
    pub fn most(&self) -> u32 {
        match self.usage {
            Usage::SingleUse => 1,
            Usage::OncePerCustomer | Usage::MultiUse | Usage::MultiUsePerCustomer => self.max_uses.unwrap_or(MAX_USES),
        }
    }

    /// Whether it can be used at `now`.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.starts_at.is_none_or(|from| from <= now) && self.ends_at.is_none_or(|end| now < end)
    }

    /// Whether somebody with this address may use it.
    #[must_use]
    pub fn admits(&self, email: Option<&str>) -> bool {
        let of = |domain: &EmailDomain| email.is_some_and(|email| domain.admits(email));
        self.email_domains.is_empty() || self.email_domains.iter().any(of)
    }
}

/// A code in a basket, with its offer, as they were when it was entered; a checkout holds both against the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub struct Entered {
    /// The code.
    pub voucher: Voucher,
    /// What it opens, with what it had given by then: the last order gets what is left.
    pub offer: Offer,
}

/// As a basket keeps it.
#[derive(Serialize, Deserialize)]
struct Kept {
    voucher: Voucher,
    offer: Offer,
    level: Level,
}

impl From<Kept> for Entered {
    fn from(Kept { voucher, offer, level }: Kept) -> Self {
        Self { voucher, offer: Offer { level, ..offer } }
    }
}

impl From<Entered> for Kept {
    fn from(Entered { voucher, offer }: Entered) -> Self {
        Self { voucher, level: offer.level, offer }
    }
}

/// Decides an edit. `draft` has the version of nothing yet.
///
/// # Errors
/// [`CatalogRefusal`].
pub fn save_voucher(
    before: Option<&Voucher>,
    draft: Voucher,
    offer: Option<&Offer>,
    now: Timestamp,
) -> Result<(Voucher, Plan), CatalogRefusal> {
    let invalid = |field, rule| Err(CatalogRefusal::Invalid { field, rule });
    if draft.starts_at.zip(draft.ends_at).is_some_and(|(from, end)| from >= end) {
        return invalid("/ends_at", "ends_at must be after starts_at");
    }
    let taken = before.map_or(0, |voucher| voucher.level.taken);
    match (draft.usage, draft.max_uses) {
        (Usage::SingleUse, Some(_)) => return invalid("/max_uses", "a single-use code has no max_uses"),
        (_, Some(most)) if !(1..=MAX_USES).contains(&most) => {
            return invalid("/max_uses", "max_uses must be 1 to 1000000");
        }
        (_, Some(most)) if most < taken => return invalid("/max_uses", "max_uses is below the uses so far"),
        (_, Some(_) | None) => {}
    }
    if before.is_some_and(|voucher| taken > 0 && voucher.usage != draft.usage) {
        return invalid("/usage", "the usage of a code that was used cannot be changed");
    }
    if draft.email_domains.len() > MAX_DOMAINS {
        return invalid("/email_domains", "at most 50 domains");
    }
    match offer {
        None => return invalid("/offer", "there is no such offer"),
        Some(offer) if offer.automatic => return invalid("/offer", "an automatic offer needs no code"),
        Some(_) => {}
    }
    let version = next_version(before.map(|voucher| voucher.version), now);
    let level = before.map(|voucher| voucher.level).unwrap_or_default();
    let origin = before.map_or(draft.origin.clone(), |voucher| voucher.origin.clone());
    let voucher = Voucher { origin, version, updated_at: now, level, holder: None, ..draft };
    let expect = before.map(|voucher| voucher.version);
    Ok((voucher.clone(), Plan::of(Write::SaveVoucher { voucher: Box::new(voucher), expect })))
}
