//! The username of an account, and what it keeps of earlier ones (contract registration §9.4, §11.10). The name itself the registry
//! never sees: it knows a hash, and a text encrypted for those who have the link.
//!
//! Not here: whose a name is. That is decided by the claims' rows (`accounts/rows/username.rs`), which follow what changes here.
//!
//! Invariant: a link needs a confirmed name, but for what is left of one after its number registered again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Opaque;
use crate::clock::Timestamp;

/// How long a name that its owner gave up is kept for them.
const HELD_FOR: Duration = Duration::from_secs(7 * 86_400);
/// Of more than these the oldest is let go.
const MOST_HOLDS: usize = 3;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Username {
    /// 32 bytes: the name that is confirmed.
    pub hash: Option<Opaque>,
    /// What was reserved last. Until when, only its claim says.
    pub reserved_hash: Option<Opaque>,
    /// The name, encrypted for those who have the link.
    pub encrypted: Option<Opaque>,
    /// Leads to the encrypted name, as long as there is one.
    pub link_handle: Option<Uuid>,
    /// Names that were given up, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
}

/// A name that its owner gave up, and until when nobody else gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub hash: Opaque,
    pub until: Timestamp,
}

impl Username {
    /// The name that is reserved becomes theirs; one that they had before is kept for them.
    pub fn confirm(&mut self, encrypted: Option<Opaque>, handle: Option<Uuid>, now: Timestamp) {
        let former = std::mem::replace(&mut self.hash, self.reserved_hash.take());
        (self.encrypted, self.link_handle) = (encrypted, handle);
        self.hold(former, now);
    }

    /// They have no name any more. What they have reserved stays so.
    pub fn clear(&mut self, now: Timestamp) {
        let former = self.hash.take();
        (self.encrypted, self.link_handle) = (None, None);
        self.hold(former, now);
    }

    fn hold(&mut self, former: Option<Opaque>, now: Timestamp) {
        let gone = [self.hash.as_ref(), former.as_ref()];
        self.holds.retain(|hold| now < hold.until && !gone.contains(&Some(&hold.hash)));
        self.holds.extend(former.map(|hash| Hold { hash, until: now.plus(HELD_FOR) }));
        self.holds.drain(..self.holds.len().saturating_sub(MOST_HOLDS));
    }

    /// After the number registered again: a confirmed name becomes a reserved one, and its link leads nowhere until it is
    /// confirmed again. What was set aside before stays so. Names that were given up are kept until they run out, and no longer
    /// remembered here.
    pub(super) fn set_aside(&self) -> Self {
        let reserved_hash = self.hash.clone().or_else(|| self.reserved_hash.clone());
        Self { reserved_hash, link_handle: self.link_handle, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn name(n: u8) -> Opaque {
        vec![n; 32].into()
    }

    fn now(days: u32) -> Timestamp {
        Timestamp::from_millis(1_000).plus(days * DAY)
    }

    fn confirm(username: &mut Username, n: u8, at: Timestamp) {
        username.reserved_hash = Some(name(n));
        username.confirm(None, None, at);
    }

    fn held(username: &Username) -> Vec<u8> {
        username.holds.iter().map(|hold| hold.hash.as_bytes()[0]).collect()
    }

    #[test]
    fn the_last_three_names_are_held() {
        let mut username = Username::default();
        for n in 1..=5 {
            confirm(&mut username, n, now(0));
        }
        assert_eq!((username.hash.clone(), held(&username)), (Some(name(5)), vec![2, 3, 4]));
        username.clear(now(1));
        assert_eq!((username.hash.clone(), held(&username)), (None, vec![3, 4, 5]));
        assert_eq!(username.holds[2].until, now(8));
    }

    #[test]
    fn a_name_is_held_once_and_not_while_it_is_theirs() {
        let mut username = Username::default();
        for (n, holds) in [(1, vec![]), (2, vec![1]), (1, vec![2]), (2, vec![1])] {
            confirm(&mut username, n, now(0));
            assert_eq!(held(&username), holds);
        }
        username.clear(now(0));
        assert_eq!(held(&username), [1, 2]);
        // Without a name before there is nothing to hold, and what was held may be theirs again.
        confirm(&mut username, 1, now(0));
        assert_eq!(held(&username), [2]);
    }

    #[test]
    fn holds_that_ran_out_are_forgotten() {
        let mut username = Username::default();
        confirm(&mut username, 1, now(0));
        confirm(&mut username, 2, now(0));
        let end = now(7);
        let mut before = username.clone();
        confirm(&mut before, 3, end.minus(Duration::from_millis(1)));
        assert_eq!(held(&before), [1, 2]);
        confirm(&mut username, 3, end);
        assert_eq!(held(&username), [2]);
    }

    #[test]
    fn setting_aside_keeps_the_name_and_the_handle_alone() {
        let mut username = Username { encrypted: Some(name(9)), link_handle: Some(Uuid::nil()), ..Username::default() };
        confirm(&mut username, 1, now(0));
        confirm(&mut username, 2, now(0));
        username.reserved_hash = Some(name(3));
        username.link_handle = Some(Uuid::nil());
        let aside = username.set_aside();
        let expected = Username { reserved_hash: Some(name(2)), link_handle: Some(Uuid::nil()), ..Username::default() };
        assert_eq!(aside, expected);
        assert_eq!(aside.set_aside(), expected);
    }
}
