//! Bugs planted on purpose, for the simulation to find: a test of the test. They exist only with the feature `planted-bugs`, which
//! nothing but the test suite turns on, and then only on a thread that asked for one.

use std::cell::Cell;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Rows are read, judged and written back, whoever wrote them meanwhile.
    WriteWithoutVersion,
    /// A number is claimed if it is free, and not if it is the claimant's already.
    ConstraintWithoutMine,
    /// A guess at a code is judged first and counted then.
    GuessCountedAfterwards,
    /// A code asked for too early replaces the one before, and is then refused.
    ResendOverwrites,
    /// Which one-time key is next is looked up first, and that it is taken is written down then.
    DoubleTake,
    /// Whether a link token was used is looked up before the transaction that uses it, which does not ask again.
    TokenLookedUpBefore,
    /// The cache is not told that a device was removed.
    CacheKeptOnUnlink,
    /// The lock of an account that is not in the cache is taken for opened.
    LockOpenOnCacheMiss,
    /// The recovery password of a number that an account left goes on proving it.
    LeftNumberStaysProved,
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// From now on, on this thread, the registry has this bug, or none.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

pub fn planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}
