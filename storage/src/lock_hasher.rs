//! Registration locks are hashed and compared here (contract registration §6; Argon2id instead of the reference's fast hash,
//! because a lock may be a PIN that somebody chose).
//!
//! One computation takes tens of milliseconds and megabytes, so there are never more at once than there are cores and than
//! the memory budget holds. The rest wait in a queue with an end: whoever finds it full is told so at once, by
//! [`LockHasher::reserve`], before anything is counted against them.
//!
//! Invariants: memory for computations never exceeds the budget; a wrong lock and a right one take the same time to judge.
//!
//! Not here: whether a lock is required, and how often one may guess.

mod memory;
mod presented;
mod stored;

use std::fmt;
use std::sync::Arc;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use signet_config::RegistrationLock;
use subtle::ConstantTimeEq as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::Storage;
use crate::chance::Chance;
use crate::task::finished;
use memory::Memory;
pub use presented::{PresentedLock, UnusableLock};
use stored::Parts;
pub use stored::StoredLock;

/// Clones share the queue and the memory.
#[derive(Clone)]
pub struct LockHasher(Arc<Inner>);

struct Inner {
    /// Today's; stored hashes may have others.
    params: Params,
    budget_kib: usize,
    /// One for each computation that may run or wait.
    seats: Arc<Semaphore>,
    memory: Memory,
    chance: Chance,
    /// Computes on the calling task instead of a thread: slow for everybody else, and the same in every replay.
    inline: bool,
}

/// The memory holds traces of locks.
impl fmt::Debug for LockHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockHasher")
    }
}

/// A place in the queue. Dropping it gives it back.
#[derive(Debug)]
#[must_use]
pub struct Seat(#[expect(dead_code, reason = "held, not looked at")] OwnedSemaphorePermit);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many registration locks are being checked")]
pub struct HasherBusy;

/// A lock that matched; only [`LockHasher::verify`] makes one.
#[derive(Clone, Debug)]
#[must_use]
pub struct MatchedLock {
    stored: StoredLock,
    renewed: StoredLock,
}

impl MatchedLock {
    /// The stored hash that was matched, so that whoever writes can tell whether it is still the account's.
    pub const fn stored(&self) -> &StoredLock {
        &self.stored
    }

    /// What to store from now on: the same, or made anew if it was made with other parameters than today's.
    pub fn into_renewed(self) -> StoredLock {
        self.renewed
    }
}

impl LockHasher {
    /// `settings` have been checked.
    pub fn new(settings: &RegistrationLock, chance: Chance) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with_cores(settings, chance, cores)
    }

    fn with_cores(settings: &RegistrationLock, chance: Chance, cores: usize) -> Self {
        let small = |n: u64| u32::try_from(n).expect("a checked configuration has bounds");
        let size = |n: u64| usize::try_from(n).expect("a checked configuration has bounds");
        let params = Params::new(small(settings.memory_kib), small(settings.iterations), small(settings.lanes), None)
            .expect("a checked configuration has parameters that Argon2 takes");
        let budget_kib = size(settings.budget_mib * 1024);
        let permits = cores.min(budget_kib / params.block_count()).max(1);
        Self(Arc::new(Inner {
            seats: Arc::new(Semaphore::new(permits + size(settings.waiting))),
            memory: Memory::new(permits, params.block_count()),
            params,
            budget_kib,
            chance,
            inline: false,
        }))
    }

    /// As [`LockHasher::new`], but without threads.
    #[cfg(feature = "test-util")]
    pub fn inline(settings: &RegistrationLock, chance: Chance) -> Self {
        let Self(inner) = Self::with_cores(settings, chance, 1);
        let inner = Arc::into_inner(inner).expect("nobody else has it yet");
        Self(Arc::new(Inner { inline: true, ..inner }))
    }

    /// A place in the queue, now or not at all.
    pub fn reserve(&self) -> Result<Seat, HasherBusy> {
        self.0.seats.clone().try_acquire_owned().map(Seat).map_err(|refused| {
            debug_assert_eq!(refused, TryAcquireError::NoPermits);
            count("busy");
            HasherBusy
        })
    }

    /// Hashes a lock under a salt of its own.
    pub async fn hash(&self, seat: Seat, lock: &PresentedLock) -> StoredLock {
        let (me, lock) = (self.0.clone(), lock.clone());
        let hashed = self.compute(seat, self.0.params.block_count(), move |memory| me.hash(&lock, memory)).await;
        count("hashed");
        hashed
    }

    /// Does `lock` match what is stored? A hash that cannot be read matches nothing.
    pub async fn verify(&self, seat: Seat, stored: &StoredLock, lock: &PresentedLock) -> Option<MatchedLock> {
        let needs = |parts: &Parts| parts.params.block_count().max(self.0.params.block_count());
        let Some(parts) = stored.parts().filter(|parts| needs(parts) <= self.0.budget_kib) else {
            count("unreadable");
            tracing::error!("a stored registration lock cannot be read, or needs more memory than the budget has");
            return None;
        };
        let (me, lock, stored) = (self.0.clone(), lock.clone(), stored.clone());
        let needed = needs(&parts);
        let matched = self.compute(seat, needed, move |memory| me.verify(stored, &parts, &lock, memory)).await;
        count(if matched.is_some() { "matched" } else { "mismatched" });
        matched
    }

    /// Waits for its turn and computes, in `blocks` of memory (KiB). The seat is held until that is done, also when nobody
    /// waits for the result any more: so long it takes a core and its memory.
    async fn compute<T: Send + 'static>(
        &self,
        seat: Seat,
        blocks: usize,
        work: impl FnOnce(&mut [Block]) -> T + Send + 'static,
    ) -> T {
        let mut loan = self.0.memory.borrow(blocks).await;
        let work = move || {
            let result = work(loan.blocks());
            drop((loan, seat));
            result
        };
        if self.0.inline {
            return work();
        }
        finished(tokio::task::spawn_blocking(work)).await
    }
}

