//! Sections `limits.<id>`: how often one key (a number, a session, an address) may do one thing.
//!
//! Most limits are leaky buckets, named and sized as in the reference (contract: registration, §8 and §5.2); those that
//! promise "so many in any hour" are sliding windows. The defaults depend on the profile: in development, a whole test
//! run comes from one address and must pass. An override may be partial, hence it is read apart and laid over the
//! defaults of the profile that is in force in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::Profile;
use crate::error::Problems;
use crate::values::{self, words};

words! {
    /// A limit, by what it guards.
    pub enum LimitId {
        /// Registrations of one number.
        Registration = "registration",
        /// Registrations attempted from one client address.
        RegistrationPerAddress = "registration_per_address",
        /// Registration locks presented for one account.
        Pin = "pin",
        /// One-time passwords presented for one account.
        CheckTotp = "check_totp",
        /// Registration locks set by one account: each is hashed, and that takes a core for a while.
        SetRegistrationLock = "set_registration_lock",
        /// Codes requested for one number, whatever the session.
        CodePerNumber = "code_per_number",
        /// Push challenges answered for one session.
        VerificationPushChallenge = "verification_push_challenge",
        /// Captchas presented for one session.
        VerificationCaptcha = "verification_captcha",
        /// Sessions opened for one number from one address.
        VerificationSession = "verification_session",
        /// Credentials for secure value recovery checked from one client address.
        BackupAuthCheck = "backup_auth_check",
        /// Pre-keys of one device taken by one other.
        Prekeys = "prekeys",
        /// Link tokens made for one account.
        AllocateDevice = "allocate_device",
        /// Devices linked, or tried to be, to one account.
        VerifyDevice = "verify_device",
        /// Waits of one account for a device to be linked.
        WaitForLinkedDevice = "wait_for_linked_device",
        /// Archives announced to the devices of one account.
        UploadTransferArchive = "upload_transfer_archive",
        /// Waits of one device for its archive.
        WaitForTransferArchive = "wait_for_transfer_archive",
        /// Requests for a transfer of an account left by one client address.
        RecordDeviceTransferRequest = "record_device_transfer_request",
        /// Waits of one client address for such a request.
        WaitForDeviceTransferRequest = "wait_for_device_transfer_request",
        /// Messages to devices that are being linked, of one account.
        Messages = "messages",
        /// Checks of many identity keys by one client address.
        BatchIdentityCheck = "batch_identity_check",
        /// Usernames reserved by one account.
        UsernameReserve = "username_reserve",
        /// Usernames confirmed, or tried to be, by one account.
        UsernameSet = "username_set",
        /// Links to its username made or removed by one account.
        UsernameLinkOperation = "username_link_operation",
        /// Look-ups of usernames by one client address.
        UsernameLookup = "username_lookup",
        /// Look-ups of links to usernames by one client address.
        UsernameLinkLookup = "username_link_lookup",
        /// Asking whether accounts exist, by one client address.
        CheckAccountExistence = "check_account_existence",
        /// All requests of one client address: a shield of this process, not of the reference.
        Address = "address",
    }
}

words! {
    /// What happens when the limit cannot be asked, for want of its store.
    pub enum OnFailure {
        Refuse = "refuse",
        Allow = "allow",
    }
}

words! {
    /// How permits come back.
    pub enum Shape {
        /// One by one: a full bucket holds `size`, and one comes back each `per`.
        Bucket = "bucket",
        /// Each `per` after it was taken: no span of that length ever sees more than `size`.
        Window = "window",
    }
}

/// One limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub shape: Shape,
    /// Permits when nothing is taken; at least 1.
    pub size: u64,
    /// Of a bucket, the time to regain one permit; of a window, its length. More than 0.
    pub per: Duration,
    pub on_failure: OnFailure,
}

/// All limits, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits([Limit; LimitId::ALL.len()]);

/// What an operator says about one limit.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub(crate) struct LimitOverride {
    shape: Option<Shape>,
    #[serde(deserialize_with = "size")]
    size: Option<u64>,
    #[serde(deserialize_with = "per")]
    per: Option<Duration>,
    on_failure: Option<OnFailure>,
}

