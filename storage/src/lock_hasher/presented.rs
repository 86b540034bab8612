//! A registration lock as somebody presents it.

use std::fmt;

use zeroize::Zeroizing;

/// 64 characters that the client derived (contract §6.1), or a PIN of 4 to 20 digits (the project's seed); where nobody judges that,
/// any text, of which no more is kept than tells it from a lock. It can be hashed. Wiped on drop.
#[derive(Clone)]
pub struct PresentedLock(Zeroizing<String>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a registration lock has 64 characters, or 4 to 20 digits")]
pub struct UnusableLock;

/// No character takes more bytes.
const MOST_BYTES: usize = LONGEST * 4;

/// Characters of the longest lock.
const LONGEST: usize = 64;

impl PresentedLock {
    /// What somebody takes for a lock where nobody judges its length (contract §10.1): it is compared like any other, and what can be
    /// no lock opens none.
    pub fn unjudged(text: &str) -> Self {
        Self(Zeroizing::new(text.chars().take(LONGEST + 1).collect()))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl TryFrom<&str> for PresentedLock {
    type Error = UnusableLock;

    fn try_from(text: &str) -> Result<Self, UnusableLock> {
        let pin = (4..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let derived = text.len() <= MOST_BYTES && text.chars().count() == LONGEST;
        if pin || derived { Ok(Self(Zeroizing::new(text.to_owned()))) } else { Err(UnusableLock) }
    }
}

impl fmt::Debug for PresentedLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedLock(…)")
    }
}
