//! Signing out: the session ends, and the anonymous session that it took the place of can be used afresh at once.

use crate::basket::{Basket, BasketStatus};
use crate::owner::Owner;
use crate::plan::{Plan, Write};
use crate::user_session::UserSession;

/// Decides a sign-out. `anonymous` is the basket of the anonymous session that the session took the place of; if it
/// still stands as merged, it is dropped, so that the same device begins a new one.
#[must_use]
pub fn decide(session: &UserSession, anonymous: Option<&Basket>) -> Plan {
    let mut plan = Plan::of(Write::EndSession { user: session.user.clone(), key: session.key.clone() });
    let owner = session.upgraded_from.clone().map(Owner::Session);
    let merged = anonymous.filter(|basket| matches!(basket.status, BasketStatus::Merged { .. }));
    if let Some(basket) = merged.filter(|basket| Some(&basket.owner) == owner.as_ref()) {
        plan.push(Write::DropBasket { owner: basket.owner.clone(), expect: basket.version });
    }
    plan
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::id::Ids;
    use crate::owner::{SessionKey, UserId, UserSessionKey};
    use crate::user_session::SessionOrigin;

    fn basket(owner: u8, merged: bool) -> Basket {
        let at = Timestamp::UNIX_EPOCH;
        let owner = Owner::Session(SessionKey::from_digest([owner; 16]));
        let empty = Basket::empty(Ids::new(at, 1).make(), owner, 7, at);
        if merged { Basket { status: BasketStatus::Merged { at }, ..empty } } else { empty }
    }

    #[test]
    fn the_basket_that_was_merged_at_sign_in_is_dropped_and_no_other() {
        let session = UserSession {
            key: UserSessionKey::from_digest([3; 16]),
            user: UserId::from_digest([1; 16]),
            realm: "api.example".to_owned(),
            origin: SessionOrigin::Login,
            upgraded_from: Some(SessionKey::from_digest([2; 16])),
            agent: None,
            started_at: Timestamp::UNIX_EPOCH,
            ends_at: Timestamp::MAX,
        };
        let end = Write::EndSession { user: session.user.clone(), key: session.key.clone() };
        for (anonymous, dropped) in [
            (None, false),
            (Some(basket(2, true)), true),
            (Some(basket(2, false)), false),
            (Some(basket(9, true)), false),
        ] {
            let drop = anonymous.iter().filter(|_| dropped);
            let drop = drop.map(|basket| Write::DropBasket { owner: basket.owner.clone(), expect: 7 });
            let plan = Plan { writes: std::iter::once(end.clone()).chain(drop).collect() };
            assert_eq!(decide(&session, anonymous.as_ref()), plan, "{anonymous:?}");
        }
    }
}
