//! Reads every row of every table and says what does not fit together. To be run after whatever was done to a store:
//! whichever requests failed or were cut off, the rows must tell one consistent story.
//!
//! - An account has its number claim (under the canonical form, with its PNI), its PNI claim, the confirmed claim of its username and
//!   the claim of its link, if it has these, and one key row for each of its devices and identities, made with the identity keys
//!   that the account names.
//! - Whatever a pool of one-time keys has left lies on a page. (Pages that nothing points at are rubbish, and allowed.)
//! - Nothing else is there: each claim and each key row belongs to an account that says the same. A number may have a PNI and
//!   no account; two numbers never share a PNI. A username may be kept for a while for whoever has another, or for somebody gone.
//! - Every row can be read.

use std::collections::{BTreeMap, BTreeSet};

use signet_keys::rows::StoredDeviceKeys;
use signet_storage::Storage;
use signet_storage::accounts::{UsernameClaim, link_key, username_key};
use signet_storage::dynamo::items::{self, text_of};
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{Dynamo, Item};
use signet_storage::model::recovery::NumberRecovery;
use signet_storage::model::{Account, VerificationSession};

/// What was found.
#[derive(Debug, Default)]
pub struct Audit {
    pub accounts: Vec<Account>,
    pub claims: usize,
    pub keys: usize,
    pub pages: usize,
    pub sessions: usize,
    pub problems: Vec<String>,
}

impl Audit {
    pub async fn of(storage: &Storage) -> Self {
        let mut audit = Self::default();
        let accounts = rows(&storage.dynamo, Table::Accounts).await;
        let claims = rows(&storage.dynamo, Table::Claims).await;
        let keys = rows(&storage.dynamo, Table::Keys).await;
        let pages = rows(&storage.dynamo, Table::Prekeys).await;
        let sessions = rows(&storage.dynamo, Table::Sessions).await;
        (audit.claims, audit.keys, audit.sessions) = (claims.len(), keys.len(), sessions.len());
        audit.read_accounts(accounts);
        audit.match_claims(claims);
        audit.pages = pages.len();
        audit.match_pages(&keys, &pages);
        audit.match_keys(keys);
        for row in rows(&storage.dynamo, Table::Recovery).await {
            if items::from_item::<NumberRecovery>(row, "recovery password").is_err() {
                audit.problems.push("a recovery password cannot be read".to_owned());
            }
        }
        for row in sessions {
            if items::from_item::<VerificationSession>(row, "session").is_err() {
                audit.problems.push("a session cannot be read".to_owned());
            }
        }
        audit
    }

    /// # Panics
    /// If anything does not fit.
    #[track_caller]
    pub fn expect_clean(self) -> Self {
        let shown = self.problems.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
        assert!(self.problems.is_empty(), "{} problems in the store:\n{shown}", self.problems.len());
        self
    }

    fn read_accounts(&mut self, rows: Vec<Item>) {
        for row in rows {
            let aci = text_of(&row, "aci").unwrap_or("?").to_owned();
            match items::from_item::<Account>(row, "account") {
                Ok(account) => self.accounts.push(account),
                Err(_) => self.problems.push(format!("account {aci} cannot be read")),
            }
        }
    }

