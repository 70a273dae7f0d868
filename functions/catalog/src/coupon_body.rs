//! Coupons as staff send and read them.

use std::collections::BTreeSet;

use domain::batch::{Terms, TermsEdit};
use domain::catalog::{Catalog, Links};
use domain::code_seed::CodePrefix;
use domain::coupon::{CodesAsk, Coupon, CouponAsk, CouponEdit, CouponFile, InvoiceKind, InvoiceNote};
use domain::money::Money;
use domain::text::{EmailDomain, InvoiceReference, Note, Sku, Slug, Title, Username, VoucherCode};
use domain::voucher::Usage;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{MoneyBody, Problem};

use crate::batch_body::BatchView;
use crate::body::{named, object, object_or_null};
use crate::catalogs::QueryBody;
use crate::offer_body::{BenefitBody, ConditionBody, LimitsBody, OfferBody, OfferView};
use crate::vouchers::VoucherView;

/// A catalog that is made for a coupon, with its id and title.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CouponCatalogBody {
    /// Products in it by name, at most 200.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    skus: BTreeSet<Sku>,
    /// Products in it by what they are.
    #[serde(default)]
    query: Option<QueryBody>,
}

/// The offer of a coupon, which has its id, title and dates.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CouponOfferBody {
    /// Which products, unless the coupon has a `catalog`; what else must be so.
    #[serde(default, deserialize_with = "object")]
    pub(crate) condition: ConditionBody,
    benefit: BenefitBody,
    #[serde(default, deserialize_with = "object")]
    limits: LimitsBody,
    /// Higher ones are applied first.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 65_535)]
    priority: u16,
    /// Whether it combines with no other.
    #[serde(default)]
    exclusive: bool,
}

/// The codes of a coupon: either `codes` or `count`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CouponCodesBody {
    #[schema(value_type = String, pattern = "^(single_use|once_per_customer|multi_use|multi_use_per_customer)$")]
    usage: Usage,
    /// The codes themselves, 1 to 50.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    codes: Option<BTreeSet<VoucherCode>>,
    /// How many are made, as a batch.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 100_000)]
    count: Option<u32>,
    /// What those begin with, before a `-`.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 32)]
    prefix: Option<CodePrefix>,
    /// How often each code in all, 1 to 1000000; not for a single use.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    max_uses: Option<u32>,
    /// Only for e-mail addresses of exactly these domains, at most 50.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    email_domains: BTreeSet<EmailDomain>,
}

impl CouponCodesBody {
    fn ask(&mut self) -> Result<CodesAsk, Problem> {
        match (self.codes.take(), self.count) {
            (Some(_), None) if self.prefix.is_some() => {
                Err(Problem::field("/prefix", "codes that are named have no prefix"))
            }
            (Some(codes), None) => Ok(CodesAsk::Named(codes)),
            (None, Some(count)) => Ok(CodesAsk::Batch(self.prefix.take(), count)),
            (None, None) | (Some(_), Some(_)) => Err(Problem::field("/count", "either codes or count")),
        }
    }
}

/// Who was invoiced for a coupon, and what for.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvoiceBody {
    /// Who pays.
    #[schema(value_type = String, max_length = 255)]
    client: Title,
    #[serde(default = "prepaid")]
    #[schema(value_type = String, pattern = "^(prepaid|postpaid|not_applicable)$")]
    kind: InvoiceKind,
    /// The client's own number for it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    purchase_order: Option<InvoiceReference>,
    /// The invoice's number.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    number: Option<InvoiceReference>,
    /// What the client pays for all of it.
    #[serde(default)]
    price: Option<MoneyBody>,
    /// When the invoice was written, RFC 3339.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    issued_at: Option<Timestamp>,
    /// When it was paid, RFC 3339.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    paid_at: Option<Timestamp>,
}

fn prepaid() -> InvoiceKind {
    InvoiceKind::Prepaid
}

