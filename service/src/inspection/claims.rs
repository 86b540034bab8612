//! Does every claim belong to an account that says the same? A number may be nobody's and keep its PNI, a name may be kept for
//! somebody, or for nobody any more, until its time is over.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use signet_storage::StoreError;
use signet_storage::accounts::rows::username::UsernameClaim;
use signet_storage::accounts::rows::{self, NumberClaim};
use signet_storage::dynamo::Item;
use signet_storage::dynamo::items::{self, text_of};
use signet_storage::dynamo::tables::Table;
use signet_storage::ids::{AccountId, NumberId};
use signet_storage::model::{Account, Opaque};
use signet_storage::number::E164;
use uuid::Uuid;

use super::looked_up::LookedUp;
use super::{Fault, Finding, Inspection, Looked};

/// A claim as its row says.
pub enum Claim {
    Number { number: E164, claim: NumberClaim },
    Pni { pni: NumberId, aci: AccountId },
    Username { hash: Opaque, claim: UsernameClaim },
    Link { handle: Uuid, aci: AccountId },
}

impl Claim {
    pub fn read(row: &Item) -> Result<Self, Fault> {
        let name = text_of(row, "claim").ok_or(Fault::Unreadable)?;
        let (kind, of) = name.split_once('#').ok_or(Fault::Unknown)?;
        let owner = || text_of(row, "aci").and_then(|aci| aci.parse().ok());
        let read = || match kind {
            "tel" => {
                let claim = NumberClaim::read(row.clone()).ok()?;
                // Whether it is a number was judged when it was stored; what counts as one changes with the years.
                let digits = of.strip_prefix('+')?;
                let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                is_number.then(|| Self::Number { number: E164::stored(of), claim })
            }
            "pni" => Some(Self::Pni { pni: of.parse().ok()?, aci: owner()? }),
            "username" => {
                let claim = items::from_item(row.clone(), "username claim").ok()?;
                Some(Self::Username { hash: hex::decode(of).ok()?.into(), claim })
            }
            "link" => Some(Self::Link { handle: of.parse().ok()?, aci: owner()? }),
            _ => None,
        };
        let known = ["tel", "pni", "username", "link"].contains(&kind);
        read().ok_or(if known { Fault::Unreadable } else { Fault::Unknown })
    }

    /// Whose it is now. A name that is only kept is nobody's.
    pub fn owner(&self) -> Option<AccountId> {
        match self {
            Self::Number { claim, .. } => claim.aci,
            Self::Pni { aci, .. } | Self::Link { aci, .. } => Some(*aci),
            Self::Username { claim, .. } => claim.confirmed.then_some(claim.aci),
        }
    }

    /// Does this account say that it has what is claimed?
    pub fn is_confirmed_by(&self, account: &Account) -> bool {
        match self {
            Self::Number { number, .. } => account.phone_number.canonical() == number.canonical(),
            Self::Pni { pni, .. } => account.pni == *pni,
            Self::Username { hash, .. } => account.username.hash.as_ref() == Some(hash),
            Self::Link { handle, .. } => account.username.link_handle == Some(*handle),
        }
    }
}

impl Inspection {
    pub(super) async fn claims(&self, rows: &[Item]) -> Result<Looked, StoreError> {
        let mut looked = Looked::default();
        let mut claims = Vec::new();
        for row in rows {
            match Claim::read(row) {
                Ok(claim) => claims.push((row, claim)),
                Err(fault) => looked.findings.push(Finding::new(Table::Claims, row, fault)),
            }
        }
        let owners = LookedUp::of(&self.dynamo, claims.iter().flat_map(|(_, claim)| wanted(claim))).await?;
        let holders = claims.iter().filter_map(|(_, claim)| holder_of_pni(claim, &owners));
        let holders = LookedUp::of(&self.dynamo, holders.map(account)).await?;
        for (row, claim) in &claims {
            let fault = not_owned(claim, &owners).or_else(|| self.wrong(claim, &owners, &holders));
            looked.findings.extend(fault.map(|fault| Finding::new(Table::Claims, row, fault)));
            looked.rubbish += u64::from(self.has_ended(claim));
        }
        Ok(looked)
    }

