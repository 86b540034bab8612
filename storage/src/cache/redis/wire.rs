//! The wire: one connection that is subscribed in Redis to whatever anybody in this process is subscribed to.
//!
//! Not what calls go through: those have a connection of their own, and the watcher of that one decides whether Redis is up.
//!
//! What is wanted stands in the [`Hub`]; this only makes Redis agree, many channels at a time. The client answers a SUBSCRIBE
//! as soon as it is written, so a PING follows: Redis takes the commands of a connection in their order, and when it has
//! answered, the subscription is in force. After a break everything is subscribed anew, and everybody is told that they may
//! have missed something.
//!
//! A Redis cluster passes each message on to all of its nodes, but PUBLISH counts the subscribers of one. So all of ours meet
//! at one node, the owner of [`MEETING_SLOT`], and the count is that of the cluster. While that slot moves to another node
//! the count may be short of those who have not moved yet; they hear the message all the same.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use fred::clients::WithOptions;
use fred::prelude::{Client, ClientLike, Error, ErrorKind, EventInterface, FredResult, PubsubInterface, Value};
use fred::types::{ClusterHash, Message};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::timeout;

use super::{ANSWER_WITHIN, Options, Redis, options};
use crate::cache::CacheDown;
use crate::cache::channels::{Change, Hub, Subscription};

pub(super) const MEETING_SLOT: ClusterHash = ClusterHash::Custom(0);

/// Channels that are asked for at a time.
const AT_ONCE: usize = 256;
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_EVERY_WHILE_BROKEN: Duration = Duration::from_millis(100);
/// Looks in vain over one connection before it is given up, as the watcher does.
const LOOKS_PER_CONNECTION: u32 = 10;

impl Redis {
    pub(in crate::cache) async fn publish(&self, channel: &str, message: Bytes) -> Result<u64, CacheDown> {
        self.ask(self.shared.meeting.publish(channel, Value::Bytes(message))).await
    }

    pub(in crate::cache) async fn subscribe(&self, channel: &str) -> Result<Subscription, CacheDown> {
        let hub = &self.shared.hub;
        let (subscribed, is_subscribed) = oneshot::channel();
        // Should this end here, the subscription is dropped, and with it whatever has become of it in Redis.
        let subscription = hub.join(channel);
        let asked = async {
            hub.tell(Change { channel: channel.into(), subscribed: Some(subscribed) });
            is_subscribed.await.map_err(|_| Error::new(ErrorKind::IO, "not subscribed"))
        };
        self.ask(asked).await.map(|()| subscription)
    }

    #[cfg(feature = "test-util")]
    pub(in crate::cache) fn subscriptions(&self) -> usize {
        self.shared.hub.subscriptions()
    }
}

struct Wire {
    client: WithOptions<Client>,
    hub: Weak<Hub>,
    /// Channels whose messages arrive.
    subscribed: HashSet<Box<str>>,
    /// Whether Redis and `subscribed` agree, as far as we know.
    whole: bool,
    /// Callers who wait for that. They do so for a moment only, but a connection that comes back may be faster.
    waiting: Vec<oneshot::Sender<()>>,
    looks: u64,
}

/// Connects and keeps Redis in agreement, until the hub is gone.
pub(super) async fn keep(hub: Weak<Hub>, client: Client, mut changes: mpsc::UnboundedReceiver<Change>) {
    let listening = tokio::spawn(listen(hub.clone(), client.message_rx()));
    let mut reconnected = client.reconnect_rx();
    let mut connection = client.connect();
    let fixed = Options { cluster_hash: Some(MEETING_SLOT), ..options() };
    let mut wire = Wire {
        client: client.with_options(&fixed),
        hub,
        subscribed: HashSet::new(),
        whole: false,
        waiting: Vec::new(),
        looks: 0,
    };
    let (mut batch, mut in_vain) = (Vec::new(), 0);
    loop {
        let pause = if wire.whole { LOOK_EVERY } else { LOOK_EVERY_WHILE_BROKEN };
        tokio::select! {
            received = changes.recv_many(&mut batch, AT_ONCE) => {
                if received == 0 {
                    break;
                }
                wire.settle(std::mem::take(&mut batch)).await;
            }
            _ = reconnected.recv() => wire.whole = false,
            () = tokio::time::sleep(pause) => wire.whole = wire.whole && wire.answers().await.is_ok(),
        }
        if !wire.whole {
            wire.mend().await;
        }
        in_vain = if !wire.whole && client.is_connected() { in_vain + 1 } else { 0 };
        if in_vain == LOOKS_PER_CONNECTION || connection.is_finished() {
            in_vain = 0;
            connection.abort();
            let _ = connection.await;
            connection = client.connect();
        }
    }
    let _ = timeout(ANSWER_WITHIN, client.quit()).await;
    connection.abort();
    listening.abort();
}

