//! What happened, told to whoever wants to know: push wakes devices by it, the audit writes it down. Controllers publish and
//! know no consumer.
//!
//! This is an outbox inside one process: it begins empty at every start and is not the store. What must not be lost with the
//! process belongs into the transaction.
//!
//! Invariants: [`Events::publish`] neither blocks nor fails. A subscriber that is too slow loses events, and that is counted
//! and logged. The one lossless consumer (the audit) gets everything in the order of publishing: its queue has no bound,
//! because an audit that drops lines under load is silent just when somebody attacks. What fills that queue is bounded
//! elsewhere: an event follows a request that the shield and the limiters let in, and takes some hundred bytes.
//!
//! No event holds a phone number, a token, a code or an address.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, mpsc as unbounded};
use std::time::Duration;

use serde::Serialize;
use signet_storage::clock::{Clock, Timestamp};
use signet_storage::ids::{AccountId, DeviceId};
use signet_storage::model::session::Transport;
use tokio::sync::mpsc;

/// Serialises as the audit writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// A code went out.
    CodeRequested {
        /// The account that has the number now, if that is known.
        holder: Option<AccountId>,
        transport: Transport,
    },
    /// A code was submitted and judged.
    CodeSubmitted {
        right: bool,
    },
    /// A registration was committed.
    Registered {
        aci: AccountId,
        reregistration: bool,
    },
    /// A registration was refused for want of the right lock.
    LockFailed {
        aci: AccountId,
        /// False if none was sent, which is no guess.
        presented: bool,
        attempts_left: u64,
    },
    /// After a failed lock nobody can sign in with what these devices had.
    CredentialsFrozen {
        aci: AccountId,
        devices: Vec<DeviceId>,
    },
    /// An account was removed, by one of its devices or by whoever proved its number and moved there.
    Removed {
        aci: AccountId,
    },
    /// An account moved to another number, or took another identity under the one it has.
    NumberChanged {
        aci: AccountId,
        /// The account that had the number before, and ended by this.
        displaced: Option<AccountId>,
        /// So many messages for its other devices came with it. Nobody here delivers them.
        messages: usize,
    },
    /// An account was removed because nobody had used it for long.
    IdleAccountRemoved {
        aci: AccountId,
    },
    /// A linked device was removed because nobody had used it for long.
    IdleDeviceRemoved {
        aci: AccountId,
        device: DeviceId,
    },
    /// A device was linked to an account.
    DeviceLinked {
        aci: AccountId,
        device: DeviceId,
    },
    /// A linked device was removed, by itself or by the primary one.
    DeviceRemoved {
        aci: AccountId,
        device: DeviceId,
    },
    /// So many one-time keys of a kind are left: the device should leave more.
    KeysLow {
        aci: AccountId,
        device: DeviceId,
        identity: &'static str,
        kind: &'static str,
        left: u32,
    },
    /// A recovery password took the place of a code, or an account was recovered by its ACI.
    Recovered {
        aci: AccountId,
    },
    /// A recovery password was wrong.
    RecoveryFailed {
        aci: Option<AccountId>,
    },
    TotpFailed {
        aci: AccountId,
    },
    /// What is spent on messages today has passed this share of its cap.
    SpendAlarm {
        percent: u32,
    },
    /// Credentials refused since the last such event: told in sum, because anybody can cause any number of them.
    AuthenticationRefused {
        count: u64,
    },
}

impl Event {
    /// For metrics and the audit.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CodeRequested { .. } => "codeRequested",
            Self::CodeSubmitted { .. } => "codeSubmitted",
            Self::Registered { .. } => "registered",
            Self::LockFailed { .. } => "lockFailed",
            Self::CredentialsFrozen { .. } => "credentialsFrozen",
            Self::Removed { .. } => "removed",
            Self::NumberChanged { .. } => "numberChanged",
            Self::IdleAccountRemoved { .. } => "idleAccountRemoved",
            Self::IdleDeviceRemoved { .. } => "idleDeviceRemoved",
            Self::DeviceLinked { .. } => "deviceLinked",
            Self::DeviceRemoved { .. } => "deviceRemoved",
            Self::KeysLow { .. } => "keysLow",
            Self::Recovered { .. } => "recovered",
            Self::RecoveryFailed { .. } => "recoveryFailed",
            Self::TotpFailed { .. } => "totpFailed",
            Self::SpendAlarm { .. } => "spendAlarm",
            Self::AuthenticationRefused { .. } => "authenticationRefused",
        }
    }
}

/// An event, and when it was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    pub at: Timestamp,
    pub event: Event,
}

/// What the lossless consumer is told.
#[derive(Debug)]
pub enum Told {
    Happened(Happened),
    /// Everything before this is wanted on disk; then answer.
    Settle(unbounded::Sender<()>),
}

/// A consumer that cannot keep what it has by then is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Clones publish to the same consumers.
#[derive(Clone)]
pub struct Events(Arc<Inner>);

struct Inner {
    clock: Clock,
    subscribers: RwLock<Vec<Subscriber>>,
    lossless: Option<unbounded::Sender<Told>>,
    refused: AtomicU64,
}