impl InvoiceBody {
    fn note(self) -> Result<InvoiceNote, Problem> {
        let Self { client, kind, purchase_order, number, price, issued_at, paid_at } = self;
        let price = price.map(Money::from);
        if price.is_some_and(Money::is_negative) {
            return Err(Problem::field("/invoice/price/amount", "a price cannot be negative"));
        }
        Ok(InvoiceNote { client, kind, purchase_order, number, price, issued_at, paid_at })
    }

    fn of(note: InvoiceNote) -> Self {
        let InvoiceNote { client, kind, purchase_order, number, price, issued_at, paid_at } = note;
        Self { client, kind, purchase_order, number, price: price.map(MoneyBody::from), issued_at, paid_at }
    }
}

/// A coupon as staff send it: all of its parts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CouponBody {
    /// Its handle, which its offer and its catalog have too.
    #[schema(value_type = String, pattern = "^[a-z0-9_-]{1,64}$")]
    pub(crate) id: Slug,
    /// What people read.
    #[schema(value_type = String, max_length = 255)]
    title: Title,
    /// What staff should know.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    note: Option<Note>,
    /// A catalog that is made for it. Without one, the offer's condition says which products.
    #[serde(default, deserialize_with = "object_or_null")]
    #[schema(value_type = Option<CouponCatalogBody>)]
    catalog: Option<CouponCatalogBody>,
    pub(crate) offer: CouponOfferBody,
    codes: CouponCodesBody,
    /// The first moment of offer and codes, RFC 3339; null is always.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
    /// Their end, RFC 3339; null is never.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Timestamp>,
    #[serde(default)]
    invoice: Option<InvoiceBody>,
}

impl CouponBody {
    /// What is asked for. `named` is the catalog that the condition names, as it is now.
    pub(crate) fn ask(mut self, named: Option<Catalog>, by: Username, now: Timestamp) -> Result<CouponAsk, Problem> {
        let codes = self.codes.ask().map_err(|problem| problem.within("/codes"))?;
        let condition = &self.offer.condition;
        if self.catalog.is_some() && (named.is_some() || condition.skus.is_some()) {
            return Err(Problem::field("/catalog", "either a catalog of its own or products of the condition"));
        }
        let catalog = self.catalog.take().map(|catalog| self.catalog(catalog)).transpose()?;
        let (starts_at, ends_at) = (self.starts_at, self.ends_at);
        let CouponOfferBody { condition, benefit, limits, priority, exclusive } = self.offer;
        let (id, name, automatic) = (self.id, self.title.clone(), false);
        let offer =
            OfferBody { id, name, condition, benefit, limits, starts_at, ends_at, priority, exclusive, automatic };
        let offer = offer.draft(named, now).map_err(|problem| problem.within("/offer"))?;
        let CouponCodesBody { usage, max_uses, email_domains, .. } = self.codes;
        Ok(CouponAsk {
            title: self.title,
            note: self.note,
            invoice: self.invoice.map(InvoiceBody::note).transpose()?,
            catalog,
            offer,
            codes,
            usage,
            terms: Terms { max_uses, starts_at, ends_at, email_domains },
            by,
        })
    }

    fn catalog(&self, body: CouponCatalogBody) -> Result<Catalog, Problem> {
        let query = body.query.map(QueryBody::query).transpose().map_err(|problem| problem.within("/catalog"))?;
        let (id, title) = (self.id.clone(), self.title.clone());
        Ok(Catalog { id, title, skus: body.skus, query, version: 0, links: Links::default() })
    }
}

/// What a PATCH changes of all codes of a coupon.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CouponCodesPatch {
    /// How often each code in all; null is as often as anybody likes.
    #[serde(deserialize_with = "named")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    max_uses: Option<Option<u32>>,
    /// Only for e-mail addresses of exactly these domains, at most 50; empty is for all.
    #[schema(value_type = Option<Vec<String>>)]
    email_domains: Option<BTreeSet<EmailDomain>>,
}

