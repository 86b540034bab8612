//! The socket that clients talk through (contract keys-devices §6; real-client §2-§4): requests in, answers out, in any order.
//!
//! Invariants. Each request that has an id is answered, unless the client goes, or the socket is said to end before the request
//! was begun. An idle socket costs a task and some small buffers. Memory is bounded by [`Work`] and [`Socket`]: while an answer
//! is being written, nothing more is read.

use std::sync::Arc;
use std::time::Duration;

use signet_storage::clock::Clock;

use super::Opened;
use super::end::End;
use super::frame::{self, Heard};
use super::socket::Socket;
use super::work::Work;
use crate::presence::Present;

/// Clients ping after 31 s of silence.
const IDLE: Duration = Duration::from_secs(90);
/// Once the credentials have died or the device is elsewhere, what is under way may still be answered.
const LAST_ANSWERS: Duration = Duration::from_millis(500);
/// Once the registry is to stop.
const DRAIN: Duration = Duration::from_secs(30);

pub async fn serve(mut socket: Socket, opened: Opened) -> End {
    let opened = Arc::new(opened);
    let mut work = Work::default();
    let end = match converse(&mut socket, &opened, &mut work).await {
        Ok(never) => match never {},
        Err(end) => end,
    };
    let patience = match end {
        End::Stopping => DRAIN,
        End::Invalid | End::Elsewhere => LAST_ANSWERS,
        _ => Duration::ZERO,
    };
    let _ = tokio::time::timeout(patience, finish(&mut socket, &mut work)).await;
    drop(work);
    socket.close(end).await;
    end
}

async fn converse(socket: &mut Socket, opened: &Arc<Opened>, work: &mut Work) -> Result<std::convert::Infallible, End> {
    let mut present = match &opened.principal {
        Some(principal) if opened.wants_messages => Some(Box::pin(opened.registry.presence.arrive(principal)).await),
        Some(principal) => Some(opened.registry.presence.arrive_beside(principal)),
        None => None,
    };
    if present.is_some() && opened.wants_messages {
        // There are none: clients wait for this before they show themselves as connected.
        socket.send(queue_empty(opened)).await?;
    }
    let stopping = opened.registry.stopping.clone();
    let mut last_call = std::pin::pin!(last_call(opened));
    loop {
        tokio::select! {
            over = over(&mut present) => return Err(over),
            answer = work.next() => {
                if let Some(answer) = answer? {
                    // Who does not take it has to go all the same.
                    tokio::select! {
                        sent = socket.send(answer) => sent?,
                        over = over(&mut present) => return Err(over),
                    }
                }
                if stopping.has_begun() && work.is_done() {
                    return Err(End::Stopping);
                }
            }
            message = tokio::time::timeout(IDLE, socket.next()), if work.has_room() => {
                match message {
                    Ok(message) => if let Some(message) = message? {
                        match frame::read(message).map_err(|_| End::BadlyFormatted)? {
                            Heard::Request(asked) => work.begin(opened, asked),
                            // Nothing that we send is worth more than that it was sent.
                            Heard::Response { .. } => {}
                        }
                    },
                    // Who waits for an answer is not idle.
                    Err(_) if work.is_done() => return Err(End::Timeout),
                    Err(_) => {}
                }
            }
            () = &mut last_call => return Err(End::Stopping),
        }
    }
}

/// Answers what is under way.
async fn finish(socket: &mut Socket, work: &mut Work) -> Result<(), End> {
    while !work.is_done() {
        if let Some(answer) = work.next().await? {
            socket.send(answer).await?;
        }
    }
    Ok(())
}

async fn over(present: &mut Option<Present>) -> End {
    match present {
        Some(present) => present.over().await.into(),
        None => std::future::pending().await,
    }
}

/// Returns when a socket without a request under way should end. Not all at the same moment, and not at once: a client that
/// gets an answer in between is told behind it, and cannot be asking just then.
async fn last_call(opened: &Opened) {
    let within = opened.registry.stopping.begun().await;
    let millis = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
    let wait = opened.registry.storage.chance.below(u32::try_from(millis).unwrap_or(u32::MAX).max(1));
    tokio::time::sleep(Duration::from_millis(wait.into())).await;
}

fn queue_empty(opened: &Opened) -> bytes::Bytes {
    let registry = &opened.registry;
    frame::request(request_id(opened), "/api/v1/queue/empty", now(&registry.clock), None)
}

/// Random, and not negative for those who read it as a signed number.
pub(super) fn request_id(opened: &Opened) -> u64 {
    u64::from_be_bytes(opened.registry.storage.chance.bytes::<8>()) >> 1
}

pub(super) fn now(clock: &Clock) -> i64 {
    clock.now().millis()
}
