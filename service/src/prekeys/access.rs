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
    Unidentified(AccessKey),
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
            (None, Some(key), false) => Ok(Asker::Unidentified(key)),
            (None, None, _) => Err(ApiError::Unauthorized),
        }
    }
}

impl Asker<'_> {
    /// The devices whose keys are given: `*` for all, or the one with this number.
    ///
    /// # Errors
    /// Each of the contract's table, in its order.
    pub fn allow<'t>(
        &self,
        identity: ServiceId,
        target: Option<&'t Account>,
        device: &str,
    ) -> Result<Vec<&'t Device>, ApiError> {
        let missing = || match self {
            Self::Account(_) => ApiError::NotFound,
            Self::Unidentified(_) => ApiError::Unauthorized,
        };
        let target = target.ok_or_else(missing)?;
        if let Self::Unidentified(key) = self
            && !key.opens(identity, target)
        {
            return Err(ApiError::Unauthorized);
        }
        let all = target.devices.iter();
        let meant: Vec<_> = match device {
            "*" => all.collect(),
            one => {
                let id = one.parse::<i8>().map_err(|_| ApiError::Unprocessable)?;
                all.filter(|device| i16::from(device.id.get()) == i16::from(id)).collect()
            }
        };
        if meant.is_empty() { Err(missing()) } else { Ok(meant) }
    }
}

impl AccessKey {
    /// Numbers are not written to unseen.
    fn opens(&self, identity: ServiceId, target: &Account) -> bool {
        let stored = target.unidentified_access_key.as_ref();
        matches!(identity, ServiceId::Aci(_))
            && (target.unrestricted_unidentified_access || stored.is_some_and(|key| key.same_as(&self.0)))
    }
}
