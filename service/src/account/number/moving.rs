//! One change of number, from fresh looks at both accounts to the commit. It may take several rounds: what was proved, counted or
//! opened in one is not asked for again in the next.

use std::sync::Arc;

use signet_storage::accounts::{Destination, Ids, Slot};
use signet_storage::ids::AccountId;
use signet_storage::lock_hasher::MatchedLock;
use signet_storage::model::account::NumberIdentity;
use signet_storage::model::{Account, Device, LockCleared, VerifiedNumber};

use super::devices::SignedKeys;
use super::{NumberController, NumberRequest, Refused};
use crate::error::ApiError;
use crate::events::Event;

/// Times that it starts again from fresh reads before its client is told to come back.
const ROUNDS: u32 = 10;

pub struct Moving {
    pub controller: NumberController,
    /// The account that moves, and its device as it was let in.
    pub aci: AccountId,
    pub asking: Device,
    pub request: NumberRequest,
    pub keys: SignedKeys,
    pub verified: Option<Arc<VerifiedNumber>>,
    /// The holder's lock, if it was opened in an earlier round.
    pub opened: Option<MatchedLock>,
}

impl Moving {
    /// # Errors
    /// [`ApiError::Contested`] if others were faster each time.
    pub async fn until_settled(mut self) -> Result<Account, Refused> {
        let mut round = 0;
        loop {
            match self.attempt().await {
                Err(Refused::Api(ApiError::Contested)) if round < ROUNDS => {
                    round += 1;
                    tokio::time::sleep(self.controller.back_off(round)).await;
                }
                settled => return settled,
            }
        }
    }

    async fn attempt(&mut self) -> Result<Account, Refused> {
        let before = self.current().await?;
        let verified = self.proof(&before).await?;
        let to = match &verified {
            None => Destination::Same,
            Some(verified) => self.destination(&before, verified).await?,
        };
        self.go(&before, to).await
    }

    /// That the number is theirs. The one that the account has needs no proof.
    async fn proof(&mut self, before: &Account) -> Result<Option<Arc<VerifiedNumber>>, Refused> {
        if before.phone_number == self.request.number {
            return Ok(None);
        }
        if self.verified.is_none() {
            self.verified = Some(Arc::new(self.controller.permit(before, &self.request).await?));
        }
        Ok(self.verified.clone())
    }

    /// The account as it stands, if it still lets in whoever asks.
    async fn current(&self) -> Result<Account, Refused> {
        let asked_by = (self.asking.id, &self.asking.auth);
        let account = self.controller.accounts.get_as(self.aci, asked_by).await?;
        Ok(account.ok_or(ApiError::Unauthorized)?)
    }

    /// Past the lock of whoever has the number.
    async fn destination<'v>(
        &mut self,
        before: &Account,
        verified: &'v VerifiedNumber,
    ) -> Result<Destination<'v>, Refused> {
        Ok(match self.controller.accounts.slot_for(verified).await? {
            Slot::Vacant(slot) => Destination::Vacant(slot),
            Slot::Occupied(holder) if holder.aci == before.aci => Destination::Form(verified),
            Slot::Occupied(holder) => Destination::Held(verified, Box::new(self.clear_lock(*holder, verified).await?)),
        })
    }

    async fn clear_lock(&mut self, holder: Account, verified: &VerifiedNumber) -> Result<LockCleared, ApiError> {
        let holder = match self.opened.clone() {
            None => holder,
            Some(opened) => match LockCleared::opened(holder, opened) {
                Ok(cleared) => return Ok(cleared),
                Err(holder) => *holder,
            },
        };
        let cleared = self.controller.locks.verify(holder, &self.request.lock, verified.by()).await?;
        self.opened = cleared.matched().cloned();
        Ok(cleared)
    }

    async fn go(&self, before: &Account, to: Destination<'_>) -> Result<Account, Refused> {
        let NumberRequest { identity, messages, registration_ids, .. } = &self.request;
        messages.fit(before)?;
        let keys = self.keys.of_all(before, registration_ids)?;
        let identity =
            NumberIdentity { key: identity.serialize()[..].into(), registration_ids: registration_ids.clone() };
        let displaced = match &to {
            Destination::Held(_, cleared) => Some(cleared.account().clone()),
            _ => None,
        };
        let rows = |after: &Account, displaced: Option<&Account>| {
            self.controller.keys.writes_for_new_number(before, after, displaced, keys)
        };
        let after = self.controller.accounts.change_number(before, to, &identity, rows).await?;
        self.tell(&after, displaced.as_ref());
        self.clear_away(before, &after, displaced.as_ref()).await;
        Ok(after)
    }

    fn tell(&self, after: &Account, displaced: Option<&Account>) {
        let (aci, displaced) = (after.aci, displaced.map(|displaced| displaced.aci));
        if let Some(displaced) = displaced {
            self.controller.events.publish(Event::Removed { aci: displaced });
        }
        let messages = self.request.messages.count();
        self.controller.events.publish(Event::NumberChanged { aci, displaced, messages });
    }

    /// One-time keys under the number that was left, and those of the account that ended.
    async fn clear_away(&self, before: &Account, after: &Account, displaced: Option<&Account>) {
        let devices = |account: &Account| account.devices.iter().map(|device| device.id).collect();
        if before.pni != after.pni {
            self.controller.keys.clear_number(before.pni, devices(before)).await;
        }
        if let Some(displaced) = displaced {
            let ids = Ids { aci: displaced.aci, pni: displaced.pni };
            self.controller.keys.clear(ids, devices(displaced), None).await;
        }
    }
}
