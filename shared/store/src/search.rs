//! Title search: each word of a product's title has a row, and a search reads the rows that begin with a word.

use std::collections::BTreeSet;

use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

/// The most words by which one product is found. Each is a row of the edit's transaction, two if the title changes: with
/// seven, a course of six seats still fits into one.
const MAX_TOKENS: usize = 7;
/// The longest word that is kept; longer ones are cut.
const MAX_TOKEN: usize = 40;

/// The words of a text, in lower case without accents; words of one letter find nothing.
pub(crate) fn words(text: &str) -> Vec<String> {
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(text.chars());
    let categories = CodePointMapData::<GeneralCategory>::new();
    let is_accent = |c: &char| GeneralCategoryGroup::Mark.contains(categories.get(*c));
    let plain: String = decomposed.filter(|c| !is_accent(c)).flat_map(char::to_lowercase).collect();
    let word = |word: &str| word.chars().take(MAX_TOKEN).collect::<String>();
    plain.split(|c: char| !c.is_alphanumeric()).filter(|w| w.chars().count() > 1).map(word).collect()
}

/// The words by which a title is found: its first seven different ones.
pub(crate) fn tokens(title: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for word in words(title) {
        if found.len() < MAX_TOKENS {
            found.insert(word);
        }
    }
    found
}

/// Whether a title answers a search: each word of the search begins a word of the title.
pub(crate) fn matches(title: &str, search: &[String]) -> bool {
    let title = words(title);
    search.iter().all(|wanted| title.iter().any(|word| word.starts_with(wanted.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_found_by_the_beginnings_of_their_words_without_accents() {
        for (title, search, found) in [
            ("Introducción a Python", "intro pyth", true),
            ("Introducción a Python", "introducción", true),
            ("C++ für Anfänger", "fur anf", true),
            ("Python", "ython", false),
            ("Data Science", "data biology", false),
        ] {
            assert_eq!(matches(title, &words(search)), found, "{title} / {search}");
        }
    }

    #[test]
    fn a_title_has_at_most_seven_tokens() {
        assert_eq!(tokens("aa bb cc dd ee ff gg hh ii jj aa").len(), MAX_TOKENS);
    }
}
