//! What a learner owns on account of an order: each product once, whichever of its lines give it.

use std::collections::BTreeMap;

use crate::entitlement::LineRef;
use crate::order::{Order, OrderLine};
use crate::product::Kind;
use crate::text::Sku;

/// One product that an order gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// Which.
    pub sku: Sku,
    /// Its place at the LMS; none of bundles and enrolment codes, which are places of others.
    pub place: Option<String>,
    /// Whether a learner buys it once only: not so for codes, and for what comes with a bundle.
    pub sole: bool,
    /// The lines that give it.
    pub lines: Vec<LineRef>,
}

/// What the lines that `which` names give: what they sell, and what that contains. A transaction touches a row once, so a
/// product that two lines give comes once.
#[must_use]
pub fn owned_by(order: &Order, which: impl Fn(&OrderLine) -> bool) -> Vec<Owned> {
    let mut all: BTreeMap<Sku, Owned> = BTreeMap::new();
    for line in order.lines.iter().filter(|line| which(line)) {
        let itself = (line.sku.clone(), line.itself().place(), line.kind.is_personal());
        let contained = line.parts.iter().filter(|_| line.kind == Kind::Bundle);
        let contained = contained.map(|part| (part.sku.clone(), part.place(), false));
        for (sku, place, sole) in std::iter::once(itself).chain(contained) {
            let known = all.entry(sku.clone());
            let owned = known.or_insert_with(|| Owned { sku, place: None, sole: false, lines: Vec::new() });
            owned.place = owned.place.take().or(place);
            owned.sole |= sole;
            owned.lines.push(line.reference(&order.number));
        }
    }
    all.into_values().collect()
}
