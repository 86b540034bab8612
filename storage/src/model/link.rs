//! Link tokens: with one, the owner of an account lets a further device in (contract keys-devices §3.3).
//!
//! A token is not kept anywhere before it is used: it names the account and the time, and an HMAC says that the registry made it.
//! What is kept, once it was used, is its hash; by that hash the owner also waits for the device.
//!
//! *The check is the constructor:* nothing but [`LinkKey::verify`] makes a [`LinkPermit`], and no device is added without one.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::ids::{AccountId, InvalidId};

/// How long a token lets a device in.
const LIFETIME: Duration = Duration::from_secs(600);

/// The URL-safe alphabet, padded or not.
const EITHER: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key that tokens are signed with. One for the whole registry.
#[derive(Clone)]
pub struct LinkKey(Zeroizing<Vec<u8>>);

/// A token as the owner gets it and hands it to the new device.
#[derive(Clone)]
pub struct LinkToken(Zeroizing<String>);

/// The hash of a token: what is kept of it, and by which the owner waits for the device. It lets nobody in.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LinkTokenId([u8; 32]);

/// Somebody has a token of this account's owner that is still good. Whether it was used is decided when the device is added.
#[derive(Clone, Debug)]
pub struct LinkPermit {
    aci: AccountId,
    token: LinkTokenId,
    until: Timestamp,
}

/// Not one of ours, changed, or too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a link token that holds")]
pub struct NoPermit;

impl LinkKey {
    pub fn new(key: &[u8]) -> Self {
        Self(Zeroizing::new(key.to_vec()))
    }

    /// A token for whoever is to be let into this account.
    pub fn issue(&self, aci: AccountId, now: Timestamp) -> LinkToken {
        self.signed(&format!("{aci}.{}", now.millis()))
    }

    /// # Errors
    /// [`NoPermit`], whatever is wrong with it.
    pub fn verify(&self, presented: &str, now: Timestamp) -> Result<LinkPermit, NoPermit> {
        self.check(presented, now).ok_or(NoPermit)
    }

    /// What the claims say means nothing before the signature has been checked.
    fn check(&self, presented: &str, now: Timestamp) -> Option<LinkPermit> {
        let (claims, signature) = presented.split_once(':')?;
        let signature = EITHER.decode(signature).ok()?;
        if !bool::from(self.mac(claims).ct_eq(&signature)) {
            return None;
        }
        let (aci, issued) = claims.split_once('.')?;
        let until = Timestamp::from_millis(issued.parse().ok()?).plus(LIFETIME);
        // The hash is that of the token as it was issued: a token that is spelled differently is not another one.
        let token = self.signed(claims).id();
        (now <= until).then_some(LinkPermit { aci: aci.parse().ok()?, token, until })
    }

    fn signed(&self, claims: &str) -> LinkToken {
        LinkToken(Zeroizing::new(format!("{claims}:{}", URL_SAFE.encode(self.mac(claims)))))
    }

    fn mac(&self, claims: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(claims.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl LinkToken {
    /// For the owner, and nobody else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn id(&self) -> LinkTokenId {
        LinkTokenId(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl LinkTokenId {
    /// From raw bytes; only 32 of them can name a token.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidId> {
        bytes.try_into().map(Self).map_err(|_| InvalidId)
    }

    /// URL-safe base64 without padding, 43 characters.
    pub fn encoded(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl LinkPermit {
    /// The account that the device may be added to.
    pub const fn aci(&self) -> AccountId {
        self.aci
    }

    pub const fn token(&self) -> &LinkTokenId {
        &self.token
    }

    /// From then on the token is refused for its age.
    pub const fn until(&self) -> Timestamp {
        self.until
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(…)")
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken(…)")
    }
}

impl fmt::Debug for LinkTokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkTokenId(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUED: i64 = 1_700_000_000_000;
    const ACI: &str = "c139cb3e-f70c-4460-b221-815e8bdf778f";
    const TOKEN: &str =
        "c139cb3e-f70c-4460-b221-815e8bdf778f.1700000000000:jRxavqvfDsXEb-gVDsObqeDywFFAV4sYOGaEhmJQZ_k=";

    fn key() -> LinkKey {
        LinkKey::new(b"link-device-secret")
    }

    fn holds(token: &str) -> bool {
        key().verify(token, Timestamp::from_millis(ISSUED)).is_ok()
    }

    /// Contract keys-devices §3.3.
    #[test]
    fn vector() {
        let (aci, now) = (ACI.parse().expect("an ACI"), Timestamp::from_millis(ISSUED));
        let token = key().issue(aci, now);
        assert_eq!(token.reveal(), TOKEN);
        assert_eq!(token.id().encoded(), "hH44zAcP0-0uzQsfo6unDv6XVpWUK2zubQ7wkwPIEpA");
        let permit = key().verify(TOKEN, now).expect("it holds");
        assert_eq!((permit.aci(), permit.token()), (aci, &token.id()));
        let shown = format!("{:?} {token:?} {permit:?}", key());
        assert!(!shown.contains("jRxa") && !shown.contains("hH44") && !shown.contains(&ACI[4..]), "{shown}");
    }

    #[test]
    fn it_holds_for_ten_minutes_to_the_millisecond() {
        let holds = |millis| key().verify(TOKEN, Timestamp::from_millis(millis)).is_ok();
        assert!(holds(ISSUED) && holds(ISSUED + 600_000) && !holds(ISSUED + 600_001));
        assert!(holds(ISSUED - 1), "another node's clock may be a little ahead");
    }

    #[test]
    fn whatever_is_changed_no_longer_holds() {
        assert!(holds(TOKEN));
        for n in 0..TOKEN.len() - 1 {
            let mut changed = TOKEN.as_bytes().to_vec();
            changed[n] ^= 1;
            // The last character but one carries two bits that mean nothing; they have to be zero.
            assert!(!holds(std::str::from_utf8(&changed).expect("ASCII")), "{n}");
            assert!(!holds(&TOKEN[..n]), "cut at {n}");
        }
        let (claims, signature) = TOKEN.split_once(':').expect("two parts");
        for other in [
            format!("{TOKEN}:"),
            format!("{TOKEN}A"),
            format!(" {TOKEN}"),
            format!("{}:{signature}", claims.to_uppercase()),
            format!("{claims}::{signature}"),
            format!("{claims}:{}", signature.replace(['-', '_'], "+")),
            format!("{claims}:"),
            ":".to_owned(),
            String::new(),
        ] {
            assert!(!holds(&other), "{other}");
        }
        assert!(LinkKey::new(b"another").verify(TOKEN, Timestamp::from_millis(ISSUED)).is_err());
    }

    /// What is signed by us and yet no claims. Nobody but us can make it, and it must not bring us down.
    #[test]
    fn claims_that_say_nothing_do_not_hold() {
        for claims in ["", ".", ACI, "x.1700000000000", &format!("{ACI}."), &format!("{ACI}.x"), &format!("{ACI}.1.2")]
        {
            assert!(!holds(key().signed(claims).reveal()), "{claims}");
        }
        let late = format!("{ACI}.{}", i64::MAX);
        assert!(holds(key().signed(&late).reveal()), "no overflow");
    }

    /// Used once means once, however it is spelled.
    #[test]
    fn another_spelling_is_the_same_token() {
        let bare = TOKEN.trim_end_matches('=');
        let permit = key().verify(bare, Timestamp::from_millis(ISSUED)).expect("padding may be left out");
        assert_eq!(permit.token().encoded(), "hH44zAcP0-0uzQsfo6unDv6XVpWUK2zubQ7wkwPIEpA");
    }
}
