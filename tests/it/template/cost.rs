//! What a thousand orders and an idle month cost has not grown, and is what the document says.

use std::fs;

use local::cost::{self, BASELINE, Baseline, Report};

use super::root;

const DOCUMENT: &str = "docs/cost.md";
/// Between these lines stands what `local -- cost` prints.
const BETWEEN: [&str; 2] = ["<!-- printed -->\n", "<!-- /printed -->\n"];

#[expect(clippy::disallowed_methods, reason = "a switch of this test, and no configuration of a function")]
fn asked_to_update() -> bool {
    std::env::var("UPDATE_EXPECT").is_ok_and(|value| value == "1")
}

/// The document with another table.
fn with_table(document: &str, table: &str) -> String {
    let (before, rest) = document.split_once(BETWEEN[0]).expect("where the table begins");
    let (_, after) = rest.split_once(BETWEEN[1]).expect("where the table ends");
    format!("{before}{}\n{table}\n{}{after}", BETWEEN[0], BETWEEN[1])
}

#[test]
fn orders_and_idle_months_cost_no_more_than_they_did() {
    let report = cost::report("prod").unwrap();
    let document = fs::read_to_string(root().join(DOCUMENT)).unwrap();
    if asked_to_update() {
        fs::write(root().join(BASELINE), Baseline::of(&report).text()).unwrap();
        fs::write(root().join(DOCUMENT), with_table(&document, &report.text().unwrap())).unwrap();
        return;
    }
    let baseline = Baseline::read().unwrap();
    baseline.check(&report).unwrap();
    for usd in [baseline.thousand_orders, baseline.idle_month] {
        assert!(
            document.contains(&format!("**${usd}**")),
            "{DOCUMENT} does not say ${usd}; UPDATE_EXPECT=1 writes it anew"
        );
    }
    grown_is_found(&baseline, report);
}

/// The same check, on a bill that is too long by one item.
fn grown_is_found(baseline: &Baseline, report: Report) {
    let mut dearer = report.clone();
    let dashboard = report.idle.items.iter().max_by_key(|item| item.usd).expect("an item").clone();
    dearer.idle.items.push(dashboard.clone());
    let error = baseline.check(&dearer).unwrap_err().to_string();
    assert!(error.starts_with("an idle month cost"), "{error}");
    let mut dearer = report;
    dearer.orders.items.push(dashboard);
    let error = baseline.check(&dearer).unwrap_err().to_string();
    assert!(error.starts_with("a thousand orders cost"), "{error}");
}

#[test]
fn the_table_is_put_where_it_belongs() {
    let document = "a\n<!-- printed -->\nold\n<!-- /printed -->\nb\n";
    assert_eq!(with_table(document, "new"), "a\n<!-- printed -->\n\nnew\n<!-- /printed -->\nb\n");
}
