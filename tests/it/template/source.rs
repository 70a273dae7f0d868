//! What each function of our sources says: which writes of a plan it makes, which calls of the SDK, which indexes and which
//! variables it names. Read from the syntax, over all that is not a test.
#![expect(clippy::wildcard_enum_match_arm, reason = "Rust's syntax has many kinds of things, and few concern us")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Expr, ExprLit, ExprMethodCall, ExprPath, ExprStruct, ImplItem, Item, ItemImpl, Lit, Macro, Member,
    Token, Type,
};

use super::root;

/// What a function says.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The writes of a plan that it makes: variants of `domain::plan::Write`.
    pub(super) writes: BTreeSet<String>,
    /// The methods that it calls without an argument: among them are all of the SDK's operations.
    pub(super) calls: BTreeSet<String>,
    /// The indexes that it names: `gsi1` and so on.
    pub(super) indexes: BTreeSet<String>,
    /// Whether it names a partition of the table itself.
    pub(super) table: bool,
    /// The variables of the environment that it names.
    pub(super) variables: BTreeSet<String>,
    /// The functions that it names, as they are written: `catalog::save_product`.
    pub(super) paths: BTreeSet<String>,
}

impl Said {
    /// Whether anything of it asks for a permission or a parameter.
    pub(super) fn says_something(&self) -> bool {
        self.table || !(self.writes.is_empty() && self.indexes.is_empty() && self.variables.is_empty())
    }

    fn add(&mut self, other: &Self) {
        self.table |= other.table;
        self.writes.extend(other.writes.iter().cloned());
        self.indexes.extend(other.indexes.iter().cloned());
        self.variables.extend(other.variables.iter().cloned());
    }
}

/// Every function of the sources, by the path that its symbol has.
pub(super) type Sources = BTreeMap<String, Said>;

/// Reads every source that a function's binary may hold. What a constant says is said by the functions of its package that
/// name it.
pub(super) fn read() -> Sources {
    let mut read = Read::default();
    for folder in ["functions", "shared"] {
        for package in fs::read_dir(root().join(folder)).unwrap() {
            let package = package.unwrap().path();
            let name = package.file_name().unwrap().to_str().unwrap().replace('-', "_");
            read.folder(&package.join("src"), &name);
        }
    }
    let Read { mut functions, constants } = read;
    for ((package, name), constant) in constants.into_iter().filter(|(_, constant)| constant.says_something()) {
        let names_it = |path: &String| path.rsplit("::").next() == Some(&name);
        let of_package = functions.iter_mut().filter(|(path, _)| path.split("::").next() == Some(&package));
        let naming: Vec<_> = of_package.filter(|(_, said)| said.paths.iter().any(names_it)).collect();
        assert!(!naming.is_empty(), "{package} has a constant {name} that says {constant:?}, and nobody names it");
        for (_, said) in naming {
            said.add(&constant);
        }
    }
    functions
}

/// What was read so far.
#[derive(Default)]
struct Read {
    functions: Sources,
    /// By package and name.
    constants: BTreeMap<(String, String), Said>,
}

impl Read {
    fn folder(&mut self, folder: &Path, module: &str) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let module =
                if matches!(name, "lib" | "main" | "mod") { module.to_owned() } else { format!("{module}::{name}") };
            if path.is_dir() {
                self.folder(&path, &module);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test_file(&path) {
                let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
                self.items(&file.items, &module);
            }
        }
    }

    fn items(&mut self, items: &[Item], module: &str) {
        for item in items {
            match item {
                Item::Fn(function) if !is_test(&function.attrs) => {
                    let said = self.functions.entry(format!("{module}::{}", function.sig.ident)).or_default();
                    Reader { said, own: false }.visit_block(&function.block);
                }
                Item::Impl(block) if !is_test(&block.attrs) => self.block(block, module),
                Item::Mod(inner) if !is_test(&inner.attrs) => {
                    let name = format!("{module}::{}", inner.ident);
                    self.items(inner.content.as_ref().map_or(&[], |(_, items)| items), &name);
                }
                Item::Const(constant) => self.constant(module, &constant.ident, &constant.expr, false),
                Item::Static(constant) => self.constant(module, &constant.ident, &constant.expr, false),
                Item::Use(_) | Item::Struct(_) | Item::Enum(_) | Item::Fn(_) | Item::Impl(_) | Item::Mod(_) => {}
                other => {
                    // A trait with methods of its own, a macro: nobody knows who says it.
                    let said = self.functions.entry(format!("{module}::{ANYONE}")).or_default();
                    Reader { said, own: false }.visit_item(other);
                }
            }
        }
    }

    fn block(&mut self, block: &ItemImpl, module: &str) {
        let (owner, package) = (type_name(&block.self_ty), module.split("::").next().unwrap());
        for item in &block.items {
            match item {
                ImplItem::Fn(method) if !is_test(&method.attrs) => {
                    let said = self.functions.entry(format!("{package}::{owner}::{}", method.sig.ident)).or_default();
                    Reader { said, own: owner == WRITE }.visit_block(&method.block);
                }
                ImplItem::Const(constant) => self.constant(module, &constant.ident, &constant.expr, owner == WRITE),
                _ => {}
            }
        }
    }

    fn constant(&mut self, module: &str, name: &impl ToString, value: &Expr, own: bool) {
        let package = module.split("::").next().unwrap().to_owned();
        let said = self.constants.entry((package, name.to_string())).or_default();
        Reader { said, own }.visit_expr(value);
    }
}