    /// The claims there are against the claims that the accounts imply.
    fn match_claims(&mut self, rows: Vec<Item>) {
        let mut wanted = BTreeMap::new();
        for account in &self.accounts {
            let (aci, pni) = (account.aci.to_string(), account.pni.to_string());
            let number = format!("tel#{}", account.phone_number.canonical().as_str());
            let name = account.username.hash.as_ref().map(username_key);
            let names = [name, account.username.link_handle.map(link_key)].into_iter().flatten();
            let names = names.filter_map(|key| Some((text_of(&key, "claim")?.to_owned(), None)));
            for (claim, pni) in [(number, Some(pni.clone())), (format!("pni#{pni}"), None)].into_iter().chain(names) {
                if let Some((other, _)) = wanted.insert(claim.clone(), (aci.clone(), pni)) {
                    self.problems.push(format!("{claim} is said to be theirs by accounts {other} and {aci}"));
                }
            }
        }
        let mut pnis = BTreeSet::new();
        for row in rows {
            let claim = text_of(&row, "claim").unwrap_or("?").to_owned();
            let (aci, pni) = (text_of(&row, "aci"), text_of(&row, "pni"));
            if claim.starts_with("username#") {
                match UsernameClaim::read(row.clone()) {
                    // Kept for somebody for a while: nobody has to say so.
                    Ok(kept) if !kept.confirmed && !wanted.contains_key(&claim) => continue,
                    Ok(UsernameClaim { confirmed: true, until: None, reclaimable: false, .. }) => {}
                    Ok(odd) => self.problems.push(format!("{claim} stands so: {odd:?}")),
                    Err(_) => self.problems.push(format!("{claim} cannot be read")),
                }
            }
            if pni.is_some_and(|pni| !pnis.insert(pni.to_owned())) {
                self.problems.push(format!("{claim} has a PNI that another number has"));
            }
            match (wanted.remove(&claim), aci) {
                (Some((owner, owner_pni)), Some(aci)) if owner == aci => {
                    if owner_pni.is_some() && owner_pni.as_deref() != pni {
                        self.problems.push(format!("{claim} has another PNI than its account {aci}"));
                    }
                }
                (Some((owner, _)), aci) => {
                    self.problems.push(format!("{claim} belongs to {aci:?}, but account {owner} says it is theirs"));
                }
                (None, Some(aci)) => self.problems.push(format!("{claim} belongs to {aci}, who does not say so")),
                (None, None) if claim.starts_with("tel#") && pni.is_some() => {}
                (None, None) => self.problems.push(format!("{claim} is nobody's")),
            }
        }
        self.problems.extend(wanted.iter().map(|(claim, (aci, _))| format!("account {aci} has no claim {claim}")));
    }

    /// The pages there are against what is left in the pools.
    fn match_pages(&mut self, keys: &[Item], pages: &[Item]) {
        let place = |row: &Item| Some((text_of(row, "identity")?.to_owned(), text_of(row, "page")?.to_owned()));
        let there: BTreeSet<_> = pages.iter().filter_map(place).collect();
        for row in keys {
            let Ok(stored) = StoredDeviceKeys::read(row.clone()) else { continue };
            let (Some(identity), Some(Ok(device))) = (text_of(row, "identity"), row.get("device").map(|id| id.as_n()))
            else {
                continue;
            };
            let missing = stored
                .pages_left(device)
                .into_iter()
                .find(|page| !there.contains(&(identity.to_owned(), page.clone())));
            self.problems
                .extend(missing.map(|page| format!("{identity} has keys left on page {page}, which is not there")));
        }
    }

    /// The key rows there are against those that the accounts imply.
    fn match_keys(&mut self, rows: Vec<Item>) {
        let mut wanted = BTreeMap::new();
        for account in &self.accounts {
            let aci = (account.aci.to_string(), account.identity_key.as_bytes());
            let pni = (account.pni.to_string(), account.pni_identity_key.as_bytes());
            for (identity, key) in [aci, pni] {
                let ids = account.devices.iter().map(|device| device.id.get().to_string());
                wanted.extend(ids.map(|device| ((identity.clone(), device), key.to_vec())));
            }
        }
        for row in rows {
            let identity = text_of(&row, "identity").unwrap_or("?").to_owned();
            let device = row.get("device").and_then(|device| device.as_n().ok()).cloned().unwrap_or_default();
            let owner = wanted.remove(&(identity.clone(), device.clone()));
            match (owner, StoredDeviceKeys::read(row)) {
                (None, _) => self.problems.push(format!("keys of {identity}, device {device}, belong to no account")),
                (_, Err(_)) => self.problems.push(format!("keys of {identity}, device {device}, cannot be read")),
                (Some(key), Ok(stored)) if stored.identity.as_bytes()[..] == key => {}
                _ => self.problems.push(format!("keys of {identity}, device {device}, are another identity's")),
            }
        }
        let missing = wanted.keys().map(|(identity, device)| format!("no keys of {identity}, device {device}"));
        self.problems.extend(missing);
    }
}

/// All rows of a table.
pub async fn rows(dynamo: &Dynamo, table: Table) -> Vec<Item> {
    let mut rows = Vec::new();
    let mut from: Option<Item> = None;
    loop {
        let scan = dynamo.client().scan().table_name(dynamo.table_name(table)).consistent_read(true);
        let page = scan.set_exclusive_start_key(from).send().await.expect("the store is scanned");
        rows.extend(page.items.unwrap_or_default());
        from = page.last_evaluated_key;
        if from.is_none() {
            return rows;
        }
    }
}
