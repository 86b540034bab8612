//! An endpoint of the operator's: each code is one signed POST, and the endpoint sends the SMS or makes the call.
//!
//! `X-Signet-Signature: t=<unix seconds>,v1=<hex>`, the HMAC-SHA256 of `t.body` under `webhook.secret`. `Idempotency-Key` and
//! `X-Signet-Delivery` carry the delivery's id. If no answer comes the request is made once more with the same id: the endpoint
//! must drop what it has seen. Redirects are not followed, proxies of the environment not used.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use signet_config::{Config, Secret};
use signet_storage::model::session::Transport;
use signet_storage::{Chance, Clock};
use zeroize::Zeroizing;

use super::{Delivery, Failure, SenderError};
use crate::error::Undeliverable;

/// More of an answer than this is not read.
const LONGEST_ANSWER: usize = 16 * 1024;

#[derive(Clone)]
pub struct Webhook(Arc<Endpoint>);

struct Endpoint {
    client: Client,
    url: Secret<String>,
    secret: Option<Secret<String>>,
    code_lifetime: Duration,
    clock: Clock,
    chance: Chance,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    number: &'a str,
    transport: Transport,
    code: &'a str,
    language: Option<&'a str>,
    client: &'static str,
    /// Of an SMS, as our own templates would have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    delivery_id: &'a str,
    expires_in_seconds: u64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    reason: Option<String>,
    permanent_failure: Option<bool>,
}

enum Lost {
    /// The request reached nobody.
    Request,
    /// It may have arrived.
    Answer,
}

/// A request with its signature; it can be made again.
struct Letter {
    id: String,
    body: Zeroizing<Vec<u8>>,
    signature: Option<String>,
}

impl Webhook {
    pub fn open(
        config: &Config,
        connect_within: Duration,
        clock: &Clock,
        chance: &Chance,
    ) -> Result<Self, SenderError> {
        // The HTTP client names no TLS provider itself. Whoever installs a second one is refused, and ours stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().redirect(Policy::none()).connect_timeout(connect_within);
        Ok(Self(Arc::new(Endpoint {
            client: client.build().map_err(|_| SenderError::Client)?,
            url: config.webhook.url.clone().expect("a checked configuration has the URL"),
            secret: config.webhook.secret.clone(),
            code_lifetime: config.verification.code_lifetime,
            clock: clock.clone(),
            chance: chance.clone(),
        })))
    }

    pub async fn deliver(&self, delivery: &Delivery, text: &str) -> Result<(), Failure> {
        let letter = self.0.letter(delivery, text);
        let lost = match self.0.post(&letter).await {
            Ok(answer) if !is_lost(&answer) => return judge(answer).await,
            Ok(_) => Lost::Answer,
            Err(lost) => lost,
        };
        match (self.0.post(&letter).await, lost) {
            (Ok(answer), _) => judge(answer).await,
            (Err(Lost::Request), Lost::Request) => Err(Failure::UNAVAILABLE),
            // One of the two may have arrived.
            _ => Err(Failure::Unknown),
        }
    }
}

impl Endpoint {
    fn letter(&self, delivery: &Delivery, text: &str) -> Letter {
        let id = hex::encode(self.chance.bytes::<16>());
        let body = Body {
            number: delivery.number.as_str(),
            transport: delivery.transport,
            code: delivery.code.reveal(),
            language: delivery.language.as_deref(),
            client: delivery.client.as_str(),
            text: (delivery.transport == Transport::Sms).then_some(text),
            delivery_id: &id,
            expires_in_seconds: self.code_lifetime.as_secs(),
        };
        let body = Zeroizing::new(serde_json::to_vec(&body).expect("our bodies serialise"));
        let now = self.clock.now().seconds();
        let signature = self.secret.as_ref().map(|secret| format!("t={now},v1={}", sign(secret, now, &body)));
        Letter { id, body, signature }
    }

