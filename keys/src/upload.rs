//! An upload of keys: what it brings replaces what is there, all at once (contract `keys-devices.md` §1.3). Pages are written
//! first, then the device's row is changed in one step, so that there is no moment in which neither set is served.
//!
//! Invariant: a set is offered once. If an upload is sent again, by the store's client or by the device itself because the
//! answer was lost, its one-time keys go on where they were; a set that another one replaced is not offered again.

use signet_storage::StoreError;
use signet_storage::dynamo::items::{binary, number, text};
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{CommitError, Condition, Update, Updated, Value};

use crate::pages::{self, Kind, MOST, Set, Shelf};
use crate::rows::{self, StoredDeviceKeys};
use crate::{CheckedKeys, KeysManager};

/// Uploads of one device that may get in each other's way before one is told to come back.
const ROUNDS: u32 = 10;
/// Former sets that are remembered: more than can be on their way twice.
const REMEMBERED: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// The device has gone or registered again: these keys are nobody's.
    #[error("the keys are of no device that is there")]
    Gone,
    #[error("others kept changing the device's keys")]
    Contested,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl KeysManager {
    /// Replaces, of the device's keys, the parts that the upload has.
    pub async fn upload(&self, shelf: Shelf<'_>, keys: &CheckedKeys) -> Result<(), UploadError> {
        let sets = [Set::of_ec(keys.one_time()), Set::of_kem(keys.one_time_kem())];
        let sets: Vec<Set> = sets.into_iter().flatten().collect();
        let mut written = Vec::new();
        let done = self.replace(shelf, keys, &sets, &mut written).await;
        let rubbish = match &done {
            Ok(before) => rubbish(before, &sets, &written),
            Err(UploadError::Gone) => written.iter().map(|set| (set.kind, set.name.clone(), set.count)).collect(),
            // They may be in use.
            Err(_) => Vec::new(),
        };
        let pages = rubbish.iter().flat_map(|(kind, set, count)| pages::keys_of_set(shelf, *kind, set, *count));
        // What stays is of no use to anybody. It goes when the device does.
        let _ = self.dynamo.remove_all(Table::Prekeys, pages.collect()).await;
        done.map(drop)
    }

    /// The row as it was when it was changed, or as it is if it needs no change.
    async fn replace<'a>(
        &self,
        shelf: Shelf<'_>,
        keys: &CheckedKeys,
        sets: &'a [Set],
        written: &mut Vec<&'a Set>,
    ) -> Result<StoredDeviceKeys, UploadError> {
        for round in 0..ROUNDS {
            let row = self.get(shelf.identity, shelf.device).await?.ok_or(UploadError::Gone)?;
            if !row.is_of(shelf.of) || row.identity != *keys.identity() {
                return Err(UploadError::Gone);
            }
            let new: Vec<&Set> = sets.iter().filter(|set| !row.knows(set)).collect();
            if new.is_empty() && has_signed(&row, keys) {
                return Ok(row);
            }
            let unwritten: Vec<_> = new.iter().filter(|set| !is_among(written, set)).copied().collect();
            if !unwritten.is_empty() {
                // Two full sets are one request.
                let now = self.clock.now();
                let pages = unwritten.iter().flat_map(|set| set.pages(shelf, now)).collect();
                self.dynamo.put_all(Table::Prekeys, pages).await?;
                written.extend(unwritten);
            }
            let change = self.change(&row, keys, &new);
            let key = rows::key(shelf.identity, shelf.device);
            match self.dynamo.update("upload", Table::Keys, key, change).await {
                Ok(Updated::From(_)) => return Ok(row),
                // Somebody else was faster, or this was done and its answer lost: the next look tells.
                Ok(Updated::Refused(_)) | Err(CommitError::Contested | CommitError::Refused { .. }) => {
                    self.dynamo.pause(round).await;
                }
                Err(CommitError::Store(e)) => return Err(e.into()),
            }
        }
        Err(UploadError::Contested)
    }

    fn change(&self, row: &StoredDeviceKeys, keys: &CheckedKeys, new: &[&Set]) -> Update {
        let as_read = Condition::Equals("uploads", number(row.uploads));
        let same_device = Condition::Equals("installation", text(row.installation.clone()));
        // A change of number begins a row anew for the same device.
        let same_identity = Condition::Equals("identityKey", binary(&row.identity.serialize()));
        let now = self.clock.now();
        let mut change =
            Update::only_if(as_read.and(same_device).and(same_identity)).set("uploads", number(row.uploads + 1));
        if let Some(key) = keys.signed() {
            change = change.set("signedPreKey", rows::signed(key, now));
        }
        if let Some(key) = keys.last_resort() {
            change = change.set("lastResortPreKey", rows::last_resort(key, now));
        }
        for set in new {
            let names = set.kind.names();
            let former = row.pool(set.kind).map_or_else(Vec::new, |pool| {
                let former = std::iter::once(&pool.set).chain(&pool.former).take(REMEMBERED);
                former.map(|set| text(set.clone())).collect()
            });
            change = change
                .set(names.set, text(set.name.clone()))
                .set(names.count, number(set.count))
                .set(names.next, number(0))
                .set(names.former, Value::L(former));
        }
        change
    }
}

impl StoredDeviceKeys {
    /// Is this set offered, or was it?
    fn knows(&self, set: &Set) -> bool {
        self.pool(set.kind).is_some_and(|pool| pool.knows(&set.name))
    }
}

/// Are the signed keys of the upload, if it has any, those that are there?
fn has_signed(row: &StoredDeviceKeys, keys: &CheckedKeys) -> bool {
    keys.signed().is_none_or(|key| *key == row.signed) && keys.last_resort().is_none_or(|key| *key == row.last_resort)
}

/// Sets, and how many keys they have, whose pages are in nobody's use once an upload is done. `row` is what it found: the row
/// that it changed, or one that needed no change.
fn rubbish(row: &StoredDeviceKeys, sets: &[Set], written: &[&Set]) -> Vec<(Kind, String, usize)> {
    let of_set = |set: &Set| {
        let pool = row.pool(set.kind)?;
        let (name, count) = match (row.knows(set), pool.set == set.name) {
            (false, _) => (pool.set.clone(), usize::try_from(pool.count).ok()?),
            (true, _) if !is_among(written, set) => return None,
            // It was done before: its answer was lost, and with it what it replaced.
            (true, true) => (pool.former.first()?.clone(), MOST),
            // It was replaced before its pages were written this time.
            (true, false) => (set.name.clone(), set.count),
        };
        Some((set.kind, name, count))
    };
    sets.iter().filter_map(of_set).collect()
}

fn is_among(sets: &[&Set], set: &Set) -> bool {
    sets.iter().any(|other| other.kind == set.kind && other.name == set.name)
}
