//! The memory in which locks are hashed: allocated once per permit, lent out, taken back.
//!
//! Invariant: lent and idle together, there are never more blocks than `permits * share`, unless one loan alone is larger.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argon2::Block;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Clones are the same memory.
#[derive(Clone)]
pub struct Memory(Arc<Inner>);

struct Inner {
    turns: Arc<Semaphore>,
    permits: usize,
    /// Blocks (KiB) of one permit.
    share: usize,
    idle: Mutex<Vec<Vec<Block>>>,
}

/// Goes back when dropped.
pub struct Loan {
    memory: Memory,
    blocks: Vec<Block>,
    _turn: OwnedSemaphorePermit,
}

impl Memory {
    pub fn new(permits: usize, share: usize) -> Self {
        let turns = Arc::new(Semaphore::new(permits));
        Self(Arc::new(Inner { turns, permits, share, idle: Mutex::default() }))
    }

    /// So many blocks, once it is our turn; turns come in the order of asking. Who needs more than one share (a hash made with
    /// larger parameters than today's) waits for as many as it takes, or for all of them.
    pub async fn borrow(&self, blocks: usize) -> Loan {
        let shares = blocks.div_ceil(self.0.share).clamp(1, self.0.permits);
        let shares = u32::try_from(shares).expect("not more permits than cores");
        let turn = self.0.turns.clone().acquire_many_owned(shares).await.expect("the semaphore is never closed");
        let mut blocks_of_ours = Vec::new();
        for _ in 0..shares {
            // What was kept for the other shares makes room for the larger loan.
            blocks_of_ours = self.idle().pop().unwrap_or_default();
        }
        let wanted = blocks.max(self.0.share);
        if blocks_of_ours.len() < wanted {
            // Not grown: that would hold both at once.
            drop(blocks_of_ours);
            blocks_of_ours = vec![Block::new(); wanted];
        }
        Loan { memory: self.clone(), blocks: blocks_of_ours, _turn: turn }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks that lie idle, by buffer.
    #[cfg(test)]
    pub fn idle_blocks(&self) -> Vec<usize> {
        self.idle().iter().map(Vec::len).collect()
    }
}

impl Loan {
    pub fn blocks(&mut self) -> &mut [Block] {
        &mut self.blocks
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        // Fields are dropped after this, so the turn passes on when the memory is back.
        let blocks = std::mem::take(&mut self.blocks);
        if blocks.len() == self.memory.0.share {
            self.memory.idle().push(blocks);
        }
    }
}
