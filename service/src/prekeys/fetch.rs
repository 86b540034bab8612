//! Bundles (contract keys-devices §1.5, §8.2): what somebody needs to write to an account's devices.
//!
//! Each device's bundle is of one moment by itself. That all bundles of an answer are of one registration, and of the one whose
//! access was judged, is seen by their identity key.

use std::sync::Arc;

use futures::future::try_join_all;
use signet_config::LimitId;
use signet_keys::{Bundle, IdentityKey, Installation, Kind, Left, TakeError};
use signet_storage::ids::{DeviceId, ServiceId};
use signet_storage::model::{Account, Device};

use super::access::{Asker, Presented, Wanted};
use super::controller::PrekeysController;
use super::response::{PreKeyResponse, PreKeyResponseItem};
use super::target;
use crate::call::{Call, Caller, Reply};
use crate::error::ApiError;
use crate::events::Event;

/// Looks at an account that registers again while its keys are taken.
const ROUNDS: u32 = 4;

/// What is asked for: the account that has the identity, as far as there is one, and its devices.
pub struct Target {
    pub identity: ServiceId,
    pub wanted: Wanted,
    account: Option<Arc<Account>>,
}

/// Bundles of one registration of an account; there is at least one.
pub struct AccountBundles {
    pub account: Arc<Account>,
    pub identity_key: IdentityKey,
    pub devices: Vec<(DeviceId, Bundle)>,
}

impl PrekeysController {
    /// `GET /v2/keys/{identifier}/{device}`. Who is refused or finds nothing takes no permit.
    pub async fn fetch(&self, call: Call) -> Result<Reply, ApiError> {
        let presented = Presented::of(&call)?;
        let identity: ServiceId = call.param("identifier").parse().map_err(|_| ApiError::NotFound)?;
        let asker = presented.asker()?;
        let target = self.target(&asker, identity, Wanted::parse(call.param("device"))).await?;
        asker.allow(identity, target.account.as_deref(), target.wanted)?;
        self.charge(&asker, &target).await?;
        let AccountBundles { identity_key, devices, .. } = self.bundles(&asker, target).await?;
        let devices = devices.into_iter().map(|(device, bundle)| PreKeyResponseItem::of(device, bundle)).collect();
        Ok(Reply::json(200, &PreKeyResponse { identity_key, devices }))
    }

    /// Whose keys are meant. Of an account that does not let the asker in there is nothing to see.
    pub async fn target(&self, asker: &Asker<'_>, identity: ServiceId, wanted: Wanted) -> Result<Target, ApiError> {
        let account = match asker {
            Asker::Account(_) => target::find(&self.accounts, identity).await?,
            Asker::Unidentified(key) => target::opened_by(&self.accounts, identity, key.as_ref()).await?,
        };
        Ok(Target { identity, wanted, account })
    }

    /// Takes a permit. Who does not say who they are needs none.
    pub async fn charge(&self, asker: &Asker<'_>, target: &Target) -> Result<(), ApiError> {
        let Asker::Account(caller) = asker else { return Ok(()) };
        Ok(self.limits.take(LimitId::Prekeys, &limiter_key(caller, target)).await?)
    }

    /// The bundles of the devices that are wanted; those that have no keys are left out.
    ///
    /// # Errors
    /// Those of `Asker::allow`; 404 if no device has keys.
    pub async fn bundles(&self, asker: &Asker<'_>, target: Target) -> Result<AccountBundles, ApiError> {
        let Target { identity, wanted, account: mut found } = target;
        for round in 0..ROUNDS {
            let devices = asker.allow(identity, found.as_deref(), wanted)?;
            let Some(account) = &found else { return Err(ApiError::NotFound) };
            let identity_key = target::identity_key(account, identity)?;
            let bundles = self.take(account, identity, &devices).await?;
            let is_current = bundles.iter().all(|(_, bundle)| bundle.identity == identity_key);
            // The account may have come from the cache. Once it was looked at, devices without keys are really so.
            if is_current && (bundles.len() == devices.len() || round > 0) {
                let account = account.clone();
                let some = (!bundles.is_empty()).then_some(bundles);
                return some.map(|devices| AccountBundles { account, identity_key, devices }).ok_or(ApiError::NotFound);
            }
            let refreshed = self.accounts.refresh(account.aci).await?;
            found = refreshed.filter(|account| target::has(account, identity)).map(Arc::new);
        }
        Err(ApiError::Contested)
    }

    /// The bundles of these devices, as far as they have keys.
    async fn take(
        &self,
        account: &Account,
        identity: ServiceId,
        devices: &[&Device],
    ) -> Result<Vec<(DeviceId, Bundle)>, ApiError> {
        let take = async |device: &&Device| {
            let bundle = self.keys.take(identity, device.id).await?;
            Ok::<_, TakeError>(bundle.map(|bundle| (device.id, bundle)))
        };
        let bundles: Vec<_> = try_join_all(devices.iter().map(take)).await?.into_iter().flatten().collect();
        for (device, bundle) in &bundles {
            self.tell(account, identity, *device, bundle);
        }
        Ok(bundles)
    }

    /// That a pool runs low is told once, by whoever takes it to the mark.
    fn tell(&self, account: &Account, identity: ServiceId, device: DeviceId, bundle: &Bundle) {
        for kind in Kind::ALL {
            match bundle.left[kind as usize] {
                Left::Empty => {
                    metrics::counter!("signet_prekeys_exhausted_total", "kind" => kind.name()).increment(1);
                }
                Left::Taken(left) if left > 0 && left == self.low_water => self.events.publish(Event::KeysLow {
                    aci: account.aci,
                    device,
                    identity: match identity {
                        ServiceId::Aci(_) => "aci",
                        ServiceId::Pni(_) => "pni",
                    },
                    kind: kind.name(),
                    left: u32::try_from(left).unwrap_or(u32::MAX),
                }),
                Left::Taken(_) => {}
            }
        }
    }
}

/// Who takes from whom (contract keys-devices §0.4): a new installation of the target is another target, and one that is not
/// there is any.
fn limiter_key(caller: &Caller, target: &Target) -> String {
    let Target { identity, wanted, account } = target;
    let device = match wanted {
        Wanted::One(id) => {
            let there = account.as_ref().and_then(|account| account.device(u8::try_from(*id).ok()?.try_into().ok()?));
            let registration =
                |device: &Device| Installation::from(device).registration_id(*identity).get().to_string();
            format!("{id}.{}", there.map_or_else(|| "*".to_owned(), registration))
        }
        Wanted::All | Wanted::Nonsense => "*.*".to_owned(),
    };
    format!("{}.{}__{}.{device}", caller.account.aci, caller.device.get(), identity.uuid().hyphenated())
}

impl From<TakeError> for ApiError {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Contested => Self::Contested,
            TakeError::Store(e) => e.into(),
        }
    }
}
