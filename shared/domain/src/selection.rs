//! Which products something is about: all, some by name, or those of a catalog.
//!
//! Everything is told from the product itself, so that no rule needs the table: a catalog's query is a predicate, and an
//! offer carries the catalog that it names as the catalog was when either was saved last (ADR 27).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::product::{Kind, Product};
use crate::text::{Mode, Sku, Slug};

/// Products by what they are: every condition that is there must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogQuery {
    /// The organisation in the course key.
    pub org: Option<String>,
    /// The course key, with `*` for any characters.
    pub key_pattern: Option<String>,
    /// The mode.
    pub mode: Option<Mode>,
    /// The kind.
    pub kind: Option<Kind>,
    /// Words of the title, each whole and whatever its case.
    #[serde(default)]
    pub title_words: BTreeSet<String>,
}

impl CatalogQuery {
    /// Whether a product is as asked for. Enrolment codes are asked for by their kind.
    #[must_use]
    pub fn takes(&self, product: &Product) -> bool {
        // One code sells up to a hundred places, so a use of an offer is one of those only where they are meant.
        if product.kind == Kind::EnrollmentCode && self.kind != Some(Kind::EnrollmentCode) {
            return false;
        }
        let key = product.course_key.as_ref();
        let words: BTreeSet<String> = words(product.title.as_str());
        self.org.as_ref().is_none_or(|org| key.is_some_and(|key| key.org() == org))
            && self.key_pattern.as_ref().is_none_or(|pattern| key.is_some_and(|key| matches(pattern, key.as_str())))
            && self.mode.as_ref().is_none_or(|mode| product.mode.as_ref() == Some(mode))
            && self.kind.is_none_or(|kind| product.kind == kind)
            && self.title_words.iter().all(|word| words.contains(word))
    }

    /// Whether nothing is asked for, so that it would take everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The words of a text, in lower case.
#[must_use]
pub fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// Whether a text is of a pattern in which `*` stands for any characters, also none.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// Which products an offer is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Every product but enrolment codes.
    All,
    /// These.
    Skus(BTreeSet<Sku>),
    /// Those of a catalog.
    Catalog(Box<Catalog>),
}

impl Selection {
    /// Whether a product is meant.
    #[must_use]
    pub fn holds(&self, product: &Product) -> bool {
        match self {
            Self::All => product.kind != Kind::EnrollmentCode,
            Self::Skus(skus) => skus.contains(&product.sku),
            Self::Catalog(catalog) => catalog.holds(product),
        }
    }

    /// The catalog that is named.
    #[must_use]
    pub fn catalog(&self) -> Option<&Slug> {
        match self {
            Self::Catalog(catalog) => Some(&catalog.id),
            Self::All | Self::Skus(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text, matched) in [
            ("course-v1:Org+*", "course-v1:Org+PY+1", true),
            ("course-v1:Org+*", "course-v1:Organ+PY+1", false),
            ("*+PY+*", "course-v1:Org+PY+1", true),
            ("*+PY+*", "course-v1:Org+PYX+1", false),
            ("*2026", "course-v1:Org+PY+2026", true),
            ("*2026*", "2026", true),
            ("a*a", "a", false),
            ("a*b*b", "ab", false),
            ("*", "", true),
            ("exact", "exact", true),
            ("exact", "exactly", false),
        ] {
            assert_eq!(matches(pattern, text), matched, "{pattern} {text}");
        }
    }
}
