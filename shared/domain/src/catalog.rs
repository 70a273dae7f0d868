//! Staff edits of the catalog: products with their stock, courses with their seats, named catalogs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::contain;
use crate::course::Course;
use crate::course_key::CourseKey;
use crate::money::Money;
use crate::offer::{MAX_SKUS, Offer};
use crate::places::Country;
use crate::plan::{Plan, Write};
use crate::product::{Kind, Product};
use crate::selection::{CatalogQuery, Selection};
use crate::stock::StockRecord;
use crate::text::{Mode, Sku, Slug, Title};

/// A named group of products.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// Its handle.
    pub id: Slug,
    /// What people read.
    pub title: Title,
    /// Products in it by name.
    pub skus: BTreeSet<Sku>,
    /// Products in it by what they are.
    #[serde(default)]
    pub query: Option<CatalogQuery>,
    /// Counts up with every staff edit.
    pub version: u64,
    /// The offers that name it. Not part of the edited catalog: saving an offer changes them.
    #[serde(skip)]
    pub links: Links,
}

/// The offers that name a catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// Which.
    pub offers: BTreeSet<Slug>,
    /// How often one was added or taken away.
    pub changes: u32,
}

impl Catalog {
    /// Whether a product is in it.
    #[must_use]
    pub fn holds(&self, product: &Product) -> bool {
        self.skus.contains(&product.sku) || self.query.as_ref().is_some_and(|query| query.takes(product))
    }
}

/// The most products of one catalog: one page of them is read at a time, but its list is one row.
pub const MAX_CATALOG: usize = 1000;
/// The most offers that name one catalog: an edit of it rewrites them all at once.
pub const MAX_LINKS: usize = 50;
/// The most price windows of one product.
pub const MAX_WINDOWS: usize = 20;

/// A product as staff writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductDraft {
    /// Its SKU.
    pub sku: Sku,
    /// What it is.
    pub kind: Kind,
    /// What people read.
    pub title: Title,
    /// The course run of a seat.
    pub course_key: Option<CourseKey>,
    /// The mode of a seat or entitlement.
    pub mode: Option<Mode>,
    /// Further facts by name.
    pub attributes: BTreeMap<String, serde_json::Value>,
    /// What a bundle or an enrolment code is made of.
    pub contains: Vec<Sku>,
    /// Countries in which it is not sold.
    pub blocked_countries: BTreeSet<Country>,
    /// Whether it is seen and sold.
    pub published: bool,
    /// Its price windows; `None` keeps those that it has.
    pub stock: Option<Vec<StockDraft>>,
}

/// A price window as staff writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockDraft {
    /// The price of one unit.
    pub price: Money,
    /// How many units may ever be sold in this window; `None` is unlimited.
    pub quantity: Option<u32>,
    /// Its first moment.
    pub valid_from: Option<Timestamp>,
    /// Its end.
    pub valid_to: Option<Timestamp>,
}

/// Why an edit is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogRefusal {
    /// The object is not at the version that the caller saw.
    #[error("it was changed meanwhile")]
    VersionMismatch,
    /// A field does not fit the product's kind or the other fields.
    #[error("{rule}")]
    Invalid {
        /// The field, as a JSON pointer.
        field: &'static str,
        /// What it must be.
        rule: &'static str,
    },
}

pub(crate) fn invalid(field: &'static str, rule: &'static str) -> CatalogRefusal {
    CatalogRefusal::Invalid { field, rule }
}

/// Decides a product's new state. `others` are the products that it contains and those that contain it: the latter are
/// brought up to date with it.
///
/// # Errors
/// [`CatalogRefusal`].
pub fn save_product(
    before: Option<Product>,
    draft: ProductDraft,
    others: &[Product],
    now: Timestamp,
) -> Result<(Product, Plan), CatalogRefusal> {
    let (after, mut plan) = edit_product(before, draft, others, now)?;
    plan.writes.extend(contain::refresh(others, std::slice::from_ref(&after), now));
    Ok((after, plan))
}

