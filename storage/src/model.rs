//! The nouns: plain data with pure rules and no I/O. Rules take the time as an argument.

pub mod account;
pub mod code;
pub mod device;
pub mod evidence;
pub mod opaque;
pub mod session;

pub use account::{Account, Badge};
pub use device::{Device, NewDevice, PushChannel};
pub use evidence::{LockCleared, NotVerified, VerifiedNumber};
pub use opaque::Opaque;
pub use session::VerificationSession;
