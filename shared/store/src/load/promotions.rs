//! Reading offers, vouchers and their uses.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::offer::Offer;
use domain::owner::UserId;
use domain::promotion::Buyer;
use domain::text::{Slug, VoucherCode};
use domain::uses::{Counted, Level, VoucherNote};
use domain::voucher::{Entered, Voucher};
use futures::future::try_join_all;

use super::{Page, Partition, Position, Range};
use crate::Store;
use crate::encode::{USE, VOUCHER, key};
use crate::error::StoreError;
use crate::keys::{Keys, offer_sk, uses_sk};
use crate::row::{Item, number, object, text};

/// The most rows of automatic offers that are read: each has two.
const MAX_AUTOMATIC: usize = 400;
/// The most rows of a user that are read for their uses.
const MAX_OWNED: usize = 1000;

/// How often something was used, and what it gave.
pub(super) fn level(row: &Item) -> Level {
    let given = match row.get("given") {
        Some(AttributeValue::N(number)) => number.parse().unwrap_or(0),
        Some(_) | None => 0,
    };
    Level { taken: number(row, "taken").unwrap_or(0), given }
}

/// A voucher with its level.
pub(super) fn voucher(row: &Item) -> Result<Voucher, StoreError> {
    let has_uses = |(name, value): (&String, &AttributeValue)| {
        let some = matches!(value, AttributeValue::N(number) if number != "0");
        name.strip_prefix("by_").filter(|_| some).and_then(|user| user.parse().ok())
    };
    Ok(Voucher { level: level(row), holder: row.iter().find_map(has_uses), ..object(row)? })
}

/// Offers with their levels, of rows of both.
fn offers(rows: &[Item]) -> Result<Vec<Offer>, StoreError> {
    let mut levels = BTreeMap::new();
    let mut offers: Vec<Offer> = Vec::new();
    for row in rows {
        match text(row, "sk")?.strip_prefix("USES#") {
            Some(id) => drop(levels.insert(id.to_owned(), level(row))),
            None => offers.push(object(row)?),
        }
    }
    for offer in &mut offers {
        offer.level = levels.get(offer.id.as_str()).copied().unwrap_or_default();
    }
    Ok(offers)
}

/// What a row among what a user owns counts.
pub(super) fn counted(sk: &str) -> Option<Counted> {
    let (kind, name) = sk.strip_prefix("USES#")?.split_once('#')?;
    Some(match kind {
        "CODE" => Counted::Voucher(name.parse().ok()?),
        "AUTO" => Counted::Offer { id: name.parse().ok()?, automatic: true },
        _ => Counted::Offer { id: name.parse().ok()?, automatic: false },
    })
}

