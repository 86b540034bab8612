//! Somebody who registers, seen from below the wire: a proven number, checked keys, and what goes into the account.

use std::collections::BTreeSet;
use std::time::Duration;

use signet_keys::signing::{ClientKeys, IdentityKeyPair};
use signet_keys::{CheckedDeviceKeys, Installation, KeysManager};
use signet_storage::accounts::{AccountsError, Destination, LinkError, Linked, Slot};
use signet_storage::chance::Chance;
use signet_storage::clock::Timestamp;
use signet_storage::hash::SaltedTokenHash;
use signet_storage::ids::{AccountId, DeviceId, RegistrationId, SessionId};
use signet_storage::model::account::{NewAccount, NumberIdentity};
use signet_storage::model::code::{Code, CodeKey, StoredCode};
use signet_storage::model::device::{NewChannel, NewDevice};
use signet_storage::model::session::Transport;
use signet_storage::model::{Account, LinkKey, LinkPermit, LockCleared, VerificationSession, VerifiedNumber};
use signet_storage::number::E164;

use crate::canary::{Kind, record};
use crate::engine::Store;

const LOCK_HOLDS: Duration = Duration::from_secs(7 * 86_400);

#[derive(Clone)]
pub struct Registrant {
    pub aci: CheckedDeviceKeys,
    pub pni: CheckedDeviceKeys,
    pub password: String,
}

impl Registrant {
    pub fn generate() -> Self {
        let password = hex::encode(Chance::system().bytes::<12>());
        record::note(Kind::Random, &password);
        Self { aci: device_keys(), pni: device_keys(), password }
    }

    pub fn account(&self) -> NewAccount {
        NewAccount {
            device: NewDevice {
                auth: SaltedTokenHash::of(&self.password, &Chance::system()),
                name: None,
                channel: NewChannel::Fetches,
                registration_id: RegistrationId::try_from(1234).expect("in range"),
                pni_registration_id: Some(RegistrationId::try_from(5678).expect("in range")),
                user_agent: None,
                capabilities: BTreeSet::from(["storage".to_owned()]),
            },
            identity_key: self.aci.identity().serialize()[..].into(),
            pni_identity_key: self.pni.identity().serialize()[..].into(),
            unidentified_access_key: Some(vec![7; 16].into()),
            unrestricted_unidentified_access: false,
            discoverable_by_phone_number: true,
            registration_lock: None,
            recovery: None,
        }
    }

    /// One try of what a registration does with the store: looks who has the number, then creates or reclaims.
    pub async fn register(&self, store: &Store, number: &str) -> Result<Account, AccountsError> {
        let verified = verified(number, store.now());
        let slot = store.accounts().slot_for(&verified).await?;
        self.register_into(store, slot, &verified).await
    }

    pub async fn register_into(
        &self,
        store: &Store,
        slot: Slot,
        verified: &VerifiedNumber,
    ) -> Result<Account, AccountsError> {
        let (accounts, keys) = (store.accounts(), KeysManager::new(&store.storage));
        match slot {
            Slot::Vacant(slot) => {
                let new = self.account();
                let of = Installation::from(&new.device);
                let writes = keys.writes_for_new_device(slot.ids(), DeviceId::PRIMARY, &of, &self.aci, &self.pni);
                accounts.create(slot, new, writes).await
            }
            Slot::Occupied(account) => {
                let cleared = cleared(*account, store.now());
                let new = self.account();
                let of = Installation::from(&new.device);
                let mut writes =
                    keys.writes_for_new_device(cleared.ids(), DeviceId::PRIMARY, &of, &self.aci, &self.pni);
                writes.extend(keys.writes_for_removed_devices(cleared.account()));
                accounts.reclaim(cleared, verified, new, writes).await
            }
        }
    }
}

impl Registrant {
    /// One try of what a change of number does with the store: looks who has the number, then moves there from the account as it
    /// was seen, with this one's PNI keys for all devices.
    pub async fn change_number(&self, store: &Store, seen: &Account, number: &str) -> Result<Account, AccountsError> {
        let verified = verified(number, store.now());
        let slot = store.accounts().slot_for(&verified).await?;
        self.move_into(store, seen, slot, &verified).await
    }

