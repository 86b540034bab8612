//! Who holds a number, asked by those who have no proof of it. It decides nothing: what follows from it is settled by the
//! conditions of a transaction, or only told.

use super::{AccountsManager, rows};
use crate::dynamo::StoreError;
use crate::dynamo::tables::Table;
use crate::ids::AccountId;
use crate::number::E164;

impl AccountsManager {
    /// The account with exactly this number, strongly consistent; one that has an equivalent form of it does not count
    /// (contract registration §7.5).
    pub async fn holder_of(&self, number: &E164) -> Result<Option<AccountId>, StoreError> {
        let claim = self.dynamo.get(Table::Claims, rows::number_key(number)).await?;
        let Some(aci) = claim.map(rows::NumberClaim::read).transpose()?.and_then(|claim| claim.aci) else {
            return Ok(None);
        };
        let account = self.get(aci).await?;
        Ok(account.filter(|account| account.phone_number == *number).map(|account| account.aci))
    }
}
