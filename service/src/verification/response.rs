//! The session as clients see it (contract registration §4.1). All five routes answer with it, and so do several errors.

use serde::Serialize;
use signet_storage::clock::Timestamp;
use signet_storage::model::VerificationSession;
use signet_storage::model::session::{Information, Transport, When};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionBody {
    id: String,
    /// Whole seconds from now; 0 is at once, null is not possible.
    next_sms: Option<u64>,
    next_call: Option<u64>,
    next_verification_attempt: Option<u64>,
    allowed_to_request_code: bool,
    requested_information: Vec<Information>,
    verified: bool,
}

impl SessionBody {
    pub fn of(session: &VerificationSession, now: Timestamp) -> Self {
        Self {
            id: session.id().encoded(),
            next_sms: seconds(session.next_send(Transport::Sms), now),
            next_call: seconds(session.next_send(Transport::Voice), now),
            next_verification_attempt: seconds(session.next_guess(now), now),
            allowed_to_request_code: session.allowed(),
            requested_information: session.requested().to_vec(),
            verified: session.verified(),
        }
    }
}

/// Rounded up, so that a client which waits as told is not early.
fn seconds(when: When, now: Timestamp) -> Option<u64> {
    match when {
        When::Never => None,
        When::At(time) => u64::try_from(time.remaining(now).as_millis().div_ceil(1000)).ok(),
    }
}
