//! Sessions, link tokens and recovery passwords: can they be read, and is a recovery password one of a number that somebody has?

use signet_storage::StoreError;
use signet_storage::dynamo::Item;
use signet_storage::dynamo::items::{self, key, text_of};
use signet_storage::dynamo::tables::Table;
use signet_storage::model::VerificationSession;
use signet_storage::model::recovery::NumberRecovery;

use super::looked_up::LookedUp;
use super::{Fault, Finding, Inspection, Looked};

impl Inspection {
    pub(super) fn sessions(&self, rows: &[Item]) -> Looked {
        self.readable(Table::Sessions, rows, |row| items::from_item::<VerificationSession>(row, "session").is_ok())
    }

    pub(super) fn link_tokens(&self, rows: &[Item]) -> Looked {
        self.readable(Table::LinkTokens, rows, |row| expires(&row).is_some())
    }

    pub(super) async fn recovery(&self, rows: &[Item]) -> Result<Looked, StoreError> {
        let read = |row| items::from_item::<NumberRecovery>(row, "recovery password").is_ok();
        let mut looked = self.readable(Table::Recovery, rows, read);
        let claim = |row: &Item| key("claim", format!("pni#{}", text_of(row, "pni").unwrap_or_default()));
        let there = LookedUp::of(&self.dynamo, rows.iter().map(|row| (Table::Claims, claim(row)))).await?;
        let lost = rows.iter().filter(|row| !self.has_expired(row) && there.get(Table::Claims, &claim(row)).is_none());
        looked.findings.extend(lost.map(|row| Finding::new(Table::Recovery, row, Fault::OfNoNumber)));
        Ok(looked)
    }

    fn readable(&self, table: Table, rows: &[Item], read: impl Fn(Item) -> bool) -> Looked {
        let unreadable = rows.iter().filter(|row| !read((*row).clone()));
        let findings = unreadable.map(|row| Finding::new(table, row, Fault::Unreadable)).collect();
        let rubbish = rows.iter().filter(|row| self.has_expired(row)).count() as u64;
        Looked { findings, rubbish }
    }

    fn has_expired(&self, row: &Item) -> bool {
        expires(row).is_some_and(|seconds| seconds < self.clock.now().seconds())
    }
}

/// The second after which the store may drop the row.
pub fn expires(row: &Item) -> Option<i64> {
    row.get("expires")?.as_n().ok()?.parse().ok()
}
