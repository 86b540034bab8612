//! When codes may be sent and guessed: the waits of contract registration §5.2, and what was sent by each transport.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);
/// Waits before the second, third, … SMS; after the last there are no more.
const SMS_WAITS: [Duration; 4] = [MINUTE, Duration::from_secs(120), Duration::from_secs(300), Duration::from_secs(600)];
/// Waits before each call, counted from the first SMS and then from the last call.
const CALL_WAITS: [Duration; 3] = [MINUTE, MINUTE, Duration::from_secs(300)];
/// Waits before the second, third, … guess of one code.
pub(super) const GUESS_WAITS: [Duration; 4] = [Duration::ZERO, Duration::ZERO, MINUTE, Duration::from_secs(120)];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Transport {
    Sms,
    Voice,
}

/// May a thing be done, and when?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Never,
    At(Timestamp),
}

/// What was sent by one transport.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sends {
    pub(super) count: usize,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    /// The provider cannot reach this number this way.
    pub(super) unreachable: bool,
}

impl Sends {
    pub(super) fn sent(&mut self, now: Timestamp) {
        self.count += 1;
        self.first.get_or_insert(now);
        self.last = Some(now);
    }

    pub(super) fn next_sms(&self) -> When {
        match self.count {
            0 => When::AT_ONCE,
            sent => after(self.last, SMS_WAITS.get(sent - 1)),
        }
    }

    /// Nobody is called who was not written to first, or cannot be.
    pub(super) fn next_call(&self, sms: &Self) -> When {
        match self.count {
            0 if sms.unreachable => When::AT_ONCE,
            0 => after(sms.first, CALL_WAITS.first()),
            called => after(self.last, CALL_WAITS.get(called)),
        }
    }

    /// As if nothing had been sent, but for what is known of the number.
    pub(super) fn afresh(&self) -> Self {
        Self { unreachable: self.unreachable, ..Self::default() }
    }
}

impl When {
    pub(super) const AT_ONCE: Self = Self::At(Timestamp::from_millis(0));
}

pub(super) fn after(last: Option<Timestamp>, wait: Option<&Duration>) -> When {
    match (last, wait) {
        (Some(last), Some(wait)) => When::At(last.plus(*wait)),
        _ => When::Never,
    }
}
