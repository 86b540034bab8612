//! What devices wait for while somebody links or restores one: long polls, each on a key of the [`Mailbox`].
//!
//! All alike: `timeout` says how many seconds a client waits at most, the answer is 200 with what was put, or 204 when nothing
//! came in time, when a later waiter took the place, or when the registry is to stop. A client that gets 204 asks again.

pub mod linked_device;
mod restore_account;
mod transfer_archive;

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use crate::call::{Call, Reply};
use crate::error::ApiError;
use crate::limits::Limits;
use crate::mailbox::Mailbox;
use crate::routes::LONGEST_WAIT;

const USUAL_WAIT: Duration = Duration::from_secs(30);

pub struct WaitingController {
    pub mailbox: Mailbox,
    pub limits: Limits,
}

/// The field `timeout` of the query, in whole seconds (contract keys-devices §3.1).
fn timeout(call: &Call) -> Result<Duration, ApiError> {
    let Some(text) = call.query("timeout") else { return Ok(USUAL_WAIT) };
    let wait = text.parse().map(Duration::from_secs).map_err(|_| ApiError::BadRequest)?;
    let may = (Duration::from_secs(1)..=LONGEST_WAIT).contains(&wait);
    may.then_some(wait).ok_or(ApiError::BadRequest)
}

fn letter(content: &impl Serialize) -> Bytes {
    serde_json::to_vec(content).expect("our letters serialise").into()
}

fn answer(letter: Option<Bytes>) -> Reply {
    letter.map_or(Reply::empty(204), |letter| Reply::of_json(200, letter))
}
