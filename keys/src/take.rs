//! Taking a device's bundle: what somebody else needs to write to it (contract `keys-devices.md` §1.5, §1A).
//!
//! One change of the device's row decides which one-time keys are taken and gives back, of the same moment, all that goes with
//! them. Only then the keys are read off their pages.
//!
//! Invariant: a place in a set is given out at most once, whatever is lost on the way: who does not hear the answer has used up a
//! key. When no one-time keys are left, nothing is written.

use signet_storage::StoreError;
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{CommitError, Condition, Item, Update, Updated};
use signet_storage::ids::{DeviceId, RegistrationId, ServiceId};

use crate::pages::{self, Kind, Shelf};
use crate::rows::{self, Pool, StoredDeviceKeys};
use crate::{EcPreKey, IdentityKey, Installation, KemPreKey, KeysManager, SignedPreKey};

/// Tries to take from a set that is replaced just then, before one does without a one-time key.
const ROUNDS: u32 = 10;

/// What somebody needs to write to one device for the first time.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    pub identity: IdentityKey,
    pub registration_id: RegistrationId,
    pub signed: SignedPreKey,
    /// None when there are none left: the signed key serves alone.
    pub one_time: Option<EcPreKey>,
    /// A one-time key while there are any, else the last resort.
    pub kem: KemPreKey,
    /// How the pools stand after this, by [`Kind`].
    pub left: [Left; 2],
}

/// How a pool of one-time keys stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// A key was taken; so many are left.
    Taken(u64),
    /// There was none to take.
    Empty,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TakeError {
    #[error("others kept changing the device's keys")]
    Contested,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CommitError> for TakeError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(e) => Self::Store(e),
            CommitError::Contested | CommitError::Refused { .. } => Self::Contested,
        }
    }
}

impl KeysManager {
    /// Takes a bundle of this device; `None` if it has no keys.
    pub async fn take(&self, identity: ServiceId, device: DeviceId) -> Result<Option<Bundle>, TakeError> {
        for round in 0..ROUNDS {
            let Some((row, taken)) = self.claim(identity, device).await? else { return Ok(None) };
            let places = Kind::ALL.map(|kind| row.pool(kind).filter(|pool| taken && pool.next < pool.count).cloned());
            let of = Installation::stored(&row);
            let shelf = Shelf { identity, device, of: &of };
            let [ec, kem] = Kind::ALL.map(|kind| self.page(shelf, kind, places[kind as usize].as_ref()));
            let (ec, kem) = tokio::try_join!(ec, kem)?;
            let missing = [&ec, &kem].into_iter().zip(&places).any(|(page, place)| page.is_none() && place.is_some());
            // The pages of a set that was replaced are cleared away. Its successor has keys. A key of the other kind that was
            // taken along is used up, as if its answer had been lost.
            if !missing || round + 1 == ROUNDS {
                return Ok(Some(bundle(row, places, &ec, &kem)?));
            }
        }
        unreachable!("the last round returns")
    }

    /// The row as it was just before this took a place in each of its sets, or, if there was none to take, as it is.
    async fn claim(
        &self,
        identity: ServiceId,
        device: DeviceId,
    ) -> Result<Option<(StoredDeviceKeys, bool)>, TakeError> {
        let [ec, kem] = Kind::ALL.map(|kind| kind.names());
        let any_left = Condition::Below(ec.next, ec.count).or(Condition::Below(kem.next, kem.count));
        let take = Update::only_if(any_left).add(ec.next, 1).add(kem.next, 1);
        #[cfg(feature = "planted-bugs")]
        if signet_storage::planted::planted(signet_storage::planted::Bug::DoubleTake) {
            let row = self.get(identity, device).await?;
            self.dynamo.update("take", Table::Keys, rows::key(identity, device), take).await?;
            return Ok(row.map(|row| (row, true)));
        }
        let (row, taken) = match self.dynamo.update("take", Table::Keys, rows::key(identity, device), take).await? {
            Updated::From(row) => (Some(row), true),
            Updated::Refused(row) => (row, false),
        };
        Ok(row.map(StoredDeviceKeys::read).transpose()?.map(|row| (row, taken)))
    }

    async fn page(&self, shelf: Shelf<'_>, kind: Kind, pool: Option<&Pool>) -> Result<Option<Item>, StoreError> {
        let Some(pool) = pool else { return Ok(None) };
        self.dynamo.get(Table::Prekeys, pages::key_of_page(shelf, kind, &pool.set, place(pool))).await
    }
}

fn place(pool: &Pool) -> usize {
    usize::try_from(pool.next).unwrap_or(usize::MAX)
}

fn bundle(
    row: StoredDeviceKeys,
    places: [Option<Pool>; 2],
    ec: &Option<Item>,
    kem: &Option<Item>,
) -> Result<Bundle, StoreError> {
    let [ec_pool, kem_pool] = &places;
    let one_time = ec.as_ref().zip(ec_pool.as_ref()).map(|(page, pool)| pages::ec_at(page, place(pool)));
    let one_time_kem = kem.as_ref().zip(kem_pool.as_ref()).map(|(page, pool)| pages::kem_at(page, place(pool)));
    let left = |page: &Option<Item>, pool: &Option<Pool>| match (page, pool) {
        (Some(_), Some(pool)) => Left::Taken(pool.left() - 1),
        _ => Left::Empty,
    };
    let left = [left(ec, ec_pool), left(kem, kem_pool)];
    Ok(Bundle {
        identity: row.identity,
        registration_id: row.registration_id,
        signed: row.signed,
        one_time: one_time.transpose()?,
        kem: one_time_kem.transpose()?.unwrap_or(row.last_resort),
        left,
    })
}
