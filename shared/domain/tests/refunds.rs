//! Refunds over any sequence of asks, verdicts, answers and refunds at the processor: the books balance to the unit (I2),
//! and a place is taken back when nothing is left of its price, not before (I4).

// True of every build of this file. It is how clippy learns that helpers outside `#[test]` are test code too.
#![cfg(test)]

use std::collections::BTreeSet;

use domain::audit::{Books, check};
use domain::entitlement::Entitlement;
use domain::id::Ids;
use domain::ledger::{Account, LedgerEntry};
use domain::money::{Money, total};
use domain::order::{Order, OrderFile, OrderLine, OrderState};
use domain::owner::{Actor, UserId};
use domain::payment::{Fact, FailedRefund, ProcessorEvent, ProcessorName, RefundAnswer, RefundStanding};
use domain::plan::{Plan, Write};
use domain::record_payment::{self, Circumstances};
use domain::refund::RefundState;
use domain::refundable::{Claims, left};
use domain::request_refund::{RefundAsk, RefundRefusal, decide};
use domain::submit_refund::{RefundResult, finish};
use domain::task::Task;
use domain::{decide_refund, product::Kind};
use expect_test::expect;
use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

const DAY: i64 = 24 * 3600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn yen(units: i64) -> Money {
    Money::from_minor(units, "JPY".parse().unwrap()).unwrap()
}

fn owner() -> UserId {
    UserId::from_digest([7; 16])
}

fn line(number: u32, price: i64) -> OrderLine {
    OrderLine {
        number,
        sku: format!("S{number}").parse().unwrap(),
        title: "A course".parse().unwrap(),
        kind: Kind::Seat,
        course_key: Some(format!("course-v1:Test+S{number}+1").parse().unwrap()),
        mode: Some("verified".parse().unwrap()),
        course_uuid: None,
        credit_provider: None,
        parts: Vec::new(),
        quantity: 1.try_into().unwrap(),
        unit_price: yen(price),
        applied: Vec::new(),
        discount: yen(0),
        tax: None,
        total: yen(price),
        stock: None,
    }
}

/// An order of seats at these prices that was paid at second 0, with what its owner has.
struct World {
    file: OrderFile,
    owned: BTreeSet<u32>,
    ids: Ids,
    events: u32,
}

impl World {
    fn paid(prices: &[i64]) -> Self {
        let mut ids = Ids::new(at(0), 1);
        let lines: Vec<OrderLine> = (1..).zip(prices).map(|(number, price)| line(number, *price)).collect();
        let sum = total("JPY".parse().unwrap(), lines.iter().map(|line| line.total)).unwrap();
        let order = Order {
            number: ids.make(),
            owner: owner(),
            username: "ada".parse().unwrap(),
            email: None,
            state: OrderState::Paid { at: at(0) },
            basket: ids.make(),
            basket_version: 1,
            lines,
            total: sum,
            reservations: Vec::new(),
            manual: None,
            imported_as: None,
            attempt: None,
            at: Default::default(),
            placed_at: at(0),
            version: 1,
        };
        let mut file = OrderFile::new(order);
        if !sum.is_zero() {
            let cause = "charge:pi_1".to_owned();
            file.ledger.push(LedgerEntry { account: Account::Sale, amount: sum, cause, at: at(0) });
        }
        let owned = file.order.lines.iter().map(|line| line.number).collect();
        for line in &file.order.lines {
            let task = Task {
                version: 3,
                state: domain::task::TaskState::Granted { at: at(0) },
                ..Task::new(line.number, 0, at(0), at(0))
            };
            file.tasks.insert(task.key(), task);
        }
        Self { file, owned, ids, events: 0 }
    }

    /// Writes a plan, as the table would.
    fn commit(&mut self, plan: Plan) {
        let elsewhere = ["owe", "log", "journal", "remember", "link_reference"];
        for write in plan.writes.into_iter().filter(|write| !elsewhere.contains(&write.name())) {
            self.write(write);
        }
        self.audit();
    }

    fn write(&mut self, write: Write) {
        let name = write.name();
        if let Write::SaveOrder(order) = write {
            assert_eq!(order.version, self.file.order.version + 1);
            self.file.order = *order;
        } else if let Write::PostLedger(_, entry) = write {
            assert!(!self.file.is_counted(&entry.cause), "{} is counted twice", entry.cause);
            self.file.ledger.push(entry);
        } else if let Write::CreateRefund(_, refund) = write {
            self.file.refunds.push(*refund);
        } else if let Write::SaveRefund(_, refund) = write {
            let found = self.file.refunds.iter_mut().find(|known| known.id == refund.id).unwrap();
            assert_eq!(refund.version, found.version + 1);
            *found = *refund;
        } else if let Write::SaveTask(_, task) = write {
            self.file.tasks.insert(task.key(), task);
        } else if let Write::Ungrant { lines, .. } = write {
            for line in lines {
                assert!(self.owned.remove(&line.line), "{line:?} is not owned");
            }
        } else if let Write::RecordEvent(_, event) = write {
            self.file.events.push(event);
        } else {
            panic!("a refund leads to {name}");
        }
    }

