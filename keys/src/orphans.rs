//! Pages that nothing points at (`service/docs/prekeys.md`): what an upload left that never came to its end, or a clearing that
//! was cut off.
//!
//! An upload writes its pages before the device's row points there, so a page is an orphan for sure only when it is old, and it
//! is taken away only if it is still the one that was looked at: an upload that is sent again writes its pages anew, with
//! another time on them.

use std::collections::HashMap;
use std::time::Duration;

use signet_storage::StoreError;
use signet_storage::clock::Timestamp;
use signet_storage::dynamo::items::text_of;
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{CommitError, Condition, Item, Write};

use crate::KeysManager;
use crate::pages::WRITTEN;
use crate::rows::StoredDeviceKeys;

/// What is needed of a page to judge it: not its keys.
pub const JUDGED_BY: &[&str] = &["identity", "page", WRITTEN];

/// Longer than any upload takes from its first page to its row: each of its steps is bounded, and so are its rounds.
const UNDER_WAY: Duration = Duration::from_secs(3600);

impl KeysManager {
    /// Those of some pages that no device's row points at as it stands, the young ones among them. Pages of a device whose row
    /// cannot be read are none.
    pub async fn unclaimed(&self, pages: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut by_identity: HashMap<String, Vec<Item>> = HashMap::new();
        for page in pages {
            let identity = text_of(&page, "identity").unwrap_or_default().to_owned();
            by_identity.entry(identity).or_default().push(page);
        }
        let mut unclaimed = Vec::new();
        for (identity, mut pages) in by_identity {
            let rows = self.dynamo.list(Table::Keys, &identity, &[]).await?;
            pages.retain(|page| !rows.iter().any(|row| may_point_at(row, page)));
            unclaimed.extend(pages);
        }
        Ok(unclaimed)
    }

    /// Is this unclaimed page too old to belong to an upload under way?
    pub fn is_orphan(&self, page: &Item) -> bool {
        let written = page.get(WRITTEN).and_then(|written| written.as_n().ok()).and_then(|millis| millis.parse().ok());
        written.is_none_or(|millis| Timestamp::from_millis(millis).plus(UNDER_WAY) < self.clock.now())
    }

    /// Takes an orphan away, if it is the page that was looked at. Says whether it was.
    pub async fn remove_orphan(&self, page: &Item) -> Result<bool, StoreError> {
        let as_seen = match page.get(WRITTEN) {
            Some(written) => Condition::Equals(WRITTEN, written.clone()),
            None => Condition::Absent(WRITTEN),
        };
        let removal = Write::delete("page", Table::Prekeys, Table::Prekeys.spec().key_of(page)).only_if(as_seen);
        match self.dynamo.commit("sweep-page", vec![removal]).await {
            Ok(()) => Ok(true),
            Err(CommitError::Refused { .. } | CommitError::Contested) => Ok(false),
            Err(CommitError::Store(e)) => Err(e),
        }
    }
}

fn may_point_at(row: &Item, page: &Item) -> bool {
    let (Some(device), Some(name)) = (row.get("device").and_then(|id| id.as_n().ok()), text_of(page, "page")) else {
        return true;
    };
    StoredDeviceKeys::read(row.clone()).map_or(true, |stored| stored.points_at(device, name))
}
