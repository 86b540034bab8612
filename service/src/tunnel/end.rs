//! Why a socket ends, and what the client is told of it (contract keys-devices §6.7).

use crate::presence::Over;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client has said goodbye, or is gone without it.
    Gone,
    /// Nothing was heard of the client for too long, or its time was up.
    Timeout,
    /// All that it was for is done.
    Done,
    /// The registry is to stop. What was not answered was not begun.
    Stopping,
    Protocol,
    BadlyFormatted,
    TooLarge,
    Failed,
    /// The credentials that opened it have died.
    Invalid,
    /// The same device has opened another socket.
    Elsewhere,
}

impl End {
    /// Code and reason of the Close frame.
    pub const fn frame(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Gone => None,
            Self::Timeout => Some((1000, "Timeout")),
            Self::Done => Some((1000, "Closed")),
            Self::Stopping => Some((1001, "Restarting")),
            Self::Protocol => Some((1002, "Protocol error")),
            Self::BadlyFormatted => Some((1007, "Badly formatted")),
            Self::TooLarge => Some((1009, "Frame too large")),
            Self::Failed => Some((1011, "Server error")),
            Self::Invalid => Some((4401, "Reauthentication required")),
            Self::Elsewhere => Some((4409, "Connected elsewhere")),
        }
    }

    /// For metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Timeout => "timeout",
            Self::Done => "done",
            Self::Stopping => "stopping",
            Self::Protocol => "protocol",
            Self::BadlyFormatted => "badlyFormatted",
            Self::TooLarge => "tooLarge",
            Self::Failed => "failed",
            Self::Invalid => "invalid",
            Self::Elsewhere => "elsewhere",
        }
    }
}

impl From<Over> for End {
    fn from(over: Over) -> Self {
        match over {
            Over::Elsewhere => Self::Elsewhere,
            Over::Invalid => Self::Invalid,
        }
    }
}