fn edit_product(
    before: Option<Product>,
    draft: ProductDraft,
    others: &[Product],
    now: Timestamp,
) -> Result<(Product, Plan), CatalogRefusal> {
    let version = before.as_ref().map_or(0, |product| product.version);
    check_kind(&draft)?;
    if before.as_ref().is_some_and(|product| !product.within.skus.is_empty()) && !draft.kind.is_place() {
        return Err(invalid("/kind", "it is part of other products, and only seats and entitlements can be"));
    }
    let contains = contain::parts(&draft, others)?;
    let had = before.as_ref().map_or(&[][..], |product| &product.stock);
    // A number is never used twice: units of a window that is gone stay counted under its own.
    let counted = before.iter().flat_map(|product| product.levels.keys().copied());
    let used = had.iter().map(|record| record.number).chain(counted).max().unwrap_or(0);
    let stock = match draft.stock {
        Some(windows) => number_windows(had, used, windows)?,
        None => had.to_vec(),
    };
    let after = Product {
        sku: draft.sku,
        kind: draft.kind,
        title: draft.title,
        course_key: draft.course_key,
        mode: draft.mode,
        attributes: draft.attributes,
        contains,
        blocked_countries: draft.blocked_countries,
        published: draft.published,
        stock,
        version: version.saturating_add(1),
        updated_at: now,
        levels: before.as_ref().map(|product| product.levels.clone()).unwrap_or_default(),
        within: before.as_ref().map(|product| product.within.clone()).unwrap_or_default(),
    };
    let after = with_levels(after)?;
    let links = contain::links(before.as_ref(), &after, others);
    let mut plan = Plan::of(Write::SaveProduct { before: before.map(Box::new), after: Box::new(after.clone()) });
    plan.writes.extend(links);
    Ok((after, plan))
}

fn check_kind(draft: &ProductDraft) -> Result<(), CatalogRefusal> {
    match draft.kind {
        Kind::Seat if draft.course_key.is_none() => Err(invalid("/course_key", "a seat needs a course key")),
        Kind::Seat if draft.mode.is_none() => Err(invalid("/mode", "a seat needs a mode")),
        Kind::Seat if draft.attributes.get("credit_provider").is_some_and(|name| !name.is_string()) => {
            Err(invalid("/attributes/credit_provider", "the credit provider is named by its id"))
        }
        Kind::Entitlement if !draft.attributes.get("course_uuid").is_some_and(serde_json::Value::is_string) => {
            Err(invalid("/attributes/course_uuid", "an entitlement needs the course's uuid"))
        }
        Kind::Entitlement if draft.mode.is_none() => Err(invalid("/mode", "an entitlement needs a mode")),
        Kind::Seat | Kind::Entitlement | Kind::EnrollmentCode | Kind::Bundle => Ok(()),
    }
}

/// Numbers the windows: one that was there before keeps its number, and with it its units; a new one gets the next.
fn number_windows(
    had: &[StockRecord],
    used: u32,
    windows: Vec<StockDraft>,
) -> Result<Vec<StockRecord>, CatalogRefusal> {
    if windows.len() > MAX_WINDOWS {
        return Err(invalid("/stock", "at most 20 price windows"));
    }
    let mut next = used;
    let mut records: Vec<StockRecord> = Vec::with_capacity(windows.len());
    for window in windows {
        let same = |record: &&StockRecord| record.valid_from == window.valid_from && record.valid_to == window.valid_to;
        if records.iter().any(|record| same(&record)) {
            return Err(invalid("/stock", "two price windows are the same"));
        }
        if window.valid_from.zip(window.valid_to).is_some_and(|(from, to)| from >= to) {
            return Err(invalid("/stock", "valid_to must be after valid_from"));
        }
        if window.price.is_negative() {
            return Err(invalid("/stock", "a price cannot be negative"));
        }
        if records.first().is_some_and(|first| first.price.currency() != window.price.currency()) {
            return Err(invalid("/stock", "all prices of a product are in one currency"));
        }
        let number = had.iter().find(same).map_or_else(
            || {
                next = next.saturating_add(1);
                next
            },
            |record| record.number,
        );
        let StockDraft { price, quantity, valid_from, valid_to } = window;
        records.push(StockRecord { number, price, quantity, valid_from, valid_to });
    }
    Ok(records)
}

/// Brings the levels into line with the quantities: what is held or sold stays, the rest is available.
fn with_levels(mut product: Product) -> Result<Product, CatalogRefusal> {
    for record in &product.stock {
        let Some(quantity) = record.quantity else { continue };
        let level = product.levels.entry(record.number).or_default();
        let taken = level.held.saturating_add(level.sold);
        level.available = quantity
            .checked_sub(taken)
            .ok_or(invalid("/stock", "quantity is below the units that are held or sold already"))?;
    }
    Ok(product)
}

