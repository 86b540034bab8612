//! Who may have somebody's keys (contract keys-devices §1.5). Who comes with an account may have anybody's, and learns whom there
//! is. Who comes without says the account's access key, and learns nothing of accounts that it does not open: whatever is wrong,
//! the answer is 401.

use base64::Engine as _;
use signet_storage::ids::ServiceId;
use signet_storage::model::{Account, Device};

use crate::call::{Call, Caller};
use crate::error::ApiError;
use crate::wire::STANDARD_EITHER;

/// What a call shows to be let in: each of it well-formed, none of it judged.
pub struct Presented<'a> {
    caller: Option<&'a Caller>,
    access_key: Option<AccessKey>,
    group_token: bool,
}

/// Sixteen bytes that an account gives to those whom it lets write to it unseen. It has no `Debug`.
pub struct AccessKey([u8; 16]);

/// Who asks.
pub enum Asker<'a> {
    Account(&'a Caller),
    /// With the account's key, or without one: then only an account that is open to all lets them in.
    Unidentified(Option<AccessKey>),
}

/// The devices whose keys are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    All,
    /// Perhaps a number that no device has.
    One(i8),
    /// Not even a number. That is said after it is known who may ask.
    Nonsense,
}

impl<'a> Presented<'a> {
    /// # Errors
    /// 401 for a header field that is not what it should be, whoever asks.
    pub fn of(call: &'a Call) -> Result<Self, ApiError> {
        let decode = |name| call.headers.get(name).map(|text| STANDARD_EITHER.decode(text)).transpose();
        let access_key = decode("unidentified-access-key").map_err(|_| ApiError::Unauthorized)?;
        let access_key = access_key.map(|key| key.try_into().map(AccessKey)).transpose();
        let group_token = decode("group-send-token").map_err(|_| ApiError::Unauthorized)?;
        if group_token.as_ref().is_some_and(Vec::is_empty) {
            return Err(ApiError::Unauthorized);
        }
        Ok(Self {
            caller: call.caller.as_ref(),
            access_key: access_key.map_err(|_| ApiError::Unauthorized)?,
            group_token: group_token.is_some(),
        })
    }

    /// # Errors
    /// 401 for nobody, for a device that has gone, and for a group's token: who issues these tokens shares a secret with whoever
    /// judges them, and we have none. 400 for such a token beside anything else.
    pub fn asker(self) -> Result<Asker<'a>, ApiError> {
        if let Some(caller) = self.caller {
            caller.device()?;
        }
        match (self.caller, self.access_key, self.group_token) {
            (Some(_), _, true) | (_, Some(_), true) => Err(ApiError::BadRequest),
            (Some(caller), _, false) => Ok(Asker::Account(caller)),
            (None, Some(key), false) => Ok(Asker::Unidentified(Some(key))),
            (None, None, _) => Err(ApiError::Unauthorized),
        }
    }
}

impl Asker<'_> {
    /// The devices whose keys are given.
    ///
    /// # Errors
    /// Each of the contract's table, in its order.
    pub fn allow<'t>(
        &self,
        identity: ServiceId,
        target: Option<&'t Account>,
        wanted: Wanted,
    ) -> Result<Vec<&'t Device>, ApiError> {
        let missing = || match self {
            Self::Account(_) => ApiError::NotFound,
            Self::Unidentified(_) => ApiError::Unauthorized,
        };
        let target = target.ok_or_else(missing)?;
        if let Self::Unidentified(key) = self
            && !opens(key.as_ref(), identity, target)
        {
            return Err(ApiError::Unauthorized);
        }
        let all = target.devices.iter();
        let meant: Vec<_> = match wanted {
            Wanted::All => all.collect(),
            Wanted::One(id) => all.filter(|device| i16::from(device.id.get()) == i16::from(id)).collect(),
            Wanted::Nonsense => return Err(ApiError::Unprocessable),
        };
        if meant.is_empty() { Err(missing()) } else { Ok(meant) }
    }
}

impl Wanted {
    /// `*`, or a number.
    pub fn parse(text: &str) -> Self {
        match text {
            "*" => Self::All,
            one => one.parse().map_or(Self::Nonsense, Self::One),
        }
    }
}

impl AccessKey {
    pub const fn new(key: [u8; 16]) -> Self {
        Self(key)
    }
}

/// Numbers are not written to unseen.
pub fn opens(key: Option<&AccessKey>, identity: ServiceId, target: &Account) -> bool {
    let is_the_one =
        || key.zip(target.unidentified_access_key.as_ref()).is_some_and(|(key, stored)| stored.same_as(&key.0));
    matches!(identity, ServiceId::Aci(_)) && (target.unrestricted_unidentified_access || is_the_one())
}
