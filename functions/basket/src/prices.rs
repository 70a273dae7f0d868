//! What prices depend on beside the basket itself: the offers that need no code, and who buys.

use domain::basket::{Basket, PricedBasket};
use domain::offer::Offer;
use domain::places::{Country, Whereabouts};
use domain::promotion::Buyer;
use jiff::Timestamp;
use store::BasketView;
use web::{Problem, User};

use crate::App;
use crate::body::unrepresentable;

/// What was read together with a basket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prices {
    pub(crate) offers: Vec<Offer>,
    pub(crate) buyer: Buyer,
    /// Where the buyer is.
    pub(crate) at: Whereabouts,
}

impl Prices {
    /// What was read for this user, or for nobody in particular, whose request came from `country`.
    pub(crate) fn of(offers: Vec<Offer>, known: Buyer, (user, country): (Option<&User>, Option<Country>)) -> Self {
        let buyer = user.map_or(Buyer::default(), |user| user.buyer(known));
        let profile = user.and_then(|user| user.country.clone());
        Self { offers, buyer, at: Whereabouts { profile, request: country } }
    }

    /// Takes it from what was loaded with a basket.
    pub(crate) fn take(loaded: &mut BasketView, who: (Option<&User>, Option<Country>)) -> Self {
        Self::of(std::mem::take(&mut loaded.offers), std::mem::take(&mut loaded.buyer), who)
    }

    /// Prices a basket.
    pub(crate) fn price(&self, app: &App, basket: &Basket, now: Timestamp) -> Result<PricedBasket, Problem> {
        basket.priced(&self.offers, &self.buyer, app.places.tax(&self.at), now).map_err(unrepresentable)
    }
}
