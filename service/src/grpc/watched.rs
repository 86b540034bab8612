//! An answer on its way out: whatever becomes of it, it ends with a status in time, and that status is counted.
//!
//! A method that answers with a stream works while its answer is being sent, outside of what watches over its beginning. So the
//! watch goes on here: an answer that panics or takes too long ends there.

use std::future::Future as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;

use super::deadline::Deadline;
use super::status::Refusal;
use crate::error::ApiError;
use crate::metrics::Stopwatch;

pub struct Watched {
    body: Body,
    until: Pin<Box<Sleep>>,
    deadline: Deadline,
    method: &'static str,
    /// None when it is counted.
    stopwatch: Option<Stopwatch>,
}

impl Watched {
    pub fn new(body: Body, deadline: Deadline, method: &'static str, stopwatch: Stopwatch) -> Self {
        let until = Box::pin(tokio::time::sleep_until(deadline.at));
        Self { body, until, deadline, method, stopwatch: Some(stopwatch) }
    }

    /// The status that a broken answer ends with.
    fn end(&mut self, refusal: Refusal) -> Frame<Bytes> {
        let mut trailers = HeaderMap::new();
        // Our own statuses can be written: their texts are ours.
        let _ = refusal.into_status(self.method).add_header(&mut trailers);
        self.body = Body::empty();
        self.count(code(&trailers));
        Frame::trailers(trailers)
    }

    fn count(&mut self, code: u16) {
        if let Some(stopwatch) = self.stopwatch.take() {
            stopwatch.grpc(self.method, code);
        }
    }
}

/// The status that head or trailers tell; OK if they tell none.
pub fn code(headers: &HeaderMap) -> u16 {
    let status = headers.get(Status::GRPC_STATUS).and_then(|value| value.to_str().ok()?.parse().ok());
    status.unwrap_or_default()
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let me = self.get_mut();
        if me.stopwatch.is_none() {
            return Poll::Ready(None);
        }
        if me.until.as_mut().poll(context).is_ready() {
            let too_late = me.deadline.refusal();
            return Poll::Ready(Some(Ok(me.end(too_late))));
        }
        let body = &mut me.body;
        let Ok(polled) = catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(context))) else {
            return Poll::Ready(Some(Ok(me.end(Refusal::Api(ApiError::Panicked)))));
        };
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(trailers) = frame.trailers_ref()
        {
            me.count(code(trailers));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.stopwatch.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// Whoever asked has gone before the end.
impl Drop for Watched {
    fn drop(&mut self) {
        self.count(tonic::Code::Cancelled as u16);
    }
}
