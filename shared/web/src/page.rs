//! Paging: `?limit=&cursor=` in, `{"items":[],"next_cursor":null}` out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A limit outside 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limit must be 1 to 100")]
pub struct BadLimit;

/// How many items a page holds at most: 1 to 100, 20 if the caller says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct Limit(u8);

impl Limit {
    /// The number of items.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl TryFrom<u32> for Limit {
    type Error = BadLimit;

    fn try_from(limit: u32) -> Result<Self, BadLimit> {
        u8::try_from(limit).ok().filter(|limit| (1..=100).contains(limit)).map(Self).ok_or(BadLimit)
    }
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the listing's order.
    pub items: Vec<T>,
    /// Send it as `cursor` to get the next page; null on the last.
    pub next_cursor: Option<String>,
}
