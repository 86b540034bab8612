//! Letters from one client to another that may not be there yet: put under a key, kept for an hour, waited for from anywhere
//! in the cluster (contract keys-devices §3.5, §3.7, §3.8).
//!
//! Not a store: a letter may be lost with the cache, and clients that miss one begin anew.
//!
//! Invariants. A letter that is there when a wait begins, or comes while it lasts, is its answer: a waiter listens first and
//! looks then, and whatever it may have missed makes it look again. A key has one waiter: each one says on the key's channel
//! that it waits, and whoever hears of a later one gives up. All hear them in the same order, so exactly one is left. (Should
//! the way to Redis be cut meanwhile, all say so anew, and the one that is left need not be the latest.)

use std::time::Duration;

use bytes::Bytes;
use signet_storage::cache::{Cache, CacheDown, Heard, Subscription};
use signet_storage::chance::Chance;

use crate::stopping::Stopping;

const KEPT_FOR: Duration = Duration::from_secs(3600);
/// Before the cache is asked again that gave no answer.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// What is said on a key's channel: that a letter has come, or else who waits from now on.
const LETTER: Bytes = Bytes::from_static(b"letter");

/// Clones share the letters.
#[derive(Clone)]
pub struct Mailbox {
    cache: Cache,
    chance: Chance,
    stopping: Stopping,
}

impl Mailbox {
    pub const fn new(cache: Cache, chance: Chance, stopping: Stopping) -> Self {
        Self { cache, chance, stopping }
    }

    /// Puts a letter, in the place of an older one. Whoever waits gets it, and so does whoever comes within an hour.
    pub async fn put(&self, key: &str, letter: Bytes) -> Result<(), CacheDown> {
        self.cache.keep(key, letter, KEPT_FOR).await?;
        self.cache.publish(&channel(key), LETTER).await?;
        Ok(())
    }

    /// The letter, as soon as there is one. None when the time is up, somebody else has come to wait for it, or the registry is
    /// to stop.
    ///
    /// # Errors
    /// If the cache does not answer at the beginning. Later the wait goes on without it.
    pub async fn wait(&self, key: &str, at_most: Duration) -> Result<Option<Bytes>, CacheDown> {
        let listening = self.cache.subscribe(&channel(key)).await?;
        let me = self.say(key).await?;
        if let Some(letter) = self.cache.kept(key).await? {
            return Ok(Some(letter));
        }
        let letter = tokio::select! {
            letter = self.listen(key, listening, me) => letter,
            () = tokio::time::sleep(at_most) => None,
            _ = self.stopping.begun() => None,
        };
        Ok(letter)
    }

    /// Says that somebody waits from now on, and returns by what name.
    async fn say(&self, key: &str) -> Result<Bytes, CacheDown> {
        let me = Bytes::copy_from_slice(&self.chance.bytes::<16>());
        self.cache.publish(&channel(key), me.clone()).await?;
        Ok(me)
    }

    /// Until there is a letter, or somebody came later than `me`.
    async fn listen(&self, key: &str, mut listening: Subscription, mut me: Bytes) -> Option<Bytes> {
        let mut heard_me = false;
        loop {
            match listening.next().await {
                Heard::Message(message) if message == LETTER => {}
                Heard::Message(_) if heard_me => return None,
                // Those who spoke before me came before me.
                Heard::Message(message) => {
                    heard_me = message == me;
                    continue;
                }
                Heard::Missed => {
                    me = until_answered(|| self.say(key)).await;
                    heard_me = false;
                }
            }
            if let Some(letter) = until_answered(|| self.cache.kept(key)).await {
                return Some(letter);
            }
        }
    }
}

/// Asks until there is an answer. Whoever waits has an end of its own.
async fn until_answered<T, F: Future<Output = Result<T, CacheDown>>>(ask: impl Fn() -> F) -> T {
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(CacheDown) => tokio::time::sleep(ASK_AGAIN_AFTER).await,
        }
    }
}

fn channel(key: &str) -> String {
    format!("mailbox::{key}")
}
