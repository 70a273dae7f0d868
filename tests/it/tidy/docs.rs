//! Rules for documents that must say what the code says.

use std::collections::BTreeSet;

use super::{files, nothing_breaks};

/// A problem code and the HTTP status it comes with.
type Code = (String, u16);

#[test]
fn decision_records_are_numbered_without_gaps() {
    nothing_breaks(
        "docs/adr/ holds 0001-title.md, 0002-title.md, and so on",
        files("docs/adr", ".md")
            .iter()
            .zip(1..)
            .filter(|(record, number)| !record.name().starts_with(&format!("{number:04}-")))
            .map(|(record, number)| format!("{}: stands where {number:04} should", record.path)),
    );
}

#[test]
fn every_decision_record_opens_with_its_title() {
    nothing_breaks(
        "the first line is `# Title`",
        files("docs/adr", ".md")
            .into_iter()
            .filter(|record| !record.text.lines().next().is_some_and(|line| line.starts_with("# ") && line.len() > 2))
            .map(|record| record.path),
    );
}

#[test]
fn every_problem_code_is_documented_and_every_documented_one_exists() {
    let registered = BTreeSet::from_iter(registered_codes());
    let documented = BTreeSet::from_iter(documented_codes());
    let only = |place: &str, these: &BTreeSet<Code>, those: &BTreeSet<Code>| {
        these
            .difference(those)
            .map(|(code, status)| format!("`{code}` | {status}: only in {place}"))
            .collect::<Vec<_>>()
    };
    let offenders = [only("the code", &registered, &documented), only("the document", &documented, &registered)];
    nothing_breaks(
        "docs/errors.md has a row \"| `code` | status | …\" for each code of shared/web, and no other",
        offenders.concat(),
    );
}

#[test]
fn a_problem_code_is_snake_case_and_registered_once() {
    let registered = registered_codes();
    assert!(!registered.is_empty(), "shared/web/src has no line like `NotFound => 404 \"not_found\"`");
    let mut seen = BTreeSet::new();
    nothing_breaks(
        "a code is snake_case, and has one row and so one status",
        registered.into_iter().map(|(code, _)| code).filter(|code| !is_snake_case(code) || !seen.insert(code.clone())),
    );
}

#[test]
fn codes_are_read_as_they_are_written() {
    let code = |code: &str, status| Some((code.to_owned(), status));
    assert_eq!(registered("    NotFound => 404 \"not_found\", \"There is no such thing.\";"), code("not_found", 404));
    assert_eq!(registered("        Self::NotFound => \"not_found\","), None);
    assert_eq!(registered("    ($name:ident => $status:literal $code:literal) => {"), None);
    assert_eq!(documented("| `not_found` | 404 | There is no such thing. |"), code("not_found", 404));
    assert_eq!(documented("| code | status | meaning |"), None);
    assert_eq!(documented("|---|---|---|"), None);
}

fn registered_codes() -> Vec<Code> {
    files("shared/web/src", ".rs").iter().flat_map(|file| file.text.lines().filter_map(registered)).collect()
}

fn documented_codes() -> Vec<Code> {
    let documents = files("docs", ".md");
    let errors = documents.iter().filter(|file| file.path == "docs/errors.md");
    errors.flat_map(|file| file.text.lines().filter_map(documented)).collect()
}

/// `Name => 404 "not_found", …`, a row of the registry.
fn registered(line: &str) -> Option<Code> {
    let (status, rest) = line.split_once("=>")?.1.trim_start().split_once(' ')?;
    let (code, _) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
    Some((code.to_owned(), status.parse().ok()?))
}

/// "| `not_found` | 404 | …", a row of the document.
fn documented(line: &str) -> Option<Code> {
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    let code = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
    Some((code.to_owned(), cells.next()?.parse().ok()?))
}

fn is_snake_case(code: &str) -> bool {
    !code.is_empty() && code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
