//! What a sweep finds: rows that have run out, pages that nothing points at, devices and accounts that nobody uses.

use std::fmt;

use signet_config::SweepKind;
use signet_storage::accounts::rows::username::UsernameClaim;
use signet_storage::clock::Timestamp;
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{Condition, Item, items};
use signet_storage::ids::{AccountId, DeviceId};

use crate::inspection::Place;

#[derive(Clone, Debug)]
pub enum What {
    /// A row that counts for nothing any more, and in what it has to be as it was read.
    Row {
        kind: SweepKind,
        table: Table,
        key: Item,
        as_read: Vec<Condition>,
    },
    Page(Item),
    Device {
        aci: AccountId,
        device: DeviceId,
    },
    Account {
        kind: SweepKind,
        aci: AccountId,
    },
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It would be taken away, if that were asked for.
    Would,
    Removed,
    /// It was changed meanwhile.
    Stays,
    /// It is told of, and not taken away unless asked for by name.
    Told,
}

#[derive(Debug)]
pub struct Found {
    pub what: What,
    pub fate: Fate,
}

impl What {
    pub const fn kind(&self) -> SweepKind {
        match self {
            Self::Row { kind, .. } | Self::Account { kind, .. } => *kind,
            Self::Page(_) => SweepKind::Pages,
            Self::Device { .. } => SweepKind::Linked,
        }
    }
}

/// For operators: ACIs are shown, what else could be found out by is not.
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row { table, key, .. } => Place { table: *table, key: key.clone() }.fmt(f),
            Self::Page(page) => Place { table: Table::Prekeys, key: Table::Prekeys.spec().key_of(page) }.fmt(f),
            Self::Device { aci, device } => write!(f, "device {} of account {aci}", device.get()),
            Self::Account { aci, .. } => write!(f, "account {aci}"),
        }
    }
}

/// A row that the store may drop by itself, and has not yet.
pub fn expired(kind: SweepKind, row: &Item, now: Timestamp) -> Option<What> {
    let expires = row.get("expires")?;
    let seconds: i64 = expires.as_n().ok()?.parse().ok()?;
    let table = super::table_of(kind);
    let as_read = vec![Condition::Equals("expires", expires.clone())];
    (seconds < now.seconds()).then(|| What::Row { kind, table, key: table.spec().key_of(row), as_read })
}

/// A username that was kept for somebody, and is not any more.
pub fn ended_name(row: &Item, now: Timestamp) -> Option<What> {
    items::text_of(row, "claim").filter(|claim| claim.starts_with("username#"))?;
    let claim: UsernameClaim = items::from_item(row.clone(), "username claim").ok()?;
    let over = !claim.confirmed && claim.until.is_some_and(|until| until <= now);
    let same = |name: &'static str| row.get(name).map(|value| Condition::Equals(name, value.clone()));
    let as_read = ["aci", "confirmed", "until"].into_iter().filter_map(same).collect();
    let key = Table::Claims.spec().key_of(row);
    over.then_some(What::Row { kind: SweepKind::Usernames, table: Table::Claims, key, as_read })
}
