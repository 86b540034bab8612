//! The commit `renumber`: an account moves to another number, takes another form of its own, or is known by another identity under
//! the number it has (contract registration §10.2, §11.7).
//!
//! The ACI, its keys and the devices with their credentials stay. The PNI is the number's for ever, so the account gets the other
//! number's and leaves its own behind. Whoever had the other number is displaced: gone with all that was theirs by the very
//! same commit. The number that was left remembers them for thirty days, so that whoever registers it next gets their ACI.
//!
//! Invariant: what was looked at is what is changed. The mover's version, the holder's version (whose lock was opened, or did not
//! hold) and both claims are conditions of the commit.

use uuid::Uuid;

use super::remove::{REMEMBERED_FOR, removal_of_own};
use super::rows::{self, Former};
use super::{AccountsError, AccountsManager, Ids, VacantSlot};
use crate::dynamo::{StoreError, Write};
use crate::ids::NumberId;
use crate::model::account::NumberIdentity;
use crate::model::{Account, LockCleared, VerifiedNumber};
use crate::number::E164;
#[cfg(feature = "planted-bugs")]
use crate::planted::{Bug, planted};
use crate::recovery;

/// Where an account moves, and the evidence that it may.
#[derive(Debug)]
pub enum Destination<'a> {
    /// The number it has, as it is written now. Nobody has to prove that.
    Same,
    /// Another form of the number that it has.
    Form(&'a VerifiedNumber),
    /// A number that nobody has.
    Vacant(VacantSlot),
    /// A number that another account has, and ends with.
    Held(&'a VerifiedNumber, Box<LockCleared>),
}

impl AccountsManager {
    /// Moves the account there from the version that was read, all or nothing, and caches it. `keys` are the writes of its new
    /// identity's keys and the removal of the old one's and of the displaced account's; it is given the account as it will be and
    /// the one that ends by this.
    ///
    /// # Errors
    /// [`AccountsError::Contested`] if either account changed since it was read, or somebody else got the number first. If the
    /// answer of the store is lost, the commit is sent again and recognises its own rows.
    pub async fn change_number(
        &self,
        before: &Account,
        to: Destination<'_>,
        identity: &NumberIdentity,
        keys: impl FnOnce(&Account, Option<&Account>) -> Vec<Write>,
    ) -> Result<Account, AccountsError> {
        let (number, pni) = to.address(before)?;
        let account = before.renumbered(number, pni, identity);
        let (number, ids, displaced) = (&account.phone_number, account.ids(), to.displaced());
        let (commit, remembered_until) = (self.chance.uuid(), self.clock.now().plus(REMEMBERED_FOR));
        let mut writes = match &to {
            // Not changed, only required.
            Destination::Same | Destination::Form(_) => vec![rows::claim_number(number, ids)],
            Destination::Vacant(slot) => {
                let former = slot.former.clone().map(|former| former.remembered_until(remembered_until));
                let mut writes = departure(before, former, commit);
                writes.push(rows::claim_vacant_number(number, ids, slot.former.as_ref()));
                writes.push(rows::claim_pni(ids));
                writes
            }
            Destination::Held(_, cleared) => {
                let holder = cleared.account();
                let mut writes = departure(before, Some(Former::of(holder, remembered_until)), commit);
                writes.push(rows::take_number(number, ids, holder.aci));
                writes.push(rows::take_pni(ids, holder.aci));
                writes.extend(removal_of_own(holder));
                writes
            }
        };
        writes.push(rows::put_account(&account, Some(before.version), commit));
        writes.extend(keys(&account, displaced));
        Ok(self.commit_displacing("renumber", writes, Some(before), account, displaced).await?)
    }
}

/// The number that is left is nobody's, nor is its PNI, and its recovery password proves it no more.
fn departure(before: &Account, displaced: Option<Former>, commit: Uuid) -> Vec<Write> {
    let claims = [rows::leave_number(before, displaced, commit), rows::release_pni(before)];
    #[cfg(feature = "planted-bugs")]
    if planted(Bug::LeftNumberStaysProved) {
        return claims.into();
    }
    claims.into_iter().chain([recovery::remove(before.pni)]).collect()
}

impl Destination<'_> {
    /// The number as it will be written, and its PNI.
    fn address(&self, before: &Account) -> Result<(E164, NumberId), AccountsError> {
        let is_own = |number: &E164| before.has_number(number);
        match self {
            Self::Same => Ok((before.phone_number.clone(), before.pni)),
            Self::Form(verified) if is_own(verified.number()) => Ok((verified.number().clone(), before.pni)),
            // The account that was read is not the one that lost the number since.
            Self::Vacant(slot) if is_own(&slot.number) => Err(AccountsError::Contested),
            Self::Vacant(slot) => Ok((slot.number.clone(), slot.ids.pni)),
            Self::Held(verified, cleared)
                if !is_own(verified.number()) && cleared.account().has_number(verified.number()) =>
            {
                Ok((verified.number().clone(), cleared.account().pni))
            }
            Self::Form(_) | Self::Held(..) => {
                Err(StoreError::unreadable("claim: it led to an account of another number").into())
            }
        }
    }

    /// The account that ends.
    const fn displaced(&self) -> Option<&Account> {
        match self {
            Self::Held(_, cleared) => Some(cleared.account()),
            _ => None,
        }
    }
}

impl Account {
    const fn ids(&self) -> Ids {
        Ids { aci: self.aci, pni: self.pni }
    }
}
