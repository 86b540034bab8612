//! The one edge where errors become a gRPC status (contract keys-devices §7.9). Clients read the details: a reason of a known
//! domain, and for what may be over in a while how long that is.
//!
//! What a caller has to expect of a method (somebody is not there, say) is no error here but one of its answers. Inner text is
//! never sent; what is the registry's own fault is logged by [`ApiError::log`].

use bytes::Bytes;
use prost::Message;
use tonic::{Code, Status};

use super::proto::google::rpc;
use crate::error::{ApiError, whole_seconds};

/// Who speaks in the details.
const DOMAIN: &str = "grpc.chat.signal.org";
/// Whatever the reason, it may be over in a moment.
const MOMENT: u64 = 1;

/// Why a call is not answered.
#[derive(Debug)]
pub enum Refusal {
    /// This field is not what it must be.
    Constraint(&'static str),
    /// The message cannot be read, or is too long.
    Unreadable,
    /// The service is for those who say who they are, or for those who do not, or the method is for another device.
    BadAuthentication,
    Unimplemented,
    /// The client did not want to wait so long.
    DeadlineExceeded,
    Api(ApiError),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl Refusal {
    /// `method` is the one of the table, for the log.
    pub fn into_status(self, method: &'static str) -> Status {
        match self {
            Self::Constraint(field) => constraint(format!("{field} is not what it must be")),
            Self::Unreadable => constraint("the message cannot be read".to_owned()),
            Self::BadAuthentication => bad_authentication(),
            Self::Unimplemented => Status::unimplemented(""),
            Self::DeadlineExceeded => Status::deadline_exceeded(""),
            Self::Api(error) => {
                error.log(method);
                of(&error)
            }
        }
    }
}

fn of(error: &ApiError) -> Status {
    match error {
        ApiError::Unauthorized => detailed(Code::Unauthenticated, String::new(), "INVALID_CREDENTIALS", None),
        ApiError::WrongDevice | ApiError::Forbidden => bad_authentication(),
        ApiError::NotFound => Status::not_found(""),
        ApiError::Malformed
        | ApiError::BadRequest
        | ApiError::Conflict
        | ApiError::Gone
        | ApiError::TooLarge
        | ApiError::TooSlow
        | ApiError::Unprocessable => constraint("the request says something impossible".to_owned()),
        ApiError::UpgradeNeeded => detailed(Code::InvalidArgument, String::new(), "UPGRADE_REQUIRED", None),
        ApiError::RateLimited { limiter, retry_after } => detailed(
            Code::ResourceExhausted,
            (*limiter).to_owned(),
            "RESOURCE_EXHAUSTED",
            Some(whole_seconds(*retry_after)),
        ),
        // Of registrations, links and sessions, which no method here is about, and of changes of number, whose method answers them.
        ApiError::Locked(_)
        | ApiError::TotpWanted
        | ApiError::TooManyDevices { .. }
        | ApiError::OtherDevices { .. }
        | ApiError::StaleDevices(_)
        | ApiError::Session(_)
        | ApiError::Undeliverable { .. } => Status::failed_precondition(""),
        ApiError::Unavailable(_) | ApiError::Contested | ApiError::Busy => {
            detailed(Code::Unavailable, String::new(), "UNAVAILABLE", Some(MOMENT))
        }
        ApiError::Panicked => Status::internal(""),
    }
}

fn constraint(message: String) -> Status {
    detailed(Code::InvalidArgument, message, "CONSTRAINT_VIOLATED", None)
}

fn bad_authentication() -> Status {
    detailed(Code::InvalidArgument, String::new(), "BAD_AUTHENTICATION", None)
}

fn detailed(code: Code, message: String, reason: &str, retry_after: Option<u64>) -> Status {
    let info = rpc::ErrorInfo { reason: reason.to_owned(), domain: DOMAIN.to_owned() };
    let retry = retry_after.map(|seconds| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        rpc::RetryInfo { retry_delay: Some(rpc::Duration { seconds }) }
    });
    let details = [Some(any("ErrorInfo", &info)), retry.map(|retry| any("RetryInfo", &retry))];
    let details = details.into_iter().flatten().collect();
    let status = rpc::Status { code: code as i32, message: message.clone(), details };
    Status::with_details(code, message, Bytes::from(status.encode_to_vec()))
}

fn any(name: &str, message: &impl Message) -> rpc::Any {
    rpc::Any { type_url: format!("type.googleapis.com/google.rpc.{name}"), value: message.encode_to_vec() }
}
