//! Bundles and enrolment codes: which products they may be made of, and how they stay in step with those.
//!
//! A bundle carries its parts. The part's row says what contains it and counts how often that changed, so that an edit of
//! the part rewrites whatever carries it in the same transaction, and none is made beside it (ADR 29).

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::catalog::{CatalogRefusal, ProductDraft, invalid};
use crate::part::{MAX_PARTS, Part};
use crate::plan::Write;
use crate::product::{Kind, Product};
use crate::text::Sku;

/// The most products that contain one: an edit of it rewrites them all at once.
pub const MAX_WITHIN: usize = 30;

/// The parts that a draft names, as they are now. `found` are the products that exist.
///
/// # Errors
/// [`CatalogRefusal::Invalid`].
pub(crate) fn parts(draft: &ProductDraft, found: &[Product]) -> Result<Vec<Part>, CatalogRefusal> {
    let refuse = |rule| Err(invalid("/contains", rule));
    match (draft.kind, draft.contains.len()) {
        (Kind::Seat | Kind::Entitlement, 0) => return Ok(Vec::new()),
        (Kind::Seat | Kind::Entitlement, _) => return refuse("only bundles and enrolment codes contain products"),
        (Kind::EnrollmentCode, 1) | (Kind::Bundle, 2..=MAX_PARTS) => {}
        (Kind::EnrollmentCode, _) => return refuse("an enrolment code contains one product"),
        (Kind::Bundle, _) => return refuse("a bundle contains 2 to 15 products"),
    }
    if draft.contains.iter().collect::<BTreeSet<_>>().len() != draft.contains.len() {
        return refuse("a product is named twice");
    }
    let mut parts = Vec::with_capacity(draft.contains.len());
    for sku in &draft.contains {
        if *sku == draft.sku {
            return refuse("a product cannot contain itself");
        }
        match found.iter().find(|product| product.sku == *sku) {
            None => return refuse("contains names a product that does not exist"),
            Some(product) if !product.kind.is_place() => return refuse("only seats and entitlements can be contained"),
            Some(product) if is_full(product, &draft.sku) => {
                return refuse("as many products contain one of these as can be");
            }
            Some(product) => parts.push(Part::of(product)),
        }
    }
    Ok(parts)
}

fn is_full(part: &Product, within: &Sku) -> bool {
    part.within.skus.len() >= MAX_WITHIN && !part.within.skus.contains(within)
}

/// The writes by which the parts say what contains them.
pub(crate) fn links(before: Option<&Product>, after: &Product, found: &[Product]) -> Vec<Write> {
    let has = |sku: &Sku| after.contains.iter().any(|part| part.sku == *sku);
    let named = found.iter().filter(|product| has(&product.sku));
    let link = |part: &Product| {
        let (part, version) = (part.sku.clone(), part.version);
        Write::LinkPart { part, version, within: after.sku.clone() }
    };
    let had = before.map(|product| product.contains.as_slice()).unwrap_or_default();
    let gone = had.iter().filter(|part| !has(&part.sku));
    let unlink = |part: &Part| Write::UnlinkPart { part: part.sku.clone(), within: after.sku.clone() };
    named.map(link).chain(gone.map(unlink)).collect()
}

/// The writes that bring what contains the products `after` in line with them. `around` are the products that contain
/// them, or more.
pub(crate) fn refresh(around: &[Product], after: &[Product], now: Timestamp) -> Vec<Write> {
    let fresh: Vec<Part> = after.iter().map(Part::of).collect();
    let mut writes = Vec::new();
    for before in around {
        let mut edited = before.clone();
        for part in &mut edited.contains {
            if let Some(fresh) = fresh.iter().find(|fresh| fresh.sku == part.sku) {
                part.clone_from(fresh);
            }
        }
        if edited.contains != before.contains {
            edited.version = before.version.saturating_add(1);
            edited.updated_at = now;
            writes.push(Write::SaveProduct { before: Some(Box::new(before.clone())), after: Box::new(edited) });
        }
    }
    writes
}
