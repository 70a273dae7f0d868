//! What a function's binary holds, by its symbol table.
//!
//! A debug binary keeps every function that is called, under its own name: nothing is inlined before the linker drops what
//! nothing leads to. So what is not in the table cannot be reached, and what is, may be.

use std::collections::BTreeSet;
use std::path::Path;

use object::{Object, ObjectSymbol};

/// The functions in a binary. A method is `<crate>::<Type>::<method>` whatever module its block stands in; generic
/// arguments are left out; a closure is the function that it stands in.
pub(super) struct Symbols(BTreeSet<String>);

impl Symbols {
    pub(super) fn of(binary: &Path) -> Self {
        let bytes = std::fs::read(binary).unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        let file = object::File::parse(bytes.as_slice()).unwrap();
        let names = file.symbols().filter_map(|symbol| symbol.name().ok().map(path));
        let found = Self(names.collect());
        assert!(found.has("tokio::Runtime::block_on"), "{}: no symbols are left", binary.display());
        found
    }

    pub(super) fn has(&self, function: &str) -> bool {
        self.0.contains(function)
    }

    /// The SDK's operations by service: `("dynamodb", "PutItem")`.
    pub(super) fn operations(&self) -> BTreeSet<(&str, &str)> {
        let called = self.0.iter().filter_map(|name| name.strip_prefix("aws_sdk_")?.strip_suffix("::orchestrate"));
        called.filter_map(|name| name.split_once("::")).collect()
    }
}

/// A symbol as a plain path.
fn path(symbol: &str) -> String {
    // Mach-O puts an underscore before every name.
    let names = [symbol, symbol.strip_prefix('_').unwrap_or(symbol)];
    let Some(name) = names.iter().find_map(|name| rustc_demangle::try_demangle(name).ok()) else {
        return symbol.to_owned();
    };
    // `{:#}` leaves the hash out.
    let name = format!("{name:#}");
    plain(name.split("::{").next().unwrap_or_default())
}

/// A path that may hold `<Type>`, `<Type as Trait>`, `<impl Type>`, `<impl Trait for Type>` and `<Arguments>`, without.
fn plain(text: &str) -> String {
    let (mut done, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('<') {
        done.push_str(before);
        let (inner, behind) = after.split_at(closing(after));
        if let Some(block) = inner.strip_prefix("impl ") {
            done = plain(at_top(block, " for ").map_or(block, |(_, owner)| owner));
        } else if done.is_empty() {
            done = plain(at_top(inner, " as ").map_or(inner, |(owner, _)| owner));
        } else {
            done.truncate(done.trim_end_matches("::").len());
        }
        rest = behind.strip_prefix('>').unwrap_or(behind);
    }
    done.push_str(rest);
    without_modules(&done)
}

/// `store::load::Store::get` as `store::Store::get`: a type's name begins with a capital, a module's does not.
fn without_modules(path: &str) -> String {
    let path = path.trim_start_matches(['&', '*']).trim_start_matches("mut ");
    let segments: Vec<&str> = path.split("::").collect();
    match segments.iter().rposition(|segment| segment.starts_with(char::is_uppercase)) {
        Some(at) if at > 0 => format!("{}::{}", segments[0], segments[at..].join("::")),
        Some(_) | None => path.to_owned(),
    }
}

/// Splits at a word that stands outside all brackets.
fn at_top<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let found = text.match_indices(word).find(|(at, _)| depth(&text[..*at]) == 0)?;
    Some((&text[..found.0], &text[found.0 + word.len()..]))
}

fn depth(text: &str) -> usize {
    text.replace("->", "").chars().fold(0, |depth: usize, c| match c {
        '<' => depth + 1,
        '>' => depth.saturating_sub(1),
        _ => depth,
    })
}

/// Where the bracket closes that was opened just before `text`.
fn closing(text: &str) -> usize {
    let (mut depth, mut before) = (1, ' ');
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
        before = c;
    }
    text.len()
}

#[test]
fn symbols_of_both_manglings_are_one_path() {
    for (symbol, expected) in [
        ("store::load::order::<impl store::Store>::list_orders", "store::Store::list_orders"),
        ("<store::Store>::list_orders", "store::Store::list_orders"),
        ("<store::Store>::list_orders::<alloc::string::String>", "store::Store::list_orders"),
        ("web::identity::claim::Claim<web::identity::Caller>::with", "web::Claim::with"),
        ("<web::identity::claim::Claim<web::identity::Caller>>::with", "web::Claim::with"),
        ("<domain::id::BasketId as domain::id::Id>::from_ulid", "domain::BasketId::from_ulid"),
        ("domain::x::<impl core::convert::From<a::B> for domain::y::C>::from", "domain::C::from"),
        ("<F as core::ops::FnOnce<(fn() -> u8,)>>::call_once", "F::call_once"),
        ("domain::due::decide", "domain::due::decide"),
        ("aws_sdk_sqs::operation::send_message::SendMessage::orchestrate", "aws_sdk_sqs::SendMessage::orchestrate"),
    ] {
        assert_eq!(plain(symbol), expected, "{symbol}");
    }
}
