//! The watcher: owns the connection to Redis, and is the only one to decide whether Redis is up.
//!
//! Not a health check for the outside; that one reads the gauge or `Cache::healthy`. In a cluster the look goes to one
//! node, so a part of a cluster can be down while this says up; calls to that part fail one by one, in time.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use fred::prelude::{Client, ClientLike, Error, ErrorKind, EventInterface, FredResult, Server};
use tokio::sync::Notify;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::time::timeout;

use super::{ANSWER_WITHIN, CONNECT_WITHIN, Shared};
use crate::cache::report_up;

const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_EVERY_WHILE_DOWN: Duration = Duration::from_millis(200);
/// Looks in vain over one connection before it is given up: the other end may be gone without a word, and then neither
/// TCP nor the client notices for minutes.
const LOOKS_PER_CONNECTION: u32 = 5;

/// Connects, then looks again and again, until the last [`super::Redis`] is gone.
pub(super) async fn watch(watched: Weak<Shared>, client: Client, look_now: Arc<Notify>) {
    let mut errors = client.error_rx();
    let mut connection = client.connect();
    let mut known = None;
    let mut in_vain = 0;
    // Without this the first look would always be too early, and every start would begin with a false alarm.
    let _ = timeout(CONNECT_WITHIN, client.wait_for_connect()).await;

    while let Some(shared) = watched.upgrade() {
        let result = look(&shared).await;
        let up = result.is_ok();
        shared.up.store(up, Ordering::Relaxed);
        drop(shared);
        report_up(up);
        if known != Some(up) {
            known = Some(up);
            report_change(result.err(), &mut errors);
        }

        in_vain = if !up && client.is_connected() { in_vain + 1 } else { 0 };
        if in_vain == LOOKS_PER_CONNECTION || connection.is_finished() {
            in_vain = 0;
            connection.abort();
            let _ = connection.await;
            connection = client.connect();
        }

        let pause = if up { LOOK_EVERY } else { LOOK_EVERY_WHILE_DOWN };
        let _ = timeout(pause, look_now.notified()).await;
    }

    let _ = timeout(ANSWER_WITHIN, client.quit()).await;
    connection.abort();
}

/// What callers need, done once: a script that always writes. A read-only replica or a full Redis answers a PING gladly.
async fn look(shared: &Shared) -> FredResult<()> {
    match timeout(ANSWER_WITHIN, shared.forget("signet::probe", 0, LOOK_EVERY)).await {
        Ok(result) => result,
        Err(_) => Err(Error::new(ErrorKind::Timeout, "no answer in time")),
    }
}

fn report_change(error: Option<Error>, errors: &mut Receiver<(Error, Option<Server>)>) {
    let connecting = latest(errors);
    match error {
        None => tracing::info!("the Redis cache answers"),
        Some(error) => {
            // That the connection failed says more than that there is none.
            let error = connecting.unwrap_or(error);
            tracing::warn!(%error, "the Redis cache does not answer; until it does, every call to it fails at once");
        }
    }
}

fn latest(errors: &mut Receiver<(Error, Option<Server>)>) -> Option<Error> {
    let mut latest = None;
    loop {
        match errors.try_recv() {
            Ok((error, _)) => latest = Some(error),
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return latest,
        }
    }
}
