//! Rules for Rust source files.

use super::{Source, files, nothing_breaks};

const MAX_PRODUCTION_LINES: usize = 400;
const MAX_MAIN_LINES: usize = 30;
const NAMES_THAT_SAY_NOTHING: [&str; 6] = ["common", "helper", "helpers", "misc", "util", "utils"];

/// What no source may contain, and what to do instead. Split, so that this file does not break its own rule.
const BANNED: [(&str, &str); 3] = [
    (concat!("#[", "ignore"), "a test that does not run is deleted, or mended"),
    (concat!("todo", "!("), "what is not there yet is a typed refusal or not offered"),
    (concat!("thread::", "sleep"), "wait for the event itself, or move the clock"),
];

/// What goes on beside the code that starts it.
const STARTS_WORK: [&str; 5] = ["spawn(", "spawn_blocking", "spawn_local", "thread::Builder", "JoinSet"];

#[test]
fn every_rust_file_opens_with_what_it_is_for() {
    nothing_breaks(
        "the first line is `//!`: what the file is for, what it keeps, what is not here",
        rust_files().filter(|file| !file.text.starts_with("//!")).map(|file| file.path),
    );
}

#[test]
fn production_files_are_short_enough_to_read_at_once() {
    nothing_breaks(
        &format!("a production file has at most {MAX_PRODUCTION_LINES} lines; give each of its subjects a file"),
        rust_files()
            .filter(|file| !is_test(file))
            .map(|file| (production_lines(&file.text), file.path))
            .filter(|(lines, _)| *lines > MAX_PRODUCTION_LINES)
            .map(|(lines, path)| format!("{path}: {lines}")),
    );
}

#[test]
fn a_main_only_wires_things_together() {
    nothing_breaks(
        &format!("src/main.rs has at most {MAX_MAIN_LINES} lines: telemetry, config, clients, run"),
        rust_files()
            .filter(|file| file.path.ends_with("src/main.rs") && file.path != "infra/local/src/main.rs")
            .map(|file| (file.text.lines().count(), file.path))
            .filter(|(lines, _)| *lines > MAX_MAIN_LINES)
            .map(|(lines, path)| format!("{path}: {lines}")),
    );
}

#[test]
fn no_handler_forgets_to_confirm_its_caller() {
    let unused = |line: &&str| line.trim_start().starts_with('_') && line.contains(": Claim<");
    nothing_breaks(
        "a claim is confirmed by `with` or `alone`; one that is not named cannot be",
        rust_files()
            .filter(|file| file.path.starts_with("functions/"))
            .filter(|file| file.text.lines().any(|line| unused(&line)))
            .map(|file| file.path),
    );
}

/// Lambda freezes a process as soon as it has answered, so what was started beside the answer may never be done.
#[test]
fn no_function_leaves_work_running() {
    let starts = |line: &&str| STARTS_WORK.iter().any(|way| line.contains(way));
    let offenders = rust_files().flat_map(|Source { path, text }| {
        let production = production_lines(&text);
        let code = text.lines().take(production).enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        code.filter(|(_, line)| starts(line)).map(|(index, _)| format!("{path}:{}", index + 1)).collect::<Vec<_>>()
    });
    nothing_breaks(
        "functions and what they are made of start no task and no thread",
        offenders
            .filter(|place| ["functions/", "shared/"].iter().any(|of| place.starts_with(of)) && !is_test_path(place)),
    );
}

#[test]
fn every_module_is_named_for_what_it_holds() {
    let says_nothing = |name: &str| NAMES_THAT_SAY_NOTHING.contains(&name);
    nothing_breaks(
        "name a module for its subject",
        rust_files()
            .filter(|file| {
                file.path.trim_end_matches(".rs").split('/').any(says_nothing)
                    || file.text.lines().filter_map(declared_module).any(says_nothing)
            })
            .map(|file| file.path),
    );
}

#[test]
fn nothing_is_left_for_later_and_nothing_sleeps() {
    let offenders = rust_files().flat_map(|Source { path, text }| {
        let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        code.flat_map(|(index, line)| {
            BANNED.iter().filter(move |(banned, _)| line.contains(banned)).map(move |ban| (index, ban))
        })
        .map(|(index, (banned, instead))| format!("{path}:{}: {banned}: {instead}", index + 1))
        .collect::<Vec<_>>()
    });
    nothing_breaks("these may stand nowhere in the tree", offenders);
}

#[test]
fn the_tests_at_the_end_of_a_file_do_not_count() {
    let check = |text: &str, lines| assert_eq!(production_lines(text), lines, "{text:?}");
    check("//! A.\nfn a() {}\n", 2);
    check("//! A.\nfn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n", 3);
    check("//! A.\n#[cfg(test)]\n#[expect(lint, reason = \"why\")]\nmod tests {\n}\n", 1);
    check("//! A.\n#[cfg(test)]\nfn seam() {}\nfn a() {}\n", 4);
    check("//! A.\n#[cfg(test)]\nmod tests;\n", 3);
}

fn rust_files() -> impl Iterator<Item = Source> {
    let found = files("", ".rs");
    assert!(!found.is_empty(), "no Rust files found");
    found.into_iter()
}

pub(super) fn is_test(file: &Source) -> bool {
    file.name() == "tests.rs" || file.path.split('/').any(|part| part == "tests")
}

/// Whether a file, named with or without a line, is for tests only.
fn is_test_path(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap().split(':').next().unwrap();
    file.ends_with("tests.rs") || file == "testing.rs" || path.split('/').any(|part| part == "tests")
}

/// The lines before a closing `#[cfg(test)] mod tests { … }`; clippy sees to it that nothing comes after one.
pub(super) fn production_lines(text: &str) -> usize {
    let lines: Vec<_> = text.lines().collect();
    let opens_tests = |index: usize| {
        lines[index] == "#[cfg(test)]"
            && lines[index + 1..].iter().find(|line| !line.starts_with("#[")) == Some(&"mod tests {")
    };
    (0..lines.len()).find(|index| opens_tests(*index)).unwrap_or(lines.len())
}

/// `name` of a line that begins `mod name`, whatever its visibility.
fn declared_module(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub") {
        Some(rest) => rest.split_once(' ')?.1,
        None => line,
    };
    line.strip_prefix("mod ")?.split([' ', ';', '{']).next()
}
