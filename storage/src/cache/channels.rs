//! Channels: what is published reaches whoever is subscribed at that moment, on whichever node, and nobody later.
//!
//! Not a queue and not a log: a message that nobody hears is gone. Whoever may not lose something keeps it elsewhere and
//! publishes only that it is there (`Mailbox` in the service does so).
//!
//! Invariants. A subscription is in force when [`Cache::subscribe`] returns, and what one publisher sends comes in its order.
//! A subscriber that may have missed something is told so, by [`Heard::Missed`]: its queue was full, or the way to Redis
//! was cut for a while. It ends when it is dropped.
//!
//! Each process has one [`Hub`], which hands out what arrives to those who are subscribed here. With a cache in the process
//! that is all; with Redis, `redis/wire.rs` keeps the hub's channels subscribed, over one connection.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc, oneshot};

use super::{Cache, CacheDown};

/// Messages that a subscriber may leave unread. Further ones are missed.
const UNREAD: usize = 32;

/// What a subscriber hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Message(Bytes),
    /// Here something may be missing: look again at whatever it was about.
    Missed,
}

/// Hears one channel, until it is dropped.
pub struct Subscription {
    hub: Arc<Hub>,
    channel: Box<str>,
    inbox: Arc<Inbox>,
}

impl Cache {
    /// Tells everybody who is subscribed to the channel. Says how many those are: subscriptions with a cache in this process,
    /// nodes with Redis. None means that nobody has heard it.
    pub async fn publish(&self, channel: &str, message: Bytes) -> Result<u64, CacheDown> {
        match self {
            Self::Local(local) => Ok(local.here()?.publish(channel, &message)),
            Self::Redis(redis) => redis.publish(channel, message).await,
        }
    }

    /// From its return on, what is published on the channel is heard here. Channels hold names and tokens of clients: begin them
    /// with a word of our own and two colons.
    pub async fn subscribe(&self, channel: &str) -> Result<Subscription, CacheDown> {
        match self {
            Self::Local(local) => Ok(local.here()?.subscribe(channel)),
            Self::Redis(redis) => redis.subscribe(channel).await,
        }
    }

    /// How many subscriptions this process has.
    #[cfg(feature = "test-util")]
    pub fn subscriptions(&self) -> usize {
        match self {
            Self::Local(local) => local.subscriptions(),
            Self::Redis(redis) => redis.subscriptions(),
        }
    }
}

impl Subscription {
    /// The next message, whenever it comes. May be dropped while it waits: nothing is lost by that.
    pub async fn next(&mut self) -> Heard {
        loop {
            if let Some(heard) = self.inbox.take() {
                return heard;
            }
            self.inbox.arrived.notified().await;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.leave(&self.channel, &self.inbox);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscription(…)")
    }
}

/// A channel got a subscriber here, or lost its last one.
pub(super) struct Change {
    pub(super) channel: Box<str>,
    /// Told when messages of the channel arrive here; dropped if they do not.
    pub(super) subscribed: Option<oneshot::Sender<()>>,
}

/// Who is subscribed to what, in this process.
#[derive(Default)]
pub(super) struct Hub {
    inboxes: Mutex<HashMap<Box<str>, Vec<Arc<Inbox>>>>,
    /// Where somebody else has to know of channels that come and go.
    changes: Option<mpsc::UnboundedSender<Change>>,
}

impl Hub {
    pub(super) fn telling(changes: mpsc::UnboundedSender<Change>) -> Self {
        Self { changes: Some(changes), ..Self::default() }
    }

    pub(super) fn join(self: &Arc<Self>, channel: &str) -> Subscription {
        let inbox = Arc::new(Inbox::default());
        self.inboxes().entry(channel.into()).or_default().push(inbox.clone());
        Subscription { hub: self.clone(), channel: channel.into(), inbox }
    }

    fn leave(&self, channel: &str, inbox: &Arc<Inbox>) {
        let mut channels = self.inboxes();
        let Some(here) = channels.get_mut(channel) else { return };
        here.retain(|other| !Arc::ptr_eq(other, inbox));
        if here.is_empty() {
            channels.remove(channel);
            drop(channels);
            self.tell(Change { channel: channel.into(), subscribed: None });
        }
    }

    pub(super) fn tell(&self, change: Change) {
        // Nobody listens any more when the cache is gone, and then nothing is subscribed either.
        let _ = self.changes.as_ref().map(|changes| changes.send(change));
    }

    /// Hands a message to all subscribers of the channel; returns how many took it.
    pub(super) fn deliver(&self, channel: &str, message: &Bytes) -> u64 {
        let channels = self.inboxes();
        let here = channels.get(channel).map_or(&[][..], Vec::as_slice);
        here.iter().map(|inbox| u64::from(inbox.put(message.clone()))).sum()
    }

    /// Tells all subscribers that they may have missed something.
    pub(super) fn missed(&self) {
        self.inboxes().values().flatten().for_each(|inbox| inbox.miss());
    }

    pub(super) fn has(&self, channel: &str) -> bool {
        self.inboxes().contains_key(channel)
    }

    pub(super) fn channels(&self) -> Vec<Box<str>> {
        self.inboxes().keys().cloned().collect()
    }

    #[cfg(feature = "test-util")]
    pub(super) fn subscriptions(&self) -> usize {
        self.inboxes().values().map(Vec::len).sum()
    }

    fn inboxes(&self) -> MutexGuard<'_, HashMap<Box<str>, Vec<Arc<Inbox>>>> {
        self.inboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one subscriber has not read yet.
#[derive(Default)]
struct Inbox {
    unread: Mutex<VecDeque<Heard>>,
    arrived: Notify,
}

impl Inbox {
    /// Says whether there was room.
    fn put(&self, message: Bytes) -> bool {
        let mut unread = self.unread();
        let room = unread.len() < UNREAD;
        if room {
            unread.push_back(Heard::Message(message));
        } else {
            metrics::counter!("signet_messages_missed_total").increment(1);
            note_missed(&mut unread);
        }
        self.arrived.notify_one();
        room
    }

    fn miss(&self) {
        note_missed(&mut self.unread());
        self.arrived.notify_one();
    }

    fn take(&self) -> Option<Heard> {
        let mut unread = self.unread();
        let heard = unread.pop_front();
        if unread.is_empty() {
            // There are many of these, and they rarely hear anything.
            unread.shrink_to_fit();
        }
        heard
    }

    fn unread(&self) -> MutexGuard<'_, VecDeque<Heard>> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note_missed(unread: &mut VecDeque<Heard>) {
    if unread.back() != Some(&Heard::Missed) {
        unread.push_back(Heard::Missed);
    }
}
