//! Starting a checkout: load, decide, commit, open a session, commit, render.

use axum::extract::State;
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::basket::{Basket, BasketStatus};
use domain::idempotency::{IdempotencyRecord, KeyUse, judge};
use domain::money::Money;
use domain::order::{OrderFile, OrderState};
use domain::owner::{Actor, Owner};
use domain::payment::Flow;
use domain::places::Whereabouts;
use domain::plan::Plan;
use domain::start_checkout::{Checkout, CheckoutRefusal, PAY_WITHIN, Situation, decide, sold_there};
use domain::throttle::Throttle;
use payments::transfer::BankTransfer;
use store::BasketView;
use web::{
    Claim, Code, IdempotencyKey, IfMatch, Json, Problem, RequestId, SignedIn, fingerprint_of, metrics, telemetry,
};

use crate::App;
use crate::after_conflict::{after_conflict, take_over_vouchers};
use crate::body::{CheckoutBody, CheckoutView};
use crate::end_session::end_session;
use crate::open_session::open_session;

/// How often a checkout is decided anew when the basket, a product or an order it replaces changed under it.
const ROUNDS: u32 = 8;

/// Makes an order of the basket and opens a payment session.
#[utoipa::path(post, path = "/api/v1/checkout", tag = "checkout", request_body = CheckoutBody,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = CheckoutView), (status = 409), (status = 412), (status = 422), (status = 503)),
    security(("jwt" = [])))]
pub(crate) async fn start_checkout(
    State(app): State<App>,
    who: Claim<SignedIn>,
    (key, if_match, request): (IdempotencyKey, IfMatch, RequestId),
    Json(body): Json<CheckoutBody>,
) -> Result<Response, Problem> {
    let processor = body.check(&app)?;
    let by_hand = app.bank_transfer.as_ref().filter(|_| processor.is_by_hand());
    let key = format!("checkout:{}", key.as_str());
    let Some(owner) = who.owner() else { return Err(Problem::new(Code::Unauthorized)) };
    let request_from = who.country();
    let load = app.store.read_basket(&owner, &[], Some(&key), app.http.now());
    let (SignedIn(user), loaded) = who.at_most(Throttle::CHECKOUT).with(load).await?;
    let mut checkout = Checkout {
        owner: user.id,
        username: user.username,
        email: user.email,
        processor,
        // A transfer has no page, and so no choice of one.
        flow: by_hand.map_or(body.flow.into(), |_| Flow::HostedPage),
        pay_within: by_hand.map_or(PAY_WITHIN, BankTransfer::pay_within),
        return_url: body.return_url.clone(),
        key,
        fingerprint: fingerprint_of(&Method::POST, "/api/v1/checkout", &body)?,
        seen: body.basket_version,
        shown: body.total.map(Money::from),
        at: Whereabouts { profile: user.country, request: request_from },
    };
    let (mut file, replayed) = place(&app, &mut checkout, loaded, &if_match, &request).await?;
    telemetry::concerns(&file.order.number);
    if matches!(file.order.state, OrderState::PendingPayment { .. }) {
        file = open_session(&app, file, &request).await?;
    }
    Ok(render(&file, replayed))
}

fn render(file: &OrderFile, replayed: bool) -> Response {
    tracing::info!(status = file.order.state.name(), replayed, "checkout");
    let mark = replayed.then_some([(HeaderName::from_static("idempotent-replayed"), "true")]);
    (StatusCode::CREATED, mark, Json(CheckoutView::of(file))).into_response()
}

