//! The requests of one socket that are being answered, and how many of them there may be.
//!
//! Invariant: what a socket makes us hold is bounded. While it has [`MOST`] requests or [`MOST_BYTES`] of bodies under way, no
//! further message is read; a client that waits for more things than [`MOST_WAITS`] is told to come back. Dropping it ends
//! what still runs: nobody is there for the answer.

use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::Opened;
use super::end::End;
use super::frame::{self, Asked};
use super::headers;
use crate::call::{Credentials, Reply};
use crate::error::ApiError;
use crate::inlet::{self, Request};
use crate::routes::{self, Found};

const MOST: usize = 32;
const MOST_BYTES: usize = 1024 * 1024;
const MOST_WAITS: usize = 8;

#[derive(Default)]
pub struct Work {
    running: JoinSet<Done>,
    /// Not counting those that wait for something to happen.
    requests: usize,
    waits: usize,
    bytes: usize,
}

struct Done {
    id: Option<u64>,
    reply: Reply,
    waited: bool,
    bytes: usize,
}

impl Work {
    /// May another message be read?
    pub const fn has_room(&self) -> bool {
        self.requests < MOST && self.bytes < MOST_BYTES
    }

    pub fn is_done(&self) -> bool {
        self.running.is_empty()
    }

    pub fn begin(&mut self, opened: &Arc<Opened>, asked: Asked) {
        let path = asked.path.split('?').next().unwrap_or_default();
        let waits = matches!(routes::find(&asked.verb, path), Found::Route(route, _) if route.waits);
        let full = waits && self.waits == MOST_WAITS;
        let bytes = asked.body.len() + asked.headers.iter().map(String::len).sum::<usize>() + asked.path.len();
        self.bytes += bytes;
        *(if waits { &mut self.waits } else { &mut self.requests }) += 1;
        let opened = opened.clone();
        self.running.spawn(async move {
            let id = asked.id;
            let reply = if full {
                inlet::refuse(&opened.registry, "tunnel", ApiError::Busy)
            } else {
                answer(&opened, asked).await
            };
            Done { id, reply, waited: waits, bytes }
        });
    }

    /// The next answer, ready to be sent; none for a request that wants none. Waits for ever if nothing runs. May be dropped while
    /// it waits.
    pub async fn next(&mut self) -> Result<Option<Bytes>, End> {
        let done = match self.running.join_next().await {
            Some(Ok(done)) => done,
            Some(Err(_)) => return Err(End::Failed),
            None => std::future::pending().await,
        };
        self.bytes -= done.bytes;
        *(if done.waited { &mut self.waits } else { &mut self.requests }) -= 1;
        Ok(done.id.map(|id| frame::answer(id, done.reply)))
    }
}

async fn answer(opened: &Opened, asked: Asked) -> Reply {
    let (path, query) = match asked.path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (asked.path.as_str(), None),
    };
    // There on sockets only: who can ask it has no need of it elsewhere.
    if (asked.verb.as_str(), path) == ("GET", "/v1/keepalive") {
        return routes::finish(&opened.registry, Reply::empty(200));
    }
    let request = Request {
        method: &asked.verb,
        path,
        query,
        headers: headers::merged(&opened.headers, &asked.headers),
        credentials: Credentials::Socket(opened.principal.clone()),
        client: opened.client,
    };
    inlet::answer(&opened.registry, request, ready(Ok(asked.body))).await
}
