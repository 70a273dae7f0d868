//! Batches of codes as staff send and read them.

use std::collections::BTreeSet;

use domain::batch::{Batch, BatchAsk, BatchState, Failure, Terms, TermsEdit};
use domain::code_seed::CodePrefix;
use domain::text::{EmailDomain, Slug, Username};
use domain::voucher::Usage;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body::named;

/// Codes that are to be made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchBody {
    /// What the codes begin with, before a `-`: 1 to 32 letters, digits, `.`, `_` or `-`.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 32)]
    prefix: Option<CodePrefix>,
    /// How many.
    #[schema(minimum = 1, maximum = 100_000)]
    count: u32,
    #[schema(value_type = String, pattern = "^(single_use|once_per_customer|multi_use|multi_use_per_customer)$")]
    usage: Usage,
    /// The offer that they open, which is not automatic.
    #[schema(value_type = String)]
    pub(crate) offer: Slug,
    /// How often each code in all, 1 to 1000000; not for a single use.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    max_uses: Option<u32>,
    /// Their first moment, RFC 3339; null is always.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
    /// Their end, RFC 3339; null is never.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Timestamp>,
    /// Only for e-mail addresses of exactly these domains, at most 50.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    email_domains: BTreeSet<EmailDomain>,
}

impl BatchBody {
    pub(crate) fn ask(self, by: Username) -> BatchAsk {
        let Self { prefix, count, usage, offer, max_uses, starts_at, ends_at, email_domains } = self;
        let terms = Terms { max_uses, starts_at, ends_at, email_domains };
        BatchAsk { prefix, count, usage, offer, terms, by }
    }
}

/// What a PATCH changes of all codes of a batch; what is left out stays as it is, code by code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchPatch {
    /// How often each code in all; null is as often as anybody likes.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    max_uses: Option<Option<u32>>,
    /// Their first moment, RFC 3339; null is always.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Option<Timestamp>>,
    /// Their end, RFC 3339; null is never. One that is past expires them.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Option<Timestamp>>,
    /// Only for e-mail addresses of exactly these domains, at most 50; empty is for all.
    #[schema(value_type = Option<Vec<String>>)]
    email_domains: Option<BTreeSet<EmailDomain>>,
}

impl BatchPatch {
    pub(crate) fn edit(&self) -> TermsEdit {
        TermsEdit {
            max_uses: self.max_uses.into(),
            starts_at: self.starts_at.into(),
            ends_at: self.ends_at.into(),
            email_domains: self.email_domains.clone().into(),
        }
    }
}

/// How far a change is that goes through the codes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RevisionView {
    /// Codes that it went through.
    done: u32,
    /// Codes that it goes through.
    of: u32,
}

/// A batch as it is read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchView {
    id: String,
    /// `queued`, `running`, `done`, or `failed`.
    #[schema(value_type = String, pattern = "^(queued|running|done|failed)$")]
    state: BatchState,
    /// Why it failed: `offer_gone`, or `code_taken` by something else. Any PATCH lets it go on.
    #[schema(value_type = Option<String>)]
    failure: Option<Failure>,
    #[schema(value_type = Option<String>)]
    prefix: Option<CodePrefix>,
    count: u32,
    /// How many codes are made.
    made: u32,
    /// The change that is under way, if one is.
    revision: Option<RevisionView>,
    /// How many codes the latest change left as they were: a `max_uses` below their uses so far, an end before their start.
    refused: u32,
    #[schema(value_type = String)]
    usage: Usage,
    offer: String,
    max_uses: Option<u32>,
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Timestamp>,
    #[schema(value_type = Vec<String>)]
    email_domains: BTreeSet<EmailDomain>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Counts up with every PATCH, not with progress; the `ETag`.
    version: u64,
    /// Where the codes are, as CSV.
    codes_url: String,
}

impl From<Batch> for BatchView {
    fn from(batch: Batch) -> Self {
        let state = batch.state();
        let url = url(&batch);
        let Terms { max_uses, starts_at, ends_at, email_domains } = batch.terms;
        Self {
            id: batch.id.to_string(),
            state,
            failure: batch.failed,
            prefix: batch.prefix,
            count: batch.count,
            made: batch.made,
            revision: batch.revision.map(|revision| RevisionView { done: revision.next, of: revision.end }),
            refused: batch.refused,
            usage: batch.usage,
            offer: batch.offer.to_string(),
            max_uses,
            starts_at,
            ends_at,
            email_domains,
            created_at: batch.created_at,
            created_by: batch.created_by.to_string(),
            updated_at: batch.updated_at,
            version: batch.edits,
            codes_url: format!("{url}/codes"),
        }
    }
}

/// Where a batch is.
pub(crate) fn url(batch: &Batch) -> String {
    format!("/api/v1/vouchers/batches/{}", batch.id)
}
