//! The cache that several nodes share.
//!
//! One connection (to each node of a cluster), on which calls are sent without waiting for each other, and another one that
//! is subscribed to channels ([`wire`]). What must be one step is a Lua script. Every call is answered within
//! [`ANSWER_WITHIN`] or is an error; nothing is sent twice, nothing waits for Redis to come back, and no more than
//! [`CALLS_AT_ONCE`] are under way.
//!
//! Only the watcher in [`watch`] decides whether Redis is up, by a small write, and says so in the log and in the gauge
//! when that changes. A call that fails only asks it to look now. What the scripts do is told in their files.

mod connect;
mod tally;
mod watch;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fred::clients::WithOptions;
use fred::prelude::{
    Client, ClientLike as _, Expiration, FredResult, FromValue, KeysInterface, LuaInterface, Options, Value,
};
use fred::types::scripts::Script;
use tokio::sync::{Notify, Semaphore, mpsc};

use super::bucket::{Bucket, Taken};
use super::channels::Hub;
use super::counter::{Counted, Counter};
use super::window::{Standing, Window};
use super::{CacheConfigError, CacheDown, Like, kept_for};
use crate::clock::{Clock, Timestamp};
use connect::{CONNECT_WITHIN, client, options};

/// How long a caller waits at most. An answer that takes longer is worth no more than none.
const ANSWER_WITHIN: Duration = Duration::from_millis(250);
/// Bounds what is queued in this process while Redis hangs and has not yet been found out.
const CALLS_AT_ONCE: usize = 4_096;
/// How much longer than our clock says Redis keeps a window of takes, so that the two need not agree.
const CLOCK_SLACK: Duration = Duration::from_secs(60);
/// How long an operator waits at most for a list of keys, and how many Redis looks at in one go.
const LISTED_WITHIN: Duration = Duration::from_secs(5);
const LISTED_AT_ONCE: u32 = 1_000;
#[derive(Clone)]
pub struct Redis {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    client: WithOptions<Client>,
    /// The same, for what has to meet at one node of a cluster.
    meeting: WithOptions<Client>,
    hub: Arc<Hub>,
    put_newer: Script,
    forget: Script,
    take: Script,
    window: Script,
    count: Script,
    look: Script,
    tally: Script,
    lease: Script,
    places: Semaphore,
    up: AtomicBool,
    look_now: Arc<Notify>,
}

impl Redis {
    pub(super) fn open(url: &str, clock: Clock) -> Result<Self, CacheConfigError> {
        let (wire, client) = (client(url)?, client(url)?);
        let (changed, changes) = mpsc::unbounded_channel();
        let hub = Arc::new(Hub::telling(changed));
        tokio::spawn(wire::keep(Arc::downgrade(&hub), wire, changes));
        let meeting = Options { cluster_hash: Some(wire::MEETING_SLOT), ..options() };
        let shared = Arc::new(Shared {
            clock,
            client: client.with_options(&options()),
            meeting: client.with_options(&meeting),
            hub,
            put_newer: Script::from_lua(include_str!("put_newer.lua")),
            forget: Script::from_lua(include_str!("forget.lua")),
            take: Script::from_lua(include_str!("take.lua")),
            window: Script::from_lua(include_str!("window.lua")),
            count: Script::from_lua(include_str!("count.lua")),
            look: Script::from_lua(include_str!("look.lua")),
            tally: Script::from_lua(include_str!("tally.lua")),
            lease: Script::from_lua(include_str!("lease.lua")),
            places: Semaphore::new(CALLS_AT_ONCE),
            up: AtomicBool::new(false),
            look_now: Arc::new(Notify::new()),
        });
        tokio::spawn(watch::watch(Arc::downgrade(&shared), client, shared.look_now.clone()));
        Ok(Self { shared })
    }