impl Store {
    /// The offers that need no code. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_automatic_offers(&self) -> Result<Vec<Offer>, StoreError> {
        let partition = Partition::of(Keys(&self.tenant).automatic_offers());
        offers(&self.query_all(&partition, MAX_AUTOMATIC).await?)
    }

    /// What a user bought and used. One round trip; none for nobody.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_uses(&self, user: Option<&UserId>) -> Result<Buyer, StoreError> {
        let mut buyer = Buyer::default();
        let Some(user) = user else { return Ok(buyer) };
        let partition = Partition::of(Keys(&self.tenant).owned(user));
        for row in self.query_all(&partition, MAX_OWNED).await? {
            match counted(text(&row, "sk")?) {
                Some(counted) => drop(buyer.uses.insert(counted, number(&row, "taken").unwrap_or(0))),
                None => buyer.bought = true,
            }
        }
        Ok(buyer)
    }

    /// Reads an offer, whichever way it is opened. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_offer(&self, id: &Slug) -> Result<Option<Offer>, StoreError> {
        Ok(self.read_offers(std::slice::from_ref(id)).await?.pop())
    }

    /// Reads up to 25 offers, whichever way they are opened. One round trip. Those that do not exist are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_offers(&self, ids: &[Slug]) -> Result<Vec<Offer>, StoreError> {
        let keys = Keys(&self.tenant);
        let wanted = ids.iter().flat_map(|id| {
            let of = |automatic| {
                let pk = keys.offer(id, automatic);
                [key(pk.clone(), offer_sk(id)), key(pk, uses_sk(id))]
            };
            of(true).into_iter().chain(of(false))
        });
        let rows = self.get_many(wanted.collect()).await?;
        // A counter outlives its offer, so that one may be there both ways; an offer is there one way.
        let is_automatic = |row: &Item| text(row, "pk").is_ok_and(|pk| pk == keys.automatic_offers());
        let (automatic, coded): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_automatic);
        Ok([offers(&automatic)?, offers(&coded)?].concat())
    }

    /// Lists offers by id. One round trip; their uses are not read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_offers(&self, limit: u16, after: Option<&Position>) -> Result<Page<Offer>, StoreError> {
        let pk = Keys(&self.tenant).offers();
        let partition = Partition::of_index("gsi1", pk);
        let page = self.query(&partition, i32::from(limit), after).await?;
        Ok(Page { items: page.items.iter().map(object).collect::<Result<_, _>>()?, next: page.next })
    }

    /// Reads a voucher. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_voucher(&self, code: &VoucherCode) -> Result<Option<Voucher>, StoreError> {
        let row = self.get(Keys(&self.tenant).voucher(code), VOUCHER).await?;
        row.as_ref().map(voucher).transpose()
    }

    /// Reads vouchers: each hundred by a call, all calls side by side. Those that do not exist are left out; the rest come
    /// in no order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_vouchers(&self, codes: &[VoucherCode]) -> Result<Vec<Voucher>, StoreError> {
        let keys = Keys(&self.tenant);
        let wanted = |some: &[VoucherCode]| some.iter().map(|code| key(keys.voucher(code), VOUCHER)).collect();
        let rows = try_join_all(codes.chunks(100).map(|some| self.get_many(wanted(some)))).await?;
        rows.iter().flatten().map(voucher).collect()
    }

    /// Reads codes with their offers, as they are now. Two round trips, none for no codes. Codes that do not exist are left
    /// out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_entered(&self, codes: &[VoucherCode]) -> Result<Vec<Entered>, StoreError> {
        let mut codes = codes.to_vec();
        codes.sort_unstable();
        codes.dedup();
        let vouchers = self.read_vouchers(&codes).await?;
        let mut ids: Vec<Slug> = vouchers.iter().map(|voucher| voucher.offer.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        // A code that does not exist takes as long as one that does: nobody learns from the time which it was.
        if ids.is_empty() && !codes.is_empty() {
            ids.extend("-".parse::<Slug>());
        }
        let offers = self.read_offers(&ids).await?;
        let with_offer = |voucher: Voucher| {
            let offer = offers.iter().find(|offer| offer.id == voucher.offer).cloned();
            offer.map(|offer| Entered { voucher, offer })
        };
        Ok(vouchers.into_iter().filter_map(with_offer).collect())
    }

    /// Lists vouchers by code, those that begin with a prefix. One round trip; their uses come with them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_vouchers(
        &self,
        prefix: Option<&str>,
        limit: u16,
        after: Option<&Position>,
    ) -> Result<Page<Voucher>, StoreError> {
        let pk = Keys(&self.tenant).vouchers();
        let range = prefix.map_or(Range::All, Range::Beginning);
        let partition = Partition { range, ..Partition::of_index("gsi1", pk) };
        let page = self.query(&partition, i32::from(limit), after).await?;
        Ok(Page { items: page.items.iter().map(voucher).collect::<Result<_, _>>()?, next: page.next })
    }

    /// Lists the orders that have a code, the newest first. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_uses(
        &self,
        code: &VoucherCode,
        limit: u16,
        after: Option<&Position>,
    ) -> Result<Page<VoucherNote>, StoreError> {
        let pk = Keys(&self.tenant).voucher(code);
        let partition = Partition { range: Range::Beginning(USE), newest_first: true, ..Partition::of(pk) };
        let page = self.query(&partition, i32::from(limit), after).await?;
        Ok(Page { items: page.items.iter().map(object).collect::<Result<_, _>>()?, next: page.next })
    }
}
