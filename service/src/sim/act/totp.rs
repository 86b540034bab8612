//! Steps about one-time passwords.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_storage::clock::Timestamp;
use signet_storage::model::totp;

use super::Actor;
use crate::call::Method;
use crate::sim::model::{Act, Credentials};
use crate::sim::town::Reply;

impl Actor<'_> {
    /// A key is made and confirmed. The answer to the second request counts, and the key goes with it.
    pub(super) async fn confirm_totp(&self, by: Credentials) -> (Act, Option<Reply>) {
        let made = self.as_device(&by, Method::Post, "/v1/accounts/totp", None).await;
        let Some(key) = key_in(&made.body).filter(|_| made.status == 200) else { return (Act::Totp(by), Some(made)) };
        let body = json!({"code": self.code_of(&key), "label": ""});
        let confirmed = self.as_device(&by, Method::Put, "/v1/accounts/totp/confirm", Some(body)).await;
        (Act::Totp(by), Some(Reply { status: confirmed.status, body: made.body }))
    }

    /// A code of the key that this event made, if the person has it, or else one that is not right.
    pub(super) fn one_time_password(&self, of: Option<u32>) -> u32 {
        match &self.memory.totp {
            Some((id, _, key)) if Some(*id) == of => self.code_of(key),
            Some((_, _, key)) => (self.code_of(key) + 1) % 1_000_000,
            None => 0,
        }
    }

    fn code_of(&self, key: &[u8]) -> u32 {
        totp::code(key, Timestamp::from_millis(self.town.now()))
    }
}

/// The key that an answer holds.
pub fn key_in(body: &Value) -> Option<Vec<u8>> {
    STANDARD.decode(body["key"].as_str()?).ok()
}