    pub(super) fn healthy(&self) -> bool {
        self.shared.up.load(Ordering::Relaxed)
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheDown> {
        let entry: Option<Bytes> = self.ask(self.shared.client.get(key)).await?;
        Ok(entry
            .filter(|entry| entry.get(VERSION_DIGITS) == Some(&b'v'))
            .map(|entry| entry.slice(VERSION_DIGITS + 1..)))
    }

    pub(super) async fn put_newer(
        &self,
        key: &str,
        version: u64,
        value: Bytes,
        ttl: Duration,
    ) -> Result<bool, CacheDown> {
        let args = vec![digits(version), Value::Bytes(value), millis(ttl)];
        self.ask(self.shared.run(&self.shared.put_newer, key, args)).await
    }

    pub(super) async fn forget(&self, key: &str, version: u64, ttl: Duration) -> Result<(), CacheDown> {
        self.ask(self.shared.forget(key, version, ttl)).await
    }

    pub(super) async fn keep(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), CacheDown> {
        let ttl = i64::try_from(kept_for(ttl).as_millis()).map_err(|_| CacheDown)?;
        self.ask(self.shared.client.set(key, Value::Bytes(value), Some(Expiration::PX(ttl)), None, false)).await
    }

    pub(super) async fn kept(&self, key: &str) -> Result<Option<Bytes>, CacheDown> {
        self.ask(self.shared.client.get(key)).await
    }

    pub(super) async fn hold(&self, lease: &str, who: &str, ttl: Duration) -> Result<bool, CacheDown> {
        self.ask(self.shared.run(&self.shared.lease, lease, vec![Value::from(who), millis(ttl)])).await
    }

    pub(super) async fn let_go(&self, lease: &str, who: &str) -> Result<(), CacheDown> {
        let args = vec![Value::from(who), Value::from("0")];
        self.ask(self.shared.run::<bool>(&self.shared.lease, lease, args)).await.map(drop)
    }

    pub(super) async fn take(&self, bucket: &Bucket, key: &str, amount: u64) -> Result<Taken, CacheDown> {
        self.run_bucket(bucket, key, amount, "take").await
    }

    pub(super) async fn peek(&self, bucket: &Bucket, key: &str, amount: u64) -> Result<Taken, CacheDown> {
        self.run_bucket(bucket, key, amount, "peek").await
    }

    pub(super) async fn clear(&self, bucket: &Bucket, key: &str) -> Result<(), CacheDown> {
        self.ask(self.shared.client.del(bucket.redis_key(key))).await
    }

    async fn run_bucket(&self, bucket: &Bucket, key: &str, amount: u64, mode: &str) -> Result<Taken, CacheDown> {
        let now = self.shared.clock.now().millis();
        let args = vec![text(bucket.size), text(bucket.per_millis()), text(now), text(amount), text(mode)];
        let available = self.ask(self.shared.run(&self.shared.take, &bucket.redis_key(key), args)).await?;
        Ok(bucket.answer(available, amount))
    }

    pub(super) async fn look(&self, bucket: &Bucket, key: &str) -> Result<Standing, CacheDown> {
        let kept = self.look_at(&bucket.redis_key(key), ["s", "t"]).await?;
        Ok(bucket.standing(bucket.level_of(&kept).as_ref(), self.shared.clock.now()))
    }

    pub(super) async fn take_window(&self, window: &Window, key: &str, amount: u64) -> Result<Taken, CacheDown> {
        let [left, wait, _] = self.run_window(window, key, amount, "take").await?;
        Ok(if left >= amount { Taken::Granted } else { Taken::Refused { retry_after: Duration::from_millis(wait) } })
    }

    pub(super) async fn untake_window(&self, window: &Window, key: &str) -> Result<(), CacheDown> {
        self.run_window(window, key, 0, "untake").await.map(drop)
    }

    pub(super) async fn look_window(&self, window: &Window, key: &str) -> Result<Standing, CacheDown> {
        let [left, next, full] = self.run_window(window, key, 0, "look").await?;
        Ok(Standing { left, next_in: Duration::from_millis(next), full_in: Duration::from_millis(full) })
    }

    pub(super) async fn clear_window(&self, window: &Window, key: &str) -> Result<(), CacheDown> {
        self.ask(self.shared.client.del(window.redis_key(key))).await
    }

    async fn run_window(&self, window: &Window, key: &str, amount: u64, mode: &str) -> Result<[u64; 3], CacheDown> {
        let now = self.shared.clock.now().millis();
        let keep = millis(window.span() + CLOCK_SLACK);
        let span = window.span().as_millis();
        let args = vec![text(window.size), text(span), text(now), text(amount), keep, text(mode)];
        let answer: Vec<u64> = self.ask(self.shared.run(&self.shared.window, &window.redis_key(key), args)).await?;
        answer.try_into().map_err(|_| CacheDown)
    }

    pub(super) async fn keys(&self, bucket: &Bucket, like: Like<'_>) -> Result<Vec<String>, CacheDown> {
        let pattern = bucket.redis_key(&match like {
            Like::Begins(text) => format!("{text}*"),
            Like::Ends(text) => format!("*{text}"),
        });
        let prefix = bucket.redis_key("").len();
        let all = async {
            let (mut cursor, mut keys) = ("0".to_owned(), Vec::new());
            loop {
                let page = self.shared.client.scan_page(cursor, pattern.clone(), Some(LISTED_AT_ONCE), None);
                let (next, found): (String, Vec<String>) = self.ask(page).await?;
                keys.extend(found.iter().filter_map(|key| key.get(prefix..)).map(str::to_owned));
                if next == "0" {
                    // Redis may name a key twice.
                    keys.sort_unstable();
                    keys.dedup();
                    return Ok(keys);
                }
                cursor = next;
            }
        };
        tokio::time::timeout(LISTED_WITHIN, all).await.unwrap_or(Err(CacheDown))
    }

    pub(super) async fn count(&self, key: &str, amount: u64, window: Duration) -> Result<Counted, CacheDown> {
        let now = self.shared.clock.now();
        let window = kept_for(window);
        // The project's seed promises operators a time to live of five minutes for `reglock:…`, so there is no slack here: should
        // our clock be set back, a window lasts as long as it was to last all the same.
        let args = vec![text(amount), text(now.millis()), text(window.as_millis()), millis(window)];
        let kept: Vec<i64> = self.ask(self.shared.run(&self.shared.count, key, args)).await?;
        let counter = counter(&kept).ok_or(CacheDown)?;
        Ok(Counted { total: counter.total, ends_in: counter.ends.remaining(now) })
    }

    pub(super) async fn counted(&self, key: &str) -> Result<Option<Counted>, CacheDown> {
        let kept: Vec<i64> = self.look_at(key, ["n", "e"]).await?;
        Ok(counter(&kept).and_then(|counter| counter.seen_at(self.shared.clock.now())))
    }

    pub(super) async fn remove(&self, key: &str) -> Result<(), CacheDown> {
        self.ask(self.shared.client.del(key)).await
    }

    /// Two whole numbers of a hash, or nothing.
    async fn look_at(&self, key: &str, fields: [&str; 2]) -> Result<Vec<i64>, CacheDown> {
        self.ask(self.shared.run(&self.shared.look, key, fields.map(text).to_vec())).await
    }

    /// The only way to Redis for callers: refuses while Redis is down or too much is under way, and limits the wait.
    async fn ask<T>(&self, question: impl Future<Output = FredResult<T>>) -> Result<T, CacheDown> {
        if !self.healthy() {
            return Err(CacheDown);
        }
        let _place = self.shared.places.try_acquire().map_err(|_| CacheDown)?;
        match tokio::time::timeout(ANSWER_WITHIN, question).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => {
                self.shared.look_now.notify_one();
                Err(CacheDown)
            }
        }
    }
}

