//! The challenge before the first code. Captcha tokens read `scheme.sitekey.action.token` (contract registration §4.3).
//!
//! `off` wants nothing. `stub` is for tests: it knows the scheme and site key `noop`, and of those the token `noop` passes and
//! every other fails, so that both outcomes can be tried.

use signet_config::ChallengeKind;
use signet_storage::model::session::Information;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assessment {
    Passed,
    Failed,
    /// Not a token of a provider known here.
    Unreadable,
}

/// What a fresh session wants to see.
pub fn wanted(challenge: ChallengeKind, can_push: bool) -> Vec<Information> {
    match (challenge, can_push) {
        (ChallengeKind::Off, _) => vec![],
        (ChallengeKind::Stub, true) => vec![Information::PushChallenge, Information::Captcha],
        (ChallengeKind::Stub, false) => vec![Information::Captcha],
    }
}

pub fn assess(challenge: ChallengeKind, token: &str) -> Assessment {
    if challenge == ChallengeKind::Off {
        return Assessment::Passed;
    }
    let mut parts = token.splitn(4, '.');
    let (Some(scheme), Some(site_key), Some(action), Some(token)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Assessment::Unreadable;
    };
    if scheme != "noop" || site_key.trim().to_lowercase() != "noop" || action != "registration" {
        return Assessment::Unreadable;
    }
    if token == "noop" { Assessment::Passed } else { Assessment::Failed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stub() {
        for (token, expected) in [
            ("noop.noop.registration.noop", Assessment::Passed),
            ("noop. NOOP .registration.noop", Assessment::Passed),
            ("noop.noop.registration.other", Assessment::Failed),
            ("noop.noop.registration.a.b", Assessment::Failed),
            ("noop.noop.registration", Assessment::Unreadable),
            ("noop.noop.challenge.noop", Assessment::Unreadable),
            ("noop.other.registration.noop", Assessment::Unreadable),
            ("signal-hcaptcha-short.noop.registration.noop", Assessment::Unreadable),
            ("", Assessment::Unreadable),
        ] {
            assert_eq!(assess(ChallengeKind::Stub, token), expected, "{token:?}");
        }
        assert_eq!(assess(ChallengeKind::Off, ""), Assessment::Passed);
    }
}
