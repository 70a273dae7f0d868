//! Changing the terms of a batch: of the codes that are still to be made, and of those that are there.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Batch, Revision, Terms};
use crate::catalog::CatalogRefusal;
use crate::offer::Offer;
use crate::plan::{Plan, Write};
use crate::text::EmailDomain;

/// What becomes of one of the terms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit<T> {
    /// It stays what it is, which may differ from code to code.
    #[default]
    Keep,
    /// It becomes this.
    Set(T),
}

impl<T> From<Option<T>> for Edit<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Keep, Self::Set)
    }
}

impl<T: Clone> Edit<T> {
    pub(crate) fn apply(&self, to: &mut T) {
        if let Self::Set(value) = self {
            to.clone_from(value);
        }
    }

    /// This edit, and where it says nothing the one before it.
    fn after(self, before: Self) -> Self {
        match self {
            Self::Keep => before,
            Self::Set(value) => Self::Set(value),
        }
    }
}

/// What becomes of the terms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsEdit {
    /// How often each code in all.
    #[serde(default)]
    pub max_uses: Edit<Option<u32>>,
    /// Their first moment.
    #[serde(default)]
    pub starts_at: Edit<Option<Timestamp>>,
    /// Their end.
    #[serde(default)]
    pub ends_at: Edit<Option<Timestamp>>,
    /// For whose addresses.
    #[serde(default)]
    pub email_domains: Edit<BTreeSet<EmailDomain>>,
}

impl TermsEdit {
    /// Changes some terms.
    pub(super) fn apply(&self, terms: &mut Terms) {
        self.max_uses.apply(&mut terms.max_uses);
        self.starts_at.apply(&mut terms.starts_at);
        self.ends_at.apply(&mut terms.ends_at);
        self.email_domains.apply(&mut terms.email_domains);
    }

    fn after(self, before: Self) -> Self {
        Self {
            max_uses: self.max_uses.after(before.max_uses),
            starts_at: self.starts_at.after(before.starts_at),
            ends_at: self.ends_at.after(before.ends_at),
            email_domains: self.email_domains.after(before.email_domains),
        }
    }
}

/// Decides a change of a batch's terms. Codes that are still to be made are made so; those that are there are gone through
/// by the batch's worker, before it makes any more. A change that changes nothing lets a batch that failed go on.
///
/// # Errors
/// [`CatalogRefusal`].
pub fn change_batch(
    batch: &Batch,
    edit: TermsEdit,
    offer: Option<&Offer>,
    now: Timestamp,
) -> Result<(Batch, Plan), CatalogRefusal> {
    let mut after = batch.clone();
    edit.apply(&mut after.terms);
    after.check(offer, now)?;
    let unfinished = after.revision.take().map(|revision| revision.edit).unwrap_or_default();
    let edit = edit.after(unfinished);
    if edit != TermsEdit::default() && after.made > 0 {
        after.revision = Some(Revision { edit, next: 0, end: after.made });
        after.refused = 0;
    }
    after.failed = None;
    after.edits = after.edits.saturating_add(1);
    let after = after.written(now);
    Ok((after.clone(), Plan::of(Write::SaveBatch(Box::new(after)))))
}
