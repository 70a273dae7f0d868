//! The matrix: every route of the shop by every kind of caller, each cell a real request.
//!
//! [`policy`] says what each is to be answered. Its routes are those of the OpenAPI document, so that a route without a
//! row fails, and a row without a route. What was answered stands in `matrix/matrix.txt`: the shop on one screen
//! (`UPDATE_EXPECT=1` writes it anew). The other modules try what a table cannot say.

mod callers;
mod others;
mod policy;
mod records;
mod requests;
mod round_trips;
mod shop;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use expect_test::expect_file;
use http::header::WWW_AUTHENTICATE;
use serde_json::Value;
use tests::Answer;

use crate::openapi::{Operation, operations};
use policy::{Outcome, REFUSALS, Route, Row};
use requests::Asker;
use shop::Shop;

/// A route with its operation.
struct Line {
    route: Route,
    operation: Operation,
}

impl Line {
    fn writes(&self) -> bool {
        self.operation.method != "GET"
    }
}

/// The routes of the policy with their operations; fails if one has no other.
fn lines() -> Vec<Line> {
    let mut operations: BTreeMap<_, _> =
        operations().into_iter().map(|operation| (operation.id.clone(), operation)).collect();
    let (mut found, mut gone) = (Vec::new(), Vec::new());
    for route in policy::routes() {
        match operations.remove(route.id) {
            Some(operation) => found.push(Line { route, operation }),
            None => gone.push(route.id),
        }
    }
    let unsaid = operations.keys();
    assert!(gone.is_empty() && unsaid.len() == 0, "routes without a row: {unsaid:?}; rows without a route: {gone:?}");
    found
}

/// What is wrong, beside the outcome, with an answer.
fn blemish(line: &Line, answer: &Answer) -> Option<&'static str> {
    let status = answer.status;
    if status.is_success() && line.operation.said["responses"].get(status.as_str()).is_none() {
        return Some("its document does not name this status");
    }
    (status.as_u16() == 401 && !answer.headers.contains_key(WWW_AUTHENTICATE)).then_some("a 401 without a challenge")
}

fn outcome(answer: &Answer) -> Outcome {
    let code = ["code", "error"].into_iter().find_map(|name| answer.json[name].as_str());
    let refused = answer.status.is_client_error() || answer.status.is_server_error();
    Outcome { status: answer.status.as_u16(), code: code.filter(|_| refused).unwrap_or_default().to_owned() }
}

/// Tries every route as one caller; says what is not as the policy has it.
async fn column(shop: &Shop, row: &Row, lines: &[Line], wrong: &mut Vec<String>) -> Vec<Outcome> {
    let mut column = Vec::new();
    for line in lines {
        let word = row.word(&line.route, line.writes());
        let wanted = Outcome::of(word, &line.route);
        let client = shop.caller(row.name).await;
        let asker = Asker { name: row.name, client: &client, uses_up: ["ok", "404"].contains(&word) };
        let answer = client.send(shop.request(&line.operation, &asker).await).await;
        let got = outcome(&answer);
        if got != wanted {
            wrong.push(format!("{} as {}: {got:?} and not {wanted:?}: {:.300}", line.route.id, row.name, answer.text));
        }
        if let Some(blemish) = blemish(line, &answer) {
            wrong.push(format!("{} as {}: {} {blemish}", line.route.id, row.name, answer.status));
        }
        if line.route.id == "read_me" && answer.json["username"].as_str() != row.is {
            wrong.push(format!("{} is taken for {}, and not for {:?}", row.name, answer.json["username"], row.is));
        }
        column.push(got);
    }
    column
}

#[tokio::test]
async fn every_route_answers_every_caller_as_the_policy_says() {
    let shop = Shop::open().await;
    let (rows, lines) = (policy::rows(), lines());
    let (mut columns, mut wrong) = (BTreeMap::new(), Vec::new());
    for row in &rows {
        // Each caller has throttles of its own minute.
        shop.app.advance(60).await;
        let before = if row.is_refused() { shop.table().await } else { BTreeMap::new() };
        columns.insert(row.name, column(&shop, row, &lines, &mut wrong).await);
        if row.is_refused() {
            let after = shop.table().await;
            let touched = before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key));
            wrong.extend(touched.collect::<BTreeSet<_>>().iter().map(|key| format!("{} changes {key}", row.name)));
        }
    }
    assert!(wrong.is_empty(), "{} cells are not as they should be:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(columns["userinfo:spoofed"], columns["nobody"]);
    expect_file!["matrix/matrix.txt"].assert_eq(&printed(&rows, &lines, &columns));
    shop.app.finish().await;
}

/// The whole matrix, with a letter for each caller and one for each outcome.
fn printed(rows: &[Row], lines: &[Line], columns: &BTreeMap<&str, Vec<Outcome>>) -> String {
    let mut text = String::new();
    let letters: Vec<char> = ('A'..='Z').chain('1'..='9').collect();
    for (letter, row) in letters.iter().zip(rows) {
        writeln!(text, "{letter}  {:<18} {}", row.name, row.what).unwrap();
    }
    text.push_str("\n+  admitted, with the status of the route\n-  404, with the code of the route\n");
    for (_, letter, status, code) in REFUSALS {
        writeln!(text, "{letter}  {status} {code}").unwrap();
    }
    let heads: Vec<_> = letters.iter().take(rows.len()).map(char::to_string).collect();
    for (index, line) in lines.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| lines[before].route.access);
        if before != Some(line.route.access) {
            writeln!(text, "\n{:<47}      {}", line.route.access, heads.join(" ")).unwrap();
        }
        let name = format!("{:<6} {}", line.operation.method, line.operation.path);
        let cells = rows.iter().map(|row| symbol(&columns[row.name][index], &line.route).to_string());
        let line =
            format!("{name:<47} {}  {}  {}", line.route.ok, cells.collect::<Vec<_>>().join(" "), line.route.missing);
        writeln!(text, "{}", line.trim_end_matches([' ', '-'])).unwrap();
    }
    text
}

fn symbol(outcome: &Outcome, route: &Route) -> char {
    let Outcome { status, code } = outcome;
    if *status == route.ok && code.is_empty() {
        return '+';
    }
    if *status == 404 && code == route.missing {
        return '-';
    }
    let known = REFUSALS.iter().find(|(_, _, known, name)| known == status && name == code);
    known.map_or('?', |(_, letter, ..)| *letter)
}

/// The role that a token needs by the document: none, any, or a named one.
fn documented(operation: &Operation) -> Option<String> {
    let security = operation.said.get("security")?.as_array()?;
    let open = security.iter().any(|one| one.as_object().is_some_and(serde_json::Map::is_empty));
    let needed = security.iter().find_map(|one| one.get("jwt")).and_then(Value::as_array).filter(|_| !open)?;
    Some(needed.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
}

#[test]
fn the_document_says_who_may_call_as_the_policy_does() {
    for line in lines() {
        let wanted = match line.route.access {
            "staff" => Some("staff"),
            "fulfil" => Some("orders:fulfill"),
            "user" | "own" | "orders" | "order" | "cancel" => Some(""),
            "open" | "public" | "basket" | "me" | "csrf" | "login" | "gateway" | "token" => None,
            other => panic!("{other} is no access"),
        };
        assert_eq!(documented(&line.operation).as_deref(), wanted, "{}", line.route.id);
    }
}
