//! The one edge where errors become HTTP (contract registration §1.3); `grpc/status.rs` is that of gRPC. Each enum that arises
//! elsewhere is named here, once.
//!
//! What the client gets is the status and, where the contract gives one, a body; never an inner text. What is the registry's
//! own fault (5xx) is logged here and nowhere else.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use signet_keys::username_proof::NotProved;
use signet_storage::StoreError;
use signet_storage::accounts::{AccountsError, LinkError, UsernameError};
use signet_storage::cache::CacheDown;
use signet_storage::ids::DeviceId;
use signet_storage::lock_hasher::HasherBusy;
use signet_storage::model::{Account, NotVerified};
use signet_storage::sessions::UpdateError;

use crate::call::Reply;
use crate::limits::Limited;
use crate::registration::lock::LockFailure;
use crate::verification::response::SessionBody;

/// Client too old, an obsolete number format, or a capability missing.
const UPGRADE_NEEDED: u16 = 499;
/// The sender of codes refused.
const UNDELIVERABLE: u16 = 440;
/// Messages are for installations that are gone.
const STALE_DEVICES: u16 = 410;
/// The account has as many devices as it may have.
const TOO_MANY_DEVICES: u16 = 411;
/// A one-time password is wanted, or is wrong.
const TOTP_WANTED: u16 = 441;
/// The account is locked.
const LOCKED: u16 = 423;

#[derive(Debug)]
pub enum ApiError {
    /// The body is not JSON.
    Malformed,
    BadRequest,
    Unauthorized,
    /// It is known who asks, and another device of the account might.
    WrongDevice,
    Forbidden,
    NotFound,
    Conflict,
    /// It was there and is not any more.
    Gone,
    TooLarge,
    /// The body took too long to arrive.
    TooSlow,
    /// The body is JSON and says something impossible.
    Unprocessable,
    UpgradeNeeded,
    RateLimited {
        limiter: &'static str,
        retry_after: Duration,
    },
    /// The account has a registration lock that was not opened.
    Locked(Box<LockFailure>),
    TotpWanted,
    /// A request lists other devices than the account has.
    OtherDevices {
        missing: Vec<DeviceId>,
        extra: Vec<DeviceId>,
    },
    /// A request is for earlier installations of these devices.
    StaleDevices(Vec<DeviceId>),
    /// The account may not have one more.
    TooManyDevices {
        devices: usize,
    },
    /// The client refreshes its view of the session from the error's body.
    Session(Box<SessionError>),
    Undeliverable {
        reason: Undeliverable,
        permanent: bool,
    },
    /// Something the registry needs does not answer. The text is for the log.
    Unavailable(String),
    /// Too many others changed the same thing at once.
    Contested,
    /// Too much of the same is being computed already.
    Busy,
    /// The endpoint panicked; the panic has been reported where it happened.
    Panicked,
}

#[derive(Debug)]
pub struct SessionError {
    pub status: SessionStatus,
    pub session: SessionBody,
    pub retry_after: Option<Duration>,
    /// Who refused, on every 429.
    pub limiter: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    ChallengeFailed = 403,
    Conflict = 409,
    TransportNotAllowed = 418,
    TooMany = 429,
}

/// Why a code cannot be delivered, in the contract's words (§4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Undeliverable {
    ProviderRejected,
    IllegalArgument,
    ProviderUnavailable,
}

impl ApiError {
    /// Logs what is the registry's own fault. `route` is the template of the route, or the method.
    pub fn log(&self, route: &'static str) {
        match self {
            Self::Unavailable(why) => tracing::error!(route, why, "cannot serve"),
            Self::Panicked => tracing::error!(route, "the endpoint panicked"),
            Self::Busy => tracing::warn!(route, "too busy"),
            Self::Contested => tracing::warn!(route, "gave up against contention"),
            _ => {}
        }
    }

