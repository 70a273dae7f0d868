//! Batches, played without a table: slices keep to their bounds, and whatever comes between, all codes come to the terms.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::pricing::Reduction;
use crate::selection::Selection;

fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

fn offer() -> Offer {
    Offer {
        id: "fifth".parse().unwrap(),
        name: "A fifth".parse().unwrap(),
        condition: crate::offer::Condition {
            products: Selection::All,
            min_quantity: None,
            min_value: None,
            whole: false,
            first_purchase: false,
            users: BTreeSet::new(),
            email_domains: BTreeSet::new(),
        },
        benefit: Reduction::Free,
        limits: crate::offer::Limits::default(),
        starts_at: None,
        ends_at: None,
        priority: 0,
        exclusive: false,
        automatic: false,
        version: 1,
        updated_at: now(),
        level: Level::default(),
    }
}

fn start(count: u32, max_uses: Option<u32>) -> Result<(Batch, Plan), CatalogRefusal> {
    let ask = BatchAsk {
        prefix: Some("A".parse().unwrap()),
        count,
        usage: Usage::MultiUse,
        offer: "fifth".parse().unwrap(),
        terms: Terms { max_uses, ..Terms::default() },
        by: "grace".parse().unwrap(),
    };
    let named = (crate::id::Ids::new(now(), 7).make(), "ab".repeat(32).parse().unwrap());
    start_batch(ask, Some(&offer()), named, now())
}

fn uses(most: u32) -> TermsEdit {
    TermsEdit { max_uses: Edit::Set(Some(most)), ..TermsEdit::default() }
}

/// The codes as a table would have them.
#[derive(Default)]
struct Table(BTreeMap<VoucherCode, Voucher>);

impl Table {
    /// Executes a plan of one slice; the batch as it is then.
    fn commit(&mut self, plan: Plan) -> Batch {
        assert!(plan.writes.len() <= 100);
        let mut saved = None;
        for write in plan.writes {
            if let Write::SaveVoucher { voucher, expect } = write {
                assert_eq!(self.0.get(&voucher.code).map(|there| there.version), expect);
                self.0.insert(voucher.code.clone(), *voucher);
            } else if let Write::SaveBatch(batch) = write {
                assert!(saved.replace(*batch).is_none());
            } else {
                panic!("{write:?}");
            }
        }
        saved.expect("the batch is in each of its slices")
    }

    /// One slice, if one is left.
    fn work(&mut self, batch: &Batch) -> Option<Batch> {
        let codes = match Slice::of(batch)? {
            Slice::Make => Vec::new(),
            Slice::Revise(codes) => codes.iter().filter_map(|code| self.0.get(code)).cloned().collect(),
        };
        let (after, plan) = next_slice(batch, &codes, Some(&offer()), now());
        assert_eq!(self.commit(plan), after);
        Some(after)
    }
}

#[test]
fn a_batch_is_queued_running_and_done_and_waits_for_somebody_until_then() {
    let (mut batch, _) = start(100, None).unwrap();
    let mut table = Table::default();
    let mut seen = vec![(batch.state(), batch.made, batch.due.is_some())];
    while let Some(after) = table.work(&batch) {
        batch = after;
        seen.push((batch.state(), batch.made, batch.due.is_some()));
    }
    let expected = [(BatchState::Queued, 0, true), (BatchState::Running, 90, true), (BatchState::Done, 100, false)];
    assert_eq!((seen.as_slice(), table.0.len()), (&expected[..], 100));
}

#[test]
fn a_slice_begun_anew_is_the_same_slice() {
    let (batch, _) = start(50, None).unwrap();
    assert_eq!(next_slice(&batch, &[], Some(&offer()), now()), next_slice(&batch, &[], Some(&offer()), now()));
}

