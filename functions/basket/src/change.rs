//! One change of a basket: load, decide, commit; anew if somebody else was faster.

use domain::basket::Basket;
use domain::change_basket::{BasketRefusal, Change, decide};
use domain::text::Sku;
use store::BasketView as Loaded;
use web::{Claim, Code, IfMatch, Problem, Role};

use crate::App;

/// How often a change is decided anew. Each round at least one of the changes that compete is written, so this many
/// can be made at once without any of them being turned away.
const ROUNDS: u32 = 64;

/// Makes a change of the caller's basket. `wish` says what to do with what was loaded; it is asked anew in each round.
pub(crate) async fn change<P: Role>(
    app: &App,
    who: Claim<P>,
    skus: &[Sku],
    if_match: &IfMatch,
    wish: impl Fn(&Loaded) -> Result<Change, Problem>,
) -> Result<(P, Basket), Problem> {
    let Some(owner) = who.owner() else {
        who.alone().await?;
        return Err(Problem::new(Code::UnknownProduct));
    };
    let mut now = app.http.now();
    let (caller, mut loaded) = who.with(app.store.read_basket(&owner, skus, None, now)).await?;
    for _ in 0..ROUNDS {
        if_match.check(loaded.basket.as_ref().map_or(0, |basket| basket.version))?;
        let wish = wish(&loaded)?;
        let mut ids = app.http.ids(now);
        let decided = decide(loaded.basket.as_ref(), &owner, wish, None, (now, &mut ids));
        let (basket, plan) = decided.map_err(|refusal| refused(&refusal))?;
        match app.store.commit(&plan).await {
            Ok(()) => return Ok((caller, basket)),
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
        BasketRefusal::OutOfStock(_) => Code::OutOfStock,
        BasketRefusal::NotAvailable(_) => Code::NotAvailable,
        BasketRefusal::AlreadyPurchased(_) => Code::AlreadyPurchased,
        BasketRefusal::CurrencyMismatch(_) => Code::CurrencyMismatch,
        BasketRefusal::Full => Code::BasketFull,
        BasketRefusal::SessionEnded => Code::SessionEnded,
    };
    Problem::new(code).detail(refusal.to_string())
}
