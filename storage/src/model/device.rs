//! A device of an account (contract registration §13.1).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Opaque;
use crate::clock::Timestamp;
use crate::hash::SaltedTokenHash;
use crate::ids::{AccountId, DeviceId, RegistrationId};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    pub id: DeviceId,
    pub auth: SaltedTokenHash,
    pub created: Timestamp,
    /// A midnight, UTC: the registry does not keep more than the day.
    pub last_seen: Timestamp,
    pub name: Option<Opaque>,
    #[serde(flatten)]
    pub channel: PushChannel,
    pub registration_id: RegistrationId,
    pub pni_registration_id: Option<RegistrationId>,
    pub user_agent: Option<String>,
    /// Wire names of what the device can do; only names the registry knows.
    pub capabilities: BTreeSet<String>,
}

/// How messages reach a device: one way, or none.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PushChannel {
    /// It fetches them itself.
    Fetches,
    Apn {
        token: String,
        since: Timestamp,
    },
    Fcm {
        token: String,
        since: Timestamp,
    },
    /// It took its token back, or fetches no more, and has said no other way yet.
    Nothing,
}

/// Whose tokens they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Apn,
    Fcm,
}

impl std::fmt::Debug for PushChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fetches => "Fetches",
            Self::Apn { .. } => "Apn(…)",
            Self::Fcm { .. } => "Fcm(…)",
            Self::Nothing => "Nothing",
        })
    }
}

impl Device {
    /// Notes that the device was heard of, at most once a day: `now` counts as a new day only from a second of the day that
    /// the ACI determines, so that not all accounts are written at midnight (contract registration §13.3). Says whether
    /// there was anything to note.
    pub fn seen(&mut self, aci: AccountId, now: Timestamp) -> bool {
        let unseen = self.is_unseen(aci, now);
        if unseen {
            self.last_seen = now.midnight();
        }
        unseen
    }

    /// Messages reach it by this channel from now on. One kind of token is as good as it was when it is sent again; the other is
    /// newer then (contract registration §9.2). Who fetches from now on keeps a mark of what it had.
    pub fn reach_by(&mut self, channel: NewChannel, now: Timestamp) {
        match (&self.channel, &channel) {
            (PushChannel::Fcm { token, .. }, NewChannel::Fcm(new)) if token == new => return,
            (PushChannel::Apn { .. }, NewChannel::Fetches) if self.id == DeviceId::PRIMARY => self.mark("OWI"),
            (PushChannel::Apn { .. }, NewChannel::Fetches) => self.mark("OWP"),
            (PushChannel::Fcm { .. }, NewChannel::Fetches) => self.mark("OWA"),
            _ => {}
        }
        self.channel = channel.since(now);
    }

    /// It takes back its token of this kind; one of the other kind stays. Which kind it was stays as its mark (contract
    /// registration §9.2).
    pub fn take_back(&mut self, kind: TokenKind) {
        let agent = match kind {
            TokenKind::Fcm => "OWA",
            TokenKind::Apn if self.id == DeviceId::PRIMARY => "OWI",
            TokenKind::Apn => "OWP",
        };
        self.mark(agent);
        let has_other = matches!(
            (&self.channel, kind),
            (PushChannel::Apn { .. }, TokenKind::Fcm) | (PushChannel::Fcm { .. }, TokenKind::Apn)
        );
        if !has_other {
            self.channel = PushChannel::Nothing;
        }
    }

    /// It fetches by itself from now on, or no more. Who does not and has a token is reached by that.
    pub fn fetch_by_itself(&mut self, does: bool) {
        match (&self.channel, does) {
            (_, true) => self.channel = PushChannel::Fetches,
            (PushChannel::Fetches, false) => self.channel = PushChannel::Nothing,
            _ => {}
        }
    }

    fn mark(&mut self, agent: &str) {
        self.user_agent = Some(agent.to_owned());
    }

