//! Quotes: the price of products that are in no basket, by the same function.

use axum::extract::State;
use domain::basket::{MAX_LINES, MAX_VOUCHERS, price_products};
use domain::owner::Owner;
use domain::product::Product;
use domain::promotion::Promotions;
use domain::quantity::Quantity;
use domain::text::{Sku, VoucherCode};
use domain::throttle::Throttle;
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Caller, Claim, Code, Json, Problem, Query};

use crate::App;
use crate::body::{QuoteView, unrepresentable};
use crate::prices::Prices;

/// What to price.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct QuoteQuery {
    /// The products, 1 to 20; a SKU that is named twice is wanted twice.
    #[serde(default)]
    #[param(value_type = Vec<String>)]
    sku: Vec<Sku>,
    /// Voucher codes. One that opens no offer is named in `rejected_codes`, and the price is the full one.
    #[serde(default)]
    #[param(value_type = Vec<String>)]
    code: Vec<VoucherCode>,
}

/// Prices products. Nothing is stored.
#[utoipa::path(get, path = "/api/v1/quote", tag = "basket", params(QuoteQuery),
    responses((status = 200, body = QuoteView), (status = 404)))]
pub(crate) async fn read_quote(
    State(app): State<App>,
    who: Claim<Caller>,
    Query(query): Query<QuoteQuery>,
) -> Result<Json<QuoteView>, Problem> {
    if !(1..=MAX_LINES).contains(&query.sku.len()) {
        return Err(Problem::field("/sku", "sku must be given 1 to 20 times"));
    }
    if query.code.len() > MAX_VOUCHERS {
        return Err(Problem::field("/code", "code can be given 5 times"));
    }
    // Whoever guesses codes is slowed down here as in the basket.
    let who = if query.code.is_empty() { who } else { who.at_most(Throttle::VOUCHER) };
    let user = match who.owner() {
        Some(Owner::User(user)) => Some(user),
        Some(Owner::Session(_)) | None => None,
    };
    let load = async {
        tokio::try_join!(
            app.store.read_products(&query.sku),
            app.store.read_automatic_offers(),
            app.store.read_uses(user.as_ref()),
            app.store.read_entered(&query.code),
        )
    };
    let country = who.country();
    let (caller, (found, offers, known, entered)) = who.with(load).await?;
    let prices = Prices::of(offers, known, (caller.user(), country));
    let mut wanted: Vec<(Product, Quantity)> = Vec::new();
    for sku in &query.sku {
        let product = found.iter().find(|product| product.sku == *sku && product.published);
        let product = product.ok_or_else(|| Problem::new(Code::UnknownProduct).detail(format!("{sku} is unknown")))?;
        match wanted.iter_mut().find(|(known, _)| known.sku == *sku) {
            Some((known, quantity)) if !known.kind.is_personal() => {
                *quantity = quantity.plus(Quantity::ONE).unwrap_or(*quantity);
            }
            Some(_) => {}
            None => wanted.push((product.clone(), Quantity::ONE)),
        }
    }
    let lines = wanted.iter().map(|(product, quantity)| (product, *quantity));
    let promotions = Promotions { automatic: &prices.offers, entered: &entered, buyer: Some(&prices.buyer), held: &[] };
    let priced =
        price_products(lines, promotions, app.places.tax(&prices.at), app.http.now()).map_err(unrepresentable)?;
    let opens = |code: &&VoucherCode| entered.iter().any(|e| e.voucher.code == **code) && !priced.idle.contains(code);
    let rejected = query.code.iter().filter(|code| !opens(code)).map(ToString::to_string).collect();
    Ok(Json(QuoteView::of(&app, &wanted, &priced, rejected)))
}
