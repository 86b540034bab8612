//! Presence: a device is connected once in the whole cluster, and a socket ends when its credentials do (contract keys-devices
//! §5.6, §6.7).
//!
//! Not the socket, and not what its client is told: whoever serves it asks [`Present::over`] whether it has to go.
//!
//! Invariants.
//! - Of the sockets of a device one is left, and that is the one that arrived last. Each says on its account's channel that it is
//!   there; all hear all in the same order, and whoever hears another one's claim after its own gives up. Where something
//!   may have been missed, all ask, and of two that hear of each other the later one claims anew. (Which one that is, the clocks of
//!   their nodes say.) Claims alone end anything, and none is ended that made the last one: so one is always left.
//! - A socket whose credentials have died ends at once where the cache carries the word ([`signet_storage::accounts::LOOK`]), and
//!   otherwise before they have been dead for `cache.stale_at_most`: none goes on for longer after its account was known to let
//!   it in. No word is believed; only the account itself ends a socket. While the store does not answer, nobody knows, and
//!   nothing ends.
//!
//! Ten thousand of them do nothing at the same time: what is done now and then, and what all have to do when Redis is back, is
//! spread by chance.

mod principal;
mod said;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use signet_storage::accounts::{Known, channel};
use signet_storage::cache::{Cache, CacheDown, Heard, Subscription};
use signet_storage::chance::Chance;
use signet_storage::clock::Timestamp;
use signet_storage::{AccountsManager, StoreError};

pub use principal::Principal;
use said::{Name, Said, Voice};

/// How long an arrival waits for the word to be out. Longer than one answer of the cache takes.
const ARRIVES_WITHIN: Duration = Duration::from_millis(600);
/// What all sockets have to do because something may have been missed, they do within so long.
const SPREAD_OVER: Duration = Duration::from_secs(5);
/// Before the cache, or a store that was asked because of a word, is asked again that gave no answer; half as long at least.
const ASK_AGAIN_WITHIN: Duration = Duration::from_secs(1);

/// Why a socket has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The same device connected elsewhere, later.
    Elsewhere,
    /// Its credentials have died.
    Invalid,
}

/// Clones are cheap.
#[derive(Clone)]
pub struct Presence(Arc<Means>);

struct Means {
    cache: Cache,
    accounts: AccountsManager,
    chance: Chance,
}

/// A socket's being there, until it is dropped.
pub struct Present {
    means: Arc<Means>,
    who: Principal,
    since: Timestamp,
    /// Under which it made its last claim. None where the socket takes no part.
    name: Option<Name>,
    /// Whether anything under that name was heard here: what was claimed before that came before.
    heard_me: bool,
    ear: Option<Subscription>,
    /// What is under way. In boxes, so that it goes on where it was whenever somebody asks again, and takes no room otherwise.
    speaking: Option<BoxFuture<'static, Spoken>>,
    looking: BoxFuture<'static, Looked>,
    over: Option<Over>,
}

/// What an attempt to say something came to.
enum Spoken {
    /// The channel is heard from now on; what was to be said is still to be said.
    Listening(Subscription, Option<Bytes>),
    Said,
    Unheard,
}

/// What a look at the account came to, and what it was for.
struct Looked {
    at_most: Duration,
    /// Times that the store did not answer before.
    failed: u8,
    found: Result<Option<Known>, StoreError>,
}

impl Presence {
    pub fn new(cache: Cache, accounts: AccountsManager, chance: Chance) -> Self {
        Self(Arc::new(Means { cache, accounts, chance }))
    }

    /// The device is connected here from now on, and no longer where it was before: when this returns, those sockets have been told.
    /// A cache that does not answer keeps nobody waiting; they are told when it does.
    pub async fn arrive(&self, who: &Principal) -> Present {
        let mut present = self.present(who);
        present.claim();
        if self.0.cache.healthy() {
            let told = async {
                while present.speaking.is_some() && present.over.is_none() {
                    present.step().await;
                }
            };
            let _ = tokio::time::timeout(ARRIVES_WITHIN, told).await;
        }
        present
    }

    /// As [`Self::arrive`] for a socket that does not count as its device's connection: it neither ends another one nor is ended
    /// by one.
    pub fn arrive_beside(&self, who: &Principal) -> Present {
        let mut present = self.present(who);
        present.say(None, Duration::ZERO);
        present
    }

    fn present(&self, who: &Principal) -> Present {
        let since = self.0.accounts.clock().now();
        // A copy may be nearly too old by now, and what happened since the credentials were checked was not heard.
        let looking = self.0.look(who, Duration::ZERO, self.0.accounts.stale_at_most() / 2, 0);
        let (means, who) = (self.0.clone(), who.clone());
        Present { means, who, since, name: None, heard_me: false, ear: None, speaking: None, looking, over: None }
    }
}

impl Present {
    /// Returns when this socket has to go, and at once from then on. May be dropped while it waits: nothing is lost by that.
    pub async fn over(&mut self) -> Over {
        loop {
            if let Some(over) = self.over {
                return over;
            }
            self.step().await;
        }
    }

    /// What happens next.
    async fn step(&mut self) {
        tokio::select! {
            heard = next(&mut self.ear) => self.hear(&heard),
            spoken = spoken(&mut self.speaking) => self.go_on(spoken),
            looked = &mut self.looking => self.judge(looked),
        }
    }

    fn go_on(&mut self, spoken: Spoken) {
        self.speaking = None;
        match spoken {
            Spoken::Listening(ear, said) => {
                self.ear = Some(ear);
                if said.is_some() {
                    self.say(said, Duration::ZERO);
                }
            }
            Spoken::Said => {}
            // Somebody may have arrived since, so it is late for a claim.
            Spoken::Unheard => self.ask(self.means.soon()),
        }
    }