impl Inner {
    fn hash(&self, lock: &PresentedLock, memory: &mut [Block]) -> StoredLock {
        let salt = self.chance.bytes::<16>();
        let output = derive(&self.params, &salt, lock, Params::DEFAULT_OUTPUT_LEN, memory);
        StoredLock::of(&self.params, &salt, &output.expect("checked parameters, and memory for them"))
    }

    fn verify(
        &self,
        stored: StoredLock,
        parts: &Parts,
        lock: &PresentedLock,
        memory: &mut [Block],
    ) -> Option<MatchedLock> {
        let output = derive(&parts.params, &parts.salt, lock, parts.output.len(), memory).ok()?;
        if !bool::from(output.ct_eq(&parts.output)) {
            return None;
        }
        let renewed = if parts.is_made_with(&self.params) { stored.clone() } else { self.hash(lock, memory) };
        Some(MatchedLock { stored, renewed })
    }
}

fn derive(
    params: &Params,
    salt: &[u8],
    lock: &PresentedLock,
    length: usize,
    memory: &mut [Block],
) -> argon2::Result<Vec<u8>> {
    let mut output = vec![0; length];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    argon2.hash_password_into_with_memory(lock.as_bytes(), salt, &mut output, memory)?;
    Ok(output)
}

fn count(outcome: &'static str) {
    metrics::counter!("signet_lock_checks_total", "outcome" => outcome).increment(1);
}

impl Storage {
    /// The hasher for this world: under deterministic simulation it has no threads.
    pub fn lock_hasher(&self, settings: &RegistrationLock) -> LockHasher {
        #[cfg(feature = "test-util")]
        if self.inline {
            return LockHasher::inline(settings, self.chance.clone());
        }
        LockHasher::new(settings, self.chance.clone())
    }
}

#[cfg(test)]
mod tests;
