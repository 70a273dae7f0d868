//! Codes in a basket. Whoever guesses learns nothing: a code that is unknown, used up, over, for other products or for
//! other people is the same 404, and the reason is told to staff only. Guesses are throttled.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::basket::Basket;
use domain::change_basket::Change;
use domain::promotion::fits;
use domain::text::VoucherCode;
use domain::throttle::Throttle;
use domain::voucher::Entered;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Claim, Code, IfMatch, Json, OwnerForWrite, Path, Problem, Shopper};

use crate::App;
use crate::body::BasketView;
use crate::change::{Situation, change, change_with, show};

/// A code as it is typed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeBody {
    /// Whatever its case, spaces around it apart.
    #[schema(value_type = String, min_length = 1, max_length = 64)]
    code: VoucherCode,
}

/// Enters a code. It must take something off what is in the basket, by itself.
#[utoipa::path(post, path = "/api/v1/basket/vouchers", tag = "basket", request_body = CodeBody,
    responses((status = 201, body = BasketView), (status = 404), (status = 409), (status = 412), (status = 429)))]
pub(crate) async fn add_voucher(
    State(app): State<App>,
    who: Claim<OwnerForWrite>,
    if_match: IfMatch,
    Json(body): Json<CodeBody>,
) -> Result<Response, Problem> {
    let who = who.at_most(Throttle::VOUCHER);
    let entered = app.store.read_entered(std::slice::from_ref(&body.code));
    let wish = |entered: &Vec<Entered>, of: &Situation<'_>| enter(&app, entered.first(), of);
    let changed = change_with(&app, who, &[], &if_match, (entered, wish)).await?;
    let shown = show(&app, &changed)?;
    Ok((StatusCode::CREATED, changed.caller.minted, shown).into_response())
}

fn enter(app: &App, entered: Option<&Entered>, of: &Situation<'_>) -> Result<Change, Problem> {
    let unknown = |why: &str| {
        let problem = Problem::new(Code::UnknownVoucher);
        if of.user.is_some_and(|user| user.staff) { problem.detail(why) } else { problem }
    };
    let Some(entered) = entered else { return Err(unknown("there is no such code")) };
    let now = app.http.now();
    let ends_with_it = |basket: &Basket| fits(basket, entered, &of.prices.buyer, now);
    let nothing = Basket::empty(app.http.ids(now).make(), of.owner.clone(), 0, now);
    ends_with_it(of.basket.unwrap_or(&nothing)).map_err(|misfit| unknown(&misfit.to_string()))?;
    Ok(Change::Enter(Box::new(entered.clone())))
}

/// Takes a code out of the basket.
#[utoipa::path(delete, path = "/api/v1/basket/vouchers/{code}", tag = "basket", params(("code" = String, Path)),
    responses((status = 200, body = BasketView), (status = 404), (status = 412)))]
pub(crate) async fn remove_voucher(
    State(app): State<App>,
    who: Claim<Shopper>,
    Path(code): Path<VoucherCode>,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    if who.owner().is_none() {
        who.alone().await?;
        return Err(Problem::new(Code::UnknownVoucher));
    }
    let changed = change(&app, who, &[], &if_match, |_| Ok(Change::Withdraw(code.clone()))).await?;
    Ok(show(&app, &changed)?.into_response())
}
