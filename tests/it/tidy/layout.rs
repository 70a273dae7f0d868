//! Rules for folders: what a function consists of, and that one name leads to all of it.

use super::manifests::{members, package_name};
use super::{entries, functions, nothing_breaks, root};

#[test]
fn a_folder_and_its_package_have_one_name() {
    nothing_breaks(
        "the package is named as its folder",
        members()
            .filter(|member| member.path.rsplit('/').next() != Some(package_name(member)))
            .map(|member| format!("{}: {}", member.path, package_name(&member))),
    );
}

#[test]
fn a_function_is_a_lib_and_one_binary_of_its_own_name() {
    let offenders = members().filter(|member| member.path.starts_with("functions/")).flat_map(|member| {
        let mut wrong = Vec::new();
        for file in ["src/lib.rs", "src/main.rs"] {
            if !root().join(&member.path).join(file).is_file() {
                wrong.push(format!("{}: has no {file}", member.path));
            }
        }
        // Cargo names the binary of src/main.rs as the package; a table could only say otherwise, or add a second.
        if member.manifest.contains_key("bin") {
            wrong.push(format!("{}: has a [[bin]] table", member.path));
        }
        wrong
    });
    nothing_breaks("a function is src/lib.rs, which tests link, and src/main.rs, which is its binary", offenders);
}

#[test]
fn every_function_has_a_readme() {
    nothing_breaks(
        "a function has a README.md: what it does, its routes or trigger, its configuration",
        functions()
            .into_iter()
            .map(|function| format!("functions/{function}/README.md"))
            .filter(|readme| !root().join(readme).is_file()),
    );
}

#[test]
fn every_function_has_a_sample_event() {
    nothing_breaks(
        "a function has events/<function>/<case>.json, which is also a test input",
        functions().into_iter().map(|function| format!("events/{function}")).filter(|folder| {
            !entries(&root().join(folder)).iter().any(|file| file.extension().is_some_and(|e| e == "json"))
        }),
    );
}

#[test]
fn sample_events_belong_to_a_function() {
    let functions = functions();
    nothing_breaks(
        "events/ holds a folder for each function, named as it is",
        entries(&root().join("events"))
            .iter()
            .filter(|path| path.is_dir())
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .filter(|folder| !functions.contains(folder)),
    );
}
