//! Rules for Cargo manifests: one place for versions, and dependencies that point one way.

use std::fs;

use toml::{Table, Value};

use super::{entries, from_root, nothing_breaks, root};

const DEPENDENCY_TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// What each of ours in `shared/` may depend on among ours. Functions depend on any of these, and never on each other.
const SHARED_DEPENDS_ON: [(&str, &[&str]); 7] = [
    ("domain", &[]),
    ("lms", &["domain", "outbound", "trace"]),
    ("outbound", &[]),
    ("payments", &["domain", "outbound", "trace"]),
    ("store", &["domain", "trace"]),
    ("trace", &[]),
    ("web", &["domain", "outbound", "store", "trace"]),
];

/// What would let the outside into `domain`: runtimes, the SDK, HTTP. A trailing `*` stands for any ending.
const NEVER_IN_DOMAIN: [&str; 12] = [
    "async-*", "aws-*", "aws_*", "axum*", "futures*", "http*", "hyper*", "lambda_*", "reqwest*", "rusqlite", "tokio*",
    "tower*",
];

/// A package of this workspace: the folder from the root, and its parsed manifest.
pub(super) struct Member {
    pub(super) path: String,
    pub(super) manifest: Table,
}

/// Every package of the workspace.
pub(super) fn members() -> impl Iterator<Item = Member> {
    let workspace = manifest("");
    let patterns = workspace["workspace"]["members"].as_array().unwrap().clone();
    patterns
        .into_iter()
        .flat_map(|pattern| expand(pattern.as_str().unwrap()))
        .map(|path| Member { manifest: manifest(&path), path })
}

/// The name in `[package]`.
pub(super) fn package_name(member: &Member) -> &str {
    member.manifest["package"]["name"].as_str().unwrap()
}

#[test]
fn versions_and_features_stand_in_the_workspace_manifest_only() {
    let offenders = members().flat_map(|member| {
        dependencies(&member.manifest)
            .into_iter()
            .filter(|(_, value)| !is_inherited(value))
            .map(|(name, _)| format!("{}: {name}", member.path))
            .collect::<Vec<_>>()
    });
    nothing_breaks("a member writes `name.workspace = true` (and `optional`, where it is)", offenders);
}

#[test]
fn every_package_takes_its_metadata_and_lints_from_the_workspace() {
    let offenders = members().flat_map(|member| {
        let package = member.manifest["package"].as_table().unwrap();
        let mut wrong: Vec<_> = ["version", "edition", "rust-version", "license", "publish"]
            .into_iter()
            .filter(|key| !package.get(*key).is_some_and(is_inherited))
            .map(|key| format!("{}: package.{key}", member.path))
            .collect();
        if !member.manifest.get("lints").is_some_and(is_inherited) {
            wrong.push(format!("{}: lints", member.path));
        }
        wrong
    });
    nothing_breaks("these are written `.workspace = true`", offenders);
}

#[test]
fn the_domain_reaches_nothing_outside_itself() {
    let domain = members().find(|member| member.path == "shared/domain").unwrap();
    nothing_breaks(
        "shared/domain has no async, no SDK and no HTTP",
        names(&domain).filter(|name| NEVER_IN_DOMAIN.iter().any(|pattern| fits(pattern, name))),
    );
}

#[test]
fn dependencies_point_towards_the_domain() {
    let members: Vec<_> = members().collect();
    let ours: Vec<_> = members.iter().map(package_name).collect();
    let shared: Vec<_> = SHARED_DEPENDS_ON.iter().map(|(name, _)| *name).collect();
    let offenders = members.iter().flat_map(|member| {
        let allowed = match member.path.split_once('/') {
            Some(("shared", name)) => {
                SHARED_DEPENDS_ON.iter().find(|row| row.0 == name).map_or([].as_slice(), |row| row.1)
            }
            Some(("functions", _)) => &shared,
            // infra/local and the tests put everything together.
            _ => &ours,
        };
        names(member)
            .filter(|name| ours.contains(&name.as_str()) && !allowed.contains(&name.as_str()))
            .map(|name| format!("{} -> {name}", member.path))
            .collect::<Vec<_>>()
    });
    nothing_breaks(
        "functions -> web, store, payments, lms -> domain, as SHARED_DEPENDS_ON in this file has it",
        offenders,
    );
}

#[test]
fn a_pattern_fits_a_name_or_its_beginning() {
    assert!(fits("tokio*", "tokio") && fits("tokio*", "tokio-util") && fits("rusqlite", "rusqlite"));
    assert!(!fits("rusqlite", "rusqlite_x") && !fits("aws-*", "aws") && !fits("http*", "xhttp"));
}

fn manifest(folder: &str) -> Table {
    let path = root().join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The folders that an entry of `workspace.members` stands for.
fn expand(pattern: &str) -> Vec<String> {
    let Some(folder) = pattern.strip_suffix("/*") else { return vec![pattern.to_owned()] };
    let mut found: Vec<_> = entries(&root().join(folder))
        .iter()
        .filter(|path| path.join("Cargo.toml").is_file())
        .map(|path| from_root(path))
        .collect();
    found.sort();
    found
}

/// All dependencies of a manifest, of every kind and target.
fn dependencies(manifest: &Table) -> Vec<(&String, &Value)> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    std::iter::once(manifest)
        .chain(targets.filter_map(|(_, target)| target.as_table()))
        .flat_map(|place| DEPENDENCY_TABLES.iter().filter_map(|kind| place.get(*kind)?.as_table()))
        .flatten()
        .collect()
}

fn names(member: &Member) -> impl Iterator<Item = String> {
    dependencies(&member.manifest).into_iter().map(|(name, _)| name.clone())
}

fn is_inherited(value: &Value) -> bool {
    value.as_table().is_some_and(|table| {
        table.get("workspace") == Some(&Value::Boolean(true))
            && table.keys().all(|key| key == "workspace" || key == "optional")
    })
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}
