//! Tallies in Redis: a hash per key, a field `name@ends` per counter. What happens in one step is told in `tally.lua`.

use fred::prelude::{KeysInterface, Value};

use super::{Redis, text};
use crate::cache::CacheDown;
use crate::cache::tally::{Change, Slot, Tally};
use crate::clock::Timestamp;

impl Redis {
    pub(in crate::cache) async fn tally(&self, key: &str, changes: &[Change]) -> Result<Tally, CacheDown> {
        let mut args = vec![text(self.shared.clock.now().millis())];
        for change in changes {
            args.extend([field(change), text(change.amount)]);
        }
        let answer: Vec<String> = self.ask(self.shared.run(&self.shared.tally, key, args)).await?;
        Ok(Tally(answer.chunks_exact(2).filter_map(|pair| counter(&pair[0], &pair[1])).collect()))
    }

    pub(in crate::cache) async fn remove_tally(&self, key: &str) -> Result<(), CacheDown> {
        self.ask(self.shared.client.del(key)).await
    }
}

fn field(change: &Change) -> Value {
    text(format_args!("{}@{}", change.name, change.ends.millis()))
}

/// Nothing for a field that is not ours.
fn counter(field: &str, amount: &str) -> Option<Slot> {
    let (name, ends) = field.rsplit_once('@')?;
    let ends = Timestamp::from_millis(ends.parse().ok()?);
    Some(Slot { name: name.to_owned(), ends, amount: amount.parse().ok()? })
}
