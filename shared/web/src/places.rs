//! What a school says of places, from its settings: the same for basket and checkout, so that both price alike.

use domain::percent::Percent;
use domain::places::{Country, CountryRate, Places};

use crate::config::Env;

/// Reads `BURSAR_TAX_RATES` (a list of `DE=19`), `BURSAR_TAX_PERCENT` (where no country's rate holds),
/// `BURSAR_TAX_INCLUDED` (default false: it comes on top) and `BURSAR_BLOCKED_COUNTRIES` (a list). All may be unset: no
/// tax, and nothing blocked. Faults are reported by [`Env::finish`].
pub fn places(env: &mut Env) -> Option<Places> {
    let tax = env.list::<Percent>("BURSAR_TAX_PERCENT").map(|rates| rates.first().copied());
    let rates = env.list::<CountryRate>("BURSAR_TAX_RATES");
    let tax_included = env.parsed_or("BURSAR_TAX_INCLUDED", false);
    let blocked = env.list::<Country>("BURSAR_BLOCKED_COUNTRIES");
    Some(Places {
        tax: tax?,
        rates: rates?.into_iter().map(|CountryRate { country, rate }| (country, rate)).collect(),
        tax_included: tax_included?,
        blocked: blocked?.into_iter().collect(),
    })
}
