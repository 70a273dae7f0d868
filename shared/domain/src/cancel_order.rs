//! Giving up an order that is not paid: cancelled by its owner or staff, replaced by a newer checkout, or expired.
//!
//! Only `pending_payment` can be left this way (I6), and its held units become available again in the same
//! transaction (I5). The session must have been ended at the processor before.

use jiff::Timestamp;

use crate::attempt::AttemptEvent;
use crate::id::Ids;
use crate::order::{IllegalOrderEvent, Order, OrderEvent, OrderFile};
use crate::owner::{Actor, Owner};
use crate::plan::{Pile, Plan, Write};
use crate::start_checkout::{log_detail, move_units};
use crate::uses::give_back;

/// Decides a cancellation. With `thaw`, the basket that was frozen for the order is opened again.
///
/// # Errors
/// [`IllegalOrderEvent`] unless the order waits for payment.
pub fn decide(
    file: &OrderFile,
    actor: Actor,
    thaw: bool,
    now: Timestamp,
    ids: &mut Ids,
) -> Result<(Order, Plan), IllegalOrderEvent> {
    let order = file.order.after(OrderEvent::Cancel, now)?;
    let mut plan = Plan { writes: writes(file, actor, "order_cancelled", now, ids)? };
    if thaw {
        plan.push(thaw_basket(&file.order));
    }
    Ok((order, plan))
}

/// Decides an expiry: as a cancellation, but a late payment can still revive the order.
///
/// # Errors
/// [`IllegalOrderEvent`] unless the order waits for payment.
pub fn expire(file: &OrderFile, thaw: bool, now: Timestamp, ids: &mut Ids) -> Result<(Order, Plan), IllegalOrderEvent> {
    let order = file.order.after(OrderEvent::Expire, now)?;
    let mut plan = Plan { writes: leave(file, &order) };
    plan.push(log_detail(&order.number, "order_expired", Actor::System, None, (now, ids)));
    if thaw {
        plan.push(thaw_basket(&file.order));
    }
    Ok((order, plan))
}

/// The writes of a cancellation, for a plan of which it is a part. `event` is its name in the timeline.
///
/// # Errors
/// [`IllegalOrderEvent`] unless the order waits for payment.
pub fn writes(
    file: &OrderFile,
    actor: Actor,
    event: &str,
    now: Timestamp,
    ids: &mut Ids,
) -> Result<Vec<Write>, IllegalOrderEvent> {
    let order = file.order.after(OrderEvent::Cancel, now)?;
    let mut writes = leave(file, &order);
    writes.push(log_detail(&order.number, event, actor, None, (now, ids)));
    Ok(writes)
}

/// The order in its new state, its live attempts ended, its holds released.
fn leave(file: &OrderFile, order: &Order) -> Vec<Write> {
    let mut writes = vec![Write::SaveOrder(Box::new(order.clone()))];
    for attempt in file.attempts.iter().filter(|attempt| attempt.state.is_live()) {
        if let Ok(mut ended) = attempt.after(AttemptEvent::End) {
            ended.next = None;
            writes.push(Write::SaveAttempt(order.number.clone(), Box::new(ended)));
        }
    }
    writes.extend(file.order.lines.iter().filter_map(|line| move_units(line, Pile::Held, Pile::Available)));
    writes.extend(give_back(&file.order));
    writes
}

fn thaw_basket(order: &Order) -> Write {
    let (owner, basket) = (Owner::User(order.owner.clone()), order.basket.clone());
    Write::ThawBasket { owner, basket, version: order.basket_version }
}
