//! Names for things, each a type of its own: never a bare `Uuid` or `u8`.
//!
//! All of them are opaque here: no rule reads meaning out of an id. `Debug` shows only the first four hex digits, enough to
//! tell two apart in one log and too little to look anybody up. The wire forms are those of the contract (keys-devices §0.1):
//! an ACI is a lower-case UUID, a PNI is a bare UUID in JSON and `PNI:<uuid>` as a service id.

use std::fmt;
use std::num::NonZeroU8;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::chance::Chance;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct InvalidId;

/// An account's identity (ACI), for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(Uuid);

/// A phone number's identity (PNI), for ever: it outlives the accounts that hold the number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NumberId(Uuid);

impl AccountId {
    pub fn draw(chance: &Chance) -> Self {
        Self(chance.uuid())
    }

    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// A second of the day for this account: the magnitude of its lower half, as a signed number, modulo a day (contract
    /// registration §13.3).
    pub fn second_of_day(self) -> Duration {
        let (_, lower) = self.0.as_u64_pair();
        let magnitude = lower.cast_signed().checked_abs().unwrap_or(0);
        Duration::from_secs(magnitude.unsigned_abs() % 86_400)
    }
}

impl NumberId {
    pub fn draw(chance: &Chance) -> Self {
        Self(chance.uuid())
    }

    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

/// The bare UUID; service ids put `PNI:` before it.
impl fmt::Display for NumberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "aci:{}…", &self.0.simple().to_string()[..4])
    }
}

impl fmt::Debug for NumberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pni:{}…", &self.0.simple().to_string()[..4])
    }
}

impl FromStr for AccountId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        hyphenated(text).map(Self)
    }
}

/// The bare UUID, as in JSON.
impl FromStr for NumberId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        hyphenated(text).map(Self)
    }
}

/// Hyphenated UUID text, either case. Other spellings of a UUID (braces, URN, no hyphens) are refused.
fn hyphenated(text: &str) -> Result<Uuid, InvalidId> {
    if text.len() != 36 {
        return Err(InvalidId);
    }
    Uuid::try_parse(text).map_err(|_| InvalidId)
}

/// One of the two identities that own keys: keys of either live side by side under their UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceId {
    Aci(AccountId),
    Pni(NumberId),
}

impl ServiceId {
    pub const fn uuid(self) -> Uuid {
        match self {
            Self::Aci(aci) => aci.uuid(),
            Self::Pni(pni) => pni.uuid(),
        }
    }
}

/// What a PNI is known by among service ids; an ACI stands bare.
const PNI_PREFIX: &str = "PNI:";

impl FromStr for ServiceId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.strip_prefix(PNI_PREFIX) {
            Some(pni) => pni.parse().map(Self::Pni),
            None => text.parse().map(Self::Aci),
        }
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aci(aci) => write!(f, "{aci}"),
            Self::Pni(pni) => write!(f, "{PNI_PREFIX}{pni}"),
        }
    }
}

impl fmt::Debug for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aci(aci) => fmt::Debug::fmt(aci, f),
            Self::Pni(pni) => fmt::Debug::fmt(pni, f),
        }
    }
}

/// A device of an account, 1 to 127. The one that registered is 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct DeviceId(NonZeroU8);

impl DeviceId {
    pub const PRIMARY: Self = Self(NonZeroU8::MIN);

    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

impl TryFrom<u8> for DeviceId {
    type Error = InvalidId;

    fn try_from(id: u8) -> Result<Self, InvalidId> {
        NonZeroU8::new(id).filter(|id| id.get() <= 127).map(Self).ok_or(InvalidId)
    }
}

impl From<DeviceId> for u8 {
    fn from(id: DeviceId) -> u8 {
        id.get()
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "device:{}", self.0)
    }
}

/// A number a client draws at each registration so that others notice a new installation: 1 to 0x3FFF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct RegistrationId(u16);

impl RegistrationId {
    pub const MAX: u16 = 0x3FFF;

    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<i64> for RegistrationId {
    type Error = InvalidId;

    fn try_from(id: i64) -> Result<Self, InvalidId> {
        match u16::try_from(id) {
            Ok(id @ 1..=Self::MAX) => Ok(Self(id)),
            _ => Err(InvalidId),
        }
    }
}

impl From<RegistrationId> for i64 {
    fn from(id: RegistrationId) -> i64 {
        id.0.into()
    }
}

/// A verification session: 16 random bytes, so knowing one is having been told it. Never logged.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 16]);

impl SessionId {
    pub fn draw(chance: &Chance) -> Self {
        Self(chance.bytes())
    }

    /// URL-safe base64 with padding, 24 characters: the form in bodies and the key of the row (contract §4.1).
    pub fn encoded(&self) -> String {
        URL_SAFE.encode(self.0)
    }

    /// From raw bytes; only 16 of them can name a session (contract §5.2: other lengths are an invalid argument).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidId> {
        bytes.try_into().map(Self).map_err(|_| InvalidId)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("session:…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_tells_too_little_to_look_anybody_up() {
        let aci = AccountId::draw(&Chance::system());
        assert!(!format!("{aci:?}").contains(&aci.to_string()[4..]));
        assert!(format!("{:?}", SessionId::draw(&Chance::system())).len() < 12);
    }

    #[test]
    fn account_ids_are_read_in_one_spelling() {
        let text = "11111111-2222-4333-8444-aaaaaaaaaaaa";
        assert_eq!(text.parse::<AccountId>().map(|id| id.to_string()), Ok(text.to_owned()));
        for bad in ["", "x", "11111111222243338444aaaaaaaaaaaa", "{11111111-2222-4333-8444-aaaaaaaaaaaa}"] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad}");
        }
    }

    /// Contract keys-devices §5.3. The last two: the smallest number has no magnitude, and its neighbour the largest.
    #[test]
    fn each_account_has_a_second_of_the_day() {
        for (aci, second) in [
            ("c139cb3e-f70c-4460-b221-815e8bdf778f", 73_073),
            ("30018a41-2764-4bc7-a935-775dfef84ad1", 54_447),
            ("adfce52b-9299-4c25-9c51-412fb420c6a6", 59_226),
            ("00000000-0000-0000-8000-000000000000", 0),
            ("00000000-0000-0000-8000-000000000001", i64::MAX.unsigned_abs() % 86_400),
        ] {
            assert_eq!(
                aci.parse::<AccountId>().map(AccountId::second_of_day),
                Ok(Duration::from_secs(second)),
                "{aci}"
            );
        }
    }

    #[test]
    fn service_ids_say_which_identity_they_are() {
        let uuid = "11111111-2222-4333-8444-aaaaaaaaaaaa";
        for (text, is_pni) in [(uuid.to_owned(), false), (format!("PNI:{uuid}"), true)] {
            let id: ServiceId = text.parse().expect("a service id");
            assert_eq!((matches!(id, ServiceId::Pni(_)), id.to_string()), (is_pni, text));
        }
        for bad in ["", "PNI:", "ACI:", &format!("ACI:{uuid}"), &format!("pni:{uuid}"), &format!("PNI:PNI:{uuid}")] {
            assert!(bad.parse::<ServiceId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn bounds_of_small_ids() {
        for (id, valid) in [(0, false), (1, true), (127, true), (128, false)] {
            assert_eq!(DeviceId::try_from(id).is_ok(), valid, "{id}");
        }
        for (id, valid) in [(-1, false), (0, false), (1, true), (0x3FFF, true), (0x4000, false), (i64::MAX, false)] {
            assert_eq!(RegistrationId::try_from(id).is_ok(), valid, "{id}");
        }
    }
}
