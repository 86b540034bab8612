//! The composition root: every manager is built here, once, by hand, in the order of their needs.

use std::sync::Arc;

use ipnet::IpNet;
use signet_config::{Config, LimitId};
use signet_keys::KeysManager;
use signet_storage::clock::Clock;
use signet_storage::model::LinkKey;
use signet_storage::model::code::CodeKey;
use signet_storage::secrets;
use signet_storage::{AccountsManager, RecoveryPasswords, Sessions, Storage};

use crate::account::{AccountController, NumberController};
use crate::application::BuildError;
use crate::audit;
use crate::devices::DevicesController;
use crate::events::Events;
use crate::limits::Limits;
use crate::mailbox::Mailbox;
use crate::prekeys::{Census, PrekeysController};
use crate::presence::Presence;
use crate::provisioning::ProvisioningController;
use crate::registration::RegistrationController;
use crate::registration::lock::RegistrationLockVerificationManager;
use crate::shield::Shield;
use crate::stopping::Stopping;
use crate::svr::{SvrController, SvrCredentials};
use crate::sweep::Sweeper;
use crate::sweep::background::Background;
use crate::verification::budget::SmsBudget;
use crate::verification::sender::{CodeSender, Outbox};
use crate::verification::test_numbers::TestNumbers;
use crate::verification::{PhoneVerificationTokenManager, VerificationController};
use crate::waiting::WaitingController;

/// Everything the endpoints and inlets reach.
pub struct Registry {
    pub events: Events,
    pub verification: VerificationController,
    pub registration: RegistrationController,
    pub account: AccountController,
    pub number: NumberController,
    pub devices: DevicesController,
    pub svr: SvrController,
    pub prekeys: PrekeysController,
    pub census: Census,
    pub background: Background,
    pub waiting: WaitingController,
    pub provisioning: ProvisioningController,
    pub mailbox: Mailbox,
    pub stopping: Stopping,
    pub presence: Presence,
    pub accounts: AccountsManager,
    pub keys: KeysManager,
    pub limits: Limits,
    pub shield: Shield,
    pub trusted_proxies: Vec<IpNet>,
    pub outbox: Outbox,
    pub storage: Storage,
    pub clock: Clock,
}

