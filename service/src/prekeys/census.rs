//! How full the pools of one-time keys are, over all devices: the gauge `signet_prekey_pools{kind,size}`.
//!
//! The rows are walked through a bounded piece at a time, and the gauge is set when a walk has come to its end: it shows some time
//! in the past, an hour ago or a day, depending on how many devices there are. Every node walks for itself and finds the same.

use signet_keys::{KeysManager, Kind};
use signet_storage::StoreError;
use signet_storage::dynamo::Item;
use tokio::sync::Mutex;

/// The least that a pool of each size has, and the size's name.
const SIZES: [(u64, &str); 4] = [(0, "0"), (1, "1-20"), (21, "21-50"), (51, "51-100")];
/// Rows that are read at once, about a megabyte, and how many times in a turn.
const ROWS: i32 = 400;
const READS: usize = 12;

pub struct Census {
    keys: KeysManager,
    rows: i32,
    reads: usize,
    walk: Mutex<Walk>,
}

/// How many pools there are, by [`Kind`] and by the order of their sizes.
pub type Pools = [[u64; SIZES.len()]; Kind::ALL.len()];

#[derive(Default)]
struct Walk {
    from: Option<Item>,
    pools: Pools,
}

impl Census {
    pub fn new(keys: KeysManager) -> Self {
        Self::with_turns_of(keys, ROWS, READS)
    }

    /// Turns of another length, for tests.
    pub fn with_turns_of(keys: KeysManager, rows: i32, reads: usize) -> Self {
        Self { keys, rows, reads, walk: Mutex::default() }
    }

    /// Goes on with the walk for a turn; gives what was counted if it came to its end. A store that does not answer ends the turn: the
    /// next one goes on at the same place.
    pub async fn go_on(&self) -> Result<Option<Pools>, StoreError> {
        let mut walk = self.walk.lock().await;
        for _ in 0..self.reads {
            let (devices, next) = self.keys.walk(self.rows, walk.from.clone()).await?;
            devices.iter().for_each(|left| walk.count(left));
            if next.is_none() {
                let Walk { pools, .. } = std::mem::take(&mut *walk);
                publish(&pools);
                return Ok(Some(pools));
            }
            walk.from = next;
        }
        Ok(None)
    }
}

impl Walk {
    fn count(&mut self, left: &[u64; 2]) {
        for (pools, left) in self.pools.iter_mut().zip(left) {
            let size = SIZES.iter().rposition(|(least, _)| least <= left).unwrap_or_default();
            pools[size] += 1;
        }
    }
}

fn publish(pools: &Pools) {
    for kind in Kind::ALL {
        for (count, (_, size)) in pools[kind as usize].into_iter().zip(SIZES) {
            metrics::gauge!("signet_prekey_pools", "kind" => kind.name(), "size" => size).set(count as f64);
        }
    }
}
