//! Reading client applications' keys and machine clients.

use domain::client_key::ClientKey;
use domain::id::{ClientId, MachineClientId};
use domain::machine_client::MachineClient;
use serde::de::DeserializeOwned;

use super::{Page, Partition, Position};
use crate::Store;
use crate::error::StoreError;
use crate::keys::Keys;
use crate::row::object;

impl Store {
    /// Reads a client application's key. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_client_key(&self, id: &ClientId) -> Result<Option<ClientKey>, StoreError> {
        let row = self.get(Keys(&self.tenant).client(id), "CLIENT").await?;
        row.as_ref().map(object).transpose()
    }

    /// Lists client applications' keys, oldest first, revoked ones included. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_client_keys(&self, limit: u16, after: Option<&Position>) -> Result<Page<ClientKey>, StoreError> {
        self.list_in(Keys(&self.tenant).clients(), limit, after).await
    }

    /// Reads a machine client. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_machine_client(&self, id: &MachineClientId) -> Result<Option<MachineClient>, StoreError> {
        let row = self.get(Keys(&self.tenant).machine(id), "MACHINE").await?;
        row.as_ref().map(object).transpose()
    }

    /// Lists machine clients, oldest first, revoked ones included. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_machine_clients(
        &self,
        limit: u16,
        after: Option<&Position>,
    ) -> Result<Page<MachineClient>, StoreError> {
        self.list_in(Keys(&self.tenant).machines(), limit, after).await
    }

    async fn list_in<T: DeserializeOwned>(
        &self,
        pk: String,
        limit: u16,
        after: Option<&Position>,
    ) -> Result<Page<T>, StoreError> {
        let partition = Partition::of_index("gsi1", pk);
        let page = self.query(&partition, i32::from(limit), after).await?;
        Ok(Page { items: page.items.iter().map(object).collect::<Result<_, _>>()?, next: page.next })
    }
}