    /// `route` is the template of the route, for the log.
    pub fn into_reply(self, route: &'static str) -> Reply {
        self.log(route);
        match self {
            Self::Malformed => Reply::json(400, &json!({"code": 400, "message": "Unable to process JSON"})),
            Self::BadRequest => Reply::empty(400),
            Self::Unauthorized | Self::WrongDevice => {
                Reply::empty(401).with("www-authenticate", r#"Basic realm="signet", charset="UTF-8""#.to_owned())
            }
            Self::Forbidden => Reply::empty(403),
            Self::NotFound => Reply::empty(404),
            Self::Conflict => Reply::empty(409),
            Self::Gone => Reply::empty(410),
            Self::TooSlow => Reply::empty(408),
            Self::TooLarge => Reply::empty(413),
            Self::Unprocessable => Reply::empty(422),
            Self::UpgradeNeeded => Reply::empty(UPGRADE_NEEDED),
            Self::Locked(failure) => Reply::json(LOCKED, &failure),
            Self::TotpWanted => Reply::empty(TOTP_WANTED),
            Self::OtherDevices { missing, extra } => {
                Reply::json(409, &json!({"missingDevices": missing, "extraDevices": extra}))
            }
            Self::StaleDevices(devices) => Reply::json(STALE_DEVICES, &json!({"staleDevices": devices})),
            Self::TooManyDevices { devices } => {
                Reply::json(TOO_MANY_DEVICES, &json!({"current": devices, "max": Account::MOST_DEVICES}))
            }
            Self::RateLimited { limiter, retry_after } => {
                limited_by(limiter, Reply::empty(429).with("retry-after", whole_seconds(retry_after).to_string()))
            }
            Self::Session(e) => e.into_reply(),
            Self::Undeliverable { reason, permanent } => {
                Reply::json(UNDELIVERABLE, &json!({"reason": reason, "permanentFailure": permanent}))
            }
            Self::Panicked => Reply::empty(500),
            Self::Unavailable(_) | Self::Busy | Self::Contested => come_back(),
        }
    }
}

/// Whatever the reason, it may be over in a moment.
fn come_back() -> Reply {
    Reply::empty(503).with("retry-after", "1".to_owned())
}

impl SessionError {
    fn into_reply(self) -> Reply {
        let reply = Reply::json(self.status as u16, &self.session);
        let reply = match self.retry_after {
            Some(wait) => reply.with("retry-after", whole_seconds(wait).to_string()),
            None => reply,
        };
        match self.limiter {
            Some(limiter) => limited_by(limiter, reply),
            None => reply,
        }
    }
}

fn limited_by(limiter: &'static str, reply: Reply) -> Reply {
    reply.with("x-ratelimit-limiter", limiter.to_owned())
}

/// Rounded up and never 0: a client that waits so long is not refused again for being early.
pub fn whole_seconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<CacheDown> for ApiError {
    fn from(down: CacheDown) -> Self {
        Self::Unavailable(down.to_string())
    }
}

impl From<AccountsError> for ApiError {
    fn from(error: AccountsError) -> Self {
        match error {
            AccountsError::Contested => Self::Contested,
            AccountsError::Store(e) => e.into(),
        }
    }
}

impl From<LinkError> for ApiError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::NotPermitted => Self::Forbidden,
            LinkError::OtherIdentity => Self::Unprocessable,
            LinkError::Full { devices } => Self::TooManyDevices { devices },
            LinkError::Downgrade => Self::Conflict,
            LinkError::Accounts(e) => e.into(),
        }
    }
}

impl From<UsernameError> for ApiError {
    fn from(error: UsernameError) -> Self {
        match error {
            UsernameError::NotLetIn => Self::Unauthorized,
            UsernameError::NotReserved | UsernameError::NotAvailable | UsernameError::NoName => Self::Conflict,
            UsernameError::Accounts(e) => e.into(),
        }
    }
}

impl From<NotProved> for ApiError {
    fn from(NotProved: NotProved) -> Self {
        Self::Unprocessable
    }
}

impl From<UpdateError> for ApiError {
    fn from(error: UpdateError) -> Self {
        match error {
            UpdateError::Gone => Self::NotFound,
            UpdateError::Contested => Self::Contested,
            UpdateError::Store(e) => e.into(),
        }
    }
}

impl From<NotVerified> for ApiError {
    fn from(error: NotVerified) -> Self {
        match error {
            NotVerified::OtherNumber => Self::BadRequest,
            NotVerified::NoRightCode => Self::Unauthorized,
            NotVerified::NotThePassword => Self::Forbidden,
        }
    }
}

impl From<HasherBusy> for ApiError {
    fn from(HasherBusy: HasherBusy) -> Self {
        Self::Busy
    }
}

impl From<Limited> for ApiError {
    fn from(limited: Limited) -> Self {
        match limited {
            Limited::Refused { limiter, retry_after } => Self::RateLimited { limiter: limiter.name(), retry_after },
            Limited::StoreDown { limiter } => Self::Unavailable(format!("limiter {} has no store", limiter.name())),
        }
    }
}
