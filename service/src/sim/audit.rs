//! The inspection of a whole store at once, for the simulation and the tests: whichever requests failed or were cut off, the rows must
//! tell one consistent story. The rules are those of `signet audit` (`inspection.rs`).

use signet_storage::Storage;
use signet_storage::dynamo::items;
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{Dynamo, Item, Walk};
use signet_storage::model::Account;

use crate::inspection::{Inspection, Said};

/// What was found.
#[derive(Debug, Default)]
pub struct Audit {
    pub accounts: Vec<Account>,
    pub claims: usize,
    pub keys: usize,
    pub pages: usize,
    pub sessions: usize,
    pub problems: Vec<String>,
}

impl Audit {
    pub async fn of(storage: &Storage) -> Self {
        let mut audit = Self::default();
        let said = Inspection::of(storage).run(|said| audit.hear(said)).await;
        said.expect("the store is read");
        let accounts = rows(&storage.dynamo, Table::Accounts).await;
        // What cannot be read is among the problems.
        audit.accounts = accounts.into_iter().filter_map(|row| items::from_item(row, "account").ok()).collect();
        audit
    }

    fn hear(&mut self, said: Said) {
        match said {
            Said::Violation { finding, .. } => self.problems.push(finding.to_string()),
            Said::Seen { table, rows, .. } => {
                let rows = usize::try_from(rows).unwrap_or(usize::MAX);
                match table {
                    Table::Claims => self.claims += rows,
                    Table::Keys => self.keys += rows,
                    Table::Prekeys => self.pages += rows,
                    Table::Sessions => self.sessions += rows,
                    Table::Accounts | Table::LinkTokens | Table::Recovery => {}
                }
            }
            Said::Indexed { .. } => {}
        }
    }

    /// # Panics
    /// If anything does not fit.
    #[track_caller]
    pub fn expect_clean(self) -> Self {
        let shown = self.problems.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
        assert!(self.problems.is_empty(), "{} problems in the store:\n{shown}", self.problems.len());
        self
    }
}

/// All rows of a table.
pub async fn rows(dynamo: &Dynamo, table: Table) -> Vec<Item> {
    let walk = Walk { most: 1_000, consistent: true, ..Walk::over(table) };
    let (mut rows, mut from) = (Vec::new(), None);
    loop {
        let (some, next) = dynamo.read_on(walk, from).await.expect("the store is scanned");
        rows.extend(some);
        match next {
            Some(next) => from = Some(next),
            None => return rows,
        }
    }
}
