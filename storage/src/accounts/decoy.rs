//! An account that nobody has. Where there is none this one is decoded, so that a refusal takes about as long whether there is
//! somebody or not (`service/docs/enumeration.md`).
//!
//! Not the whole of it: a row that is there has to be carried here from the store, and that cannot be pretended.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::LazyLock;

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::dynamo::{Item, items};
use crate::hash::SaltedTokenHash;
use crate::ids::{AccountId, NumberId, RegistrationId};
use crate::model::account::NewAccount;
use crate::model::device::NewChannel;
use crate::model::{Account, NewDevice, Opaque};
use crate::number::E164;

static ROW: LazyLock<Item> = LazyLock::new(|| items::to_item(&nobodys()));

/// As much work as to read an account that is there.
pub(super) fn read() {
    drop(black_box(items::from_item::<Account>(black_box(&*ROW).clone(), "decoy")));
}

fn nobodys() -> Account {
    let registration_id = RegistrationId::try_from(1_i64).expect("an id");
    let device = NewDevice {
        auth: SaltedTokenHash::of_nobody(),
        name: None,
        channel: NewChannel::Fetches,
        registration_id,
        pni_registration_id: Some(registration_id),
        user_agent: None,
        capabilities: BTreeSet::from(["spqr", "storage", "transfer"].map(str::to_owned)),
    };
    let key = || Opaque::from(vec![5; 33]);
    let new = NewAccount {
        device,
        identity_key: key(),
        pni_identity_key: key(),
        unidentified_access_key: Some(Opaque::from(vec![0; 16])),
        unrestricted_unidentified_access: false,
        discoverable_by_phone_number: false,
        registration_lock: None,
        recovery: None,
    };
    let number = E164::parse("+12025550100").expect("a number");
    let (aci, pni) = (AccountId::from_uuid(Uuid::nil()), NumberId::from_uuid(Uuid::nil()));
    new.begin(aci, pni, number, Timestamp::from_millis(0))
}
