//! What devices can do, and what their account can by that (contract keys-devices §3.6, registration §3.9). One table.

use std::collections::{BTreeSet, HashMap};

use super::{Account, Device};
use crate::ids::DeviceId;

/// Something that a client can do or not, by its name on the wire.
#[derive(Debug)]
pub struct Capability {
    name: &'static str,
    mode: Mode,
    /// No device is added that would take it from the account.
    prevents_downgrade: bool,
    /// No device is let in without it.
    required: bool,
}

/// When an account has it: when one device has it, when all have it, or when the one that registered has it.
#[derive(Clone, Copy, Debug)]
enum Mode {
    Any,
    All,
    Primary,
}

pub const STORAGE: Capability = plain("storage", Mode::Any);
pub const TRANSFER: Capability = plain("transfer", Mode::Primary);
const SPQR: Capability = Capability { prevents_downgrade: true, required: true, ..plain("spqr", Mode::All) };
const USERNAME_CHANGE: Capability =
    Capability { prevents_downgrade: true, ..plain("usernameChangeSyncMessage", Mode::All) };

/// Those that are stored.
const KNOWN: [Capability; 7] = [
    STORAGE,
    TRANSFER,
    plain("attachmentBackfill", Mode::Primary),
    SPQR,
    plain("profiles_v2", Mode::All),
    USERNAME_CHANGE,
    plain("optionalPhoneNumber", Mode::All),
];

const fn plain(name: &'static str, mode: Mode) -> Capability {
    Capability { name, mode, prevents_downgrade: false, required: false }
}

/// Capabilities as clients send them: a name and whether they have it.
pub type Presented = HashMap<String, Option<bool>>;

/// The names that are known and true. Others are ignored.
pub fn known(presented: &Presented) -> BTreeSet<String> {
    let held = KNOWN.iter().filter(|known| presented.get(known.name) == Some(&Some(true)));
    held.map(|known| known.name.to_owned()).collect()
}

/// Is nothing missing that every new device must have?
pub fn has_required(capabilities: &BTreeSet<String>) -> bool {
    KNOWN.iter().filter(|known| known.required).all(|known| capabilities.contains(known.name))
}

impl Account {
    /// The names of what it can do.
    pub fn capabilities(&self) -> impl Iterator<Item = &'static str> {
        KNOWN.iter().filter(|known| self.can(known)).map(|known| known.name)
    }

    pub fn can(&self, capability: &Capability) -> bool {
        let has = |device: &Device| device.capabilities.contains(capability.name);
        match capability.mode {
            Mode::Any => self.devices.iter().any(has),
            Mode::All => self.devices.iter().all(has),
            Mode::Primary => self.device(DeviceId::PRIMARY).is_some_and(has),
        }
    }

    /// Would a further device that can do this make the account lose what it must not, or lack what every device must have?
    pub fn is_downgraded_by(&self, capabilities: &BTreeSet<String>) -> bool {
        let loses = |known: &Capability| !capabilities.contains(known.name) && self.can(known);
        !has_required(capabilities) || KNOWN.iter().filter(|known| known.prevents_downgrade).any(loses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_or_not_true_is_dropped() {
        let presented = [("spqr", Some(true)), ("storage", Some(false)), ("transfer", None), ("flying", Some(true))];
        let presented = presented.map(|(name, held)| (name.to_owned(), held)).into();
        assert_eq!(known(&presented), BTreeSet::from(["spqr".to_owned()]));
        assert!(has_required(&known(&presented)) && !has_required(&known(&Presented::new())));
    }
}