/// The order of this checkout: a new one, or the one that the same key, or the same frozen basket, led to before.
async fn place(
    app: &App,
    checkout: &mut Checkout,
    mut loaded: BasketView,
    if_match: &IfMatch,
    request: &RequestId,
) -> Result<(OrderFile, bool), Problem> {
    let owner = Owner::User(checkout.owner.clone());
    for round in 0..ROUNDS {
        match judge(loaded.remembered.as_ref(), &checkout.fingerprint, app.http.now()) {
            KeyUse::Fresh => {}
            KeyUse::Reused => return Err(Problem::new(Code::IdempotencyKeyReused)),
            KeyUse::Replay(record) => return Ok((begun(app, record).await?, true)),
        }
        if round == 0 {
            check_version(if_match, loaded.basket.as_ref())?;
        }
        if let Some(file) = attempt_once(app, checkout, &loaded, request).await? {
            return Ok((file, false));
        }
        loaded = app.store.read_basket(&owner, &[], Some(&checkout.key), app.http.now()).await?;
    }
    Err(Problem::new(Code::Conflict).detail("the basket is being changed by other requests").retry_after(1))
}

/// The basket must be at the version that the buyer read, or frozen since by a checkout of that very version.
fn check_version(if_match: &IfMatch, basket: Option<&Basket>) -> Result<(), Problem> {
    let version = basket.map_or(0, |basket| basket.version);
    let frozen = basket.is_some_and(|basket| matches!(basket.status, BasketStatus::Frozen { .. }));
    match if_match.check(version) {
        Err(_) if frozen => if_match.check(version.saturating_sub(1)),
        result => result,
    }
}

async fn begun(app: &App, record: &IdempotencyRecord) -> Result<OrderFile, Problem> {
    let unknown = || Problem::new(Code::UnknownOrder);
    app.store.read_order(record.order.as_ref().ok_or_else(unknown)?).await?.ok_or_else(unknown)
}

/// One round; `None` if something changed under it and it must be decided anew.
async fn attempt_once(
    app: &App,
    checkout: &mut Checkout,
    loaded: &BasketView,
    request: &RequestId,
) -> Result<Option<OrderFile>, Problem> {
    let now = app.http.now();
    let basket = loaded.basket.as_ref();
    if let Some(basket) = basket {
        // Also where an order begun elsewhere would be the answer.
        sold_there(basket, &app.places, &checkout.at).map_err(|refusal| refused(&refusal))?;
    }
    let replaced = match earlier(app, basket).await? {
        Some(file) if is_same(&file, basket, checkout, now) => return adopt(app, checkout, file).await,
        earlier => earlier,
    };
    let buyer = &checkout.buyer(&loaded.buyer);
    let situation =
        Situation { basket, replaced: replaced.as_ref(), automatic: &loaded.offers, buyer, places: &app.places };
    let mut ids = app.http.ids(now);
    let (file, plan) = match (decide(&situation, checkout, now, &mut ids), basket) {
        (Ok(decided), _) => decided,
        (Err(CheckoutRefusal::VoucherLapsed), Some(basket)) => {
            take_over_vouchers(app, checkout, basket, &situation).await?;
            return Ok(None);
        }
        (Err(refusal), _) => return Err(refused(&refusal)),
    };
    check_amounts(&file)?;
    check_currency(app, &file, checkout)?;
    // Whatever is decided anew must come to the same: nobody pays more than the first decision said.
    checkout.shown.get_or_insert(file.order.total);
    // Only now is it known that the earlier order is given up, and its session must not outlive it.
    if let Some(replaced) = &replaced {
        end_session(app, replaced, request).await?;
        if app.store.check_size(&plan).is_err() {
            give_up(app, replaced).await;
            return Ok(None);
        }
    }
    match app.store.commit(&plan).await {
        Ok(()) => {
            telemetry::concerns(&file.order.number);
            if matches!(file.order.state, OrderState::Paid { .. }) {
                metrics::order_paid(file.order.total);
            }
            app.queue.send_all(app.store.tenant(), &plan).await;
            Ok(Some(file))
        }
        Err(error) => match after_conflict(app, checkout, &situation, error).await {
            Ok(()) => Ok(None),
            Err(problem) => {
                if let Some(replaced) = &replaced {
                    give_up(app, replaced).await;
                }
                Err(problem)
            }
        },
    }
}

/// Whether the processor can charge each line and all of them together.
fn check_amounts(file: &OrderFile) -> Result<(), Problem> {
    let lines = file.order.lines.iter().map(|line| line.total);
    let mut amounts = lines.chain([file.order.total]);
    if amounts.any(|amount| payments::exponent::minor_units(amount).is_err()) {
        return Err(Problem::new(Code::AmountNotPayable));
    }
    Ok(())
}

