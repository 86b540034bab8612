//! Devices and accounts that nobody has used for long. A device's day is noted when it is heard of, so what was not seen for weeks
//! was not used. A registration lock keeps nobody's account: it holds for a week after the last sign of life, and an account is
//! idle after fourteen days at least.
//!
//! A primary device does not go alone: nobody could link or remove a device afterwards, or open the lock. So its going is the
//! account's end, also for a linked device that is used every day; that is told, and done only if it is asked for by name.

use signet_config::SweepKind;
use signet_storage::StoreError;
use signet_storage::accounts::{AccountsError, Ids};
use signet_storage::clock::Timestamp;
use signet_storage::dynamo::{Item, items};
use signet_storage::ids::{AccountId, DeviceId};
use signet_storage::model::{Account, Device};

use super::{Plan, Sweeper, What};
use crate::events::Event;

/// What of this account is idle. What is of no account that can be read is left to the inspection.
pub fn idle(row: &Item, ages: &signet_config::Sweep, plan: &Plan, now: Timestamp) -> Vec<What> {
    let Ok(account) = items::from_item::<Account>(row.clone(), "account") else { return Vec::new() };
    let aci = account.aci;
    if plan.wants(SweepKind::Accounts) && is_idle_account(&account, ages, now) {
        return vec![What::Account { kind: SweepKind::Accounts, aci }];
    }
    let mut found = Vec::new();
    if plan.wants(SweepKind::Primaries) && has_idle_primary(&account, ages, now) {
        found.push(What::Account { kind: SweepKind::Primaries, aci });
        if plan.ends_primaries {
            return found;
        }
    }
    if plan.wants(SweepKind::Linked) {
        let linked = account.devices.iter().filter(|device| is_idle_linked(device, ages, now));
        found.extend(linked.map(|device| What::Device { aci, device: device.id }));
    }
    found
}

fn is_idle_account(account: &Account, ages: &signet_config::Sweep, now: Timestamp) -> bool {
    account.last_seen().plus(ages.idle_account_after) < now
}

fn has_idle_primary(account: &Account, ages: &signet_config::Sweep, now: Timestamp) -> bool {
    account.device(DeviceId::PRIMARY).is_some_and(|primary| primary.last_seen.plus(ages.idle_primary_after) < now)
}

fn is_idle_linked(device: &Device, ages: &signet_config::Sweep, now: Timestamp) -> bool {
    device.id != DeviceId::PRIMARY && device.last_seen.plus(ages.idle_linked_after) < now
}

impl Sweeper {
    /// Says whether it went: not if it was seen meanwhile, or is gone.
    pub(super) async fn remove_idle(&self, what: &What) -> Result<bool, StoreError> {
        let removed = match what {
            What::Device { aci, device } => self.remove_device(*aci, *device).await,
            What::Account { kind, aci } => self.remove_account(*kind, *aci).await,
            What::Row { .. } | What::Page(_) => Ok(false),
        };
        match removed {
            Ok(removed) => Ok(removed),
            // Somebody keeps changing the account, so it is in use.
            Err(AccountsError::Contested) => Ok(false),
            Err(AccountsError::Store(e)) => Err(e),
        }
    }

    async fn remove_device(&self, aci: AccountId, device: DeviceId) -> Result<bool, AccountsError> {
        let keys = |account: &Account| self.keys.writes_for_removed_device(account, device);
        let idle = |device: &Device| is_idle_linked(device, &self.ages, self.clock.now());
        let Some(account) = self.accounts.remove_idle_device(aci, device, idle, keys).await? else { return Ok(false) };
        self.keys.clear(Ids { aci, pni: account.pni }, vec![device], None).await;
        self.events.publish(Event::IdleDeviceRemoved { aci, device });
        Ok(true)
    }

    async fn remove_account(&self, kind: SweepKind, aci: AccountId) -> Result<bool, AccountsError> {
        let keys = |account: &Account| self.keys.writes_for_removed_account(account);
        let idle = |account: &Account| {
            let (ages, now) = (&self.ages, self.clock.now());
            is_idle_account(account, ages, now)
                || (kind == SweepKind::Primaries && has_idle_primary(account, ages, now))
        };
        let Some(account) = self.accounts.remove_idle_account(aci, idle, keys).await? else { return Ok(false) };
        let ids = Ids { aci, pni: account.pni };
        self.keys.clear(ids, account.devices.iter().map(|device| device.id).collect(), None).await;
        self.events.publish(Event::IdleAccountRemoved { aci });
        Ok(true)
    }
}
