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
    /// If the cache has no answer, nobody has guessed at the lock, and it is taken for opened.
    LockOpenWithoutCache,
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