struct Subscriber {
    name: &'static str,
    queue: mpsc::Sender<Happened>,
    /// Said once per spell of losing, not once per loss.
    losing: AtomicBool,
}

impl Events {
    /// Without a lossless consumer.
    pub fn new(clock: Clock) -> Self {
        Self::with_lossless(clock, None)
    }

    /// Everything also goes to `lossless`, without bound.
    pub fn with_lossless(clock: Clock, lossless: Option<unbounded::Sender<Told>>) -> Self {
        Self(Arc::new(Inner { clock, subscribers: RwLock::default(), lossless, refused: AtomicU64::new(0) }))
    }

    /// What is published from now on, at most `room` of it waiting. Dropping the receiver ends the subscription.
    pub fn subscribe(&self, name: &'static str, room: usize) -> mpsc::Receiver<Happened> {
        let (queue, receiver) = mpsc::channel(room);
        let subscriber = Subscriber { name, queue, losing: AtomicBool::new(false) };
        self.0.subscribers.write().unwrap_or_else(PoisonError::into_inner).push(subscriber);
        receiver
    }

    pub fn publish(&self, event: Event) {
        count(&event, "published");
        let happened = Happened { at: self.0.clock.now(), event };
        for subscriber in self.0.subscribers.read().unwrap_or_else(PoisonError::into_inner).iter() {
            subscriber.tell(&happened);
        }
        if let Some(lossless) = &self.0.lossless {
            waiting().increment(1.0);
            // It is gone only when the process ends.
            let _ = lossless.send(Told::Happened(happened));
        }
    }

    /// Notes that credentials were refused; [`publish_sums`](Self::publish_sums) tells how many there were.
    pub fn authentication_refused(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Publishes what is told in sum only. To be called now and then.
    pub fn publish_sums(&self) {
        let count = self.0.refused.swap(0, Ordering::Relaxed);
        if count > 0 {
            self.publish(Event::AuthenticationRefused { count });
        }
        self.0.subscribers.write().unwrap_or_else(PoisonError::into_inner).retain(|s| !s.queue.is_closed());
    }

    /// Waits until the lossless consumer has kept everything that was published before, but not for ever. Blocks: for the end
    /// of a process.
    pub fn settle(&self) {
        let (done, settled) = unbounded::channel();
        if let Some(lossless) = &self.0.lossless
            && lossless.send(Told::Settle(done)).is_ok()
        {
            // An error means that it has ended, or cannot; it has said why.
            let _ = settled.recv_timeout(PATIENCE);
        }
    }
}

impl Subscriber {
    fn tell(&self, happened: &Happened) {
        match self.queue.try_send(happened.clone()) {
            Ok(()) => self.losing.store(false, Ordering::Relaxed),
            Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                count(&happened.event, "lost");
                if !self.losing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(consumer = self.name, "a consumer of events is too slow and loses some");
                }
            }
        }
    }
}

fn count(event: &Event, outcome: &'static str) {
    metrics::counter!("signet_events_total", "event" => event.name(), "outcome" => outcome).increment(1);
}

/// How much the lossless consumer has not taken yet; it takes what it has done off again.
pub fn waiting() -> metrics::Gauge {
    metrics::gauge!("signet_events_waiting")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALARM: Event = Event::SpendAlarm { percent: 50 };

    #[test]
    fn a_slow_subscriber_loses_and_nobody_waits() {
        let (tell, told) = unbounded::channel();
        let events = Events::with_lossless(Clock::system(), Some(tell));
        let (mut slow, mut quick) = (events.subscribe("slow", 2), events.subscribe("quick", 10));
        for percent in 0..5 {
            events.publish(Event::SpendAlarm { percent });
        }
        let seen = |receiver: &mut mpsc::Receiver<Happened>| {
            std::iter::from_fn(|| receiver.try_recv().ok()).map(|h| h.event).collect::<Vec<_>>()
        };
        let alarms = |to| (0..to).map(|percent| Event::SpendAlarm { percent }).collect::<Vec<_>>();
        assert_eq!((seen(&mut slow), seen(&mut quick)), (alarms(2), alarms(5)));
        events.publish(ALARM);
        assert_eq!(seen(&mut slow), [ALARM], "it goes on once there is room");
        assert_eq!(told.try_iter().count(), 6, "the lossless one has all of it");
    }

    #[test]
    fn refusals_are_told_in_sum() {
        let events = Events::new(Clock::system());
        let mut heard = events.subscribe("test", 10);
        (0..3).for_each(|_| events.authentication_refused());
        events.publish_sums();
        events.publish_sums();
        assert_eq!(heard.try_recv().map(|h| h.event).ok(), Some(Event::AuthenticationRefused { count: 3 }));
        assert!(heard.try_recv().is_err(), "none is told twice, and nothing is not told");
    }

    #[test]
    fn subscribers_that_left_are_forgotten() {
        let events = Events::new(Clock::system());
        drop(events.subscribe("left", 1));
        events.publish(ALARM);
        events.publish_sums();
        assert!(events.0.subscribers.read().expect("no panic").is_empty());
        events.settle();
    }
}
