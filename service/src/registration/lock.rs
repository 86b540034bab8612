//! `RegistrationLockVerificationManager`: may somebody who proved the number take over the account that has it? (contract
//! registration §6.3 to §6.5; seed, phase 2)
//!
//! A lock that is sent is counted before it is compared, twice: against the limiter `pin` (ten, one a day) of the account's
//! number, and by the rule that a wrong one closes the account to further guesses for some minutes (`reglock:{ACI}`). One guess
//! at a time is judged for an account. Counters that cannot be asked let nobody guess.
//!
//! Not here: when a lock holds (`storage::model::lock`), and how it is compared (`storage::lock_hasher`).

mod failure;

use std::time::Duration;

use signet_config::LimitId;
use signet_storage::AccountsManager;
use signet_storage::accounts::Frozen;
use signet_storage::cache::{Cache, Counted};
use signet_storage::clock::Clock;
use signet_storage::ids::AccountId;
use signet_storage::lock_hasher::{LockHasher, MatchedLock, PresentedLock, StoredLock};
use signet_storage::model::evidence::Locked;
use signet_storage::model::{Account, LockCleared, VerifiedBy};
#[cfg(feature = "planted-bugs")]
use signet_storage::planted::{Bug, planted};

use crate::error::ApiError;
use crate::events::{Event, Events};
use crate::limits::{self, Limits};
use crate::svr::SvrCredentials;
pub use failure::LockFailure;

/// The name under which the rule of the pause refuses.
pub const PAUSE: &str = "registrationLock";
/// A guess is judged within this time, or its judge is gone.
const JUDGED_WITHIN: Duration = Duration::from_secs(15);

/// What a client sends as its lock. Nothing and an empty text open no lock; they differ in what they cost (§6.5).
#[derive(Debug)]
pub enum LockPresented {
    No,
    Empty,
    Lock(PresentedLock),
}

impl LockPresented {
    /// A text of any length; whether it can be a lock shows when it is compared.
    pub fn unjudged(text: Option<&str>) -> Self {
        match text {
            None => Self::No,
            Some("") => Self::Empty,
            Some(text) => Self::Lock(PresentedLock::unjudged(text)),
        }
    }
}

pub struct RegistrationLockVerificationManager {
    pub limits: Limits,
    pub cache: Cache,
    pub hasher: LockHasher,
    pub accounts: AccountsManager,
    pub svr: SvrCredentials,
    pub events: Events,
    pub clock: Clock,
    /// A lock holds for so long after its account was last seen.
    pub holds_for: Duration,
    /// After a wrong lock, nobody guesses for so long.
    pub pause: Duration,
}

impl RegistrationLockVerificationManager {
    /// # Errors
    /// 423 if the lock holds and was not opened; the account's credentials are then frozen. 429 if there were too many guesses,
    /// and 503 if they cannot be counted: then nothing has happened.
    pub async fn verify(
        &self,
        account: Account,
        presented: &LockPresented,
        by: VerifiedBy,
    ) -> Result<LockCleared, ApiError> {
        #[cfg(feature = "planted-bugs")]
        if planted(Bug::LockOpenOnCacheMiss) && self.accounts.get_cached(account.aci).await.is_none() {
            return LockCleared::without_lock(account, Duration::ZERO, self.clock.now())
                .map_err(|_| ApiError::Contested);
        }
        let locked = match LockCleared::without_lock(account, self.holds_for, self.clock.now()) {
            Ok(cleared) => return Ok(cleared),
            Err(locked) => locked,
        };
        let (left, was_sent) = match presented {
            LockPresented::Lock(lock) => match self.guess(&locked.account, lock).await? {
                Guess::Right(matched) => {
                    return LockCleared::opened(locked.account, matched).map_err(|_| ApiError::Contested);
                }
                Guess::Wrong { left } => (left, true),
            },
            LockPresented::No | LockPresented::Empty => {
                (self.limits.peek(LimitId::Pin, locked.account.phone_number.as_str()).await?, false)
            }
        };
        let keep_recovery = by == VerifiedBy::RecoveryPassword && matches!(presented, LockPresented::No);
        let frozen = self.accounts.freeze(&locked.account, !keep_recovery).await?;
        Err(self.refuse(&locked, left, was_sent, frozen))
    }

    /// Counts, compares, and remembers what came of it. One guess at a time: of several at once, one is judged.
    async fn guess(&self, account: &Account, lock: &PresentedLock) -> Result<Guess, ApiError> {
        let stored = account.registration_lock.as_ref().ok_or(ApiError::Contested)?;
        let (judging, paused) = (judging_key(account.aci), pause_key(account.aci));
        if self.count(&judging, JUDGED_WITHIN).await?.total > 1 {
            return Err(paused_for(Duration::from_secs(1)));
        }
        let judged = self.judge(account, &paused, stored, lock).await;
        // Not being able to say that the guess is over costs the next one a few seconds.
        let _ = self.cache.remove(&judging).await;
        judged
    }

    async fn judge(
        &self,
        account: &Account,
        paused: &str,
        stored: &StoredLock,
        lock: &PresentedLock,
    ) -> Result<Guess, ApiError> {
        let number = account.phone_number.as_str();
        if let Some(Counted { ends_in, .. }) = self.cache.counted(paused).await.map_err(|_| cannot_count())? {
            return Err(paused_for(ends_in));
        }
        // Only now, lest those who are refused fill the queue; where there is no room to compare, nothing is counted.
        let seat = self.hasher.reserve()?;
        self.limits.take(LimitId::Pin, number).await?;
        // Before the verdict is known, as if it were wrong: whoever is cut off here has guessed.
        self.count(paused, self.pause).await?;
        match self.hasher.verify(seat, stored, lock).await {
            None => Ok(Guess::Wrong { left: self.limits.peek(LimitId::Pin, number).await? }),
            Some(matched) => {
                self.limits.clear(LimitId::Pin, number).await?;
                self.cache.remove(paused).await.map_err(|_| cannot_count())?;
                Ok(Guess::Right(matched))
            }
        }
    }

    async fn count(&self, key: &str, window: Duration) -> Result<Counted, ApiError> {
        self.cache.count(key, 1, window).await.map_err(|_| cannot_count())
    }

    fn refuse(&self, locked: &Locked, left: u64, was_sent: bool, frozen: Frozen) -> ApiError {
        let Locked { account, remaining } = locked;
        let (aci, now) = (account.aci, self.clock.now());
        self.events.publish(Event::LockFailed { aci, presented: was_sent, attempts_left: left });
        if !frozen.devices.is_empty() {
            self.events.publish(Event::CredentialsFrozen { aci, devices: frozen.devices });
        }
        let credentials = self.svr.issue(aci, now);
        ApiError::Locked(Box::new(LockFailure::of(account, *remaining, credentials, left, now)))
    }
}

enum Guess {
    Right(MatchedLock),
    Wrong { left: u64 },
}

/// The seed names this key; operators see it and reset it.
pub fn pause_key(aci: AccountId) -> String {
    format!("reglock:{aci}")
}

fn judging_key(aci: AccountId) -> String {
    format!("reglock-judging:{aci}")
}

fn paused_for(retry_after: Duration) -> ApiError {
    limits::report(PAUSE, "refused");
    ApiError::RateLimited { limiter: PAUSE, retry_after }
}

fn cannot_count() -> ApiError {
    ApiError::Unavailable("guesses at a lock cannot be counted: the cache does not answer".to_owned())
}
