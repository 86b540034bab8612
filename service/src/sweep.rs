//! The sweep: takes away what has run out and what nobody uses any more (contract registration §11.2, §13.3). `signet sweep` does it
//! by hand, [`background`] by and by; `service/docs/housekeeping.md` says what is taken when, and why.
//!
//! A walk through the tables in pieces, slowly, that can be stopped after each and goes on from a [`Cursor`]. Nothing that is found is
//! believed when it is taken away: a row goes only if it is as it was read, an account or a device only if it is still idle
//! in the version that is committed. Not here: what of the rows does not fit together (`inspection.rs`).

pub mod background;
mod cursor;
mod found;
mod idle;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use signet_config::SweepKind;
use signet_keys::KeysManager;
use signet_keys::orphans::JUDGED_BY;
use signet_storage::dynamo::tables::{TABLES, Table};
use signet_storage::dynamo::{CommitError, Condition, Dynamo, Item, Walk, Write};
use signet_storage::{AccountsManager, Clock, Storage, StoreError};

pub use cursor::Cursor;
pub use found::{Fate, Found, What};

use crate::events::Events;

/// Rows in one piece, at most.
const PIECE: u64 = 200;
/// Removals at the same time.
const AT_ONCE: usize = 8;

/// Clones sweep the same store.
#[derive(Clone)]
pub struct Sweeper {
    dynamo: Dynamo,
    clock: Clock,
    accounts: AccountsManager,
    keys: KeysManager,
    events: Events,
    ages: signet_config::Sweep,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    pub kinds: Vec<SweepKind>,
    /// Nothing is taken away otherwise.
    pub apply: bool,
    /// To end an account that has a linked device which is used, it has to be asked for by name.
    pub ends_primaries: bool,
    /// Rows a second; 0 for as many as there are.
    pub rate: u64,
}

/// What one piece came to.
#[derive(Debug)]
pub struct Piece {
    pub table: Table,
    pub rows: u64,
    pub found: Vec<Found>,
    /// Where to go on; the end if nowhere.
    pub next: Option<Cursor>,
}

impl Sweeper {
    pub fn new(
        storage: &Storage,
        accounts: AccountsManager,
        keys: KeysManager,
        events: Events,
        ages: signet_config::Sweep,
    ) -> Self {
        Self { dynamo: storage.dynamo.clone(), clock: storage.clock.clone(), accounts, keys, events, ages }
    }

    /// Sweeps one piece, no faster than the plan allows.
    ///
    /// # Errors
    /// If the store does not answer. What was taken away by then is; the same piece can be swept again.
    pub async fn step(&self, plan: &Plan, cursor: Cursor) -> Result<Piece, StoreError> {
        let table = cursor.table;
        let most = if plan.rate == 0 { PIECE } else { plan.rate.div_ceil(4).min(PIECE) };
        let walk = Walk {
            most: i32::try_from(most).unwrap_or(i32::MAX),
            consistent: false,
            index: false,
            only: if table == Table::Prekeys { JUDGED_BY } else { &[] },
            table,
        };
        let pace = tokio::time::sleep(time_for(most, plan.rate));
        let (rows, next) = self.dynamo.read_on(walk, cursor.from).await?;
        let seen = rows.len() as u64;
        let found = self.find(table, rows, plan).await?;
        let found: Vec<Found> =
            stream::iter(found).map(|what| self.deal_with(what, plan)).buffered(AT_ONCE).try_collect().await?;
        pace.await;
        let removed = found.iter().filter(|found| found.fate == Fate::Removed).count() as u64;
        tokio::time::sleep(time_for(removed, plan.rate)).await;
        let next = next.map(|from| Cursor { table, from: Some(from) }).or_else(|| plan.after(table));
        Ok(Piece { table, rows: seen, found, next })
    }

