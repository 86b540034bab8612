//! Bodies and paths of the session routes, read and checked (contract registration §4.2 to §4.7).

use base64::Engine as _;
use serde::Deserialize;
use signet_storage::ids::SessionId;
use signet_storage::model::session::Transport;
use signet_storage::number::E164;

use super::sender::ClientKind;
use crate::call::Call;
use crate::error::ApiError;
use crate::wire::{self, URL_SAFE_EITHER};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody {
    number: Option<String>,
    #[serde(flatten)]
    token: TokenPair,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenPair {
    push_token: Option<String>,
    push_token_type: Option<PushTokenType>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PushTokenType {
    Apn,
    Fcm,
}

impl TokenPair {
    /// Where a push challenge can be sent; both halves or neither.
    fn check(self) -> Result<Option<PushTarget>, ApiError> {
        match (self.push_token, self.push_token_type) {
            (Some(_), Some(_)) => Ok(Some(PushTarget)),
            (None, None) => Ok(None),
            _ => Err(ApiError::Unprocessable),
        }
    }
}

/// A client that can be sent a push. The development sender puts challenges where it puts codes, so token and kind are only
/// checked so far.
pub struct PushTarget;

pub struct CreateSession {
    pub number: E164,
    pub push: Option<PushTarget>,
}

impl CreateSession {
    pub fn read(call: &Call) -> Result<Self, ApiError> {
        let body: CreateBody = wire::read(&call.body)?;
        let number = E164::parse(body.number.as_deref().unwrap_or_default()).map_err(|_| ApiError::Unprocessable)?;
        let push = body.token.check()?;
        if number.is_obsolete_form() {
            return Err(ApiError::UpgradeNeeded);
        }
        Ok(Self { number, push })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateBody {
    #[serde(flatten)]
    token: TokenPair,
    push_challenge: Option<String>,
    captcha: Option<String>,
}

pub struct UpdateSession {
    pub push: Option<PushTarget>,
    pub push_challenge: Option<String>,
    pub captcha: Option<String>,
}

impl UpdateSession {
    pub fn read(call: &Call) -> Result<Self, ApiError> {
        let body: UpdateBody = wire::read(&call.body)?;
        Ok(Self { push: body.token.check()?, push_challenge: body.push_challenge, captcha: body.captcha })
    }
}

#[derive(Deserialize)]
struct RequestCodeBody {
    transport: WireTransport,
    client: String,
}

pub struct RequestCode {
    pub transport: Transport,
    pub client: ClientKind,
    /// `Accept-Language` as it came.
    pub language: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireTransport {
    Sms,
    Voice,
}

impl From<WireTransport> for Transport {
    fn from(transport: WireTransport) -> Self {
        match transport {
            WireTransport::Sms => Self::Sms,
            WireTransport::Voice => Self::Voice,
        }
    }
}

impl RequestCode {
    pub fn read(call: &Call) -> Result<Self, ApiError> {
        let body: RequestCodeBody = wire::read(&call.body)?;
        let language = call.headers.get("accept-language").filter(|text| !text.trim().is_empty());
        Ok(Self {
            transport: body.transport.into(),
            client: ClientKind::named(&body.client),
            language: language.map(str::to_owned),
        })
    }
}

#[derive(Deserialize)]
pub struct SubmitCode {
    pub code: String,
}

impl SubmitCode {
    pub fn read(call: &Call) -> Result<Self, ApiError> {
        let body: Self = wire::read(&call.body)?;
        if body.code.trim().is_empty() { Err(ApiError::Unprocessable) } else { Ok(body) }
    }
}

/// A session id as clients write it: URL-safe base64, padding optional (422), of exactly 16 bytes (400).
pub fn session_id(text: &str) -> Result<SessionId, ApiError> {
    let bytes = URL_SAFE_EITHER.decode(text).map_err(|_| ApiError::Unprocessable)?;
    SessionId::from_bytes(&bytes).map_err(|_| ApiError::BadRequest)
}