    pub async fn move_into(
        &self,
        store: &Store,
        seen: &Account,
        slot: Slot,
        verified: &VerifiedNumber,
    ) -> Result<Account, AccountsError> {
        let to = match slot {
            Slot::Vacant(slot) => Destination::Vacant(slot),
            Slot::Occupied(holder) if holder.aci == seen.aci => Destination::Form(verified),
            Slot::Occupied(holder) => Destination::Held(verified, Box::new(cleared(*holder, store.now()))),
        };
        self.move_to(store, seen, to).await
    }

    pub async fn move_to(&self, store: &Store, seen: &Account, to: Destination<'_>) -> Result<Account, AccountsError> {
        let ids = seen.devices.iter().map(|device| device.id);
        let registration_id = RegistrationId::try_from(4567).expect("in range");
        let identity = NumberIdentity {
            key: self.pni.identity().serialize()[..].into(),
            registration_ids: ids.clone().map(|id| (id, registration_id)).collect(),
        };
        let keys = ids.map(|id| (id, self.pni.clone())).collect();
        let writes = |after: &Account, displaced: Option<&Account>| {
            store.keys().writes_for_new_number(seen, after, displaced, &keys)
        };
        store.accounts().change_number(seen, to, &identity, writes).await
    }

    /// A further device of the same person's.
    pub fn further_device(&self) -> NewDevice {
        let auth = SaltedTokenHash::of(&self.password, &Chance::system());
        let capabilities = BTreeSet::from(["spqr".to_owned()]);
        NewDevice { auth, capabilities, ..self.account().device }
    }

    /// Adds it to the account as it was seen, with the same keys as the first one.
    pub async fn link(
        &self,
        store: &Store,
        permit: &LinkPermit,
        seen: &Account,
        new: NewDevice,
    ) -> Result<Linked, LinkError> {
        let (keys, of) = (store.keys(), Installation::from(&new));
        let rows = |ids, device| keys.writes_for_new_device(ids, device, &of, &self.aci, &self.pni);
        store.accounts().add_device(permit, seen, new, rows).await
    }
}

/// Leave to add a device to an account. Those of one millisecond are one.
pub fn permit(aci: AccountId, now: Timestamp) -> LinkPermit {
    let key = LinkKey::new(b"a key");
    key.verify(key.issue(aci, now).reveal(), now).expect("it is new")
}

/// Leave to take over an account that has no lock.
pub fn cleared(account: Account, now: Timestamp) -> LockCleared {
    LockCleared::without_lock(account, LOCK_HOLDS, now).expect("the account has no lock")
}

fn device_keys() -> CheckedDeviceKeys {
    let identity = IdentityKeyPair::generate();
    let ClientKeys { signed, last_resort } = ClientKeys::generate(&identity);
    CheckedDeviceKeys::check(identity.public().clone(), signed, last_resort).expect("our own signatures verify")
}

/// Proof of a number, got the way everybody gets it: a code was sent and submitted.
pub fn verified(number: &str, now: Timestamp) -> VerifiedNumber {
    let session = verified_session(number, now);
    VerifiedNumber::from_session(&session, session.number()).expect("the session is verified")
}

pub fn verified_session(number: &str, now: Timestamp) -> VerificationSession {
    record::note(Kind::Number, number);
    let (chance, key) = (Chance::system(), CodeKey::new([7; 32]));
    let number = E164::parse(number).expect("a number");
    let (id, code) = (SessionId::draw(&chance), Code::draw(&chance));
    let mut session = VerificationSession::begin(id, number, Vec::new(), None, now);
    let stored = StoredCode::of(&code, &id, &key, &chance);
    session.send(Transport::Sms, stored, Duration::from_secs(600), now).expect("the first code may be sent");
    assert_eq!(session.guess(code.reveal(), &key, now), Ok(true));
    session
}
