//! The composition root: every manager is built here, once, by hand, in the order of their needs.

use ipnet::IpNet;
use signet_config::{Config, LimitId};
use signet_keys::KeysManager;
use signet_storage::clock::Clock;
use signet_storage::model::code::CodeKey;
use signet_storage::secrets;
use signet_storage::{AccountsManager, Sessions, Storage};

use crate::account::AccountController;
use crate::limits::Limits;
use crate::registration::RegistrationController;
use crate::shield::Shield;
use crate::verification::sender::{CodeSender, Outbox};
use crate::verification::test_numbers::TestNumbers;
use crate::verification::{PhoneVerificationTokenManager, VerificationController};

/// Everything the endpoints and inlets reach.
pub struct Registry {
    pub verification: VerificationController,
    pub registration: RegistrationController,
    pub account: AccountController,
    pub accounts: AccountsManager,
    pub shield: Shield,
    pub trusted_proxies: Vec<IpNet>,
    pub outbox: Outbox,
    pub storage: Storage,
    pub clock: Clock,
}

impl Registry {
    /// # Errors
    /// If a key that the registry keeps for itself can be neither read nor made.
    pub fn build(config: &Config, storage: Storage, sender: CodeSender) -> std::io::Result<Self> {
        let (clock, chance) = (storage.clock.clone(), storage.chance.clone());
        let limits = Limits::new(storage.cache.clone(), config.limits.clone());
        let sessions = Sessions::new(&storage);
        let accounts = AccountsManager::new(&storage);
        let outbox = sender.outbox().clone();
        let patience = config.verification.check_within;
        let verification = VerificationController {
            sessions: sessions.clone(),
            limits: limits.clone(),
            sender,
            test_numbers: TestNumbers::new(config.verification.test_numbers.clone()),
            challenge: config.verification.challenge,
            code_key: code_key(config, &storage)?,
            code_lifetime: config.verification.code_lifetime,
            clock: clock.clone(),
            chance: chance.clone(),
        };
        let registration = RegistrationController {
            limits,
            tokens: PhoneVerificationTokenManager::new(sessions, patience),
            accounts: accounts.clone(),
            keys: KeysManager::new(&storage),
            clock: clock.clone(),
            chance,
        };
        Ok(Self {
            verification,
            registration,
            account: AccountController { clock: clock.clone() },
            accounts,
            shield: Shield::new(config.limits.get(LimitId::Address)),
            trusted_proxies: config.server.trusted_proxies.clone(),
            outbox,
            storage,
            clock,
        })
    }

    /// What has to be done now and then: forget clients not seen for long, and drop rows that have expired.
    pub async fn sweep(&self) {
        self.shield.sweep();
        self.storage.sweep().await;
    }
}

/// The configured key, or one made once and kept in the data directory.
fn code_key(config: &Config, storage: &Storage) -> std::io::Result<CodeKey> {
    match &config.verification.code_key {
        Some(key) => Ok(CodeKey::new(*key.expose())),
        None => Ok(CodeKey::new(*secrets::keep_or_make(&config.storage.path, "verification", &storage.chance)?)),
    }
}
