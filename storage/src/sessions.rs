//! Verification sessions as rows. Every change is conditional on the version that was read, so of two requests at the same
//! time one is applied and the other looks again: that is what makes five guesses five, however many arrive at once.
//!
//! An expired session is absent, whether the store has dropped its row or not.

use std::time::Duration;

use uuid::Uuid;

use crate::Storage;
use crate::chance::Chance;
use crate::clock::{Clock, Timestamp};
use crate::dynamo::items::{self, key, number, text};
use crate::dynamo::tables::Table;
use crate::dynamo::{CommitError, Dynamo, Item, StoreError, Write};
use crate::ids::SessionId;
use crate::model::VerificationSession;

/// Requests for one session that may get in each other's way before one is told to come back.
const ROUNDS: u32 = 12;

#[derive(Clone, Debug)]
pub struct Sessions {
    dynamo: Dynamo,
    clock: Clock,
    chance: Chance,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    #[error("no such session")]
    Gone,
    #[error("too many requests for one session at once")]
    Contested,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sessions {
    pub fn new(storage: &Storage) -> Self {
        let Storage { dynamo, clock, chance, .. } = storage.clone();
        Self { dynamo, clock, chance }
    }

    pub async fn create(&self, session: &VerificationSession) -> Result<(), StoreError> {
        match self.save("begin-session", session, None).await {
            Ok(()) => Ok(()),
            Err(CommitError::Store(e)) => Err(e),
            // Two sessions with one random id: the generator is broken, or somebody plays with the table.
            Err(_) => Err(StoreError::unreadable("session id drawn twice")),
        }
    }

    pub async fn get(&self, id: &SessionId) -> Result<Option<VerificationSession>, StoreError> {
        let Some(row) = self.dynamo.get(Table::Sessions, key("id", id.encoded())).await? else { return Ok(None) };
        let session: VerificationSession = items::from_item(row, "session")?;
        let session = session.restored(*id);
        Ok((self.clock.now() < session.expires()).then_some(session))
    }

    /// Applies `change` to the session as it stands and stores the result, looking again as often as others are faster.
    /// `change` may therefore run several times; a change that alters nothing is not stored. Returns the session after the
    /// change and what `change` returned, once the store has it.
    pub async fn update<T>(
        &self,
        id: &SessionId,
        mut change: impl FnMut(&mut VerificationSession, Timestamp) -> T,
    ) -> Result<(VerificationSession, T), UpdateError> {
        for round in 0..ROUNDS {
            let before = self.get(id).await?.ok_or(UpdateError::Gone)?;
            let mut after = before.clone();
            let verdict = change(&mut after, self.clock.now());
            if after == before {
                return Ok((after, verdict));
            }
            after.advance_version();
            match self.save("session", &after, Some(before.version())).await {
                Ok(()) => return Ok((after, verdict)),
                Err(CommitError::Store(e)) => return Err(e.into()),
                Err(_) => tokio::time::sleep(self.back_off(round)).await,
            }
        }
        Err(UpdateError::Contested)
    }

    async fn save(
        &self,
        name: &'static str,
        session: &VerificationSession,
        expected: Option<u64>,
    ) -> Result<(), CommitError> {
        let commit = self.chance.uuid();
        let condition = items::unchanged_since(expected, "id", &commit.to_string());
        let write = Write::put("session", Table::Sessions, row(session, commit)).only_if(condition);
        self.dynamo.commit(name, vec![write]).await
    }

    fn back_off(&self, round: u32) -> Duration {
        Duration::from_millis(self.chance.below(4 << round.min(5)).into())
    }
}

fn row(session: &VerificationSession, commit: Uuid) -> Item {
    let mut row = items::to_item(session);
    row.insert("id".to_owned(), text(session.id().encoded()));
    // Rounded up: the store must not drop a row that still counts.
    row.insert("expires".to_owned(), number(session.expires().seconds() + 1));
    items::sign(row, &commit.to_string())
}
