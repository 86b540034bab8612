//! What operators see of the limits, and reset: all limiters of one number, one account or one address, whichever keys they
//! have, and the rule that a failed registration lock keeps the next attempt waiting.
//!
//! Not here: the shield, which each process holds by itself and which is full again within seconds.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use signet_config::LimitId;
use signet_storage::cache::{CacheDown, Like};
use signet_storage::ids::AccountId;
use signet_storage::number::E164;
use signet_storage::{AccountsManager, StoreError};

use super::{Limits, Rule, rule};
use crate::client_address;
use crate::registration::lock::{PAUSE, pause_key};

/// What was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    Number(E164),
    Account(AccountId),
    Address(IpAddr),
}

/// How one limiter stands for one key. Keys are shown to the operator who asked, and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub limiter: String,
    pub key: String,
    pub left: u64,
    pub size: u64,
    /// Until there is one permit more; 0 if none is missing.
    pub next_in_millis: u64,
    /// Until none is missing, if nobody takes meanwhile.
    pub full_in_millis: u64,
}

/// All that is known of a subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    pub limiters: Vec<Row>,
    /// Limiters whose keys hold more than the subject and cannot be listed here.
    pub unlisted: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    #[error("the cache does not answer")]
    Cache,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CacheDown> for SubjectError {
    fn from(CacheDown: CacheDown) -> Self {
        Self::Cache
    }
}

/// The keys under which something may be kept of a subject.
#[derive(Default)]
struct Keys {
    limiters: Vec<(LimitId, String)>,
    /// Accounts that a failed registration lock may keep waiting.
    locks: Vec<AccountId>,
    unlisted: Vec<LimitId>,
}

impl Subject {
    /// A number with or without its `+`, an ACI, or an address.
    pub fn parse(text: &str) -> Option<Self> {
        let address = || text.trim_matches(['[', ']']).parse().ok().map(Self::Address);
        let account = || text.parse().ok().map(Self::Account);
        let number = || E164::parse(&format!("+{}", text.trim_start_matches('+'))).ok().map(Self::Number);
        address().or_else(account).or_else(number)
    }
}

impl Limits {
    /// How all limiters of the subject stand.
    pub async fn show(&self, subject: &Subject, accounts: &AccountsManager) -> Result<Overview, SubjectError> {
        let keys = self.keys(subject, accounts).await?;
        self.overview(keys).await
    }

    /// Forgets what was taken for the subject; returns how its limiters stand then.
    pub async fn reset(&self, subject: &Subject, accounts: &AccountsManager) -> Result<Overview, SubjectError> {
        let keys = self.keys(subject, accounts).await?;
        for (limiter, key) in &keys.limiters {
            self.clear(*limiter, key).await.map_err(|_| SubjectError::Cache)?;
        }
        for aci in &keys.locks {
            self.cache.remove(&pause_key(*aci)).await?;
        }
        tracing::info!(limiters = keys.limiters.len(), "an operator reset the limits of a number, account or address");
        self.overview(keys).await
    }

    async fn overview(&self, keys: Keys) -> Result<Overview, SubjectError> {
        let mut limiters = Vec::new();
        for (limiter, key) in keys.limiters {
            let standing = self.standing(limiter, &key).await?;
            limiters.push(Row {
                limiter: limiter.name().to_owned(),
                key,
                left: standing.left,
                size: self.setting(limiter).size,
                next_in_millis: millis(standing.next_in),
                full_in_millis: millis(standing.full_in),
            });
        }
        for aci in keys.locks {
            // One failed attempt, and the next one waits until the counter is gone.
            let counted = self.cache.counted(&pause_key(aci)).await?;
            let wait = counted.map_or(0, |counted| millis(counted.ends_in));
            limiters.push(Row {
                limiter: PAUSE.to_owned(),
                key: aci.to_string(),
                left: u64::from(counted.is_none()),
                size: 1,
                next_in_millis: wait,
                full_in_millis: wait,
            });
        }
        let unlisted = keys.unlisted.into_iter().map(|limiter| limiter.name().to_owned()).collect();
        Ok(Overview { limiters, unlisted })
    }

