//! Who has a number, or a PNI, now? For those who only look; what registers goes through [`AccountsManager::slot_for`].

use super::{AccountsManager, rows};
use crate::dynamo::StoreError;
use crate::dynamo::items::text_of;
use crate::dynamo::tables::Table;
use crate::ids::{AccountId, NumberId};
use crate::model::Account;
use crate::number::E164;

impl AccountsManager {
    /// The ACI of the account that has this number in any of its equivalent forms. One read, whether there is one or not: who has
    /// not proved the number must not learn it from the time.
    pub async fn aci_of(&self, number: &E164) -> Result<Option<AccountId>, StoreError> {
        Ok(self.claim_of(number).await?.and_then(|claim| claim.aci))
    }

    /// The account that has this number in any of its equivalent forms, strongly consistent. Writes nothing.
    pub async fn holder_of(&self, number: &E164) -> Result<Option<Account>, StoreError> {
        match self.aci_of(number).await? {
            Some(aci) => self.get(aci).await,
            None => Ok(None),
        }
    }

    /// The ACI of the account that has this PNI now, strongly consistent.
    pub async fn aci_of_pni(&self, pni: NumberId) -> Result<Option<AccountId>, StoreError> {
        let Some(claim) = self.dynamo.get(Table::Claims, rows::pni_key(pni)).await? else { return Ok(None) };
        let aci = text_of(&claim, "aci").and_then(|aci| aci.parse().ok());
        aci.map(Some).ok_or_else(|| StoreError::unreadable("PNI claim"))
    }
}
