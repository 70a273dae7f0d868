//! Batches: up to 100,000 codes that are made, and later changed, together.
//!
//! Both are jobs that are worked in slices. A slice is one transaction: some of the codes, and the batch's row with how
//! far it is, on condition that nobody else moved it. So a crash, a second worker or a call that comes twice makes no code
//! twice and leaves none out. What the codes are follows from the batch's seed: a slice that is begun anew makes the same.

mod change;
mod slice;

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::catalog::CatalogRefusal;
use crate::code_seed::{CodePrefix, CodeSeed};
use crate::id::BatchId;
use crate::idempotency::{IdempotencyRecord, REMEMBERED};
use crate::offer::Offer;
use crate::owner::UserId;
use crate::plan::{Plan, Write};
use crate::text::{EmailDomain, Slug, Username, VoucherCode};
use crate::uses::Level;
use crate::voucher::{Origin, Usage, Voucher, save_voucher};

pub use change::{Edit, TermsEdit, change_batch};
pub(crate) use slice::edited;
pub use slice::{Slice, fail, next_slice};

/// The most codes of one batch.
pub const MAX_CODES: u32 = 100_000;
/// The most codes of one slice: a transaction writes up to 100 rows, and the batch's is one of them.
pub const SLICE: u32 = 90;
/// How long after a slice a batch is left to its worker; then anybody may go on. Two at once are harmless, and a worker that
/// ran out of time is to be followed by the next run, a minute after the last began.
pub const LEASE: SignedDuration = SignedDuration::from_secs(3);

/// What staff can set for all codes of a batch, and change later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How often each code in all.
    pub max_uses: Option<u32>,
    /// Their first moment.
    pub starts_at: Option<Timestamp>,
    /// Their end, which is no part of it.
    pub ends_at: Option<Timestamp>,
    /// Only for addresses of these domains; empty is for all.
    #[serde(default)]
    pub email_domains: BTreeSet<EmailDomain>,
}

/// Why a batch does not go on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The offer is not there any more, or needs no code.
    OfferGone,
    /// Something else has a code that it was about to make.
    CodeTaken,
}

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    /// Nothing was made yet.
    Queued,
    /// Codes are being made or changed.
    Running,
    /// All codes are there, at the terms of the batch.
    Done,
    /// It stopped; a change of the batch lets it go on.
    Failed,
}

/// A change that goes through the codes that were made before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// What is changed.
    pub edit: TermsEdit,
    /// The place that is next.
    pub next: u32,
    /// The place after the last: codes from there on were made at the new terms.
    pub end: u32,
}

/// A batch of codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Its id.
    pub id: BatchId,
    /// What its codes follow from.
    pub seed: CodeSeed,
    /// What they begin with.
    pub prefix: Option<CodePrefix>,
    /// How many there shall be.
    pub count: u32,
    /// How often, and by whom, each can be used.
    pub usage: Usage,
    /// The offer that they open.
    pub offer: Slug,
    /// At what terms codes are made.
    pub terms: Terms,
    /// How many are made: those at the places before.
    pub made: u32,
    /// The change that is under way.
    #[serde(default)]
    pub revision: Option<Revision>,
    /// How many codes the latest change left as they were, since they could not be so.
    #[serde(default)]
    pub refused: u32,
    /// Why it stopped, if it did.
    #[serde(default)]
    pub failed: Option<Failure>,
    /// When somebody should look whether it goes on; none if there is nothing to do.
    pub due: Option<Timestamp>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: Username,
    /// Counts up with every change by staff.
    pub edits: u64,
    /// The last write.
    pub updated_at: Timestamp,
    /// Counts up with every write.
    pub version: u64,
}

/// What staff ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchAsk {
    /// What the codes begin with.
    pub prefix: Option<CodePrefix>,
    /// How many.
    pub count: u32,
    /// How often, and by whom, each can be used.
    pub usage: Usage,
    /// The offer that they open.
    pub offer: Slug,
    /// At what terms.
    pub terms: Terms,
    /// Who asks.
    pub by: Username,
}

impl Batch {
    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> BatchState {
        match (self.failed, &self.revision) {
            (Some(_), _) => BatchState::Failed,
            (None, None) if self.made == self.count => BatchState::Done,
            (None, None) if self.made == 0 => BatchState::Queued,
            (None, _) => BatchState::Running,
        }
    }

    /// Whether a worker has something to do.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.state() {
            BatchState::Queued | BatchState::Running => true,
            BatchState::Done | BatchState::Failed => false,
        }
    }

    /// The codes at some places, in their order; nothing is read.
    #[must_use]
    pub fn codes(&self, places: Range<u32>) -> Vec<VoucherCode> {
        // No place has a code that is none: a prefix is short enough.
        places.filter_map(|place| self.seed.code(self.prefix.as_ref(), place).ok()).collect()
    }

    /// A code as it is made, at the terms of now.
    fn draft(&self, code: VoucherCode, now: Timestamp) -> Voucher {
        let Terms { max_uses, starts_at, ends_at, email_domains } = self.terms.clone();
        Voucher {
            code,
            usage: self.usage,
            offer: self.offer.clone(),
            max_uses,
            starts_at,
            ends_at,
            email_domains,
            origin: Some(Origin::Batch(self.id.clone())),
            version: 0,
            updated_at: now,
            level: Level::default(),
            holder: None,
        }
    }

    /// Whether codes could be made at its terms.
    fn check(&self, offer: Option<&Offer>, now: Timestamp) -> Result<(), CatalogRefusal> {
        let code = self.seed.code(self.prefix.as_ref(), 0);
        let code = code.map_err(|bad| CatalogRefusal::Invalid { field: "/prefix", rule: bad.rule })?;
        save_voucher(None, self.draft(code, now), offer, now).map(drop)
    }

    /// The batch as its next version.
    fn written(mut self, now: Timestamp) -> Self {
        self.version = self.version.saturating_add(1);
        self.updated_at = now;
        let lease = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
        self.due = self.is_open().then_some(lease);
        self
    }
}

/// Decides a new batch: nothing is made yet. Its codes keep to the rules of codes that are made by hand.
///
/// # Errors
/// [`CatalogRefusal`].
pub fn start_batch(
    ask: BatchAsk,
    offer: Option<&Offer>,
    (id, seed): (BatchId, CodeSeed),
    now: Timestamp,
) -> Result<(Batch, Plan), CatalogRefusal> {
    if !(1..=MAX_CODES).contains(&ask.count) {
        return Err(CatalogRefusal::Invalid { field: "/count", rule: "count must be 1 to 100000" });
    }
    let BatchAsk { prefix, count, usage, offer: opens, terms, by } = ask;
    let batch = Batch {
        id,
        seed,
        prefix,
        count,
        usage,
        offer: opens,
        terms,
        made: 0,
        revision: None,
        refused: 0,
        failed: None,
        due: None,
        created_at: now,
        created_by: by,
        edits: 1,
        updated_at: now,
        version: 0,
    };
    batch.check(offer, now)?;
    let batch = batch.written(now);
    Ok((batch.clone(), Plan::of(Write::CreateBatch(Box::new(batch)))))
}

/// The record by which the same key finds the batch again.
#[must_use]
pub fn remember(owner: UserId, key: String, fingerprint: String, batch: &Batch) -> Write {
    let now = batch.created_at;
    let record = IdempotencyRecord {
        key,
        fingerprint,
        order: None,
        refund: None,
        batch: Some(batch.id.clone()),
        forget_at: now.saturating_add(REMEMBERED).unwrap_or(Timestamp::MAX),
    };
    Write::Remember { owner, record, now }
}

#[cfg(test)]
mod tests;