    fn audit(&self) {
        let key = |line: &OrderLine| line.reference(&self.file.order.number).key();
        let owned = self.file.order.lines.iter().filter(|line| self.owned.contains(&line.number));
        let entitlements =
            owned.map(|line| Entitlement { owner: owner(), sku: line.sku.clone(), lines: vec![key(line)] }).collect();
        let books = Books { orders: vec![self.file.clone()], entitlements, ..Books::default() };
        assert_eq!(check(&books), []);
    }

    fn ask(
        &mut self,
        staff: bool,
        lines: Option<&[u32]>,
        amount: Option<i64>,
        now: i64,
    ) -> Result<usize, RefundRefusal> {
        let ask = RefundAsk {
            by: owner(),
            staff,
            lines: lines.map(|lines| lines.iter().copied().collect()),
            amount: amount.map(yen),
            note: "too hard".parse().unwrap(),
            revoke: true,
            window: SignedDuration::from_secs(14 * DAY),
            key: "refund:1".to_owned(),
            fingerprint: "f".to_owned(),
        };
        let (_, plan) = decide(&self.file, &ask, at(now), &mut self.ids)?;
        self.commit(plan);
        Ok(self.file.refunds.len() - 1)
    }

    fn verdict(&mut self, refund: usize, verdict: &decide_refund::Verdict) -> bool {
        let refund = self.file.refunds[refund].clone();
        let staff = Actor::Staff(owner());
        let decided = decide_refund::decide(&self.file, &refund, verdict, staff, (at(5), &mut self.ids));
        decided.map(|(_, plan)| self.commit(plan)).is_ok()
    }

    fn approve(&mut self, refund: usize) -> bool {
        self.verdict(refund, &decide_refund::Verdict::Approve { revoke: None })
    }

    fn deny(&mut self, refund: usize) -> bool {
        self.verdict(refund, &decide_refund::Verdict::Deny { why: None })
    }

    /// The processor answers, if it is to be asked.
    fn submit(&mut self, refund: usize, result: RefundResult) {
        let refund = self.file.refunds[refund].clone();
        if refund.is_to_be_asked() {
            let supply = (at(6), 0, &mut self.ids);
            let plan = finish(&self.file, &refund, result, None, supply).unwrap();
            self.commit(plan);
        }
    }

    fn pay_back(&mut self, refund: usize) {
        let answer = RefundAnswer {
            reference: "re_1".parse().unwrap(),
            standing: RefundStanding::Succeeded,
            raw: String::new(),
        };
        self.submit(refund, RefundResult::Answered(answer));
    }

    /// The processor says how much of the payment went back in all.
    fn told(&mut self, units: i64) {
        self.hear(Fact::Refunded { total: yen(units) }, 7);
    }

    fn hear(&mut self, fact: Fact, second: i64) {
        self.events += 1;
        let event = ProcessorEvent {
            processor: ProcessorName::Stripe,
            event: format!("evt_{}", self.events).parse().unwrap(),
            event_type: "charge.refunded".to_owned(),
            occurred_at: at(second),
            order: None,
            attempt: None,
            session: None,
            payment: Some("pi_1".parse().unwrap()),
            fact,
        };
        let supply = (at(second), &mut self.ids);
        let (_, plan) =
            record_payment::decide(&self.file, &event, || "{}".to_owned(), Circumstances::default(), supply);
        self.commit(plan);
    }

    /// The processor says that a refund came to nothing.
    fn fails(&mut self, refund: usize) {
        let failed = FailedRefund {
            refund: Some(self.file.refunds[refund].id.clone()),
            reference: "re_1".parse().unwrap(),
            amount: None,
            reason: "lost_or_stolen_card".to_owned(),
        };
        self.hear(Fact::RefundFailed(failed), 8);
    }

    fn left(&self) -> i64 {
        self.file.balance(Account::Sale).unwrap().minor()
    }

    fn gives(&self) -> Vec<u32> {
        self.file.tasks.values().filter(|task| task.gives()).map(|task| task.line).collect()
    }
}