    async fn keys(&self, subject: &Subject, accounts: &AccountsManager) -> Result<Keys, StoreError> {
        let mut keys = Keys::default();
        match subject {
            Subject::Number(number) => {
                self.keys_of_number(number, &mut keys).await;
                if let Some(account) = accounts.holder_of(number).await? {
                    self.keys_of_account(account.aci, &mut keys).await;
                }
            }
            Subject::Account(aci) => {
                if let Some(account) = accounts.get(*aci).await? {
                    self.keys_of_number(&account.phone_number, &mut keys).await;
                }
                self.keys_of_account(*aci, &mut keys).await;
            }
            Subject::Address(address) => self.keys_of_address(*address, &mut keys).await,
        }
        Ok(keys)
    }

    async fn keys_of_number(&self, number: &E164, keys: &mut Keys) {
        for form in number.forms() {
            keys.limiters
                .extend([LimitId::Registration, LimitId::Pin].map(|limiter| (limiter, form.as_str().to_owned())));
            self.list(LimitId::VerificationSession, Like::Begins(&format!("{}:", form.as_str())), keys).await;
        }
        keys.limiters.push((LimitId::CodePerNumber, number.canonical().as_str().to_owned()));
    }

    async fn keys_of_account(&self, aci: AccountId, keys: &mut Keys) {
        let limiters = [
            LimitId::CheckTotp,
            LimitId::SetRegistrationLock,
            LimitId::AllocateDevice,
            LimitId::VerifyDevice,
            LimitId::WaitForLinkedDevice,
            LimitId::UploadTransferArchive,
            LimitId::Messages,
            LimitId::UsernameReserve,
            LimitId::UsernameSet,
            LimitId::UsernameLinkOperation,
        ];
        keys.limiters.extend(limiters.map(|limiter| (limiter, aci.to_string())));
        keys.locks.push(aci);
        self.list(LimitId::Prekeys, Like::Begins(&format!("{aci}.")), keys).await;
        self.list(LimitId::WaitForTransferArchive, Like::Begins(&format!("{aci}:")), keys).await;
    }

    async fn keys_of_address(&self, address: IpAddr, keys: &mut Keys) {
        let client = client_address::key(Some(address));
        let limiters = [
            LimitId::RegistrationPerAddress,
            LimitId::BackupAuthCheck,
            LimitId::BatchIdentityCheck,
            LimitId::UsernameLookup,
            LimitId::UsernameLinkLookup,
            LimitId::CheckAccountExistence,
            LimitId::RecordDeviceTransferRequest,
            LimitId::WaitForDeviceTransferRequest,
        ];
        keys.limiters.extend(limiters.map(|limiter| (limiter, client.clone())));
        self.list(LimitId::VerificationSession, Like::Ends(&format!(":{client}")), keys).await;
    }

    /// Adds the keys of a limiter that are in use and look so.
    async fn list(&self, limiter: LimitId, like: Like<'_>, keys: &mut Keys) {
        let found = match rule(limiter, self.setting(limiter)) {
            Rule::Bucket(bucket) => self.cache.keys(&bucket, like).await,
            Rule::Window(_) => Err(CacheDown),
        };
        match found {
            // An address may end as another one does, but only whole ones are meant; numbers hold no colon.
            Ok(found) => {
                keys.limiters.extend(found.into_iter().filter(|key| whole(key, like)).map(|key| (limiter, key)))
            }
            Err(CacheDown) => keys.unlisted.push(limiter),
        }
    }
}

/// Whether a key of several parts, the first being a number or an account, holds the part that was asked for as a whole.
fn whole(key: &str, like: Like<'_>) -> bool {
    match like {
        // What is asked for ends where the part does.
        Like::Begins(_) => true,
        Like::Ends(text) => key.find(':').is_some_and(|colon| colon + text.len() == key.len()),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_known_by_its_form() {
        let aci = "0f0e0d0c-0b0a-4908-8706-050403020100";
        for (text, expected) in [
            ("+12025550123", Some(Subject::Number(E164::stored("+12025550123")))),
            ("12025550123", Some(Subject::Number(E164::stored("+12025550123")))),
            ("192.0.2.1", Some(Subject::Address([192, 0, 2, 1].into()))),
            ("[2001:db8::1]", "2001:db8::1".parse().ok().map(Subject::Address)),
            (aci, aci.parse().ok().map(Subject::Account)),
            ("+1", None),
            ("rubbish", None),
            ("", None),
        ] {
            assert_eq!(Subject::parse(text), expected, "{text}");
        }
    }
}