impl Shared {
    async fn forget(&self, key: &str, version: u64, ttl: Duration) -> FredResult<()> {
        self.run(&self.forget, key, vec![digits(version), millis(ttl)]).await
    }

    /// Runs by hash; where Redis has lost the script (a restart, a new node) it is sent in full, which also keeps it.
    async fn run<T: FromValue>(&self, script: &Script, key: &str, args: Vec<Value>) -> FredResult<T> {
        match self.client.evalsha(script.sha1().clone(), key, args.clone()).await {
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                let lua = script.lua().cloned().unwrap_or_default();
                self.client.eval(lua, key, args).await
            }
            result => result,
        }
    }
}

/// What `count.lua` keeps: the total, and the end of the window.
fn counter(kept: &[i64]) -> Option<Counter> {
    match *kept {
        [total, ends] => Some(Counter { total: u64::try_from(total).ok()?, ends: Timestamp::from_millis(ends) }),
        _ => None,
    }
}

const VERSION_DIGITS: usize = 20;

/// A version as text that sorts as the number does.
fn digits(version: u64) -> Value {
    Value::from(format!("{version:0VERSION_DIGITS$}"))
}

fn millis(ttl: Duration) -> Value {
    text(kept_for(ttl).as_millis())
}

fn text(value: impl ToString) -> Value {
    Value::from(value.to_string())
}