    async fn post(&self, letter: &Letter) -> Result<Response, Lost> {
        let mut request = self
            .client
            .post(self.url.expose())
            .header("content-type", "application/json")
            .header("idempotency-key", &letter.id)
            .header("x-signet-delivery", &letter.id)
            .body(letter.body.to_vec());
        if let Some(signature) = &letter.signature {
            request = request.header("x-signet-signature", signature);
        }
        // The error names the URL, which may hold a secret: it is not kept.
        request.send().await.map_err(|e| if e.is_connect() || e.is_builder() { Lost::Request } else { Lost::Answer })
    }
}

fn sign(secret: &Secret<String>, now: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{now}.").as_bytes());
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// A gateway in between lost the answer.
fn is_lost(answer: &Response) -> bool {
    matches!(answer.status().as_u16(), 502 | 504)
}

async fn judge(answer: Response) -> Result<(), Failure> {
    let status = answer.status().as_u16();
    if (200..300).contains(&status) {
        return Ok(());
    }
    if is_lost(&answer) {
        return Err(Failure::Unknown);
    }
    let said = if (400..500).contains(&status) { complaint(answer).await } else { Complaint::default() };
    tracing::warn!(status, "the webhook refused a code");
    Err(meaning(status, &said))
}

fn meaning(status: u16, said: &Complaint) -> Failure {
    let refused =
        |reason, permanent| Failure::Refused { reason, permanent: said.permanent_failure.unwrap_or(permanent) };
    match said.reason.as_deref() {
        Some("transportNotAllowed") => Failure::TransportNotAllowed,
        Some("providerRejected") => refused(Undeliverable::ProviderRejected, true),
        Some("illegalArgument") => refused(Undeliverable::IllegalArgument, true),
        Some("providerUnavailable") => refused(Undeliverable::ProviderUnavailable, false),
        // Not now: a time-out, too early, too many.
        _ if matches!(status, 408 | 425 | 429) => Failure::UNAVAILABLE,
        _ if (400..500).contains(&status) => Failure::REJECTED,
        _ => Failure::UNAVAILABLE,
    }
}

/// What the endpoint says about it; nothing, if that is not to be understood.
async fn complaint(mut answer: Response) -> Complaint {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            return Complaint::default();
        }
    }
    serde_json::from_slice(&body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reckoned with `openssl dgst -sha256 -hmac`, so that receivers in other languages can be sure of the rule.
    #[test]
    fn the_signature_is_reproducible() {
        let secret = Secret::new("sixteen letters.".to_owned());
        let expected = "b2dbf83abc32bb74fc7da94d0b939aa0bd76d5f05e95dc492fbb096c1b5b2eb4";
        assert_eq!(sign(&secret, 1_700_000_000, br#"{"code":"123456"}"#), expected);
    }

    #[test]
    fn what_answers_mean() {
        let said =
            |reason: &str, permanent| Complaint { reason: Some(reason.to_owned()), permanent_failure: permanent };
        let unavailable = |permanent| Failure::Refused { reason: Undeliverable::ProviderUnavailable, permanent };
        let rejected = |permanent| Failure::Refused { reason: Undeliverable::ProviderRejected, permanent };
        for (status, complaint, failure) in [
            (422, said("providerRejected", None), Failure::REJECTED),
            (422, said("providerRejected", Some(false)), rejected(false)),
            (400, said("illegalArgument", None), Failure::ILLEGAL),
            (400, said("providerUnavailable", None), Failure::UNAVAILABLE),
            (400, said("providerUnavailable", Some(true)), unavailable(true)),
            (418, said("transportNotAllowed", None), Failure::TransportNotAllowed),
            (400, said("something", Some(true)), Failure::REJECTED),
            (404, Complaint::default(), Failure::REJECTED),
            (429, Complaint::default(), Failure::UNAVAILABLE),
            (500, Complaint::default(), Failure::UNAVAILABLE),
            (503, Complaint::default(), Failure::UNAVAILABLE),
            (302, Complaint::default(), Failure::UNAVAILABLE),
        ] {
            assert_eq!(meaning(status, &complaint), failure, "{status} {:?}", complaint.reason);
        }
    }
}