    fn has_ended(&self, claim: &Claim) -> bool {
        matches!(claim, Claim::Username { claim, .. }
            if !claim.confirmed && claim.until.is_some_and(|until| until <= self.clock.now()))
    }

    /// What is wrong with a claim beside whose it is.
    fn wrong(&self, claim: &Claim, owners: &LookedUp, holders: &LookedUp) -> Option<Fault> {
        match claim {
            Claim::Number { number, .. } if number.canonical() != *number => Some(Fault::NotCanonical),
            Claim::Number { number, claim: NumberClaim { pni, .. } } => {
                let held = owners.get(Table::Claims, &rows::pni_key(*pni)).is_some();
                let another = self.pnis.seen(*pni, number) && !held;
                match holder_of_pni(claim, owners).and_then(|aci| holders.account(aci)) {
                    Some(holder) if !claim.is_confirmed_by(&holder) => {
                        let (pni, owner) = (pni.to_string(), holder.aci.to_string());
                        Some(Fault::PniShared { pni, owner })
                    }
                    _ if another => Some(Fault::PniTwice { pni: pni.to_string() }),
                    _ => None,
                }
            }
            Claim::Username { claim, .. } if !claim.confirmed && claim.until.is_none() => Some(Fault::KeptForEver),
            _ => None,
        }
    }
}

/// The PNIs of some hundred thousand numbers, and by a hash of which number each was seen first. A number keeps its PNI for ever, so
/// what was seen holds. Of more numbers only those that somebody has are told from each other, by the claim of the PNI.
#[derive(Clone, Default)]
pub struct Pnis(Arc<Mutex<HashMap<NumberId, u64>>>);

const MOST_PNIS: usize = 500_000;

impl Pnis {
    /// Has another number been seen with it?
    fn seen(&self, pni: NumberId, number: &E164) -> bool {
        let mut hasher = DefaultHasher::new();
        number.as_str().hash(&mut hasher);
        let hash = hasher.finish();
        let mut pnis = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match pnis.get(&pni) {
            Some(first) => *first != hash,
            None => {
                if pnis.len() < MOST_PNIS {
                    pnis.insert(pni, hash);
                }
                false
            }
        }
    }
}

fn account(aci: AccountId) -> (Table, Item) {
    (Table::Accounts, rows::account_key(aci))
}

/// The owner, and for a number also who has its PNI.
fn wanted(claim: &Claim) -> impl Iterator<Item = (Table, Item)> + use<> {
    let pni = match claim {
        Claim::Number { claim, .. } => Some((Table::Claims, rows::pni_key(claim.pni))),
        _ => None,
    };
    claim.owner().map(account).into_iter().chain(pni)
}

/// Who has the PNI of a number, if that is not who has the number.
fn holder_of_pni(claim: &Claim, owners: &LookedUp) -> Option<AccountId> {
    let Claim::Number { claim, .. } = claim else { return None };
    let holder = owners.get(Table::Claims, &rows::pni_key(claim.pni))?;
    let holder = text_of(holder, "aci")?.parse().ok()?;
    (claim.aci != Some(holder)).then_some(holder)
}

fn not_owned(claim: &Claim, owners: &LookedUp) -> Option<Fault> {
    let owner = claim.owner()?;
    let there = owners.get(Table::Accounts, &rows::account_key(owner)).is_some();
    match owners.account(owner) {
        Some(account) if claim.is_confirmed_by(&account) => None,
        Some(_) => Some(Fault::OwnerDenies { owner: owner.to_string() }),
        // What it says cannot be read; that is told of the account.
        None if there => None,
        None => Some(Fault::OwnerGone { owner: owner.to_string() }),
    }
}