/// Whether the account for transfers is in the order's currency.
fn check_currency(app: &App, file: &OrderFile, checkout: &Checkout) -> Result<(), Problem> {
    let account = app.bank_transfer.as_ref().filter(|_| checkout.processor.is_by_hand());
    let total = file.order.total;
    if account.is_some_and(|account| !total.is_zero() && account.currency() != total.currency()) {
        return Err(Problem::new(Code::UnsupportedCurrency).error("/processor", "its account is in another currency"));
    }
    Ok(())
}

/// Cancels an earlier order whose session was ended for a checkout that then could not be made: nobody could pay it.
async fn give_up(app: &App, replaced: &OrderFile) {
    let now = app.http.now();
    let decided = domain::cancel_order::decide(replaced, Actor::System, false, now, &mut app.http.ids(now));
    let Ok((_, plan)) = decided else { return };
    if let Err(error) = app.store.commit(&plan).await {
        // It expires by itself.
        tracing::warn!(order = %replaced.order.number, error = &error as &dyn std::error::Error, "order not given up");
    }
}

/// The unpaid order that was begun with this basket before, if there is one.
async fn earlier(app: &App, basket: Option<&Basket>) -> Result<Option<OrderFile>, Problem> {
    let number = match basket.map(|basket| &basket.status) {
        Some(BasketStatus::Frozen { order } | BasketStatus::Open { replaces: Some(order) }) => order,
        Some(BasketStatus::Open { replaces: None } | BasketStatus::Merged { .. }) | None => return Ok(None),
    };
    let file = app.store.read_order(number).await?;
    Ok(file.filter(|file| matches!(file.order.state, OrderState::PendingPayment { .. })))
}

/// Whether an earlier order is just what is asked for again: then it is the answer, and no second one is made.
fn is_same(file: &OrderFile, basket: Option<&Basket>, checkout: &Checkout, now: jiff::Timestamp) -> bool {
    let frozen = basket.is_some_and(|basket| matches!(basket.status, BasketStatus::Frozen { .. }));
    let seen = basket.map(|basket| basket.version);
    let version = checkout.seen.is_none_or(|version| Some(version) == seen || Some(version.saturating_add(1)) == seen);
    let live = file.current_attempt().is_some_and(|attempt| {
        attempt.state.is_live()
            && attempt.session_ends_at > now
            && (attempt.processor, attempt.flow) == (checkout.processor, checkout.flow)
    });
    let total = checkout.shown.is_none_or(|shown| shown == file.order.total);
    frozen && version && live && total
}

/// Answers with an order that was begun under another key, and remembers this key for it too.
async fn adopt(app: &App, checkout: &Checkout, file: OrderFile) -> Result<Option<OrderFile>, Problem> {
    let plan = Plan::of(domain::start_checkout::remember(checkout, file.order.number.clone(), app.http.now()));
    match app.store.commit(&plan).await {
        Ok(()) => Ok(Some(file)),
        Err(error) if error.is_conflict() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn refused(refusal: &CheckoutRefusal) -> Problem {
    match refusal {
        CheckoutRefusal::EmptyBasket => Problem::new(Code::EmptyBasket),
        CheckoutRefusal::BasketChanged => Problem::new(Code::BasketChanged).detail(refusal.to_string()),
        CheckoutRefusal::VoucherLapsed => Problem::new(Code::VoucherUsedUp).detail(refusal.to_string()),
        CheckoutRefusal::PriceChanged(_) => Problem::new(Code::PriceChanged).detail(refusal.to_string()),
        CheckoutRefusal::TooMuch => Problem::new(Code::BasketFull).detail(refusal.to_string()),
        CheckoutRefusal::Blocked(_) => Problem::new(Code::BlockedCountry).detail(refusal.to_string()),
        CheckoutRefusal::Money(_) => Problem::new(Code::AmountNotPayable),
    }
}
