//! Reading everything of a tenant, for the auditor. The one scan of this crate; no request is answered from it.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::audit::Books;
use domain::entitlement::Entitlement;
use domain::uses::{Counted, Counter};

use super::order::order_file;
use super::products::product;
use super::promotions::{counted, level, voucher};
use crate::Store;
use crate::encode::VOUCHER;
use crate::error::StoreError;
use crate::row::{Item, object, text};

impl Store {
    /// Reads every order, product and entitlement of the tenant, page by page.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_books(&self) -> Result<Books, StoreError> {
        let mut books = Books::default();
        let mut orders: BTreeMap<String, Vec<Item>> = BTreeMap::new();
        let mut start = None;
        loop {
            let page = self
                .client
                .scan()
                .table_name(&self.table)
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await?;
            for row in page.items.unwrap_or_default() {
                self.sort_in(row, &mut orders, &mut books)?;
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        for rows in orders.values() {
            books.orders.extend(order_file(rows)?);
        }
        Ok(books)
    }

    fn sort_in(
        &self,
        row: Item,
        orders: &mut BTreeMap<String, Vec<Item>>,
        books: &mut Books,
    ) -> Result<(), StoreError> {
        let pk = text(&row, "pk")?.to_owned();
        let Some(rest) = pk.strip_prefix(&format!("T#{}#", self.tenant)) else { return Ok(()) };
        match rest.split_once('#') {
            Some(("ORDER", _)) => orders.entry(pk.clone()).or_default().push(row),
            Some(("PRODUCT", _)) => books.products.push(product(&row)?),
            Some(("OWNED", user)) => {
                let owner = user.parse().map_err(|_| StoreError::Incomplete("owner"))?;
                let sk = text(&row, "sk")?;
                if let Some(counted) = counted(sk) {
                    let level = level(&row);
                    books.counters.insert(Counter::Of(owner, counted), level);
                    return Ok(());
                }
                let sku = sk.strip_prefix("SKU#").and_then(|sku| sku.parse().ok());
                let lines = match row.get("lines") {
                    Some(AttributeValue::Ss(lines)) => lines.clone(),
                    Some(_) | None => Vec::new(),
                };
                let sku = sku.ok_or(StoreError::Incomplete("sku"))?;
                books.entitlements.push(Entitlement { owner, sku, lines });
            }
            Some(("OFFER", _)) | Some(("OFFERS", "AUTO")) => {
                let automatic = rest == "OFFERS#AUTO";
                match text(&row, "sk")?.strip_prefix("USES#").map(str::parse) {
                    Some(id) => {
                        let id = id.map_err(|_| StoreError::Incomplete("offer"))?;
                        books.counters.insert(Counter::All(Counted::Offer { id, automatic }), level(&row));
                    }
                    None => books.offers.push(object(&row)?),
                }
            }
            Some(("BATCH", _)) => books.batches.push(object(&row)?),
            Some(("VOUCHER", _)) if text(&row, "sk")? == VOUCHER => {
                let voucher = voucher(&row)?;
                books.counters.insert(Counter::All(Counted::Voucher(voucher.code.clone())), voucher.level);
                books.vouchers.push(voucher);
            }
            Some(_) | None => {}
        }
        Ok(())
    }
}
