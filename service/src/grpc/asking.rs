//! What is known of a call before its message is read, and the way from a message to an answer.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::methods::Method;
use super::status::Refusal;
use crate::call::Caller;
use crate::error::ApiError;

/// Travels with the request. Cloned by whoever takes it out.
#[derive(Clone)]
pub struct Asking {
    pub method: &'static Method,
    /// On methods for devices.
    pub caller: Option<Arc<Caller>>,
    pub client: Option<IpAddr>,
}

impl Asking {
    /// # Errors
    /// As for bad credentials if nobody was let in, which on a method for devices cannot be.
    pub fn caller(&self) -> Result<&Caller, Refusal> {
        self.caller.as_deref().ok_or(Refusal::Api(ApiError::Unauthorized))
    }
}

/// Who asks, and what.
pub fn parts<T>(request: Request<T>) -> Result<(Asking, T), Status> {
    let (_, extensions, message) = request.into_parts();
    let asking = extensions.get::<Asking>().cloned().ok_or_else(|| Status::internal(""))?;
    Ok((asking, message))
}

/// Answers a message with a message.
pub async fn answer<T, A, F>(request: Request<T>, work: impl FnOnce(Asking, T) -> F) -> Result<Response<A>, Status>
where
    F: Future<Output = Result<A, Refusal>>,
{
    let (asking, message) = parts(request)?;
    let method = asking.method.path;
    work(asking, message).await.map(Response::new).map_err(|refusal| refusal.into_status(method))
}