/// What a PATCH changes of a coupon; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CouponPatch {
    #[schema(value_type = Option<String>, max_length = 255)]
    title: Option<Title>,
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<String>, max_length = 500)]
    note: Option<Option<Note>>,
    /// The whole note on the invoice; null removes it.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<InvoiceBody>)]
    invoice: Option<Option<InvoiceBody>>,
    /// The first moment of offer and codes, RFC 3339; null is always.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Option<Timestamp>>,
    /// Their end, RFC 3339; null is never.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Option<Timestamp>>,
    /// All limits of the offer: those that are left out end.
    #[serde(default, deserialize_with = "object_or_null")]
    #[schema(value_type = Option<LimitsBody>)]
    limits: Option<LimitsBody>,
    #[serde(default, deserialize_with = "object")]
    codes: CouponCodesPatch,
}

impl CouponPatch {
    pub(crate) fn edit(self) -> Result<CouponEdit, Problem> {
        let invoice = self.invoice.map(|invoice| invoice.map(InvoiceBody::note).transpose()).transpose()?;
        let CouponCodesPatch { max_uses, email_domains } = self.codes;
        Ok(CouponEdit {
            title: self.title.into(),
            note: self.note.into(),
            invoice: invoice.into(),
            limits: self.limits.map(LimitsBody::limits).into(),
            terms: TermsEdit {
                max_uses: max_uses.into(),
                starts_at: self.starts_at.into(),
                ends_at: self.ends_at.into(),
                email_domains: email_domains.into(),
            },
        })
    }
}

/// A coupon as it is listed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CouponView {
    id: String,
    title: String,
    note: Option<String>,
    invoice: Option<InvoiceBody>,
    /// The catalog that was made with it.
    catalog: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    version: u64,
    /// Where its offer is.
    offer_url: String,
    /// Where its catalog is, if one was made with it.
    catalog_url: Option<String>,
    /// Where its batch is, if its codes are one.
    batch_url: Option<String>,
    /// Where its codes are, as CSV.
    codes_url: String,
}

impl From<Coupon> for CouponView {
    fn from(coupon: Coupon) -> Self {
        let batch = match coupon.codes {
            domain::coupon::CouponCodes::Batch(id) => Some(id),
            domain::coupon::CouponCodes::Named(_) => None,
        };
        Self {
            title: coupon.title.to_string(),
            note: coupon.note.map(|note| note.to_string()),
            invoice: coupon.invoice.map(InvoiceBody::of),
            catalog_url: coupon.catalog.as_ref().map(|id| format!("/api/v1/catalogs/{id}")),
            catalog: coupon.catalog.map(|id| id.to_string()),
            created_at: coupon.created_at,
            created_by: coupon.created_by.to_string(),
            updated_at: coupon.updated_at,
            version: coupon.version,
            offer_url: format!("/api/v1/offers/{}", coupon.id),
            batch_url: batch.map(|id| format!("/api/v1/vouchers/batches/{id}")),
            codes_url: format!("{}/codes", url(&coupon.id)),
            id: coupon.id.to_string(),
        }
    }
}

/// A coupon with its parts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CouponWithParts {
    #[serde(flatten)]
    coupon: CouponView,
    /// Whether its offer is in force now.
    active: bool,
    /// Orders that have one of its codes. Those that wait for payment are counted.
    uses: u32,
    /// Its offer; null if it was removed.
    offer: Option<OfferView>,
    /// Its codes, if they were named.
    codes: Option<Vec<VoucherView>>,
    /// Its batch, if its codes are one.
    batch: Option<BatchView>,
}

impl CouponWithParts {
    pub(crate) fn of(file: CouponFile, now: Timestamp) -> Self {
        let named = file.batch.is_none();
        Self {
            active: file.offer.as_ref().is_some_and(|offer| offer.holds_at(now)),
            uses: file.offer.as_ref().map_or(0, |offer| offer.level.taken),
            coupon: file.coupon.into(),
            offer: file.offer.map(OfferView::of),
            codes: named.then(|| file.vouchers.into_iter().map(VoucherView::from).collect()),
            batch: file.batch.map(BatchView::from),
        }
    }
}

/// Where a coupon is.
pub(crate) fn url(id: &Slug) -> String {
    format!("/api/v1/coupons/{id}")
}