    /// Is there anything to note?
    pub fn is_unseen(&self, aci: AccountId, now: Timestamp) -> bool {
        self.last_seen < now.minus(aci.second_of_day()).midnight()
    }
}

/// What a client says of a device when it registers or is linked; the rest of a [`Device`] the registry decides.
#[derive(Clone, Debug)]
pub struct NewDevice {
    pub auth: SaltedTokenHash,
    pub name: Option<Opaque>,
    pub channel: NewChannel,
    pub registration_id: RegistrationId,
    pub pni_registration_id: Option<RegistrationId>,
    pub user_agent: Option<String>,
    pub capabilities: BTreeSet<String>,
}

#[derive(Clone, PartialEq, Eq)]
pub enum NewChannel {
    Fetches,
    Apn(String),
    Fcm(String),
}

impl std::fmt::Debug for NewChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fetches => "Fetches",
            Self::Apn(_) => "Apn(…)",
            Self::Fcm(_) => "Fcm(…)",
        })
    }
}

impl NewChannel {
    fn since(self, now: Timestamp) -> PushChannel {
        match self {
            Self::Fetches => PushChannel::Fetches,
            Self::Apn(token) => PushChannel::Apn { token, since: now },
            Self::Fcm(token) => PushChannel::Fcm { token, since: now },
        }
    }
}

impl NewDevice {
    pub fn at(self, id: DeviceId, now: Timestamp) -> Device {
        Device {
            id,
            auth: self.auth,
            created: now,
            last_seen: now.midnight(),
            name: self.name,
            channel: self.channel.since(now),
            registration_id: self.registration_id,
            pni_registration_id: self.pni_registration_id,
            user_agent: self.user_agent,
            capabilities: self.capabilities,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    const DAY: i64 = 86_400_000;
    const TODAY: i64 = 1_590_451_200_000;

    fn last_seen(day: i64) -> Device {
        let new = NewDevice {
            auth: SaltedTokenHash::of("password", &Chance::system()),
            name: None,
            channel: NewChannel::Fetches,
            registration_id: RegistrationId::try_from(1).expect("in range"),
            pni_registration_id: None,
            user_agent: None,
            capabilities: BTreeSet::new(),
        };
        new.at(DeviceId::PRIMARY, Timestamp::from_millis(day))
    }

    /// Contract keys-devices §5.3.
    #[test]
    fn a_day_is_noted_once_and_at_the_second_of_the_account() {
        let first: AccountId = "c139cb3e-f70c-4460-b221-815e8bdf778f".parse().expect("an ACI");
        let second: AccountId = "30018a41-2764-4bc7-a935-775dfef84ad1".parse().expect("an ACI");
        for (aci, seen, now, noted) in [
            (first, TODAY - DAY, TODAY, false),
            (second, TODAY - DAY, TODAY, false),
            (first, TODAY - DAY, TODAY + 68_000_000, false),
            (second, TODAY - DAY, TODAY + 68_000_000, true),
            (first, TODAY - DAY, TODAY + DAY - 1, true),
            (second, TODAY - DAY, TODAY + DAY - 1, true),
            (first, TODAY - 2 * DAY, TODAY, true),
            (second, TODAY - 2 * DAY, TODAY, true),
            // To the millisecond, and never back.
            (second, TODAY - DAY, TODAY + 54_447_000 - 1, false),
            (second, TODAY - DAY, TODAY + 54_447_000, true),
            (second, TODAY, TODAY + DAY - 1, false),
            (second, TODAY + DAY, TODAY, false),
        ] {
            let mut device = last_seen(seen);
            let now = Timestamp::from_millis(now);
            assert_eq!(device.is_unseen(aci, now), noted, "{aci:?} {now:?}");
            assert_eq!(device.seen(aci, now), noted, "{aci:?} {now:?}");
            let after = if noted { TODAY } else { seen };
            assert_eq!(device.last_seen, Timestamp::from_millis(after), "{aci:?} {now:?}");
            assert!(!device.seen(aci, now), "once");
        }
    }
}