impl LimitId {
    /// The id in the reference, for logs, metrics and keys in the cache.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::RegistrationPerAddress => "registrationPerAddress",
            Self::Pin => "pin",
            Self::CheckTotp => "checkTotp",
            Self::SetRegistrationLock => "setRegistrationLock",
            Self::CodePerNumber => "codePerNumber",
            Self::VerificationPushChallenge => "verificationPushChallenge",
            Self::VerificationCaptcha => "verificationCaptcha",
            Self::VerificationSession => "verificationSession",
            Self::BackupAuthCheck => "backupAuthCheck",
            Self::Prekeys => "prekeys",
            Self::AllocateDevice => "allocateDevice",
            Self::VerifyDevice => "verifyDevice",
            Self::WaitForLinkedDevice => "waitForLinkedDevice",
            Self::UploadTransferArchive => "uploadTransferArchive",
            Self::WaitForTransferArchive => "waitForTransferArchive",
            Self::RecordDeviceTransferRequest => "recordDeviceTransferRequest",
            Self::WaitForDeviceTransferRequest => "waitForDeviceTransferRequest",
            Self::Messages => "messages",
            Self::BatchIdentityCheck => "batchIdentityCheck",
            Self::UsernameReserve => "usernameReserve",
            Self::UsernameSet => "usernameSet",
            Self::UsernameLinkOperation => "usernameLinkOperation",
            Self::UsernameLookup => "usernameLookup",
            Self::UsernameLinkLookup => "usernameLinkLookupPerIp",
            Self::CheckAccountExistence => "checkAccountExistence",
            Self::Address => "address",
        }
    }

    /// The id in the configuration: `limits.<key>`.
    pub const fn key(self) -> &'static str {
        self.as_str()
    }
}

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
/// A window remembers each take of each key.
const LARGEST_WINDOW: u64 = 1_000_000;

impl Limit {
    /// A full bucket holds `size` permits, and one comes back each `per`.
    pub const fn bucket(size: u64, per: Duration, on_failure: OnFailure) -> Self {
        Self { shape: Shape::Bucket, size, per, on_failure }
    }

    /// No span of `per` ever sees more than `size`.
    pub const fn window(size: u64, per: Duration, on_failure: OnFailure) -> Self {
        Self { shape: Shape::Window, size, per, on_failure }
    }

