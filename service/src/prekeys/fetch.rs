//! `GET /v2/keys/{identifier}/{device}` (contract keys-devices §1.5): what somebody needs to write to an account's devices.
//!
//! Each device's bundle is of one moment by itself. That all bundles of an answer are of one registration, and of the one whose
//! access was judged, is seen by their identity key.

use std::sync::Arc;

use futures::future::try_join_all;
use signet_config::LimitId;
use signet_keys::{Bundle, Installation, Kind, Left, TakeError};
use signet_storage::ids::{DeviceId, ServiceId};
use signet_storage::model::{Account, Device};

use super::access::{Asker, Presented};
use super::controller::PrekeysController;
use super::response::{PreKeyResponse, PreKeyResponseItem};
use super::target;
use crate::call::{Call, Caller, Reply};
use crate::error::ApiError;
use crate::events::Event;

/// Looks at an account that registers again while its keys are taken.
const ROUNDS: u32 = 4;

impl PrekeysController {
    /// Keys of one device or, by `*`, of all; those that have none are left out.
    pub async fn fetch(&self, call: Call) -> Result<Reply, ApiError> {
        let presented = Presented::of(&call)?;
        let identity: ServiceId = call.param("identifier").parse().map_err(|_| ApiError::NotFound)?;
        let (asker, wanted) = (presented.asker()?, call.param("device"));
        let mut target = target::find(&self.accounts, identity).await?;
        for round in 0..ROUNDS {
            let devices = asker.allow(identity, target.as_deref(), wanted)?;
            if let (Asker::Account(caller), 0) = (&asker, round) {
                self.limits.take(LimitId::Prekeys, &limiter_key(caller, identity, wanted, devices[0])).await?;
            }
            let Some(account) = &target else { return Err(ApiError::NotFound) };
            let identity_key = target::identity_key(account, identity)?;
            let bundles = self.take(account, identity, &devices).await?;
            let is_current = bundles.iter().all(|(_, bundle)| bundle.identity == identity_key);
            // The account may have come from the cache. Once it was looked at, devices without keys are really so.
            if is_current && (bundles.len() == devices.len() || round > 0) {
                return answer(identity_key, bundles);
            }
            let refreshed = self.accounts.refresh(account.aci).await?;
            target = refreshed.filter(|account| target::has(account, identity)).map(Arc::new);
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

/// Who takes from whom (contract keys-devices §0.4): a new installation of the target is another target.
fn limiter_key(caller: &Caller, target: ServiceId, wanted: &str, device: &Device) -> String {
    let device = match wanted {
        "*" => "*.*".to_owned(),
        _ => format!("{}.{}", device.id.get(), Installation::from(device).registration_id(target).get()),
    };
    format!("{}.{}__{}.{device}", caller.account.aci, caller.device.get(), target.uuid().hyphenated())
}

fn answer(identity_key: signet_keys::IdentityKey, bundles: Vec<(DeviceId, Bundle)>) -> Result<Reply, ApiError> {
    if bundles.is_empty() {
        return Err(ApiError::NotFound);
    }
    let devices = bundles.into_iter().map(|(device, bundle)| PreKeyResponseItem::of(device, bundle)).collect();
    Ok(Reply::json(200, &PreKeyResponse { identity_key, devices }))
}

impl From<TakeError> for ApiError {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Contested => Self::Contested,
            TakeError::Store(e) => e.into(),
        }
    }
}
