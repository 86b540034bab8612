//! `Secret<T>`: a value that must not be seen.
//!
//! `Debug` prints "…"; there is no `Display`, no `Serialize`, no equality (compare in constant time, where it is used),
//! and the memory is wiped on drop. `expose` is the one way in, so that a search for it lists every reader.
//!
//! It does not reach back: the text of the configuration file and the environment, from which a secret was read, are
//! held by others and are not wiped.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroize;

/// A value that is neither printed nor written, and wiped on drop. Each clone wipes its own copy.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret<T: Zeroize>(T);

/// What stands in place of a secret wherever one would be shown.
pub(crate) const HIDDEN: &str = "…";

impl<T: Zeroize> Secret<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Keep the borrow short, and hand it to nothing that prints.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A key of 32 bytes, from 64 hex digits.
pub(crate) fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret<[u8; 32]>>, D::Error> {
    let text = Secret::<String>::deserialize(deserializer)?;
    let mut key = [0; 32];
    let decoded = hex::decode_to_slice(text.expose(), &mut key);
    let secret = decoded.is_ok().then(|| Secret::new(key));
    key.zeroize(); // arrays are copied, not moved
    secret.map(Some).ok_or_else(|| serde::de::Error::custom("expected 64 hex digits"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn debug_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "…");
        assert_eq!(format!("{:#?}", Some(Secret::new([7_u8; 32]))), "Some(\n    …,\n)");
    }

    #[test]
    fn it_is_wiped_on_drop() {
        static WIPED: AtomicBool = AtomicBool::new(false);
        struct Witness;
        impl Zeroize for Witness {
            fn zeroize(&mut self) {
                WIPED.store(true, Ordering::SeqCst);
            }
        }
        drop(Secret::new(Witness));
        assert!(WIPED.load(Ordering::SeqCst));
    }
}
