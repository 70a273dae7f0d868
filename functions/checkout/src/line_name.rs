//! Lines of an order, as a caller names them.

use std::collections::BTreeSet;

use domain::order::OrderFile;
use domain::text::Sku;
use serde::{Deserialize, Serialize};
use web::Problem;

/// A line by its SKU or its number.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum LineName {
    /// 1 for the first.
    Number(u32),
    /// What was bought.
    Sku(Sku),
}

/// The numbers of the lines named; a line may be named twice.
pub(crate) fn numbers(file: &OrderFile, names: &[LineName]) -> Result<BTreeSet<u32>, Problem> {
    let find = |(i, name): (usize, &LineName)| {
        let found = file.order.lines.iter().find(|line| match name {
            LineName::Number(number) => line.number == *number,
            LineName::Sku(sku) => line.sku == *sku,
        });
        let unknown = || Problem::field(format!("/lines/{i}"), "the order has no such line");
        found.map(|line| line.number).ok_or_else(unknown)
    };
    names.iter().enumerate().map(find).collect()
}
