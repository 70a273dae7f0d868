//! What a checkout does when a condition of its transaction did not hold: it says why, or brings the basket up to date and
//! lets the checkout be decided anew.

use domain::basket::Basket;
use domain::order::OrderFile;
use domain::plan::{Plan, Write};
use domain::promotion::{Misfit, fits};
use domain::refresh_basket::{refresh, refresh_vouchers};
use domain::start_checkout::{Checkout, Situation};
use domain::text::{Sku, VoucherCode};
use domain::voucher::Entered;
use store::CommitError;
use web::{Code, Problem, metrics};

use crate::App;

/// Says what a refused condition means; `Ok` if the checkout is to be decided anew.
pub(crate) async fn after_conflict(
    app: &App,
    checkout: &mut Checkout,
    situation: &Situation<'_>,
    error: CommitError,
) -> Result<(), Problem> {
    // The same learner's other click was faster: what else did not hold may be its doing, and it is the answer.
    if error.refused("remember") || error.refused("save_basket") {
        return Ok(());
    }
    if error.refused("check_not_owned") || error.refused("grant") {
        return Err(Problem::new(Code::AlreadyPurchased));
    }
    match situation.basket {
        Some(basket) if error.refused("check_offer") || error.refused("move_uses") => {
            take_over_vouchers(app, checkout, basket, situation).await
        }
        Some(basket) if error.refused("move_stock") => {
            take_over_products(app, checkout, basket, situation.replaced).await
        }
        Some(_) | None if error.is_conflict() => Ok(()),
        Some(_) | None => Err(error.into()),
    }
}

/// A product was edited since it was put in the basket, or has too few units left. The basket takes over the products
/// as they are now; if every price is as it was shown, the checkout goes on, else the learner is shown the new one.
async fn take_over_products(
    app: &App,
    checkout: &mut Checkout,
    basket: &Basket,
    replaced: Option<&OrderFile>,
) -> Result<(), Problem> {
    let skus: Vec<_> = basket.lines.iter().map(|line| line.product.sku.clone()).collect();
    let products = app.store.read_products(&skus).await?;
    let now = app.http.now();
    let short = basket.lines.iter().find(|line| {
        let found = products.iter().find(|product| product.sku == line.product.sku);
        let held = replaced.map_or(0, |file| held_by(file, &line.product.sku));
        found.is_some_and(|product| is_short(product, line.quantity.get().saturating_sub(held), now))
    });
    if let Some(line) = short {
        metrics::hold_conflict();
        return Err(
            Problem::new(Code::OutOfStock).detail(format!("{} is sold out, or has too few left", line.product.sku))
        );
    }
    let Some((refreshed, same_price)) = refresh(basket, &products, now) else { return Ok(()) };
    let version = refreshed.version;
    let write = Write::SaveBasket { basket: Box::new(refreshed), expect: Some(basket.version) };
    match app.store.commit(&Plan::of(write)).await {
        Ok(()) if same_price => {
            checkout.seen = checkout.seen.map(|_| version);
            Ok(())
        }
        Err(error) if !error.is_conflict() => Err(error.into()),
        Ok(()) | Err(_) => Err(Problem::new(Code::BasketChanged).detail("a price changed; look at the basket again")),
    }
}

/// The units that an order which is given up in the same transaction holds.
fn held_by(file: &OrderFile, sku: &Sku) -> u32 {
    let line = file.order.lines.iter().find(|line| line.sku == *sku && line.stock.is_some());
    line.map_or(0, |line| line.quantity.get())
}

fn is_short(product: &domain::product::Product, wanted: u32, now: jiff::Timestamp) -> bool {
    match product.availability(now) {
        domain::product::Availability::Limited(left) => left < wanted,
        domain::product::Availability::Unlimited | domain::product::Availability::NotForSale => false,
    }
}

/// A code was edited or used since it was entered, or an offer was edited or used up. The basket takes over its codes as
/// they are now. One that cannot be used any more goes, and the learner is told; else the checkout is decided anew.
pub(crate) async fn take_over_vouchers(
    app: &App,
    checkout: &mut Checkout,
    basket: &Basket,
    situation: &Situation<'_>,
) -> Result<(), Problem> {
    let codes: Vec<VoucherCode> = basket.vouchers.iter().map(|entered| entered.voucher.code.clone()).collect();
    if codes.is_empty() {
        return Ok(());
    }
    let known = app.store.read_uses(Some(&checkout.owner));
    let (fresh, known) = tokio::try_join!(app.store.read_entered(&codes), known)?;
    let (now, buyer) = (app.http.now(), checkout.buyer(&known));
    let held = situation.replaced.map(|file| file.order.reservations.clone()).unwrap_or_default();
    let trial = Basket { held, ..basket.clone() };
    // One that only waits for more in the basket stays.
    let fits = |entered: &Entered| matches!(fits(&trial, entered, &buyer, now), Ok(()) | Err(Misfit::NotForBasket));
    let usable = fresh.into_iter().filter(fits).collect();
    let Some((refreshed, gone)) = refresh_vouchers(basket, usable, now) else { return Ok(()) };
    let version = refreshed.version;
    let write = Write::SaveBasket { basket: Box::new(refreshed), expect: Some(basket.version) };
    match app.store.commit(&Plan::of(write)).await {
        Ok(()) if gone.is_empty() => {
            checkout.seen = checkout.seen.map(|_| version);
            Ok(())
        }
        Ok(()) => {
            metrics::hold_conflict();
            let gone = gone.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let detail = format!("{gone} cannot be used any more and was taken out of the basket");
            Err(Problem::new(Code::VoucherUsedUp).detail(detail))
        }
        Err(error) if error.is_conflict() => Ok(()),
        Err(error) => Err(error.into()),
    }
}