#[test]
fn a_learner_asks_and_staff_decide() {
    let mut world = World::paid(&[30, 20]);
    let first = world.ask(false, None, None, DAY).unwrap();
    assert_eq!((world.file.refunds[first].state, world.file.refunds[first].due), (RefundState::Requested, None));
    assert_eq!(world.ask(false, None, None, DAY), Err(RefundRefusal::Pending));
    assert_eq!(world.ask(false, Some(&[1]), None, DAY), Err(RefundRefusal::Pending));
    assert_eq!(world.ask(true, None, Some(5), DAY), Err(RefundRefusal::Pending));
    assert!(world.deny(first) && world.deny(first) && !world.approve(first));
    let second = world.ask(false, None, None, DAY).unwrap();
    assert!(world.approve(second) && world.approve(second) && !world.deny(second));
    assert_eq!((world.left(), world.gives()), (50, vec![1, 2]));
    world.pay_back(second);
    assert_eq!((world.left(), world.gives()), (0, vec![]));
    assert_eq!(world.ask(true, None, None, DAY), Err(RefundRefusal::NothingLeft));
}

#[test]
fn a_learner_can_ask_until_the_window_is_over_and_staff_always() {
    let mut world = World::paid(&[30]);
    assert_eq!(world.ask(false, None, None, 14 * DAY + 1), Err(RefundRefusal::WindowOver));
    let last = world.ask(false, None, None, 14 * DAY).unwrap();
    assert!(world.deny(last));
    world.ask(true, None, None, 400 * DAY).unwrap();
}

#[test]
fn an_amount_is_bounded_by_what_is_left() {
    let check = |lines: Option<&[u32]>, amount: i64, expected: expect_test::Expect| {
        let mut world = World::paid(&[30, 20]);
        world.ask(true, Some(&[1]), Some(10), 0).unwrap();
        let asked = world.ask(true, lines, Some(amount), 0);
        expected.assert_eq(
            &asked
                .map_or_else(|refusal| refusal.to_string(), |refund| format!("{:?}", world.file.refunds[refund].lines)),
        );
    };
    check(None, 40, expect!["[]"]);
    check(None, 41, expect!["must be at most 40 JPY"]);
    check(None, 0, expect!["must be more than nothing"]);
    check(None, -1, expect!["must be more than nothing"]);
    check(Some(&[1]), 20, expect!["[RefundedLine { line: 1, amount: 20 JPY }]"]);
    check(Some(&[1]), 21, expect!["must be at most 20 JPY"]);
    check(
        Some(&[1, 2]),
        5,
        expect!["[RefundedLine { line: 1, amount: 3 JPY }, RefundedLine { line: 2, amount: 2 JPY }]"],
    );
    check(Some(&[3]), 5, expect!["the order has no such line"]);
}

#[test]
fn a_line_goes_when_nothing_is_left_of_its_price() {
    let mut world = World::paid(&[30, 20, 0]);
    for (lines, amount, gives) in [
        (Some(&[1][..]), Some(10), vec![1, 2, 3]),
        (None, Some(5), vec![1, 2, 3]),
        (Some(&[1]), None, vec![2, 3]),
        (Some(&[3]), None, vec![2]),
        (Some(&[2]), Some(5), vec![2]),
        (None, None, vec![]),
    ] {
        let refund = world.ask(true, lines, amount, 0).unwrap();
        world.pay_back(refund);
        assert_eq!(world.gives(), gives, "{lines:?} {amount:?}");
    }
    assert_eq!(world.left(), 0);
}

#[test]
fn an_order_of_nothing_is_refunded_at_once_and_once() {
    let mut world = World::paid(&[0, 0]);
    assert_eq!(world.ask(true, None, Some(1), 0), Err(RefundRefusal::NotPositive));
    let one = world.ask(true, Some(&[1]), None, 0).unwrap();
    assert_eq!((world.file.refunds[one].state, world.gives()), (RefundState::Succeeded, vec![2]));
    assert_eq!(world.ask(true, Some(&[1]), None, 0), Err(RefundRefusal::NothingLeft));
    let rest = world.ask(false, None, None, 0).unwrap();
    assert_eq!(world.ask(true, Some(&[2]), None, 0), Err(RefundRefusal::Pending));
    assert!(world.approve(rest));
    assert_eq!((world.file.refunds[rest].state, world.gives()), (RefundState::Succeeded, vec![]));
    assert_eq!(world.ask(true, None, None, 0), Err(RefundRefusal::NothingLeft));
}

