//! What becomes of a basket when a checkout finds that what is in it was edited since: the buyer sees it as it is now.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::basket::{Basket, BasketStatus, price_products};
use crate::product::{Product, Within};
use crate::promotion::Promotions;
use crate::text::VoucherCode;
use crate::voucher::Entered;

/// Decides what becomes of a basket whose products were edited since: their present state is taken over, so that the
/// buyer sees the present prices. With it comes whether every price is still as it was shown; `None` if no product was
/// edited.
#[must_use]
pub fn refresh(basket: &Basket, products: &[Product], now: Timestamp) -> Option<(Basket, bool)> {
    let find = |product: &Product| products.iter().find(|found| found.sku == product.sku).cloned();
    // How many are left is not part of what the basket keeps.
    let fresh = |product: &Product| {
        find(product).map(|found| Product { levels: BTreeMap::new(), within: Within::default(), ..found })
    };
    let mut refreshed = basket.clone();
    for line in &mut refreshed.lines {
        line.product = fresh(&line.product).unwrap_or_else(|| Product { published: false, ..line.product.clone() });
    }
    if refreshed.lines == basket.lines {
        return None;
    }
    let shown = |basket: &Basket| {
        let lines = basket.lines.iter().map(|line| (&line.product, line.quantity));
        price_products(lines, Promotions::default(), None, now)
    };
    let same_price = shown(&refreshed) == shown(basket);
    reopen(&mut refreshed, basket, now);
    Some((refreshed, same_price))
}

/// Decides what becomes of a basket whose codes may have changed since: those of `usable` are taken over, the others go.
/// With it come the codes that went; `None` if nothing changed.
#[must_use]
pub fn refresh_vouchers(basket: &Basket, usable: Vec<Entered>, now: Timestamp) -> Option<(Basket, Vec<VoucherCode>)> {
    let mut refreshed = basket.clone();
    refreshed.vouchers = usable;
    // As they were entered, first to last.
    let place = |entered: &Entered| basket.vouchers.iter().position(|e| e.voucher.code == entered.voucher.code);
    refreshed.vouchers.sort_by_key(place);
    let versions = |basket: &Basket| -> Vec<_> {
        // What is counted of an offer says whether it has room, and is kept with it.
        basket
            .vouchers
            .iter()
            .map(|e| (e.voucher.code.clone(), e.voucher.version, e.offer.version, e.offer.level))
            .collect()
    };
    if versions(&refreshed) == versions(basket) {
        return None;
    }
    let codes = basket.vouchers.iter().map(|entered| &entered.voucher.code);
    let gone = codes.filter(|code| refreshed.voucher(code).is_none()).cloned().collect();
    reopen(&mut refreshed, basket, now);
    Some((refreshed, gone))
}

/// A basket that is brought up to date is open, and the next checkout replaces the order that it was frozen for.
fn reopen(refreshed: &mut Basket, basket: &Basket, now: Timestamp) {
    if let BasketStatus::Frozen { order } = &basket.status {
        refreshed.status = BasketStatus::Open { replaces: Some(order.clone()) };
    }
    refreshed.version = basket.version.saturating_add(1);
    refreshed.touched_at = now;
}