impl Wire {
    /// Subscribes to what somebody here wants to hear, and to nothing that nobody does.
    async fn settle(&mut self, changes: Vec<Change>) {
        let Some(hub) = self.hub.upgrade() else { return };
        let (wanted, unwanted): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| hub.has(&change.channel));
        let mut leave = HashSet::new();
        for Change { channel, .. } in unwanted {
            self.subscribed.remove(&channel);
            leave.insert(channel);
        }
        let join: HashSet<_> = wanted.iter().map(|change| &change.channel).collect();
        let join: Vec<_> = join.into_iter().filter(|channel| !self.subscribed.contains(*channel)).cloned().collect();
        self.whole = self.whole && self.ask(leave.into_iter().collect(), &join).await.is_ok();
        self.subscribed.extend(join);
        self.waiting.extend(wanted.into_iter().filter_map(|change| change.subscribed));
        self.tell_waiting();
    }

    fn tell_waiting(&mut self) {
        if !self.whole {
            self.waiting.retain(|subscribed| !subscribed.is_closed());
            return;
        }
        for subscribed in self.waiting.drain(..) {
            // Nobody listens where a caller gave up meanwhile.
            let _ = subscribed.send(());
        }
    }

    /// Subscribes to everything anew: Redis may have forgotten, or remember what we do not know of.
    async fn mend(&mut self) {
        let Some(hub) = self.hub.upgrade() else { return };
        self.subscribed.clear();
        let channels = hub.channels();
        if self.anew(&channels).await.is_ok() {
            self.subscribed.extend(channels);
            self.whole = true;
            hub.missed();
        }
        self.tell_waiting();
    }

    async fn anew(&mut self, channels: &[Box<str>]) -> FredResult<()> {
        // Without a connection this fails at once, and the rest is not tried. No name means all there are.
        self.answers().await?;
        self.client.unsubscribe(Vec::<String>::new()).await?;
        for some in channels.chunks(AT_ONCE) {
            self.ask(Vec::new(), some).await?;
        }
        self.answers().await
    }

    async fn ask(&mut self, leave: Vec<Box<str>>, join: &[Box<str>]) -> FredResult<()> {
        if !leave.is_empty() {
            self.client.unsubscribe(leave.into_iter().map(String::from).collect::<Vec<_>>()).await?;
        }
        if !join.is_empty() {
            self.client.subscribe(join.iter().map(|channel| channel.to_string()).collect::<Vec<_>>()).await?;
            self.answers().await?;
        }
        Ok(())
    }

    /// Whether all that was asked so far has been done. Each look has a word of its own: an answer to another one, or to a
    /// command that should have none, is no answer.
    async fn answers(&mut self) -> FredResult<()> {
        self.looks += 1;
        let word = format!("signet::{}", self.looks);
        let answer: Vec<String> = self.client.ping(Some(word.clone())).await?;
        // One that is subscribed hears "pong" first.
        let expected = answer.last() == Some(&word);
        expected.then_some(()).ok_or_else(|| Error::new(ErrorKind::Protocol, "an answer to something else"))
    }
}

/// Hands on what arrives.
async fn listen(hub: Weak<Hub>, mut messages: broadcast::Receiver<Message>) {
    loop {
        let message = messages.recv().await;
        let Some(hub): Option<Arc<Hub>> = hub.upgrade() else { return };
        match message {
            Ok(Message { channel, value, .. }) => {
                if let Ok(message) = value.convert::<Bytes>() {
                    hub.deliver(&channel, &message);
                }
            }
            Err(RecvError::Lagged(_)) => hub.missed(),
            Err(RecvError::Closed) => return,
        }
    }
}
