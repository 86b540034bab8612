//! Does every key row belong to a device that is there, and does all that it has left lie on a page?

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use signet_keys::rows::StoredDeviceKeys;
use signet_storage::StoreError;
use signet_storage::dynamo::Item;
use signet_storage::dynamo::items::{key, text_of};
use signet_storage::dynamo::tables::Table;
use signet_storage::ids::{DeviceId, NumberId};
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

/// PNIs that an account says it has, though their claims do not say so. Their keys are that account's, which is told of the account.
#[derive(Clone, Default)]
pub struct Disputed(Arc<Mutex<HashSet<NumberId>>>);

/// If there are more, nobody's keys are judged any more: too much is wrong.
const MOST_DISPUTED: usize = 100_000;

impl Disputed {
    pub fn add(&self, pni: NumberId) {
        let mut disputed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if disputed.len() <= MOST_DISPUTED {
            disputed.insert(pni);
        }
    }

    pub fn has(&self, identity: &str) -> bool {
        let disputed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        disputed.len() > MOST_DISPUTED || identity.parse().is_ok_and(|pni| disputed.contains(&pni))
    }
}

/// Who has these identities, as an ACI or as a PNI.
struct Owners(HashMap<String, Owner>);

enum Owner {
    Account(Box<Account>),
    /// It is there and cannot be read, or it is disputed who it is: nothing can be said of its keys.
    Unknown,
}

impl Owners {
    async fn of(inspection: &Inspection, rows: &[Item]) -> Result<Self, StoreError> {
        let identities: BTreeSet<&str> = rows.iter().map(identity).collect();
        let account = |aci: &str| (Table::Accounts, key("aci", aci));
        let claim = |pni: &str| key("claim", format!("pni#{pni}"));
        let wanted = identities.iter().flat_map(|identity| [account(identity), (Table::Claims, claim(identity))]);
        let there = LookedUp::of(&inspection.dynamo, wanted).await?;
        let holder = |identity: &str| text_of(there.get(Table::Claims, &claim(identity))?, "aci").map(str::to_owned);
        let held: Vec<_> = identities.iter().filter_map(|identity| Some((*identity, holder(identity)?))).collect();
        let holders = LookedUp::of(&inspection.dynamo, held.iter().map(|(_, aci)| account(aci))).await?;
        let own = identities.iter().filter_map(|identity| Some((*identity, owner(&there, identity)?)));
        let of_pni = held.iter().filter_map(|(identity, aci)| match owner(&holders, aci)? {
            Owner::Account(account) if account.pni.to_string() != *identity => None,
            owner => Some((*identity, owner)),
        });
        let disputed = identities.iter().filter(|identity| inspection.disputed.has(identity));
        let disputed = disputed.map(|identity| (*identity, Owner::Unknown));
        Ok(Self(own.chain(of_pni).chain(disputed).map(|(identity, owner)| (identity.to_owned(), owner)).collect()))
    }

    fn have(&self, identity: &str, device: &str) -> bool {
        let id = device.parse::<u8>().ok().and_then(|id| DeviceId::try_from(id).ok());
        match self.0.get(identity) {
            Some(Owner::Account(account)) => id.is_some_and(|id| account.device(id).is_some()),
            Some(Owner::Unknown) => true,
            None => false,
        }
    }
}

fn owner(there: &LookedUp, aci: &str) -> Option<Owner> {
    there.get(Table::Accounts, &key("aci", aci))?;
    let account = aci.parse().ok().and_then(|aci| there.account(aci));
    Some(account.map_or(Owner::Unknown, |account| Owner::Account(Box::new(account))))
}
