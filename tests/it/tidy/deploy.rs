//! Rules for `docs/deploy.md`: what it says of parameters is what the code reads, the template grants and
//! `infra/parameters.sh` writes.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{is_test, production_lines};
use super::{Source, files, functions, nothing_breaks};

/// What the template sets by itself, in the plain environment.
const STRUCTURAL: [&str; 4] = ["BURSAR_PARAMETERS", "BURSAR_QUEUE_URL", "BURSAR_STAGE", "BURSAR_TABLE"];

/// Files of `shared/` whose variables are read by the functions that say this, and by no other; all else that is shared is
/// read by every function.
const READ_BY: [(&str, &str); 3] = [
    ("shared/lms/", "LmsConfig::configured"),
    ("shared/payments/", "payments::configured"),
    ("shared/web/src/context.rs", "HttpConfig::from_env"),
];

/// A row of the document's table.
struct Row {
    group: String,
    variable: String,
    secret: bool,
}

#[test]
fn every_variable_that_the_code_reads_is_a_parameter_of_the_document_and_the_reverse() {
    let read: BTreeSet<String> = reads().into_values().flatten().collect();
    let documented: BTreeSet<_> = bursar_rows().map(|row| row.variable).collect();
    let undocumented = read.iter().filter(|name| !documented.contains(*name) && !STRUCTURAL.contains(&name.as_str()));
    let unread = documented.iter().filter(|name| !read.contains(*name));
    let wrong = undocumented.map(|name| format!("{name}: not in the table"));
    nothing_breaks(
        "docs/deploy.md has a row \"| `group` | `VARIABLE` | …\" for each variable that the code reads, and no other",
        wrong.chain(unread.map(|name| format!("{name}: no code reads it"))),
    );
}

#[test]
fn a_parameter_is_in_a_group_that_its_readers_are_given() {
    let group_of: BTreeMap<_, _> = bursar_rows().map(|row| (row.variable, row.group)).collect();
    let granted = granted();
    let offenders = reads().into_iter().flat_map(|(function, variables)| {
        let groups = &granted[&function];
        let used: BTreeSet<_> = variables.iter().filter_map(|name| group_of.get(name).cloned()).collect();
        let missing = used.difference(groups).map(|group| format!("{function}: reads of {group}, and is not given it"));
        let useless = groups.difference(&used).filter(|group| *group != "telemetry");
        missing
            .chain(useless.map(|group| format!("{function}: is given {group}, and reads nothing of it")))
            .collect::<Vec<_>>()
    });
    nothing_breaks("the groups of BURSAR_PARAMETERS in infra/template.yaml are those that a function reads", offenders);
}

#[test]
fn the_document_names_no_variable_that_does_not_exist() {
    let known: BTreeSet<_> =
        bursar_rows().map(|row| row.variable).chain(STRUCTURAL.iter().map(|name| (*name).to_owned())).collect();
    let named = names(&text_of("docs/deploy.md"));
    nothing_breaks(
        "a variable that docs/deploy.md names is in its table, or is set by the template",
        named.into_iter().filter(|name| !known.contains(name)),
    );
}

#[test]
fn the_example_and_the_script_agree_with_the_document() {
    let row = |row: Row| (format!("{}/{}", row.group, row.variable), row.secret);
    let documented: BTreeMap<_, _> = rows().into_iter().map(row).collect();
    let example = text_of("infra/parameters.example");
    let exemplary: BTreeSet<_> = example
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|it| it.0)
        .collect();
    let script = text_of("infra/parameters.sh");
    let (_, rest) = script.split_once("\nsecrets=\"").unwrap();
    let secrets: BTreeSet<_> =
        rest.split_once('"').unwrap().0.split_whitespace().filter(|word| *word != "\\").collect();
    let absent =
        documented.keys().filter(|name| !exemplary.contains(name.as_str())).map(|name| format!("{name}: not there"));
    let unknown =
        exemplary.iter().filter(|name| !documented.contains_key(**name)).map(|name| format!("{name}: not here"));
    let open = documented.iter().filter(|(name, secret)| {
        name.split_once('/').is_none_or(|(_, variable)| secrets.contains(variable) != **secret)
    });
    nothing_breaks(
        "infra/parameters.example has each parameter of docs/deploy.md, and infra/parameters.sh stores as a SecureString \
         what the document says is one",
        absent.chain(unknown).chain(open.map(|(name, _)| format!("{name}: of another type in the script"))),
    );
}

