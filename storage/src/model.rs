//! The nouns: plain data with pure rules and no I/O. Rules take the time as an argument.

pub mod account;
pub mod capability;
pub mod code;
pub mod device;
pub mod evidence;
pub mod link;
pub mod lock;
pub mod opaque;
pub mod recovery;
pub mod session;
pub mod totp;
pub mod username;

pub use account::{Account, Badge};
pub use device::{Device, NewDevice, PushChannel};
pub use evidence::{LockCleared, NotVerified, VerifiedBy, VerifiedNumber};
pub use link::{LinkKey, LinkPermit, LinkToken, LinkTokenId};
pub use lock::LockState;
pub use opaque::Opaque;
pub use recovery::RecoveryPassword;
pub use session::VerificationSession;
pub use username::Username;
