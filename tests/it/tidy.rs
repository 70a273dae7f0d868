//! The rules of the house that neither the compiler nor clippy can hold, each a test that lists what breaks it.
//!
//! They read the tree as text, and know nothing of what the code does.

mod deploy;
mod docs;
mod layout;
mod manifests;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

/// The workspace root.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A text file and its path from the workspace root, with `/` between its parts.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap()
    }
}

/// Every file below `folder` whose name ends in `suffix`, by path; nothing where there is no such folder.
fn files(folder: &str, suffix: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    collect(&root().join(folder), suffix, &mut paths);
    paths.sort();
    paths.iter().map(|path| Source { path: from_root(path), text: fs::read_to_string(path).unwrap() }).collect()
}

fn collect(folder: &Path, suffix: &str, found: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            // Build output, in whatever folder it was put, says so itself.
            if !name.starts_with('.') && !path.join("CACHEDIR.TAG").exists() {
                collect(&path, suffix, found);
            }
        } else if name.ends_with(suffix) {
            found.push(path);
        }
    }
}

/// What is directly in `folder`.
fn entries(folder: &Path) -> Vec<PathBuf> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => Vec::new(),
    }
}

fn from_root(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/")
}

/// The names of the function packages, which are their folders.
fn functions() -> Vec<String> {
    let mut names: Vec<_> = entries(&root().join("functions"))
        .iter()
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no functions found in functions/");
    names
}

/// Fails with the whole list, so that one run shows all there is to mend.
#[track_caller]
fn nothing_breaks(rule: &str, offenders: impl IntoIterator<Item = String>) {
    let offenders: Vec<_> = offenders.into_iter().collect();
    assert!(offenders.is_empty(), "{rule}\n  {}\n", offenders.join("\n  "));
}