    const fn default_for(id: LimitId, profile: Profile) -> Self {
        use OnFailure::{Allow, Refuse};
        use Profile::{Development, Production};
        match (id, profile) {
            (LimitId::Registration, _) => Self::bucket(6, Duration::from_secs(30), Refuse),
            (LimitId::RegistrationPerAddress, Production) => Self::window(5, HOUR, Refuse),
            (LimitId::RegistrationPerAddress, Development) => Self::window(1_000_000, HOUR, Refuse),
            (LimitId::Pin, _) => Self::bucket(10, DAY, Refuse),
            (LimitId::CheckTotp, _) => Self::bucket(5, Duration::from_secs(6), Refuse),
            (LimitId::SetRegistrationLock, _) => Self::bucket(10, Duration::from_secs(30), Allow),
            (LimitId::CodePerNumber, Production) => Self::window(3, HOUR, Refuse),
            (LimitId::CodePerNumber, Development) => Self::window(10_000, HOUR, Refuse),
            (LimitId::VerificationPushChallenge, _) => Self::bucket(5, Duration::from_secs(30), Refuse),
            (LimitId::VerificationCaptcha, _) => Self::bucket(10, Duration::from_secs(30), Refuse),
            (LimitId::VerificationSession, Production) => Self::bucket(5, Duration::from_secs(288 * 60), Allow),
            (LimitId::VerificationSession, Development) => Self::bucket(1000, Duration::from_secs(1), Allow),
            (LimitId::BackupAuthCheck, _) => Self::bucket(100, Duration::from_secs(15 * 60), Allow),
            (LimitId::Prekeys, _) => Self::bucket(6, Duration::from_secs(600), Refuse),
            (LimitId::AllocateDevice, _) => Self::bucket(6, Duration::from_secs(120), Refuse),
            (LimitId::VerifyDevice, _) => Self::bucket(6, Duration::from_secs(120), Refuse),
            (LimitId::WaitForLinkedDevice, _) => Self::bucket(10, Duration::from_secs(30), Refuse),
            (LimitId::UploadTransferArchive, _) => Self::bucket(10, Duration::from_secs(60), Refuse),
            (LimitId::WaitForTransferArchive, _) => Self::bucket(10, Duration::from_secs(30), Refuse),
            (LimitId::RecordDeviceTransferRequest, _) => Self::bucket(10, Duration::from_millis(100), Allow),
            (LimitId::WaitForDeviceTransferRequest, _) => Self::bucket(10, Duration::from_millis(100), Allow),
            (LimitId::Messages, _) => Self::bucket(60, Duration::from_secs(1), Allow),
            (LimitId::BatchIdentityCheck, _) => Self::bucket(100, Duration::from_secs(60), Allow),
            (LimitId::UsernameReserve | LimitId::UsernameSet, _) => {
                Self::bucket(100, Duration::from_secs(15 * 60), Refuse)
            }
            (LimitId::UsernameLinkOperation, _) => Self::bucket(10, Duration::from_secs(60), Refuse),
            (LimitId::UsernameLookup, _) => Self::bucket(100, Duration::from_secs(15 * 60), Allow),
            (LimitId::UsernameLinkLookup, _) => Self::bucket(100, Duration::from_secs(15), Allow),
            (LimitId::CheckAccountExistence, _) => Self::bucket(1000, Duration::from_secs(4), Allow),
            (LimitId::Address, Production) => Self::bucket(200, Duration::from_millis(20), Allow),
            (LimitId::Address, Development) => Self::bucket(20_000, Duration::from_micros(100), Allow),
        }
    }

    fn overridden(self, by: LimitOverride) -> Self {
        Self {
            shape: by.shape.unwrap_or(self.shape),
            size: by.size.unwrap_or(self.size),
            per: by.per.unwrap_or(self.per),
            on_failure: by.on_failure.unwrap_or(self.on_failure),
        }
    }
}

impl Limits {
    /// The defaults of a profile.
    pub fn of(profile: Profile) -> Self {
        let mut limits = Self([Limit::default_for(LimitId::Registration, profile); LimitId::ALL.len()]);
        for &id in LimitId::ALL {
            limits.set(id, Limit::default_for(id, profile));
        }
        limits
    }

    /// The defaults of development.
    pub fn for_testing() -> Self {
        Self::of(Profile::Development)
    }

    pub fn get(&self, id: LimitId) -> Limit {
        self.0[id as usize]
    }

    /// For tests that want a limit to be met soon.
    pub fn set(&mut self, id: LimitId, limit: Limit) {
        self.0[id as usize] = limit;
    }

    pub(crate) fn overridden(mut self, by: &BTreeMap<LimitId, LimitOverride>) -> Self {
        for (&id, &by) in by {
            self.set(id, self.get(id).overridden(by));
        }
        self
    }

    pub(crate) fn validate(&self, problems: &mut Problems) {
        for &id in LimitId::ALL {
            let limit = self.get(id);
            if limit.size == 0 {
                problems.add(format!("limits.{}.size", id.key()), "must be at least 1");
            }
            if limit.per.is_zero() {
                problems.add(format!("limits.{}.per", id.key()), "must be more than 0");
            }
            if limit.shape == Shape::Window {
                self.validate_window(id, problems);
            }
        }
    }
}

impl Limits {
    fn validate_window(&self, id: LimitId, problems: &mut Problems) {
        if id == LimitId::Address {
            problems.add("limits.address.shape", "must be bucket: each process holds this one by itself");
        }
        if self.get(id).size > LARGEST_WINDOW {
            problems.add(format!("limits.{}.size", id.key()), "must be at most 1000000 for a window");
        }
    }
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    values::whole(deserializer).map(Some)
}

fn per<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    values::duration(deserializer).map(Some)
}

#[cfg(test)]
mod tests;