/// Decides a catalog's new state. `offers` are those that name it: each carries it, and is brought up to date with it.
///
/// # Errors
/// [`CatalogRefusal`].
pub fn save_catalog(
    before: Option<&Catalog>,
    draft: Catalog,
    offers: &[Offer],
    now: Timestamp,
) -> Result<(Catalog, Plan), CatalogRefusal> {
    if draft.skus.len() > MAX_CATALOG {
        return Err(invalid("/skus", "a catalog holds at most 1000 products by name"));
    }
    if !offers.is_empty() && draft.skus.len() > MAX_SKUS {
        return Err(invalid("/skus", "a catalog that offers name holds at most 200 products by name"));
    }
    if draft.query.as_ref().is_some_and(CatalogQuery::is_empty) {
        return Err(invalid("/query", "a query must ask for something"));
    }
    let expect = before.map(|catalog| catalog.version);
    let links = before.map(|catalog| catalog.links.clone()).unwrap_or_default();
    let catalog = Catalog { version: expect.unwrap_or(0).saturating_add(1), links, ..draft };
    let mut plan = Plan::of(Write::SaveCatalog { catalog: catalog.clone(), expect });
    for offer in offers.iter().filter(|offer| offer.condition.products.catalog() == Some(&catalog.id)) {
        let mut after = Offer { version: offer.version.saturating_add(1), updated_at: now, ..offer.clone() };
        after.condition.products = Selection::Catalog(Box::new(catalog.clone()));
        plan.push(Write::RefreshOffer(Box::new(after)));
    }
    Ok((catalog, plan))
}

/// A course as staff writes it, its seats apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourseDraft {
    /// Its key.
    pub key: CourseKey,
    /// What people read.
    pub title: Title,
    /// The organisation that gives it.
    pub org: String,
    /// When it begins.
    pub start: Option<Timestamp>,
    /// When it ends.
    pub end: Option<Timestamp>,
    /// All its seats. A seat that it had and that is not named any more is hidden.
    pub seats: Vec<ProductDraft>,
}

/// What a course was before an edit: itself and its products.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CourseFile {
    /// The course, if it exists.
    pub course: Option<Course>,
    /// The products that belong to it, or that the edit names.
    pub products: Vec<Product>,
    /// The bundles and enrolment codes that contain any of those.
    pub around: Vec<Product>,
}

/// Decides a course's new state with all its seats, in one plan.
///
/// # Errors
/// [`CatalogRefusal`].
pub fn save_course(
    before: CourseFile,
    draft: CourseDraft,
    seen: Option<u64>,
    now: Timestamp,
) -> Result<(Course, Vec<Product>, Plan), CatalogRefusal> {
    let version = before.course.as_ref().map(|course| course.version);
    if seen.is_some_and(|seen| seen != version.unwrap_or(0)) {
        return Err(CatalogRefusal::VersionMismatch);
    }
    if draft.start.zip(draft.end).is_some_and(|(start, end)| start >= end) {
        return Err(invalid("/end", "end must be after start"));
    }
    let named: BTreeSet<Sku> = draft.seats.iter().map(|seat| seat.sku.clone()).collect();
    if named.len() != draft.seats.len() {
        return Err(invalid("/seats", "a seat is named twice"));
    }
    let foreign = |product: &Product| product.course_key.as_ref() != Some(&draft.key);
    if before.products.iter().any(|product| named.contains(&product.sku) && foreign(product)) {
        return Err(invalid("/seats", "a sku belongs to another course"));
    }
    let (mut plan, mut seats) = (Plan::default(), Vec::new());
    let order: Vec<Sku> = draft.seats.iter().map(|seat| seat.sku.clone()).collect();
    for seat in draft.seats {
        let had = before.products.iter().find(|product| product.sku == seat.sku).cloned();
        let (product, edit) = edit_product(had, seat, &[], now)?;
        plan.writes.extend(edit.writes);
        seats.push(product);
    }
    let gone = before.products.into_iter().filter(|product| {
        product.kind == Kind::Seat && product.published && !foreign(product) && !named.contains(&product.sku)
    });
    for product in gone {
        plan.writes.extend(hide_product(product, now).writes);
    }
    plan.writes.extend(contain::refresh(&before.around, &seats, now));
    let course = Course {
        key: draft.key,
        title: draft.title,
        org: draft.org,
        start: draft.start,
        end: draft.end,
        seats: order,
        version: version.unwrap_or(0).saturating_add(1),
        updated_at: now,
    };
    plan.push(Write::SaveCourse { course: Box::new(course.clone()), expect: version });
    Ok((course, seats, plan))
}

/// Takes a product off sale. It stays readable by staff and by the orders that refer to it.
#[must_use]
pub fn hide_product(product: Product, now: Timestamp) -> Plan {
    let version = product.version.saturating_add(1);
    let after = Product { published: false, version, updated_at: now, ..product.clone() };
    Plan::of(Write::SaveProduct { before: Some(Box::new(product)), after: Box::new(after) })
}

#[cfg(test)]
mod tests;
