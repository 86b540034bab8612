//! Key material of accounts: parsed, checked, and from then on known to be good by its type.
//!
//! - [`EcPublicKey`], [`KemPublicKey`], [`Signature`]: bytes of the right length and type, wire JSON both ways.
//! - [`IdentityKey`]: the key an account signs with. [`IdentityKey::verify`] is the one place that knows how.
//! - [`EcPreKey`], [`SignedPreKey`], [`KemPreKey`]: what clients upload, decoded but not believed.
//! - [`CheckedDeviceKeys`], [`CheckedKeys`]: the same with every signature verified. They are what a write demands.
//! - [`KeysManager`]: keys as they are stored: the row of a device ([`rows`]), its one-time keys in [`pages`], how they are
//!   [uploaded](upload), [taken](take) and [cleared away](clear), and what
//!   an upload may [leave behind](orphans).
//! - [`Installation`]: whose keys they are; device ids come again.
//! - [`created_at`]: when a device was added, sealed for the owner of the account.
//! - [`username_proof`]: whether somebody knows the name behind a hash.
//! - [`signing`]: the client's half, for demos and tests.
//!
//! Everything here is public material except in [`signing`]. `Debug` still shows four bytes only: keys name accounts.
//! Contract: `keys-devices.md` §0.1, §0.2, §1.2, §1A and §2; `username-proof.md`.

pub mod checked;
pub mod clear;
pub mod created_at;
pub mod identity;
pub mod installation;
pub mod manager;
pub mod orphans;
pub mod pages;
pub mod prekey;
pub mod public;
pub mod rows;
pub mod signing;
pub mod take;
pub mod upload;
pub mod username_proof;

pub use checked::{CheckedDeviceKeys, CheckedKeys, KeyError, UncheckedKeys};
pub use identity::IdentityKey;
pub use installation::Installation;
pub use manager::KeysManager;
pub use pages::{Kind, Shelf};
pub use prekey::{EcPreKey, KemPreKey, KeyId, SignedPreKey, bundle_digest};
pub use public::{EcPublicKey, KemPublicKey, MalformedKey, Signature};
pub use take::{Bundle, Left, TakeError};
pub use upload::UploadError;
