//! Recovery credentials (contract registration §7.4, §7.5, keys-devices §8.5): a device gets some, and a client that lost its
//! account asks which of those it still has belong to a number.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use signet_config::LimitId;
use signet_storage::AccountsManager;
use signet_storage::clock::Clock;
use signet_storage::number::E164;

use super::credentials::Good;
use super::{Credentials, SvrCredentials};
use crate::call::{Call, Caller, Reply};
use crate::client_address;
use crate::error::ApiError;
use crate::limits::Limits;
use crate::wire;

pub struct SvrController {
    pub credentials: SvrCredentials,
    pub accounts: AccountsManager,
    pub limits: Limits,
    pub clock: Clock,
}

/// Who comes from nowhere shares no limit with anybody, so is not let in (contract §8.1).
const NOWHERE: Duration = Duration::from_secs(3600);
const MOST_TOKENS: usize = 10;

#[derive(Deserialize)]
struct CheckBody {
    number: String,
    #[serde(alias = "passwords")]
    tokens: Vec<String>,
}

#[derive(Serialize)]
struct CheckResponse<'a> {
    matches: BTreeMap<&'a str, Verdict>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Match,
    NoMatch,
    Invalid,
}

/// Tokens that somebody has, and the number that they may belong to.
pub struct Question {
    number: E164,
    tokens: Vec<String>,
}

impl Question {
    /// # Errors
    /// 422 for what is no number, and for no tokens or too many.
    pub fn read(number: &str, tokens: Vec<String>) -> Result<Self, ApiError> {
        let number = E164::parse(number).map_err(|_| ApiError::Unprocessable)?;
        let few = (1..=MOST_TOKENS).contains(&tokens.len());
        if few { Ok(Self { number, tokens }) } else { Err(ApiError::Unprocessable) }
    }
}

impl SvrController {
    /// `GET /v2/svr/auth`
    pub async fn issue(&self, call: Call) -> Result<Reply, ApiError> {
        Ok(Reply::json(200, &self.issue_to(call.caller()?)))
    }

    pub fn issue_to(&self, caller: &Caller) -> Credentials {
        self.credentials.issue(caller.account.aci, self.clock.now())
    }

    /// `POST /v2/svr/auth/check`
    pub async fn check(&self, call: Call) -> Result<Reply, ApiError> {
        self.charge(call.client).await?;
        let CheckBody { number, tokens } = wire::read(&call.body)?;
        let question = Question::read(&number, tokens)?;
        Ok(Reply::json(200, &CheckResponse { matches: self.verdicts(&question).await? }))
    }

    /// Takes a permit of the address.
    pub async fn charge(&self, client: Option<IpAddr>) -> Result<(), ApiError> {
        let limiter = LimitId::BackupAuthCheck;
        let client = client.ok_or(ApiError::RateLimited { limiter: limiter.name(), retry_after: NOWHERE })?;
        Ok(self.limits.take(limiter, &client_address::key(Some(client))).await?)
    }

    /// What each token is worth.
    ///
    /// Who shows no credentials of ours costs no read, and who shows somebody else's costs one, whether the number is anybody's or not:
    /// neither the verdict nor the time tells. Only its owner costs the account.
    pub async fn verdicts<'a>(&self, question: &'a Question) -> Result<BTreeMap<&'a str, Verdict>, ApiError> {
        let Question { number, tokens } = question;
        let good = self.credentials.choose(tokens.iter().map(String::as_str), self.clock.now());
        let holder = if good.is_empty() { None } else { self.accounts.aci_of(number).await? };
        let owner = holder.map(|aci| (aci, self.credentials.username(aci)));
        let owns = |good: &Good<'_>| owner.as_ref().is_some_and(|(_, username)| username == good.username);
        let shown = owner.as_ref().filter(|_| good.iter().any(owns));
        // Exactly this number: of an equivalent form nobody says anything here.
        let exactly = match shown {
            Some((aci, _)) => self.accounts.get(*aci).await?.is_some_and(|account| account.phone_number == *number),
            None => false,
        };

        let mut matches: BTreeMap<_, _> = tokens.iter().map(|token| (token.as_str(), Verdict::Invalid)).collect();
        for good in good {
            matches.insert(good.token, if exactly && owns(&good) { Verdict::Match } else { Verdict::NoMatch });
        }
        Ok(matches)
    }
}
