//! The inspection: reads every row of every table and says what does not fit together. `signet audit` runs it for operators, the
//! simulation and the tests after whatever was done to a store.
//!
//! - An account has its number claim (under the canonical form, with its PNI), its PNI claim, the claims of its confirmed username
//!   and of its link, one key row for each of its devices and identities, made with the identity keys that it names, and it
//!   is found by its number in the index.
//! - Whatever a pool of one-time keys has left lies on a page. (Pages that nothing points at are rubbish, and allowed.)
//! - Nothing else is there: each claim, each key row, each recovery password belongs to an account that says the same. A
//!   number may have a PNI and no account; no number has the PNI of somebody else's.
//! - Every row can be read.
//!
//! Tables are walked in pieces, and what a row has to agree with is looked up, so that the memory that is needed does not grow
//! with the store. The registry may go on working meanwhile: what does not fit is read again, twice and a little apart, before it
//! is called a violation. Not here: what the rules are for (`storage/src/lib.rs`), and taking away what has expired (`sweep.rs`).
//! Contract: registration §11.

mod accounts;
mod claims;
mod finding;
mod index;
mod keys;
mod looked_up;
mod others;
mod repair;

use std::time::Duration;

use signet_keys::KeysManager;
use signet_keys::orphans::JUDGED_BY;
use signet_storage::clock::Clock;
use signet_storage::dynamo::tables::{TABLES, Table};
use signet_storage::dynamo::{Dynamo, Item, Walk};
use signet_storage::{Storage, StoreError};
use tokio::task::JoinSet;

pub use finding::{Fault, Finding, Place};
pub use repair::Repaired;

/// Pieces of a table that are looked at side by side.
const AT_ONCE: usize = 4;
/// How long after it was found something is read again, and how often.
const APART: Duration = Duration::from_millis(300);
const LOOKS: usize = 2;

/// Looks at a store. Clones look at the same one.
#[derive(Clone)]
pub struct Inspection {
    dynamo: Dynamo,
    keys: KeysManager,
    clock: Clock,
    pnis: claims::Pnis,
    disputed: keys::Disputed,
    repair: bool,
    apart: Duration,
}

/// What it has to say while it goes on.
#[derive(Debug)]
pub enum Said {
    /// So many more rows of this table were looked at, and so much of it is rubbish.
    Seen {
        table: Table,
        rows: u64,
        rubbish: u64,
    },
    /// So many entries of the index were.
    Indexed {
        rows: u64,
    },
    Violation {
        finding: Finding,
        repaired: Option<Repaired>,
    },
}

/// What some rows came to.
#[derive(Debug, Default)]
struct Looked {
    findings: Vec<Finding>,
    /// What has expired, or nobody points at: no harm, and nobody's loss.
    rubbish: u64,
}

impl Inspection {
    pub fn of(storage: &Storage) -> Self {
        let (dynamo, clock) = (storage.dynamo.clone(), storage.clock.clone());
        let (pnis, disputed) = (claims::Pnis::default(), keys::Disputed::default());
        Self { dynamo, clock, keys: KeysManager::new(storage), pnis, disputed, repair: false, apart: APART }
    }

    /// Mends what can be derived from other rows, and says of the rest why not.
    pub fn with_repair(self, repair: bool) -> Self {
        Self { repair, ..self }
    }

    /// Reads what does not fit again after another time, for tests.
    pub fn looking_again_after(self, apart: Duration) -> Self {
        Self { apart, ..self }
    }

    /// Looks at everything.
    ///
    /// # Errors
    /// If the store does not answer. What was said by then holds.
    pub async fn run(&self, mut say: impl FnMut(Said)) -> Result<(), StoreError> {
        for spec in &TABLES {
            self.table(spec.table, &mut say).await?;
        }
        self.walk_index(&mut say).await
    }

    async fn table(&self, table: Table, say: &mut impl FnMut(Said)) -> Result<(), StoreError> {
        let walk = match table {
            Table::Accounts => Walk { most: 100, consistent: true, ..Walk::over(table) },
            Table::Prekeys => Walk { most: 1_000, consistent: true, only: JUDGED_BY, ..Walk::over(table) },
            _ => Walk { most: 200, consistent: true, ..Walk::over(table) },
        };
        let (mut looking, mut from, mut more) = (JoinSet::new(), None, true);
        loop {
            while more && looking.len() < AT_ONCE {
                let (rows, next) = self.dynamo.read_on(walk, from).await?;
                more = next.is_some();
                from = next;
                let me = self.clone();
                looking.spawn(async move { (rows.len(), me.confirmed(table, rows).await) });
            }
            let Some(looked) = looking.join_next().await else { return Ok(()) };
            let (rows, looked) = looked.expect("looking does not panic");
            let Looked { findings, rubbish } = looked?;
            say(Said::Seen { table, rows: rows as u64, rubbish });
            self.tell(findings, say).await?;
        }
    }

    /// What is wrong with these rows, and stays so.
    async fn confirmed(&self, table: Table, rows: Vec<Item>) -> Result<Looked, StoreError> {
        let mut looked = self.look(table, rows).await?;
        for _ in 0..LOOKS {
            if looked.findings.is_empty() {
                break;
            }
            tokio::time::sleep(self.apart).await;
            let places = finding::places(&looked.findings);
            let rows = self.dynamo.get_all(table, &places, &[]).await?;
            let again = self.look(table, rows).await?.findings;
            looked.findings.retain(|finding| again.contains(finding));
        }
        Ok(looked)
    }

    async fn look(&self, table: Table, rows: Vec<Item>) -> Result<Looked, StoreError> {
        match table {
            Table::Accounts => self.accounts(&rows).await,
            Table::Claims => self.claims(&rows).await,
            Table::Keys => self.key_rows(&rows).await,
            Table::Prekeys => self.pages(rows).await,
            Table::LinkTokens => Ok(self.link_tokens(&rows)),
            Table::Recovery => self.recovery(&rows).await,
            Table::Sessions => Ok(self.sessions(&rows)),
        }
    }

    async fn tell(&self, findings: Vec<Finding>, say: &mut impl FnMut(Said)) -> Result<(), StoreError> {
        for finding in findings {
            let repaired = if self.repair { Some(self.mend(&finding).await?) } else { None };
            say(Said::Violation { finding, repaired });
        }
        Ok(())
    }
}