/// Modules of tests have files of their own, by these names.
fn is_test_file(path: &Path) -> bool {
    path.components().any(|part| {
        let part = part.as_os_str().to_str().unwrap().trim_end_matches(".rs");
        part == "tests" || part == "testing" || part.ends_with("_tests")
    })
}

/// Where it is kept what stands outside functions.
pub(super) const ANYONE: &str = "(anyone)";

const WRITE: &str = "Write";

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let test = |text: &str| text == "test" || text.ends_with("::test");
        let list = attribute.meta.require_list().map(|list| list.tokens.to_string()).unwrap_or_default();
        let path =
            attribute.path().segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>().join("::");
        test(&path) || path == "cfg" && list == "test"
    })
}

fn type_name(of: &Type) -> String {
    match of {
        Type::Path(path) => path.path.segments.last().unwrap().ident.to_string(),
        Type::Reference(reference) => type_name(&reference.elem),
        // A tuple or the like, whose methods are not told apart.
        _ => ANYONE.to_owned(),
    }
}

struct Reader<'a> {
    said: &'a mut Said,
    /// Whether it is inside `Write`'s own block, where its variants are `Self`'s.
    own: bool,
}

impl Reader<'_> {
    fn path(&mut self, path: &syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let [.., owner, variant] = names.as_slice()
            && (owner == WRITE || self.own && owner == "Self")
            && variant.starts_with(char::is_uppercase)
        {
            self.said.writes.insert(variant.clone());
        }
        self.said.table |= names.ends_with(&["Partition".to_owned(), "of".to_owned()]);
        self.said.paths.insert(names.join("::"));
    }

    fn text(&mut self, text: &str) {
        if is_index(text) {
            self.said.indexes.insert(text.to_owned());
        }
        if is_variable(text) {
            self.said.variables.insert(text.to_owned());
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        self.path(&path.path);
        visit::visit_expr_path(self, path);
    }

    fn visit_expr_struct(&mut self, made: &'ast ExprStruct) {
        self.path(&made.path);
        let partition = made.path.segments.last().is_some_and(|segment| segment.ident == "Partition");
        let none = |expr: &Expr| matches!(expr, Expr::Path(path) if path.path.is_ident("None"));
        for field in &made.fields {
            let index = matches!(&field.member, Member::Named(name) if name == "index");
            self.said.table |= partition && index && none(&field.expr);
        }
        visit::visit_expr_struct(self, made);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if call.args.is_empty() {
            self.said.calls.insert(call.method.to_string());
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_lit(&mut self, literal: &'ast ExprLit) {
        if let Lit::Str(text) = &literal.lit {
            self.text(&text.value());
        }
    }

    /// What stands in a macro is read as expressions if it is some; if not, every name in it counts.
    fn visit_macro(&mut self, called: &'ast Macro) {
        if let Ok(list) = called.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
            return list.iter().for_each(|expr| Reader { said: self.said, own: self.own }.visit_expr(expr));
        }
        let text = called.tokens.to_string().replace(" :: ", "::");
        for word in text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':') {
            if let Ok(path) = syn::parse_str(word) {
                self.path(&path);
            }
            self.said.calls.insert(word.to_owned());
            self.text(word);
        }
    }
}

fn is_index(text: &str) -> bool {
    text.strip_prefix("gsi").is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
}

fn is_variable(text: &str) -> bool {
    let ours = ["BURSAR_", "OTEL_"].iter().any(|prefix| text.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()));
    ours && text.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

/// The arms of `store`'s `encode`: for each kind of write, the functions that its rows are made by, as they are written.
pub(super) fn arms() -> BTreeMap<String, BTreeSet<String>> {
    struct Arms(BTreeMap<String, BTreeSet<String>>);
    impl<'ast> Visit<'ast> for Arms {
        fn visit_arm(&mut self, arm: &'ast syn::Arm) {
            let mut named = Variants(BTreeSet::new());
            named.visit_pat(&arm.pat);
            let mut said = Said::default();
            Reader { said: &mut said, own: false }.visit_expr(&arm.body);
            for variant in named.0 {
                self.0.entry(variant).or_default().extend(said.paths.iter().cloned());
            }
        }
    }
    struct Variants(BTreeSet<String>);
    impl<'ast> Visit<'ast> for Variants {
        fn visit_path(&mut self, path: &'ast syn::Path) {
            let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            if let [.., owner, variant] = names.as_slice()
                && owner == WRITE
            {
                self.0.insert(variant.clone());
            }
        }
    }
    let file = fs::read_to_string(root().join("shared/store/src/encode/mod.rs")).unwrap();
    let file = syn::parse_file(&file).unwrap();
    let encode = file.items.iter().find_map(|item| match item {
        Item::Fn(function) if function.sig.ident == "encode" => Some(function),
        _ => None,
    });
    let mut arms = Arms(BTreeMap::new());
    arms.visit_block(&encode.expect("store encodes writes").block);
    arms.0
}
