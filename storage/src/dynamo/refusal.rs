//! Why a read or a commit did not happen. Messages hold error codes only: the store's own texts may quote rows.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;

use super::{Item, Write};

/// The store did not do as asked, for no reason of the caller's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store did not answer ({code})")]
pub struct StoreError {
    code: String,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CommitError {
    /// A condition did not hold, and nothing was written. `standing` is the row that was there instead.
    #[error("refused by {label}")]
    Refused { label: &'static str, standing: Option<Item> },
    /// Other commits touched the same rows at the same time, again and again. Nothing was written.
    #[error("contested")]
    Contested,
    /// It is not known whether the commit took place.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StoreError {
    /// A row was read that the registry could not have written.
    pub fn unreadable(what: &'static str) -> Self {
        Self { code: format!("unreadable {what}") }
    }

    /// It kept putting off what it was asked for.
    pub(super) fn busy() -> Self {
        Self { code: "put off".to_owned() }
    }

    pub(super) fn from_sdk<E: ProvideErrorMetadata, R>(error: SdkError<E, R>) -> Self {
        let code = match &error {
            SdkError::ServiceError(service) => service.err().code().unwrap_or("unknown service error"),
            SdkError::TimeoutError(_) => "timeout",
            SdkError::DispatchFailure(_) => "no connection",
            SdkError::ResponseError(_) => "broken response",
            _ => "request not built",
        };
        Self { code: code.to_owned() }
    }
}

pub(super) fn of_transaction<R>(error: SdkError<TransactWriteItemsError, R>, writes: &[Write]) -> CommitError {
    let reasons = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled.cancellation_reasons(),
        Some(TransactWriteItemsError::TransactionInProgressException(_)) => return CommitError::Contested,
        _ => return StoreError::from_sdk(error).into(),
    };
    // A refusal outranks a conflict: it is the one that a fresh read has to explain.
    let refused = reasons.iter().zip(writes).find(|(reason, _)| reason.code() == Some("ConditionalCheckFailed"));
    if let Some((reason, write)) = refused {
        return CommitError::Refused { label: write.label, standing: reason.item().cloned() };
    }
    match reasons.iter().filter_map(|reason| reason.code()).find(|code| *code != "None") {
        Some("TransactionConflict") => CommitError::Contested,
        other => StoreError { code: other.unwrap_or("cancelled").to_owned() }.into(),
    }
}

pub(super) fn of_put<R>(error: SdkError<PutItemError, R>, label: &'static str) -> CommitError {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(e)) => {
            CommitError::Refused { label, standing: e.item().cloned() }
        }
        Some(PutItemError::TransactionConflictException(_)) => CommitError::Contested,
        _ => StoreError::from_sdk(error).into(),
    }
}

pub(super) fn of_delete<R>(error: SdkError<DeleteItemError, R>, label: &'static str) -> CommitError {
    match error.as_service_error() {
        Some(DeleteItemError::ConditionalCheckFailedException(e)) => {
            CommitError::Refused { label, standing: e.item().cloned() }
        }
        Some(DeleteItemError::TransactionConflictException(_)) => CommitError::Contested,
        _ => StoreError::from_sdk(error).into(),
    }
}
