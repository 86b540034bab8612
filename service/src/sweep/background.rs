//! The sweep of a running registry: by and by, on one node of all.
//!
//! Who sweeps holds a lease in the cache, and renews it with every piece. If it is lost, or the cache does not answer, the node stops;
//! if the node dies, the lease runs out and another one goes on from the piece that was kept last. Nothing depends on there being one
//! only: what is taken away is taken on conditions (`sweep.rs`).
//!
//! A walk that came to its end is followed by a rest, which all nodes keep.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use signet_storage::StoreError;
use signet_storage::cache::{Cache, CacheDown};
use signet_storage::chance::Chance;

use super::{Counts, Cursor, Fate, Piece, Plan, Sweeper};
use crate::stopping::Stopping;

const LEASE: &str = "sweep:lease";
const CURSOR: &str = "sweep:cursor";
const REST: &str = "sweep:rest";
/// Longer than a piece takes, unless the store hardly answers.
const LEASE_FOR: Duration = Duration::from_secs(15);
/// A cursor is of use for as long as a walk may have to wait for somebody to go on with it.
const CURSOR_FOR: Duration = Duration::from_secs(86_400);
/// A node that starts leaves others time to do so, too.
const FIRST_WITHIN: Duration = Duration::from_secs(300);

pub struct Background {
    sweeper: Sweeper,
    plan: Plan,
    every: Duration,
    cache: Cache,
    chance: Chance,
    stopping: Stopping,
    /// Who holds the lease: this node, since it was started.
    who: String,
    lease_for: Duration,
    pieces: AtomicU64,
}

#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error("another node sweeps")]
    Others,
    #[error(transparent)]
    Cache(#[from] CacheDown),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Background {
    pub fn new(sweeper: Sweeper, cache: Cache, chance: Chance, stopping: Stopping) -> Self {
        let ages = sweeper.ages.clone();
        let ends_primaries = ages.kinds.contains(&signet_config::SweepKind::Primaries);
        let plan = Plan { kinds: ages.kinds, apply: true, ends_primaries, rate: ages.rate };
        let who = chance.uuid().to_string();
        let (lease_for, pieces) = (LEASE_FOR, AtomicU64::default());
        Self { sweeper, plan, every: ages.every, cache, chance, stopping, who, lease_for, pieces }
    }

    /// With a lease of another length, for tests.
    pub fn holding_for(self, lease_for: Duration) -> Self {
        Self { lease_for, ..self }
    }

    /// How many pieces this node has swept.
    pub fn pieces(&self) -> u64 {
        self.pieces.load(Ordering::Relaxed)
    }

    /// Sweeps whenever it is time to, until the registry is to stop; a piece that has been begun is finished.
    pub async fn run(&self) {
        if self.plan.kinds.is_empty() {
            return;
        }
        let mut pause = self.jittered(self.every.min(FIRST_WITHIN) / 2);
        loop {
            tokio::select! {
                _ = self.stopping.begun() => return,
                () = tokio::time::sleep(pause) => {}
            }
            match self.turn().await {
                Ok(()) | Err(Stopped::Others) => {}
                Err(Stopped::Cache(_)) => tracing::debug!("the cache does not answer, so nobody sweeps"),
                Err(Stopped::Store(error)) => tracing::warn!(%error, "the sweep stops for now"),
            }
            // So that a lease that ran out is taken up soon.
            pause = self.jittered(self.lease_for.min(self.every) * 2 / 3);
        }
    }

    /// Goes on with the walk, if it is this node's turn, until it has come to its end.
    async fn turn(&self) -> Result<(), Stopped> {
        if self.cache.kept(REST).await?.is_some() {
            return Ok(());
        }
        self.renew().await?;
        let done = self.walk().await;
        // If this does not reach it, the lease runs out.
        let _ = self.cache.let_go(LEASE, &self.who).await;
        done
    }

    async fn walk(&self) -> Result<(), Stopped> {
        let kept = self.cache.kept(CURSOR).await?;
        let kept = kept.and_then(|text| Cursor::parse(std::str::from_utf8(&text).ok()?));
        let mut cursor = kept.or_else(|| self.plan.begin());
        let (mut counts, mut rows) = (Counts::new(), 0);
        while let Some(here) = cursor {
            if self.stopping.has_begun() {
                return Ok(());
            }
            let Piece { rows: more, found, next, .. } = self.sweeper.step(&self.plan, here).await?;
            self.pieces.fetch_add(1, Ordering::Relaxed);
            rows += more;
            for found in found {
                *counts.entry((found.what.kind(), found.fate)).or_default() += 1;
            }
            let text = next.as_ref().map(Cursor::text).unwrap_or_default();
            self.cache.keep(CURSOR, Bytes::from(text), CURSOR_FOR).await?;
            self.renew().await?;
            cursor = next;
        }
        self.cache.keep(REST, Bytes::from_static(b"rest"), self.jittered(self.every)).await?;
        tell(rows, &counts);
        Ok(())
    }

    async fn renew(&self) -> Result<(), Stopped> {
        if self.cache.hold(LEASE, &self.who, self.lease_for).await? { Ok(()) } else { Err(Stopped::Others) }
    }

    /// Up to a fifth more or less, so that nodes do not ask at the same moment.
    fn jittered(&self, around: Duration) -> Duration {
        around * 4 / 5 + around * self.chance.below(400) / 1_000
    }
}

/// What the walk since this node took it up came to.
fn tell(rows: u64, counts: &Counts) {
    let removed: Vec<_> = counts
        .iter()
        .filter(|((_, fate), _)| *fate == Fate::Removed)
        .map(|((kind, _), count)| format!("{count} {}", kind.as_str()))
        .collect();
    tracing::info!(rows, removed = removed.join(", "), "the sweep has come to its end");
}
