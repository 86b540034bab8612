//! What can be mended, because other rows prove how it should be. Each repair is a transaction that requires all it was derived from
//! to be as it was read: a registry at work meanwhile is never overruled.
//!
//! Not mended: what two accounts say is theirs, keys that are lost, and what cannot be read. Nobody guesses there.

use signet_storage::StoreError;
use signet_storage::accounts::rows::username::UsernameClaim;
use signet_storage::accounts::rows::{self, NumberClaim};
use signet_storage::dynamo::items::{self, key, number, text, text_of};
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{CommitError, Condition, Item, Value, Write};
use signet_storage::ids::AccountId;
use signet_storage::model::Account;

use super::claims::Claim;
use super::keys;
use super::{Fault, Finding, Inspection};

/// What became of a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repaired {
    Done(&'static str),
    /// Why not.
    Refused(&'static str),
}

const MEANWHILE: Repaired = Repaired::Refused("it was changed meanwhile; look again");
const TWO: Repaired = Repaired::Refused("two accounts may say that it is theirs; nobody guesses");
const UNPROVEN: Repaired = Repaired::Refused("nothing but the account itself says so");

impl Inspection {
    pub(super) async fn mend(&self, finding: &Finding) -> Result<Repaired, StoreError> {
        let key = &finding.at.key;
        match &finding.fault {
            Fault::NumberUnclaimed | Fault::NumberOf { owner: None } => self.claim_number(key).await,
            Fault::PniUnclaimed => self.claim_pni(key).await,
            Fault::UsernameUnclaimed | Fault::UsernameUnconfirmed => self.claim_username(key).await,
            Fault::LinkUnclaimed => self.claim_link(key).await,
            Fault::OwnerGone { .. } | Fault::OwnerDenies { .. } => self.release_claim(key).await,
            Fault::OfNoDevice => self.remove_keys(key).await,
            Fault::OfNoNumber => self.remove_recovery(key).await,
            Fault::NumberOf { .. } | Fault::PniOf { .. } | Fault::UsernameOf { .. } | Fault::LinkOf { .. } => Ok(TWO),
            Fault::NumberHasPni { .. } | Fault::PniShared { .. } | Fault::PniTwice { .. } => {
                Ok(Repaired::Refused("which of them has it by right cannot be told"))
            }
            Fault::KeysMissing { .. } | Fault::KeysOfAnother { .. } => {
                Ok(Repaired::Refused("keys cannot be made here; the device has to register or be linked again"))
            }
            Fault::PageMissing { .. } => {
                Ok(Repaired::Refused("the keys are lost; the device leaves others when it looks"))
            }
            Fault::NotIndexed | Fault::IndexedElsewhere => {
                Ok(Repaired::Refused("the store keeps its index by itself; no rule reads it"))
            }
            Fault::KeptForEver => Ok(Repaired::Refused("until when it should be kept cannot be told")),
            Fault::Devices(_) => Ok(Repaired::Refused("which device it should be cannot be told")),
            Fault::Unreadable | Fault::Unknown | Fault::NotCanonical => {
                Ok(Repaired::Refused("what it should say cannot be told"))
            }
        }
    }

    /// The number's claim is gone, or nobody's, and nobody else says that they have the number: the claim of its PNI bears the
    /// account out.
    async fn claim_number(&self, at: &Item) -> Result<Repaired, StoreError> {
        let Some(account) = self.account(at).await? else { return Ok(MEANWHILE) };
        let pni = self.dynamo.get(Table::Claims, rows::pni_key(account.pni)).await?;
        if owner(pni.as_ref()) != Some(account.aci) {
            return Ok(UNPROVEN);
        }
        for form in account.phone_number.forms() {
            let found = self.dynamo.find(Table::Accounts, form.as_str()).await?;
            if found.iter().any(|entry| text_of(entry, "aci") != Some(account.aci.to_string().as_str())) {
                return Ok(TWO);
            }
        }
        let claim = NumberClaim { pni: account.pni, aci: Some(account.aci), former: None };
        let same_pni = Condition::Absent("pni").or(Condition::Equals("pni", text(account.pni.to_string())));
        let free = Condition::Absent("aci").and(same_pni);
        self.write(
            "number claimed again",
            vec![
                as_it_is(&account),
                Write::require("pni", Table::Claims, rows::pni_key(account.pni), is_of(account.aci)),
                put(rows::number_key(&account.phone_number), items::to_item(&claim)).only_if(free),
            ],
        )
        .await
    }

    /// The number's claim says that the PNI is the account's.
    async fn claim_pni(&self, at: &Item) -> Result<Repaired, StoreError> {
        let Some(account) = self.account(at).await? else { return Ok(MEANWHILE) };
        let says_so = is_of(account.aci).and(Condition::Equals("pni", text(account.pni.to_string())));
        let claim = Item::from([("aci".to_owned(), text(account.aci.to_string()))]);
        let number = self.dynamo.get(Table::Claims, rows::number_key(&account.phone_number)).await?;
        let pni = number.as_ref().and_then(|claim| text_of(claim, "pni"));
        if owner(number.as_ref()) != Some(account.aci) || pni != Some(account.pni.to_string().as_str()) {
            return Ok(UNPROVEN);
        }
        self.write(
            "PNI claimed again",
            vec![
                as_it_is(&account),
                Write::require("number", Table::Claims, rows::number_key(&account.phone_number), says_so),
                put(rows::pni_key(account.pni), claim).only_if(Condition::Absent("claim")),
            ],
        )
        .await
    }

    /// The account confirms the name, and nobody else has a claim to it.
    async fn claim_username(&self, at: &Item) -> Result<Repaired, StoreError> {
        let Some(account) = self.account(at).await? else { return Ok(MEANWHILE) };
        let Some(hash) = &account.username.hash else { return Ok(MEANWHILE) };
        let claim = UsernameClaim { aci: account.aci, confirmed: true, reclaimable: false, until: None };
        let free = Condition::Absent("claim").or(is_of(account.aci));
        let put = put(rows::username::username_key(hash), items::to_item(&claim)).only_if(free);
        self.write("username claimed again", vec![as_it_is(&account), put]).await
    }

    async fn claim_link(&self, at: &Item) -> Result<Repaired, StoreError> {
        let Some(account) = self.account(at).await? else { return Ok(MEANWHILE) };
        let Some(handle) = account.username.link_handle else { return Ok(MEANWHILE) };
        let claim = Item::from([("aci".to_owned(), text(account.aci.to_string()))]);
        let put = put(rows::username::link_key(handle), claim).only_if(Condition::Absent("claim"));
        self.write("username link claimed again", vec![as_it_is(&account), put]).await
    }

    /// The owner is gone or says otherwise. A number stays with its PNI and is nobody's, other claims go.
    async fn release_claim(&self, at: &Item) -> Result<Repaired, StoreError> {
        let Some(row) = self.dynamo.get(Table::Claims, at.clone()).await? else { return Ok(MEANWHILE) };
        let Ok(claim) = Claim::read(&row) else { return Ok(MEANWHILE) };
        let Some(owner) = claim.owner() else { return Ok(MEANWHILE) };
        let account = self.account(&rows::account_key(owner)).await?;
        if account.as_ref().is_some_and(|account| claim.is_confirmed_by(account)) {
            return Ok(MEANWHILE);
        }
        if let Some(account) = &account
            && !self.has_another(&claim, account).await?
        {
            return Ok(Repaired::Refused("what the account says instead is no less in doubt"));
        }
        let still = row.get("pni").map(|pni| Condition::Equals("pni", pni.clone()));
        let still = still.or_else(|| row.get("confirmed").map(|is| Condition::Equals("confirmed", is.clone())));
        let mine = is_of(owner);
        let mine = still.map_or(mine.clone(), |still| mine.and(still));
        let required = account.as_ref().map_or_else(|| gone(owner), as_it_is);
        let (what, write) = match claim {
            Claim::Number { claim, .. } => {
                let free = NumberClaim { pni: claim.pni, aci: None, former: None };
                ("the number is nobody's now", put(at.clone(), items::to_item(&free)))
            }
            _ => ("removed", Write::delete("claim", Table::Claims, at.clone())),
        };
        self.write(what, vec![required, write.only_if(mine)]).await
    }

    /// Does this account have another number, or PNI, than the one that is claimed for it, and do the claims agree?
    async fn has_another(&self, claim: &Claim, account: &Account) -> Result<bool, StoreError> {
        let other = match claim {
            Claim::Number { .. } => rows::number_key(&account.phone_number),
            Claim::Pni { .. } => rows::pni_key(account.pni),
            Claim::Username { .. } | Claim::Link { .. } => return Ok(true),
        };
        Ok(owner(self.dynamo.get(Table::Claims, other).await?.as_ref()) == Some(account.aci))
    }

    /// Neither an account nor the holder of a PNI has a device that these are the keys of.
    async fn remove_keys(&self, at: &Item) -> Result<Repaired, StoreError> {
        let Some(row) = self.dynamo.get(Table::Keys, at.clone()).await? else { return Ok(MEANWHILE) };
        if self.disputed.has(keys::identity(at)) {
            return Ok(MEANWHILE);
        }
        let (identity, device) = (keys::identity(at), keys::device(at));
        let has = |account: &Account| account.devices.iter().any(|there| there.id.get().to_string() == device);
        let (account, pni) = (key("aci", identity), key("claim", format!("pni#{identity}")));
        let own = self.account(&account).await?;
        let claim = self.dynamo.get(Table::Claims, pni.clone()).await?;
        let mut writes = vec![match &own {
            Some(own) => as_it_is(own),
            None => Write::require("account", Table::Accounts, account, Condition::Absent("aci")),
        }];
        let mut holder = None;
        match owner(claim.as_ref()) {
            None => writes.push(Write::require("pni", Table::Claims, pni, Condition::Absent("aci"))),
            Some(aci) => {
                writes.push(Write::require("pni", Table::Claims, pni, is_of(aci)));
                holder = self.account(&rows::account_key(aci)).await?.filter(|there| there.pni.to_string() == identity);
                writes.push(holder.as_ref().map_or_else(|| gone(aci), as_it_is));
            }
        }
        if own.as_ref().is_some_and(has) || holder.as_ref().is_some_and(has) {
            return Ok(MEANWHILE);
        }
        let same = ["installation", "uploads"].into_iter().filter_map(|name| Some((name, row.get(name)?.clone())));
        let same = same.map(|(name, value): (&'static str, Value)| Condition::Equals(name, value));
        let same = same.reduce(Condition::and).unwrap_or(Condition::Absent("installation"));
        writes.push(Write::delete("keys", Table::Keys, at.clone()).only_if(same));
        self.write("removed", writes).await
    }

    async fn remove_recovery(&self, at: &Item) -> Result<Repaired, StoreError> {
        let pni = key("claim", format!("pni#{}", text_of(at, "pni").unwrap_or_default()));
        self.write(
            "removed",
            vec![
                Write::require("pni", Table::Claims, pni, Condition::Absent("claim")),
                Write::delete("recovery password", Table::Recovery, at.clone()),
            ],
        )
        .await
    }

    /// None also if it cannot be read: what requires that it is gone is then refused.
    async fn account(&self, at: &Item) -> Result<Option<Account>, StoreError> {
        let row = self.dynamo.get(Table::Accounts, at.clone()).await?;
        Ok(row.and_then(|row| items::from_item(row, "account").ok()))
    }

    async fn write(&self, done: &'static str, writes: Vec<Write>) -> Result<Repaired, StoreError> {
        match self.dynamo.commit("repair", writes).await {
            Ok(()) => Ok(Repaired::Done(done)),
            Err(CommitError::Refused { .. } | CommitError::Contested) => Ok(MEANWHILE),
            Err(CommitError::Store(e)) => Err(e),
        }
    }
}

fn owner(claim: Option<&Item>) -> Option<AccountId> {
    text_of(claim?, "aci")?.parse().ok()
}

fn is_of(aci: AccountId) -> Condition {
    Condition::Equals("aci", text(aci.to_string()))
}

/// The account is in the version that was read.
fn as_it_is(account: &Account) -> Write {
    let version = Condition::Equals("version", number(account.version));
    Write::require("account", Table::Accounts, rows::account_key(account.aci), version)
}

fn gone(aci: AccountId) -> Write {
    Write::require("account", Table::Accounts, rows::account_key(aci), Condition::Absent("aci"))
}

fn put(key: Item, claim: Item) -> Write {
    Write::put("claim", Table::Claims, key.into_iter().chain(claim).collect())
}