    fn hear(&mut self, heard: &Heard) {
        let Heard::Message(message) = heard else { return self.missed() };
        match Said::decode(message) {
            // The account itself: whoever spoke may have found the cache gone a moment before.
            Said::Look => self.looking = self.means.look(&self.who, Duration::ZERO, Duration::ZERO, 0),
            Said::Claim(other) | Said::Ask(other) if other.salt != self.who.salt() => {}
            Said::Claim(other) | Said::Ask(other) if Some(other.name) == self.name => self.heard_me = true,
            // Those who claimed before me came before me.
            Said::Claim(_) if self.heard_me => self.over = Some(Over::Elsewhere),
            Said::Claim(_) => {}
            Said::Ask(other) => self.answer(other),
        }
    }

    /// The later one claims. The other one asks back, so that the later one hears of it.
    fn answer(&mut self, other: Voice<'_>) {
        // Whoever asked will hear what was not heard here yet.
        let Some(name) = self.name.filter(|_| self.heard_me) else { return };
        if (self.since, name) > (other.since, other.name) {
            self.claim();
        } else {
            self.ask(Duration::ZERO);
        }
    }

    /// A rival's claim, or that credentials died, may not have been heard. All sockets of this process are in the same case.
    fn missed(&mut self) {
        let spread = SPREAD_OVER.min(self.means.accounts.stale_at_most() / 2);
        if self.name.is_some() {
            // Those that have just arrived are few, and may not have heard of each other.
            let is_new = self.means.accounts.clock().now().remaining(self.since) < SPREAD_OVER;
            self.ask(self.means.up_to(if is_new { ASK_AGAIN_WITHIN / 2 } else { spread }));
        }
        self.looking = self.means.look(&self.who, self.means.up_to(spread), Duration::ZERO, 0);
    }

    /// Under a new name: what was claimed under an older one may still be on its way here, and later claims of others before it.
    fn claim(&mut self) {
        let name = self.means.chance.bytes();
        (self.name, self.heard_me) = (Some(name), false);
        let claim = Said::Claim(Voice { since: self.since, name, salt: self.who.salt() }).encode();
        self.say(Some(claim), Duration::ZERO);
    }

    fn ask(&mut self, after: Duration) {
        let (since, salt) = (self.since, self.who.salt());
        let ask = self.name.map(|name| Said::Ask(Voice { since, name, salt }).encode());
        self.say(ask, after);
    }

    /// Says it on the account's channel, after having begun to listen there.
    fn say(&mut self, said: Option<Bytes>, after: Duration) {
        let (means, channel, deaf) = (self.means.clone(), channel(self.who.aci), self.ear.is_none());
        self.speaking = Some(Box::pin(async move {
            tokio::time::sleep(after).await;
            means.say(&channel, said, deaf).await.unwrap_or(Spoken::Unheard)
        }));
    }

    /// What was seen now is not believed for longer than half to seven eighths of the bound, each time anew; looking takes the rest.
    fn judge(&mut self, looked: Looked) {
        let Looked { at_most, failed, found } = looked;
        let bound = self.means.accounts.stale_at_most();
        self.looking = match found {
            Ok(Some(known)) => {
                let age = self.means.accounts.clock().now().remaining(known.as_of);
                let believed = bound / 2 + self.means.up_to(bound / 8 * 3);
                self.means.look(&self.who, believed.saturating_sub(age), bound / 2, 0)
            }
            Ok(None) => return self.over = Some(Over::Invalid),
            Err(_) => {
                let after = (self.means.soon() * (1 << failed.min(8))).min(bound / 4);
                self.means.look(&self.who, after, at_most, failed.saturating_add(1))
            }
        }
    }
}

impl Means {
    /// Looks, after so long, at the account as it was known to be less than `at_most` ago; with no time at all, as it stands.
    fn look(
        self: &Arc<Self>,
        who: &Principal,
        after: Duration,
        at_most: Duration,
        failed: u8,
    ) -> BoxFuture<'static, Looked> {
        let (me, who) = (self.clone(), who.clone());
        Box::pin(async move {
            tokio::time::sleep(after).await;
            // In a box of its own: it is large, and most of the time this waits.
            let found = Box::pin(who.known(&me.accounts, at_most)).await;
            Looked { at_most, failed, found }
        })
    }

    async fn say(&self, channel: &str, said: Option<Bytes>, deaf: bool) -> Result<Spoken, CacheDown> {
        if deaf {
            return Ok(Spoken::Listening(self.cache.subscribe(channel).await?, said));
        }
        let Some(said) = said else { return Ok(Spoken::Said) };
        // By ourselves at least.
        let heard = self.cache.publish(channel, said).await? > 0;
        Ok(if heard { Spoken::Said } else { Spoken::Unheard })
    }

    fn soon(&self) -> Duration {
        ASK_AGAIN_WITHIN / 2 + self.up_to(ASK_AGAIN_WITHIN / 2)
    }

    fn up_to(&self, most: Duration) -> Duration {
        let millis = u32::try_from(most.as_millis()).unwrap_or(u32::MAX).saturating_add(1);
        Duration::from_millis(self.chance.below(millis.max(1)).into())
    }
}

/// Never, as long as nothing is listened to.
async fn next(ear: &mut Option<Subscription>) -> Heard {
    match ear {
        Some(ear) => ear.next().await,
        None => std::future::pending().await,
    }
}

/// Never, as long as nothing is being said.
async fn spoken(speaking: &mut Option<BoxFuture<'static, Spoken>>) -> Spoken {
    match speaking {
        Some(speaking) => speaking.await,
        None => std::future::pending().await,
    }
}

impl fmt::Debug for Present {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Present").field("who", &self.who).field("over", &self.over).finish_non_exhaustive()
    }
}