#[test]
fn what_staff_let_a_learner_keep_stays_when_the_rest_goes_back() {
    let mut world = World::paid(&[30, 20]);
    let kept = world.ask(false, Some(&[1]), None, 0).unwrap();
    assert!(world.verdict(kept, &decide_refund::Verdict::Approve { revoke: Some(false) }));
    world.pay_back(kept);
    assert_eq!((world.left(), world.gives()), (20, vec![1, 2]));
    let rest = world.ask(true, None, None, 0).unwrap();
    world.pay_back(rest);
    assert_eq!((world.left(), world.gives()), (0, vec![1]));
}

#[test]
fn a_request_for_money_that_went_back_at_the_processor_cannot_be_approved() {
    let mut world = World::paid(&[30]);
    let asked = world.ask(false, None, None, 0).unwrap();
    world.told(10);
    assert!(!world.approve(asked));
    assert!(world.deny(asked));
    let rest = world.ask(false, None, None, 0).unwrap();
    assert_eq!(world.file.refunds[rest].amount, yen(20));
    assert!(world.approve(rest));
    world.told(30);
    assert_eq!((world.left(), world.file.refunds[rest].state), (0, RefundState::Succeeded));
}

#[test]
fn a_refund_that_failed_is_put_back_whatever_is_told_of_it_later() {
    for counted in [true, false] {
        let mut world = World::paid(&[30]);
        let refund = world.ask(true, None, None, 0).unwrap();
        if counted {
            world.pay_back(refund);
        }
        world.fails(refund);
        world.fails(refund);
        assert_eq!((world.left(), world.file.refunds[refund].state), (30, RefundState::Failed));
        // Of the time before it failed.
        world.told(30);
        assert_eq!((world.left(), world.gives().is_empty()), (30, counted));
        let again = world.ask(true, None, None, 0).unwrap();
        world.pay_back(again);
        assert_eq!((world.left(), world.gives()), (0, vec![]));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Ask(bool, Option<Vec<u32>>, Option<i64>),
    Approve(usize, Option<bool>),
    Deny(usize),
    Answer(usize, u8),
    Told(i64),
    Fails(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let lines = proptest::option::of(vec(1..4_u32, 1..3));
    prop_oneof![
        3 => (any::<bool>(), lines, proptest::option::of(0..60_i64)).prop_map(|(staff, lines, amount)| Step::Ask(staff, lines, amount)),
        1 => (0..6_usize, any::<Option<bool>>()).prop_map(|(refund, revoke)| Step::Approve(refund, revoke)),
        1 => (0..6_usize).prop_map(Step::Deny),
        3 => (0..6_usize, 0..5_u8).prop_map(|(refund, answer)| Step::Answer(refund, answer)),
        1 => (0..100_i64).prop_map(Step::Told),
        1 => (0..6_usize).prop_map(Step::Fails),
    ]
}

fn answer(kind: u8) -> RefundResult {
    let answered = |standing| {
        RefundResult::Answered(RefundAnswer { reference: "re_1".parse().unwrap(), standing, raw: String::new() })
    };
    match kind {
        0 => answered(RefundStanding::Pending),
        1 => answered(RefundStanding::Failed),
        2 => RefundResult::Lost("timeout".to_owned()),
        _ => answered(RefundStanding::Succeeded),
    }
}

proptest! {
    // Each commit runs the auditor, which is the test: nothing below zero, nothing counted twice, nothing lost.
    #[test]
    fn whatever_is_asked_the_books_balance(
        prices in vec(prop_oneof![1 => Just(0_i64), 3 => 1..50_i64], 1..4),
        steps in vec(step(), 0..30),
    ) {
        let mut world = World::paid(&prices);
        let mut elsewhere = false;
        for step in steps {
            let known = world.file.refunds.len();
            match step {
                Step::Ask(staff, lines, amount) => drop(world.ask(staff, lines.as_deref(), amount, 0)),
                Step::Approve(refund, revoke) if refund < known => {
                    world.verdict(refund, &decide_refund::Verdict::Approve { revoke });
                }
                Step::Deny(refund) if refund < known => drop(world.deny(refund)),
                Step::Answer(refund, kind) if refund < known => world.submit(refund, answer(kind)),
                Step::Told(units) if !world.file.order.total.is_zero() => {
                    elsewhere = true;
                    // No processor gives back more than it took.
                    world.told(units.min(world.file.order.total.minor()));
                }
                Step::Fails(refund) if refund < known => world.fails(refund),
                Step::Approve(..) | Step::Deny(_) | Step::Answer(..) | Step::Told(_) | Step::Fails(_) => {}
            }
            prop_assert!(world.left() >= 0);
            prop_assert!(elsewhere || left(&world.file, Claims::Made, None).unwrap().minor() >= 0);
        }
    }
}
