//! What is said on an account's channel: that somebody may have lost their credentials, and which sockets there are.
//!
//! The channel is the account's, so what a socket says names its device, by the salt of the device's password: the sockets of
//! two installations under one id are no rivals. Text that is not understood (of a newer node, say) asks for a look, which is
//! never wrong.

use bytes::Bytes;
use signet_storage::accounts::LOOK;
use signet_storage::clock::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// Credentials may have died.
    Look,
    /// From now on the device is connected here, and nowhere else.
    Claim(Voice<'a>),
    /// The device has been connected here for a while. Is it elsewhere, too?
    Ask(Voice<'a>),
}

/// A socket, as it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voice<'a> {
    /// When it arrived.
    pub since: Timestamp,
    /// Drawn for each claim.
    pub name: Name,
    pub salt: &'a str,
}

pub type Name = [u8; 16];

const CLAIM: u8 = b'c';
const ASK: u8 = b'a';

impl Said<'_> {
    pub fn encode(self) -> Bytes {
        let (kind, voice) = match self {
            Self::Look => return LOOK,
            Self::Claim(voice) => (CLAIM, voice),
            Self::Ask(voice) => (ASK, voice),
        };
        [&[kind][..], &voice.since.millis().to_be_bytes(), &voice.name, voice.salt.as_bytes()].concat().into()
    }
}

impl<'a> Said<'a> {
    pub fn decode(message: &'a [u8]) -> Self {
        match message.split_first().map(|(kind, voice)| (*kind, Voice::decode(voice))) {
            Some((CLAIM, Some(voice))) => Self::Claim(voice),
            Some((ASK, Some(voice))) => Self::Ask(voice),
            _ => Self::Look,
        }
    }
}

impl<'a> Voice<'a> {
    fn decode(voice: &'a [u8]) -> Option<Self> {
        let (since, rest) = voice.split_first_chunk()?;
        let (name, salt) = rest.split_first_chunk()?;
        let since = Timestamp::from_millis(i64::from_be_bytes(*since));
        Some(Self { since, name: *name, salt: std::str::from_utf8(salt).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard() {
        let voice = Voice { since: Timestamp::from_millis(-7), name: *b"sixteen bytes...", salt: "0a1b" };
        for said in [Said::Look, Said::Claim(voice), Said::Ask(voice), Said::Ask(Voice { salt: "", ..voice })] {
            assert_eq!(Said::decode(&said.encode()), said);
        }
    }

    #[test]
    fn whatever_else_is_heard_asks_for_a_look() {
        let claim = Said::Claim(Voice { since: Timestamp::from_millis(0), name: [0; 16], salt: "" }).encode();
        assert_eq!(claim.len(), 25);
        for text in [&b""[..], b"l", b"c", b"x", b"claim", &claim[..24], &[&claim[..], &[0xff]].concat()] {
            assert_eq!(Said::decode(text), Said::Look, "{text:?}");
        }
    }
}