impl Registry {
    /// # Errors
    /// If a key that the registry keeps for itself can be neither read nor made, or the audit cannot be written.
    pub fn build(config: &Config, storage: Storage, sender: CodeSender) -> Result<Self, BuildError> {
        let (clock, chance) = (storage.clock.clone(), storage.chance.clone());
        let audit = config.audit.file(&config.storage).map(|file| audit::start(&file, &clock)).transpose()?;
        let events = Events::with_lossless(clock.clone(), audit);
        let limits = Limits::new(storage.cache.clone(), config.limits.clone());
        let sessions = Sessions::new(&storage);
        let accounts = AccountsManager::new(&storage);
        let keys = KeysManager::new(&storage);
        let recovery = RecoveryPasswords::new(&storage);
        let outbox = sender.outbox().clone();
        let stopping = Stopping::default();
        let presence = Presence::new(storage.cache.clone(), accounts.clone(), chance.clone());
        let mailbox = Mailbox::new(storage.cache.clone(), chance.clone(), stopping.clone());
        let verification = VerificationController {
            sessions: sessions.clone(),
            recovery: recovery.clone(),
            limits: limits.clone(),
            budget: Arc::new(SmsBudget::new(storage.cache.clone(), clock.clone(), config.sms.clone(), events.clone())),
            accounts: accounts.clone(),
            events: events.clone(),
            sender,
            test_numbers: TestNumbers::new(config.verification.test_numbers.clone()),
            challenge: config.verification.challenge,
            code_key: code_key(config, &storage).map_err(BuildError::Secret)?,
            code_lifetime: config.verification.code_lifetime,
            clock: clock.clone(),
            chance: chance.clone(),
        };
        let svr = SvrController {
            credentials: SvrCredentials::of(config, &storage).map_err(BuildError::Secret)?,
            accounts: accounts.clone(),
            limits: limits.clone(),
            clock: clock.clone(),
        };
        let tokens = Arc::new(PhoneVerificationTokenManager {
            sessions,
            recovery: recovery.clone(),
            events: events.clone(),
            clock: clock.clone(),
            patience: config.verification.check_within,
        });
        let hasher = storage.lock_hasher(&config.registration_lock);
        let locks = Arc::new(RegistrationLockVerificationManager {
            limits: limits.clone(),
            cache: storage.cache.clone(),
            hasher: hasher.clone(),
            accounts: accounts.clone(),
            svr: svr.credentials.clone(),
            events: events.clone(),
            clock: clock.clone(),
            holds_for: config.registration_lock.expires_after,
            pause: config.registration_lock.pause,
        });
        let registration = RegistrationController {
            limits: limits.clone(),
            tokens: tokens.clone(),
            locks: locks.clone(),
            accounts: accounts.clone(),
            keys: keys.clone(),
            events: events.clone(),
            clock: clock.clone(),
            chance: chance.clone(),
            by_aci: config.recovery.by_aci,
        };
        let number = NumberController {
            accounts: accounts.clone(),
            keys: keys.clone(),
            limits: limits.clone(),
            tokens,
            locks,
            events: events.clone(),
            clock: clock.clone(),
            chance: chance.clone(),
            wait: config.accounts.change_number_wait,
        };
        let devices = DevicesController {
            accounts: accounts.clone(),
            keys: keys.clone(),
            limits: limits.clone(),
            events: events.clone(),
            mailbox: mailbox.clone(),
            link_key: link_key(config, &storage).map_err(BuildError::Secret)?,
            clock: clock.clone(),
            chance: chance.clone(),
        };
        let sweeper = Sweeper::new(&storage, accounts.clone(), keys.clone(), events.clone(), config.sweep.clone());
        let background = Background::new(sweeper, storage.cache.clone(), storage.chance.clone(), stopping.clone());
        Ok(Self {
            background,
            verification,
            registration,
            account: AccountController {
                accounts: accounts.clone(),
                keys: keys.clone(),
                recovery,
                limits: limits.clone(),
                events: events.clone(),
                hasher,
                clock: clock.clone(),
                chance,
            },
            number,
            devices,
            svr,
            prekeys: PrekeysController {
                accounts: accounts.clone(),
                keys: keys.clone(),
                limits: limits.clone(),
                events: events.clone(),
                low_water: config.prekeys.low_water,
            },
            census: Census::new(keys.clone()),
            waiting: WaitingController { mailbox: mailbox.clone(), limits: limits.clone() },
            provisioning: ProvisioningController { cache: storage.cache.clone(), limits: limits.clone() },
            mailbox,
            presence,
            stopping,
            accounts,
            keys,
            events,
            limits,
            shield: Shield::new(config.limits.get(LimitId::Address)),
            trusted_proxies: config.server.trusted_proxies.clone(),
            outbox,
            storage,
            clock,
        })
    }

    /// Puts other limits in force, from the next request on.
    pub fn update_limits(&self, limits: &signet_config::Limits) {
        self.limits.update(limits.clone());
        self.shield.update(limits.get(LimitId::Address));
    }

    /// What has to be done now and then: forget clients not seen for long, tell sums, drop rows that have expired, and go on
    /// counting keys.
    pub async fn sweep(&self) {
        self.events.publish_sums();
        self.shield.sweep();
        self.storage.sweep().await;
        if let Err(error) = self.census.go_on().await {
            tracing::warn!(%error, "the pools of keys are not counted for now");
        }
    }
}

fn code_key(config: &Config, storage: &Storage) -> std::io::Result<CodeKey> {
    let configured = config.verification.code_key.as_ref();
    let key = secrets::configured_or_kept(configured, &config.storage.path, "verification", &storage.chance)?;
    Ok(CodeKey::new(*key.expose()))
}

fn link_key(config: &Config, storage: &Storage) -> std::io::Result<LinkKey> {
    let configured = config.devices.link_secret.as_ref();
    let key = secrets::configured_or_kept(configured, &config.storage.path, "link", &storage.chance)?;
    Ok(LinkKey::new(key.expose()))
}