#[test]
fn a_batch_whose_offer_is_gone_or_became_automatic_stops() {
    let (batch, _) = start(50, None).unwrap();
    for offer in [None, Some(Offer { automatic: true, ..offer() })] {
        let (stopped, plan) = next_slice(&batch, &[], offer.as_ref(), now());
        assert_eq!((stopped.failed, stopped.due, plan.writes.len()), (Some(Failure::OfferGone), None, 1));
        assert_eq!((stopped.state(), Slice::of(&stopped)), (BatchState::Failed, None));
        let (resumed, _) = change_batch(&stopped, TermsEdit::default(), Some(&super::tests::offer()), now()).unwrap();
        assert_eq!((resumed.state(), resumed.due.is_some()), (BatchState::Queued, true));
    }
}

#[test]
fn a_count_has_its_bounds_and_terms_those_of_codes_made_by_hand() {
    let refused = |count, max_uses| match start(count, max_uses) {
        Err(CatalogRefusal::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        [refused(0, None), refused(MAX_CODES + 1, None), refused(1, Some(0))],
        ["/count", "/count", "/max_uses"]
    );
    assert!(start(MAX_CODES, Some(1)).is_ok());
    let (batch, _) = start(1, None).unwrap();
    assert!(change_batch(&batch, uses(0), Some(&offer()), now()).is_err());
    assert!(change_batch(&batch, uses(1), None, now()).is_err());
}

#[test]
fn the_auditor_finds_a_code_too_few_one_too_many_and_those_of_no_batch() {
    let (batch, _) = start(2, None).unwrap();
    let mut table = Table::default();
    let batch = table.work(&batch).unwrap();
    let books = |batches: &[Batch], most: usize| crate::audit::Books {
        batches: batches.to_vec(),
        vouchers: table.0.values().take(most).cloned().collect(),
        counters: table.0.keys().map(|code| (all(code), Level::default())).take(most).collect(),
        ..Default::default()
    };
    let found = |books| crate::audit::check(&books).into_iter().map(|violation| violation.detail).collect::<Vec<_>>();
    assert_eq!(found(books(std::slice::from_ref(&batch), 2)), Vec::<String>::new());
    assert_eq!(found(books(std::slice::from_ref(&batch), 1)), ["made 2, there are 1 codes"]);
    let behind = Batch { made: 1, ..batch };
    assert_eq!(found(books(&[behind], 2)), ["made 1, there are 2 codes"]);
    assert_eq!(found(books(&[], 2)), ["2 codes of a batch that is not there"]);
}

fn all(code: &VoucherCode) -> crate::uses::Counter {
    crate::uses::Counter::All(crate::uses::Counted::Voucher(code.clone()))
}

proptest! {
    /// Whenever staff change it, in the end there are all codes, each once, all at the terms of the batch, but for those
    /// that were used more often, which are counted.
    #[test]
    fn all_codes_come_to_the_terms(
        count in 1..400_u32,
        steps in prop::collection::vec(prop_oneof![3 => Just(None), 1 => (1..9_u32).prop_map(Some)], 0..20),
        used in prop::collection::btree_set(0..400_u32, 0..5),
    ) {
        let (mut batch, _) = start(count, Some(9)).unwrap();
        let mut table = Table::default();
        let mut changes = 0;
        for step in steps {
            match step {
                Some(most) => {
                    let (_, plan) = change_batch(&batch, uses(most), Some(&offer()), now()).unwrap();
                    batch = table.commit(plan);
                    changes += 1;
                }
                None => batch = table.work(&batch).unwrap_or(batch),
            }
        }
        for code in used.into_iter().flat_map(|place| batch.codes(place..place + 1)) {
            if let Some(voucher) = table.0.get_mut(&code) {
                voucher.level.taken = voucher.most();
            }
        }
        let (_, plan) = change_batch(&batch, uses(4), Some(&offer()), now()).unwrap();
        batch = table.commit(plan);
        while let Some(after) = table.work(&batch) {
            batch = after;
        }
        prop_assert_eq!((batch.state(), batch.made, batch.edits), (BatchState::Done, count, changes + 2));
        let all = batch.codes(0..count);
        prop_assert_eq!(table.0.len(), all.len());
        let mut refused = 0;
        for code in all {
            let voucher = &table.0[&code];
            prop_assert!(voucher.level.taken <= voucher.most());
            refused += u32::from(voucher.max_uses != Some(4));
        }
        prop_assert_eq!(batch.refused, refused);
    }
}
