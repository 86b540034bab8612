//! What credentials consist of, and which of several still hold. Pure: time and account are arguments.
//!
//! The user name is made from the ACI under a key of its own, so that the service does not learn the ACI. The password is
//! `seconds:signature`, where the signature is over `username:seconds`; it is not bound to a device, and nothing is stored.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use sha2::Sha256;
use signet_config::{Config, Secret};
use signet_storage::clock::Timestamp;
use signet_storage::ids::AccountId;
use signet_storage::{Storage, secrets};
use subtle::ConstantTimeEq as _;

/// Bytes of the HMACs that are shown, as twice as many hex digits.
const USER_BYTES: usize = 16;
const SIGNATURE_BYTES: usize = 10;

/// Signs and checks.
#[derive(Clone, Debug)]
pub struct SvrCredentials {
    auth_key: Secret<[u8; 32]>,
    user_key: Secret<[u8; 32]>,
    max_age: Duration,
}

/// What a client shows to the service.
#[derive(Clone, Serialize)]
pub struct Credentials {
    pub username: String,
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Credentials that hold, among others that a client presented.
#[derive(Debug, PartialEq, Eq)]
pub struct Good<'a> {
    pub token: &'a str,
    pub username: &'a str,
}

impl SvrCredentials {
    /// With the configured keys, or those that were made once and are kept in the data directory.
    pub fn of(config: &Config, storage: &Storage) -> std::io::Result<Self> {
        let (svr, directory) = (&config.svr, &config.storage.path);
        let key = |configured, name| secrets::configured_or_kept(configured, directory, name, &storage.chance);
        let (auth_key, user_key) = (key(svr.auth_key.as_ref(), "svr-auth")?, key(svr.user_key.as_ref(), "svr-user")?);
        Ok(Self { auth_key, user_key, max_age: svr.max_age })
    }

    pub fn issue(&self, aci: AccountId, now: Timestamp) -> Credentials {
        let (username, seconds) = (self.username(aci), now.seconds().to_string());
        let signature = self.signature(&username, &seconds);
        Credentials { username, password: format!("{seconds}:{signature}") }
    }

    /// The name by which the service knows this account.
    pub fn username(&self, aci: AccountId) -> String {
        short_hmac::<USER_BYTES>(&self.user_key, &aci.to_string())
    }

    /// Of these tokens (`username:password`) those that are signed by us, young enough, and the newest of their user name.
    pub fn choose<'a>(&self, tokens: impl Iterator<Item = &'a str>, now: Timestamp) -> Vec<Good<'a>> {
        let mut newest: HashMap<&str, (i64, &str)> = HashMap::new();
        for token in tokens {
            let Some((username, seconds)) = self.check(token, now) else { continue };
            let best = newest.entry(username).or_insert((seconds, token));
            if seconds > best.0 {
                *best = (seconds, token);
            }
        }
        newest.into_iter().map(|(username, (_, token))| Good { token, username }).collect()
    }

    /// User name and time, if it is signed by us and not too old. The time means nothing before the signature has been checked.
    fn check<'a>(&self, token: &'a str, now: Timestamp) -> Option<(&'a str, i64)> {
        let (username, password) = token.split_once(':')?;
        let (seconds, signature) = password.split_once(':')?;
        if !bool::from(self.signature(username, seconds).as_bytes().ct_eq(signature.as_bytes())) {
            return None;
        }
        let seconds: i64 = seconds.parse().ok()?;
        let age = now.seconds().saturating_sub(seconds);
        let too_old = u64::try_from(age).is_ok_and(|age| age > self.max_age.as_secs());
        (!too_old).then_some((username, seconds))
    }

    fn signature(&self, username: &str, seconds: &str) -> String {
        short_hmac::<SIGNATURE_BYTES>(&self.auth_key, &format!("{username}:{seconds}"))
    }
}

fn short_hmac<const N: usize>(key: &Secret<[u8; 32]>, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    hex::encode(&mac.finalize().into_bytes()[..N])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACI: &str = "11111111-2222-4333-8444-555555555555";
    const DAY: i64 = 24 * 3600;

    fn ours() -> SvrCredentials {
        let svr = Config::for_testing().svr;
        let (auth_key, user_key) = (svr.auth_key.expect("a key"), svr.user_key.expect("a key"));
        SvrCredentials { auth_key, user_key, max_age: svr.max_age }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn token(aci: &str, seconds: i64) -> String {
        let Credentials { username, password } = ours().issue(aci.parse().expect("an ACI"), at(seconds));
        format!("{username}:{password}")
    }

    /// Contract registration §15.
    #[test]
    fn vectors() {
        let issued = ours().issue(ACI.parse().expect("an ACI"), Timestamp::from_millis(1_700_000_000_999));
        assert_eq!(issued.username, "4a3b0ffea26990df8faf2b10fe515c1f");
        assert_eq!(issued.password, "1700000000:ae4bf6301f83ebd6f873");
        let shown = format!("{issued:?} {:?}", ours());
        assert!(!shown.contains("4a3b") && !shown.contains("ae4b") && !shown.contains("32, 33"), "{shown}");
    }

    #[test]
    fn they_hold_for_their_age_to_the_second() {
        let token = token(ACI, 1_000_000);
        let holds = |seconds| ours().choose([token.as_str()].into_iter(), at(seconds)).len() == 1;
        assert!(holds(1_000_000) && holds(1_000_000 + 120 * DAY) && holds(999_999));
        assert!(!holds(1_000_000 + 120 * DAY + 1));
    }

    #[test]
    fn whatever_is_changed_no_longer_holds() {
        let good = token(ACI, 1_700_000_000);
        let holds = |token: &str| !ours().choose([token].into_iter(), at(1_700_000_000)).is_empty();
        assert!(holds(&good));
        for n in 0..good.len() {
            let mut changed = good.clone().into_bytes();
            changed[n] ^= 1;
            assert!(!holds(std::str::from_utf8(&changed).expect("ASCII")), "{n}");
            assert!(!holds(&good[..n]), "cut at {n}");
        }
        for other in [format!("{good}:"), format!("{good}0"), format!(" {good}"), good.to_uppercase(), ":".to_owned()] {
            assert!(!holds(&other), "{other}");
        }
    }

    #[test]
    fn the_newest_of_each_name_is_chosen() {
        let other = "99999999-2222-4333-8444-555555555555";
        let tokens = [token(ACI, 100), token(ACI, 300), token(ACI, 200), token(other, 50), "rubbish".to_owned()];
        let ours = ours();
        let chosen = ours.choose(tokens.iter().map(String::as_str), at(400));
        let mut found: Vec<_> = chosen.iter().map(|good| good.token).collect();
        found.sort_unstable();
        let mut wanted = [tokens[1].as_str(), tokens[3].as_str()];
        wanted.sort_unstable();
        assert_eq!(found, wanted);
        // What does not hold does not push out what does.
        let late = token(ACI, 300);
        let expired = [tokens[0].as_str(), &late[..late.len() - 1]];
        assert_eq!(ours.choose(expired.into_iter(), at(400)).len(), 1);
    }
}