#[test]
fn the_webhook_is_registered_for_the_events_and_the_version_that_the_code_reads() {
    let document = text_of("docs/deploy.md");
    let enabled: BTreeSet<_> =
        document.split("enabled_events[]=").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let events = text_of("shared/payments/src/stripe/event.rs");
    let arms = events
        .lines()
        .take(production_lines(&events))
        .filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" =>"));
    let read: BTreeSet<_> = arms.map(|(event, _)| event).collect();
    assert!(read.len() > 5, "shared/payments/src/stripe/event.rs has no lines like `\"charge.refunded\" =>`: {read:?}");
    // Of disputes the code takes all.
    let is_dispute = |event: &str| event.starts_with("charge.dispute.");
    let missing = read.difference(&enabled).map(|event| format!("{event}: not enabled"));
    let unread = enabled.difference(&read).filter(|event| !is_dispute(event)).map(|event| format!("{event}: not read"));
    let transport = text_of("shared/payments/src/stripe/transport.rs");
    let version = transport.split_once("API_VERSION: &str = \"").unwrap().1.split('"').next().unwrap();
    let other = (!document.contains(&format!("api_version={version} "))).then(|| format!("{version}: not the version"));
    nothing_breaks(
        "docs/deploy.md registers Stripe's webhook as shared/payments reads it",
        missing.chain(unread).chain(other),
    );
    assert!(enabled.iter().any(|event| is_dispute(event)), "disputes are enabled");
}

#[test]
fn variables_are_read_as_they_are_written() {
    let named = |text: &str| names(text).into_iter().collect::<Vec<_>>();
    assert_eq!(
        named("env.required(\"BURSAR_TABLE\"), `BURSAR_LMS_URL__NORTH_WIND`"),
        ["BURSAR_LMS_URL", "BURSAR_TABLE"]
    );
    assert_eq!(named("bursar_session BURSAR_ XBURSAR_A"), [""; 0]);
    let row = |line: &str| row(line).map(|row| (row.group, row.variable, row.secret));
    let read = |group: &str, name: &str, secret| Some((group.to_owned(), name.to_owned(), secret));
    assert_eq!(row("| `lms` | `BURSAR_LMS_URL` | String | yes | where |"), read("lms", "BURSAR_LMS_URL", false));
    assert_eq!(row("| `telemetry` | `OTEL_A` | SecureString | | what |"), read("telemetry", "OTEL_A", true));
    assert_eq!(row("| `BURSAR_GATEWAY` | yes | a list in `secrets` |"), None);
    assert_eq!(row("| group | variable | type | needed | what |"), None);
}

/// The variables that each function reads.
fn reads() -> BTreeMap<String, BTreeSet<String>> {
    let shared: Vec<_> = files("shared", ".rs").into_iter().filter(|file| file.path.contains("/src/")).collect();
    let reads = |function: String| {
        let own = files(&format!("functions/{function}/src"), ".rs");
        let says = |words: &str| own.iter().any(|file| file.text.contains(words));
        let is_read = |file: &&Source| {
            READ_BY.iter().find(|(path, _)| file.path.starts_with(path)).is_none_or(|(_, words)| says(words))
        };
        let variables = own.iter().chain(shared.iter().filter(is_read)).flat_map(literals).collect();
        (function, variables)
    };
    functions().into_iter().map(reads).collect()
}

/// The variables that a file's code names in quotes.
fn literals(file: &Source) -> BTreeSet<String> {
    if is_test(file) {
        return BTreeSet::new();
    }
    let code = file.text.lines().take(production_lines(&file.text)).filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split('"').skip(1).step_by(2).filter(|quoted| names(quoted).contains(*quoted)))
        .map(str::to_owned)
        .collect()
}

/// Every `BURSAR_…` of a text, without what names a tenant.
fn names(text: &str) -> BTreeSet<String> {
    let in_name = |c: char| c.is_ascii_uppercase() || c == '_';
    let words = text.split(|c: char| !in_name(c)).filter(|word| word.starts_with("BURSAR_"));
    words
        .map(|word| word.split_once("__").map_or(word, |(name, _)| name))
        .filter(|name| !name.ends_with('_'))
        .map(str::to_owned)
        .collect()
}

/// The groups that the template gives each function.
fn granted() -> BTreeMap<String, BTreeSet<String>> {
    let template = text_of("infra/template.yaml");
    let after = template.split("CodeUri: ../target/lambda/").skip(1);
    let function = |text: &str| {
        let (name, rest) = text.split_once('/').unwrap();
        let (_, paths) = rest.split_once("BURSAR_PARAMETERS: !Join\n").unwrap();
        let paths = paths.lines().skip(1).map_while(|line| Some(line.split_once("/bursar/${Stage}/")?.1));
        let groups = paths.map(|path| path.split('"').next().unwrap().to_owned()).collect();
        (name.to_owned(), groups)
    };
    after.map(function).collect()
}

fn bursar_rows() -> impl Iterator<Item = Row> {
    rows().into_iter().filter(|row| row.variable.starts_with("BURSAR_"))
}

fn rows() -> Vec<Row> {
    text_of("docs/deploy.md").lines().filter_map(row).collect()
}

/// "| `group` | `VARIABLE` | String | …", a row of the document.
fn row(line: &str) -> Option<Row> {
    let quoted = |cell: &str| Some(cell.strip_prefix('`')?.strip_suffix('`')?.to_owned());
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    let (group, variable) = (quoted(cells.next()?)?, quoted(cells.next()?)?);
    match cells.next()? {
        "String" => Some(Row { group, variable, secret: false }),
        "SecureString" => Some(Row { group, variable, secret: true }),
        _ => None,
    }
}

fn text_of(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap();
    files(folder, name).into_iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} is not there")).text
}
