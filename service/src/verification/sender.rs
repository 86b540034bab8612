//! Who brings codes to people (contract registration §4.5, §4.6). There are three senders, chosen per transport: the
//! development sender (`outbox`), AWS SNS (`sns`) and an endpoint of the operator's (`webhook`).
//!
//! Not here: whether a code may be sent at all, and what a failure means for the session; that is the controller's.
//!
//! Invariant: a delivery is begun a second time only if the first try reached nobody, or if the receiver can tell the second
//! from a new one. What is not known to have failed is [`Failure::Unknown`], and counts as sent.

pub mod outbox;
mod sns;
mod templates;
mod webhook;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use signet_config::{Config, SenderKind};
use signet_storage::model::code::Code;
use signet_storage::model::session::{PushChallenge, Transport, Undelivered};
use signet_storage::number::E164;
use signet_storage::{Chance, Clock};
use zeroize::Zeroizing;

use crate::error::Undeliverable;
use crate::metrics::Stopwatch;
pub use outbox::{Letter, Outbox};
use sns::Sns;
use templates::Templates;
use webhook::Webhook;

/// A code on its way.
pub struct Delivery {
    pub number: E164,
    pub transport: Transport,
    pub code: Code,
    /// `Accept-Language` as the client sent it.
    pub language: Option<String>,
    pub client: ClientKind,
}

/// What asks for a code, as far as senders care (contract registration §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    Ios,
    /// With Google's services: it reads the SMS by itself, if it finds its hash in it.
    AndroidWithFcm,
    AndroidWithoutFcm,
    Unspecified,
}

impl ClientKind {
    /// By the word that clients send.
    pub fn named(word: &str) -> Self {
        match word {
            "ios" => Self::Ios,
            "android-2021-03" => Self::AndroidWithFcm,
            other if other.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("android")) => {
                Self::AndroidWithoutFcm
            }
            _ => Self::Unspecified,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::AndroidWithFcm => "android-with-fcm",
            Self::AndroidWithoutFcm => "android-without-fcm",
            Self::Unspecified => "unspecified",
        }
    }
}

/// Why a code was not delivered, or not knowingly so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It did not go out. `permanent`: trying again is useless.
    Refused { reason: Undeliverable, permanent: bool },
    /// This number cannot be reached this way.
    TransportNotAllowed,
    /// It may have gone out: no answer came, or not in time. Clients are told that the provider is unavailable.
    Unknown,
}

impl Failure {
    const UNAVAILABLE: Self = Self::Refused { reason: Undeliverable::ProviderUnavailable, permanent: false };
    const REJECTED: Self = Self::Refused { reason: Undeliverable::ProviderRejected, permanent: true };
    const ILLEGAL: Self = Self::Refused { reason: Undeliverable::IllegalArgument, permanent: true };

    /// What the session makes of it; none if the code stays as one that was sent.
    pub const fn undelivered(self) -> Option<Undelivered> {
        match self {
            Self::Refused { reason: Undeliverable::ProviderUnavailable, .. } => Some(Undelivered::Unavailable),
            Self::Refused { .. } => Some(Undelivered::Refused),
            Self::TransportNotAllowed => Some(Undelivered::Unreachable),
            Self::Unknown => None,
        }
    }

    /// For metrics and the log.
    const fn name(self) -> &'static str {
        match self {
            Self::Refused { reason: Undeliverable::ProviderRejected, .. } => "rejected",
            Self::Refused { reason: Undeliverable::IllegalArgument, .. } => "illegal_argument",
            Self::Refused { reason: Undeliverable::ProviderUnavailable, .. } => "unavailable",
            Self::TransportNotAllowed => "transport_not_allowed",
            Self::Unknown => "unknown",
        }
    }
}

/// Why there is no sender. `Display` names no secret.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    #[error(transparent)]
    Aws(#[from] signet_storage::aws::NoAws),
    #[error("no HTTP client can be made for the webhook")]
    Client,
}

/// The configured senders. Clones share them.
#[derive(Clone)]
pub struct CodeSender(Arc<Senders>);

struct Senders {
    sms: Sender,
    voice: Sender,
    outbox: Outbox,
    templates: Templates,
    within: Duration,
}

#[derive(Clone)]
enum Sender {
    Outbox(Outbox),
    Sns(Sns),
    Webhook(Webhook),
}

/// Longest time to connect; then nothing has been sent, and there is time for a second try.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

