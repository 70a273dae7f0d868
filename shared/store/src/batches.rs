//! Working batches of codes, slice by slice: by whoever asked for one as far as that is quick, and by the janitor.

use std::time::Duration;

use domain::batch::{Batch, Failure, Slice, fail, next_slice};
use domain::id::BatchId;
use jiff::Timestamp;

use crate::Store;
use crate::commit::CommitError;

/// How long a worker rests between two slices. All codes are in one partition of an index, which takes some thousand writes
/// a second, and whose throttles would slow down those who use codes meanwhile.
const PACE: Duration = Duration::from_millis(50);
/// How often a slice is begun anew because somebody edited or used one of its codes meanwhile; then it is left for later.
const ROUNDS: u32 = 5;
/// How many slices of one batch are worked before it is another's turn.
const TURN: u32 = 10;

/// Works some batches in turn until all are done or `is_over`: how many slices it did, and how many batches it left.
/// Running it twice, or two of it at once, is harmless. One that cannot be worked is logged, and stays due.
pub async fn work_batches(
    store: &Store,
    mut batches: Vec<BatchId>,
    now: impl Fn() -> Timestamp,
    is_over: impl Fn() -> bool,
) -> (usize, usize) {
    let (mut slices, mut left) = (0_usize, 0_usize);
    while !batches.is_empty() {
        let mut open = Vec::with_capacity(batches.len());
        for id in batches {
            if is_over() {
                left = left.saturating_add(1);
                continue;
            }
            match work_turn(store, &id, &now, &is_over).await {
                Ok((done, goes_on)) => {
                    slices = slices.saturating_add(done);
                    open.extend(goes_on.then_some(id));
                }
                Err(error) => {
                    left = left.saturating_add(1);
                    tracing::warn!(batch = %id, error = &error as &dyn std::error::Error, "batch of codes not worked");
                }
            }
        }
        batches = open;
    }
    (slices, left)
}

/// How many slices were done, and whether the batch goes on in this run.
async fn work_turn(
    store: &Store,
    id: &BatchId,
    now: &impl Fn() -> Timestamp,
    is_over: &impl Fn() -> bool,
) -> Result<(usize, bool), CommitError> {
    let Some(batch) = store.read_batch(id).await? else {
        tracing::warn!(batch = %id, "due batch not found");
        return Ok((0, false));
    };
    let worked = store.work_batch(batch, TURN, now, is_over).await?;
    Ok((worked.slices, worked.batch.is_open() && !worked.is_anothers))
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkedBatch {
    /// As it is now.
    pub batch: Batch,
    /// How many slices were done.
    pub slices: usize,
    /// Whether somebody else works it, or changed it, so that this worker stopped.
    pub is_anothers: bool,
}

impl Store {
    /// Works up to `most` slices of a batch as it was read. One round trip for the offer, one for each slice that makes
    /// codes and two for each that changes some.
    ///
    /// # Errors
    /// [`CommitError`]; what was done until then is done.
    pub async fn work_batch(
        &self,
        batch: Batch,
        most: u32,
        now: impl Fn() -> Timestamp,
        is_over: impl Fn() -> bool,
    ) -> Result<WorkedBatch, CommitError> {
        let mut worked = WorkedBatch { batch, slices: 0, is_anothers: false };
        if !worked.batch.is_open() {
            return Ok(worked);
        }
        let offer = self.read_offer(&worked.batch.offer).await?;
        for turn in 0..most {
            let Some(slice) = Slice::of(&worked.batch).filter(|_| !is_over()) else { break };
            if turn > 0 {
                tokio::time::sleep(PACE).await;
            }
            match self.work_slice(&worked.batch, &slice, offer.as_ref(), &now).await? {
                Some(batch) => worked = WorkedBatch { batch, slices: worked.slices.saturating_add(1), ..worked },
                None => {
                    let read = self.read_batch(&worked.batch.id).await?;
                    return Ok(WorkedBatch { batch: read.unwrap_or(worked.batch), is_anothers: true, ..worked });
                }
            }
        }
        Ok(worked)
    }

    /// One slice; `None` if the batch was moved by somebody else.
    async fn work_slice(
        &self,
        batch: &Batch,
        slice: &Slice,
        offer: Option<&domain::offer::Offer>,
        now: impl Fn() -> Timestamp,
    ) -> Result<Option<Batch>, CommitError> {
        for round in 1..=ROUNDS {
            let codes = match slice {
                Slice::Make => Vec::new(),
                Slice::Revise(codes) => self.read_vouchers(codes).await?,
            };
            let (after, plan) = next_slice(batch, &codes, offer, now());
            match self.commit(&plan).await {
                Ok(()) => return Ok(Some(after)),
                Err(error) if error.refused("save_batch") => return Ok(None),
                Err(error) if error.refused("save_voucher") && *slice == Slice::Make => {
                    let (failed, plan) = fail(batch, Failure::CodeTaken, now());
                    self.commit(&plan).await?;
                    return Ok(Some(failed));
                }
                // A code was edited or used meanwhile: it is read again.
                Err(error) if error.is_conflict() && round < ROUNDS => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}
