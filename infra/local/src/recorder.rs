//! Recording the DynamoDB calls that requests make, as the SDK is given them, so that the benchmark can make the same
//! calls bare. Off unless told; it changes nothing of a call.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::config::{ConfigBag, Intercept};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemInput;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemInput;
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::operation::put_item::PutItemInput;
use aws_sdk_dynamodb::operation::query::QueryInput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsInput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_smithy_runtime_api::client::interceptors::context::{BeforeSerializationInterceptorContextRef, Input};

use crate::meter::current_request;

/// A call as the SDK was given it: every kind of call that an operation makes on a request's path.
#[derive(Clone, Debug)]
pub enum Recorded {
    /// One row by key.
    Get(GetItemInput),
    /// Several rows by key.
    BatchGet(BatchGetItemInput),
    /// Rows of a partition.
    Query(QueryInput),
    /// A row put.
    Put(PutItemInput),
    /// A row updated.
    Update(UpdateItemInput),
    /// A row deleted.
    Delete(DeleteItemInput),
    /// Several writes, all or none.
    Transact(TransactWriteItemsInput),
    /// Any other, which is not expected.
    Other(String),
}

impl Recorded {
    fn of(input: &Input) -> Self {
        let get = || input.downcast_ref().cloned().map(Self::Get);
        let batch_get = || input.downcast_ref().cloned().map(Self::BatchGet);
        let query = || input.downcast_ref().cloned().map(Self::Query);
        let put = || input.downcast_ref().cloned().map(Self::Put);
        let update = || input.downcast_ref().cloned().map(Self::Update);
        let delete = || input.downcast_ref().cloned().map(Self::Delete);
        let transact = || input.downcast_ref().cloned().map(Self::Transact);
        let known = get().or_else(batch_get).or_else(query).or_else(put).or_else(update).or_else(delete);
        known.or_else(transact).unwrap_or_else(|| Self::Other(format!("{input:?}")))
    }
}

/// The calls of each request, by the request's id. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    on: Arc<AtomicBool>,
    calls: Arc<Mutex<BTreeMap<String, Vec<Recorded>>>>,
}

impl Recorder {
    /// Begins to record.
    pub fn start(&self) {
        self.lock().clear();
        self.on.store(true, Ordering::Release);
    }

    /// Ends recording; the calls of each request, in their order.
    #[must_use]
    pub fn stop(&self) -> BTreeMap<String, Vec<Recorded>> {
        self.on.store(false, Ordering::Release);
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Recorded>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Recorder {
    fn name(&self) -> &'static str {
        "Recorder"
    }

    /// Before the SDK adds anything of its own, such as the token that makes a transaction idempotent.
    fn read_before_execution(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.on.load(Ordering::Acquire)
            && let Some(request) = current_request()
        {
            let call = Recorded::of(context.input());
            self.lock().entry(request.to_string()).or_default().push(call);
        }
        Ok(())
    }
}