impl CodeSender {
    /// # Errors
    /// The senders that the configuration names cannot be had in this build or on this machine.
    pub async fn open(config: &Config, clock: &Clock, chance: &Chance) -> Result<Self, SenderError> {
        let outbox = Outbox::new(config.verification.refusals.clone());
        let connect_within = CONNECT_TIMEOUT.min(config.verification.send_within / 4);
        let make = async |kind| {
            Ok::<_, SenderError>(match kind {
                SenderKind::Outbox => Sender::Outbox(outbox.clone()),
                SenderKind::Sns => Sender::Sns(Sns::open(&config.sns, connect_within).await?),
                SenderKind::Webhook => Sender::Webhook(Webhook::open(config, connect_within, clock, chance)?),
            })
        };
        let sms = make(config.verification.sender).await?;
        let voice = match config.verification.voice_sender {
            Some(kind) => make(kind).await?,
            None => sms.clone(),
        };
        let templates = Templates::of(&config.messages);
        Ok(Self(Arc::new(Senders { sms, voice, outbox, templates, within: config.verification.send_within })))
    }

    /// Hands the code over, or says why not. Takes `verification.send_within` at most.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn deliver(&self, delivery: Delivery) -> Result<(), Failure> {
        let (sender, by) = match delivery.transport {
            Transport::Sms => (&self.0.sms, "sms"),
            Transport::Voice => (&self.0.voice, "voice"),
        };
        let watch = Stopwatch::start();
        let text = self.0.templates.fill(delivery.code.reveal(), delivery.language.as_deref(), delivery.client);
        let result = tokio::time::timeout(self.0.within, sender.deliver(&delivery, text)).await;
        let result = result.unwrap_or(Err(Failure::Unknown));
        let (name, outcome) = (sender.name(), result.map_or_else(Failure::name, |()| "sent"));
        if let Err(failure) = result {
            tracing::warn!(sender = name, transport = by, outcome = failure.name(), "a code was not delivered");
        }
        metrics::counter!("signet_codes_total", "sender" => name, "transport" => by, "outcome" => outcome).increment(1);
        metrics::histogram!("signet_code_delivery_seconds", "sender" => name, "transport" => by)
            .record(watch.elapsed().as_secs_f64());
        result
    }

    /// Only the development sender shows push challenges; there is no push provider yet.
    pub fn push_challenge(&self, number: &E164, challenge: &PushChallenge) {
        if [&self.0.sms, &self.0.voice].iter().any(|sender| matches!(sender, Sender::Outbox(_))) {
            self.0.outbox.push_challenge(number, challenge);
        }
    }

    /// What the development sender sent; empty if that is not in use.
    pub fn outbox(&self) -> &Outbox {
        &self.0.outbox
    }
}

impl Sender {
    async fn deliver(&self, delivery: &Delivery, text: Zeroizing<String>) -> Result<(), Failure> {
        match self {
            Self::Outbox(outbox) => outbox.deliver(delivery, text),
            Self::Sns(sns) => sns.deliver(delivery, &text).await,
            Self::Webhook(webhook) => webhook.deliver(delivery, &text).await,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Outbox(_) => SenderKind::Outbox.as_str(),
            Self::Sns(_) => SenderKind::Sns.as_str(),
            Self::Webhook(_) => SenderKind::Webhook.as_str(),
        }
    }
}

/// The first error of this type among the causes of `error`.
fn cause<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_by_their_word() {
        for (word, kind) in [
            ("ios", ClientKind::Ios),
            ("iOS", ClientKind::Unspecified),
            ("android-2021-03", ClientKind::AndroidWithFcm),
            ("Android-2021-03", ClientKind::AndroidWithoutFcm),
            ("android", ClientKind::AndroidWithoutFcm),
            ("ANDROIDish", ClientKind::AndroidWithoutFcm),
            ("androi", ClientKind::Unspecified),
            ("desktop", ClientKind::Unspecified),
            ("ändroid", ClientKind::Unspecified),
            ("", ClientKind::Unspecified),
        ] {
            assert_eq!(ClientKind::named(word), kind, "{word}");
        }
    }

    #[test]
    fn only_what_is_known_not_to_have_gone_out_is_taken_back() {
        assert_eq!(Failure::Unknown.undelivered(), None);
        assert_eq!(Failure::UNAVAILABLE.undelivered(), Some(Undelivered::Unavailable));
        assert_eq!(Failure::REJECTED.undelivered(), Some(Undelivered::Refused));
        assert_eq!(Failure::ILLEGAL.undelivered(), Some(Undelivered::Refused));
        assert_eq!(Failure::TransportNotAllowed.undelivered(), Some(Undelivered::Unreachable));
    }
}