    async fn find(&self, table: Table, rows: Vec<Item>, plan: &Plan) -> Result<Vec<What>, StoreError> {
        let now = self.clock.now();
        Ok(match table {
            Table::Prekeys => {
                let unclaimed = self.keys.unclaimed(rows).await?;
                unclaimed.into_iter().filter(|page| self.keys.is_orphan(page)).map(What::Page).collect()
            }
            Table::Accounts => rows.iter().flat_map(|row| idle::idle(row, &self.ages, plan, now)).collect(),
            Table::Claims => rows.iter().filter_map(|row| found::ended_name(row, now)).collect(),
            Table::LinkTokens => rows.iter().filter_map(|row| found::expired(SweepKind::Tokens, row, now)).collect(),
            Table::Recovery => rows.iter().filter_map(|row| found::expired(SweepKind::Recovery, row, now)).collect(),
            Table::Sessions => rows.iter().filter_map(|row| found::expired(SweepKind::Sessions, row, now)).collect(),
            Table::Keys => Vec::new(),
        })
    }

    async fn deal_with(&self, what: What, plan: &Plan) -> Result<Found, StoreError> {
        let kind = what.kind();
        let fate = if kind == SweepKind::Primaries && !plan.ends_primaries {
            Fate::Told
        } else if plan.apply {
            let removed = match &what {
                What::Row { table, key, as_read, .. } => self.remove_row(*table, key.clone(), as_read.clone()).await?,
                What::Page(page) => self.keys.remove_orphan(page).await?,
                What::Device { .. } | What::Account { .. } => self.remove_idle(&what).await?,
            };
            if removed { Fate::Removed } else { Fate::Stays }
        } else {
            Fate::Would
        };
        if fate == Fate::Removed {
            metrics::counter!("signet_swept_total", "kind" => kind.as_str()).increment(1);
        }
        Ok(Found { what, fate })
    }

    /// Only if it is as it was read: what was renewed meanwhile stays.
    async fn remove_row(&self, table: Table, key: Item, as_read: Vec<Condition>) -> Result<bool, StoreError> {
        let removal = Write::delete("row", table, key);
        let removal = match as_read.into_iter().reduce(Condition::and) {
            Some(condition) => removal.only_if(condition),
            None => removal,
        };
        match self.dynamo.commit("sweep", vec![removal]).await {
            Ok(()) => Ok(true),
            Err(CommitError::Refused { .. } | CommitError::Contested) => Ok(false),
            Err(CommitError::Store(e)) => Err(e),
        }
    }
}

impl Plan {
    /// Where a walk begins; nowhere if there is nothing to be done.
    pub fn begin(&self) -> Option<Cursor> {
        self.tables().next().map(|table| Cursor { table, from: None })
    }

    fn after(&self, table: Table) -> Option<Cursor> {
        let mut rest = self.tables().skip_while(|other| *other != table).skip(1);
        rest.next().map(|table| Cursor { table, from: None })
    }

    pub(crate) fn wants(&self, kind: SweepKind) -> bool {
        self.kinds.contains(&kind)
    }

    /// The tables in which there may be something to be taken away: accounts first, since what they leave lies in others.
    fn tables(&self) -> impl Iterator<Item = Table> {
        let wanted = |table| self.kinds.iter().any(|kind| table_of(*kind) == table);
        TABLES.iter().map(|spec| spec.table).filter(move |table| wanted(*table))
    }
}

/// Counts by kind and fate, for whoever tells about a walk.
pub type Counts = BTreeMap<(SweepKind, Fate), u64>;

const fn table_of(kind: SweepKind) -> Table {
    match kind {
        SweepKind::Tokens => Table::LinkTokens,
        SweepKind::Sessions => Table::Sessions,
        SweepKind::Recovery => Table::Recovery,
        SweepKind::Usernames => Table::Claims,
        SweepKind::Pages => Table::Prekeys,
        SweepKind::Linked | SweepKind::Accounts | SweepKind::Primaries => Table::Accounts,
    }
}

fn time_for(rows: u64, rate: u64) -> Duration {
    rows.saturating_mul(1_000_000).checked_div(rate).map_or(Duration::ZERO, Duration::from_micros)
}
