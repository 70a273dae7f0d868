//! One change of a basket: load, decide, commit; anew if somebody else was faster.

use domain::basket::Basket;
use domain::change_basket::{BasketRefusal, Change, decide};
use domain::owner::Owner;
use domain::text::Sku;
use store::{BasketView as Loaded, StoreError};
use web::{Claim, Code, ETag, IfMatch, Json, Problem, Role, User};

use crate::App;
use crate::body::BasketView;
use crate::prices::Prices;

/// How often a change is decided anew. Each round at least one of the changes that compete is written, so this many
/// can be made at once without any of them being turned away.
const ROUNDS: u32 = 64;

/// A basket that was changed.
pub(crate) struct Changed<P> {
    pub(crate) caller: P,
    pub(crate) basket: Basket,
    prices: Prices,
}

/// What a change is wished in.
pub(crate) struct Situation<'a> {
    pub(crate) basket: Option<&'a Basket>,
    pub(crate) owner: &'a Owner,
    pub(crate) user: Option<&'a User>,
    pub(crate) prices: &'a Prices,
}

/// Makes a change of the caller's basket. `wish` says what to do with what was loaded; it is asked anew in each round.
pub(crate) async fn change<P: Role>(
    app: &App,
    who: Claim<P>,
    skus: &[Sku],
    if_match: &IfMatch,
    wish: impl Fn(&Loaded) -> Result<Change, Problem>,
) -> Result<Changed<P>, Problem> {
    make(app, who, skus, if_match, (async { Ok(()) }, |(): &(), loaded: &Loaded, _: &Situation<'_>| wish(loaded))).await
}

/// As [`change`], with something else that is loaded beside the basket, once.
pub(crate) async fn change_with<P: Role, T>(
    app: &App,
    who: Claim<P>,
    skus: &[Sku],
    if_match: &IfMatch,
    (load, wish): (impl Future<Output = Result<T, StoreError>>, impl Fn(&T, &Situation<'_>) -> Result<Change, Problem>),
) -> Result<Changed<P>, Problem> {
    make(app, who, skus, if_match, (load, |more: &T, _: &Loaded, of: &Situation<'_>| wish(more, of))).await
}

async fn make<P: Role, T>(
    app: &App,
    who: Claim<P>,
    skus: &[Sku],
    if_match: &IfMatch,
    (load, wish): (
        impl Future<Output = Result<T, StoreError>>,
        impl Fn(&T, &Loaded, &Situation<'_>) -> Result<Change, Problem>,
    ),
) -> Result<Changed<P>, Problem> {
    let Some(owner) = who.owner() else {
        who.alone().await?;
        return Err(Problem::new(Code::UnknownProduct));
    };
    let (mut now, country) = (app.http.now(), who.country());
    let load = async { tokio::try_join!(app.store.read_basket(&owner, skus, None, now), load) };
    let (caller, (mut loaded, more)) = who.with(load).await?;
    for _ in 0..ROUNDS {
        if_match.check(loaded.basket.as_ref().map_or(0, |basket| basket.version))?;
        let prices = Prices::take(&mut loaded, (caller.user(), country.clone()));
        if let Some(product) = loaded.products.iter().find(|product| app.places.block(&prices.at, product)) {
            let detail = format!("{} cannot be sold to this country", product.sku);
            return Err(Problem::new(Code::BlockedCountry).detail(detail));
        }
        let basket = loaded.basket.as_ref();
        let wish = wish(&more, &loaded, &Situation { basket, owner: &owner, user: caller.user(), prices: &prices })?;
        let mut ids = app.http.ids(now);
        let decided = decide(basket, &owner, wish, None, (now, &mut ids));
        let (basket, plan) = decided.map_err(|refusal| refused(&refusal))?;
        match app.store.commit(&plan).await {
            Ok(()) => return Ok(Changed { caller, basket, prices }),
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(error.into()),
        }
        now = app.http.now();
        loaded = app.store.read_basket(&owner, skus, None, now).await?;
    }
    Err(Problem::new(Code::Conflict).detail("the basket is being changed by too many requests at once").retry_after(1))
}

fn refused(refusal: &BasketRefusal) -> Problem {
    let code = match refusal {
        BasketRefusal::VersionMismatch => Code::VersionMismatch,
        BasketRefusal::NoSuchLine(_) => Code::UnknownProduct,
        BasketRefusal::NoSuchVoucher(_) => Code::UnknownVoucher,
        BasketRefusal::OutOfStock(_) => Code::OutOfStock,
        BasketRefusal::NotAvailable(_) => Code::NotAvailable,
        BasketRefusal::AlreadyPurchased(_) => Code::AlreadyPurchased,
        BasketRefusal::CurrencyMismatch(_) => Code::CurrencyMismatch,
        BasketRefusal::Full | BasketRefusal::TooManyVouchers => Code::BasketFull,
        BasketRefusal::SessionEnded => Code::SessionEnded,
    };
    Problem::new(code).detail(refusal.to_string())
}

/// The basket as it is after a change.
pub(crate) fn show<P>(app: &App, changed: &Changed<P>) -> Result<(ETag, Json<BasketView>), Problem> {
    let Changed { basket, prices, .. } = changed;
    Ok((ETag(basket.version), Json(BasketView::of(app, basket, prices, app.http.now())?)))
}
