//! Does every key row belong to a device that is there, and does all that it has left lie on a page?

use std::collections::{BTreeSet, HashMap};

use signet_keys::rows::StoredDeviceKeys;
use signet_storage::StoreError;
use signet_storage::dynamo::Item;
use signet_storage::dynamo::items::{key, text_of};
use signet_storage::dynamo::tables::Table;
use signet_storage::ids::DeviceId;
use signet_storage::model::Account;

use super::looked_up::LookedUp;
use super::{Fault, Finding, Inspection, Looked};

impl Inspection {
    pub(super) async fn key_rows(&self, rows: &[Item]) -> Result<Looked, StoreError> {
        let mut looked = Looked::default();
        let owners = Owners::of(self, rows).await?;
        let mut with_pages: HashMap<&str, Vec<(&Item, Vec<String>)>> = HashMap::new();
        for row in rows {
            let (identity, device) = (identity(row), device(row));
            if !owners.have(identity, device) {
                looked.findings.push(Finding::new(Table::Keys, row, Fault::OfNoDevice));
            }
            match StoredDeviceKeys::read(row.clone()) {
                Err(_) => looked.findings.push(Finding::new(Table::Keys, row, Fault::Unreadable)),
                Ok(stored) => {
                    let left = stored.pages_left(device);
                    if !left.is_empty() {
                        with_pages.entry(identity).or_default().push((row, left));
                    }
                }
            }
        }
        for (identity, rows) in with_pages {
            looked.findings.extend(self.missing_pages(identity, rows).await?);
        }
        Ok(looked)
    }

    /// For each of these devices of an identity the first page that should be there and is not.
    async fn missing_pages(&self, identity: &str, rows: Vec<(&Item, Vec<String>)>) -> Result<Vec<Finding>, StoreError> {
        let pages = self.dynamo.list_keys(Table::Prekeys, identity).await?;
        let there: BTreeSet<&str> = pages.iter().filter_map(|page| text_of(page, "page")).collect();
        let missing = rows.into_iter().filter_map(|(row, left)| {
            let page = left.into_iter().find(|page| !there.contains(page.as_str()))?;
            Some(Finding::new(Table::Keys, row, Fault::PageMissing { page }))
        });
        Ok(missing.collect())
    }

    /// Pages that nothing points at are counted: an upload that is under way has such, too.
    pub(super) async fn pages(&self, rows: Vec<Item>) -> Result<Looked, StoreError> {
        let unclaimed = self.keys.unclaimed(rows).await?;
        let orphans: Vec<_> = unclaimed.iter().filter(|page| self.keys.is_orphan(page)).collect();
        let rubbish = orphans.len() as u64;
        if self.repair {
            for page in orphans {
                self.keys.remove_orphan(page).await?;
            }
        }
        Ok(Looked { rubbish, ..Looked::default() })
    }
}

pub fn identity(row: &Item) -> &str {
    text_of(row, "identity").unwrap_or_default()
}

/// As its id is written.
pub fn device(row: &Item) -> &str {
    row.get("device").and_then(|device| device.as_n().ok()).map_or("", String::as_str)
}

/// The accounts that have these identities, by the identity: as its ACI, or as its PNI.
pub struct Owners(HashMap<String, Account>);

impl Owners {
    pub async fn of(inspection: &Inspection, rows: &[Item]) -> Result<Self, StoreError> {
        let identities: BTreeSet<&str> = rows.iter().map(identity).collect();
        let account = |aci: &str| (Table::Accounts, key("aci", aci));
        let claim = |pni: &str| key("claim", format!("pni#{pni}"));
        let wanted = identities.iter().flat_map(|identity| [account(identity), (Table::Claims, claim(identity))]);
        let there = LookedUp::of(&inspection.dynamo, wanted).await?;
        let by_pni = |identity: &str| text_of(there.get(Table::Claims, &claim(identity))?, "aci").map(str::to_owned);
        let held: Vec<_> = identities.iter().filter_map(|identity| Some((*identity, by_pni(identity)?))).collect();
        let holders = LookedUp::of(&inspection.dynamo, held.iter().map(|(_, aci)| account(aci))).await?;
        let own = identities
            .iter()
            .filter_map(|identity| Some(((*identity).to_owned(), there.account(identity.parse().ok()?)?)));
        let of_pni = held.iter().filter_map(|(identity, aci)| {
            let account = holders.account(aci.parse().ok()?)?;
            (account.pni.to_string() == *identity).then(|| ((*identity).to_owned(), account))
        });
        Ok(Self(own.chain(of_pni).collect()))
    }

    pub fn account(&self, identity: &str) -> Option<&Account> {
        self.0.get(identity)
    }

    fn have(&self, identity: &str, device: &str) -> bool {
        let id = device.parse::<u8>().ok().and_then(|id| DeviceId::try_from(id).ok());
        self.account(identity).zip(id).is_some_and(|(account, id)| account.device(id).is_some())
    }
}
