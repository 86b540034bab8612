//! Faults for tests, made at the seam where the SDK hands over a request: throttling, latency, a connection cut before or
//! *after* the engine did its work. The registry's promises are tested through this seam, not around it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use crate::chance::Chance;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The store answers that it is overloaded, and does nothing.
    Throttle,
    /// Another transaction holds the rows; the store does nothing.
    Conflict,
    /// The request takes this much longer.
    Delay(Duration),
    /// The store does its work at once, and the answer takes this much longer.
    DelayReply(Duration),
    /// The connection breaks before the store sees the request.
    LoseRequest,
    /// The store does its work, and the connection breaks before the answer arrives.
    LoseReply,
    /// The program itself has a bug, and panics.
    Panic,
}

/// What goes wrong and when. Clones share the plan.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    /// Faults waiting for the next request of an operation ("TransactWriteItems").
    scripted: Vec<(&'static str, VecDeque<Fault>)>,
    standing: Vec<(&'static str, Fault)>,
    random: Option<(Chance, u32)>,
    /// Every request takes up to so many milliseconds on its way there, and as many on its way back.
    latency: Option<(Chance, u32)>,
    seen: Vec<String>,
}

impl Faults {
    /// The next request of this operation suffers this, once. Called twice, the next two do.
    pub fn once(&self, operation: &'static str, fault: Fault) {
        let mut plan = self.plan();
        match plan.scripted.iter_mut().find(|(name, _)| *name == operation) {
            Some((_, queue)) => queue.push_back(fault),
            None => plan.scripted.push((operation, VecDeque::from([fault]))),
        }
    }

    /// Every request of this operation suffers this, until [`Faults::heal`].
    pub fn always(&self, operation: &'static str, fault: Fault) {
        self.plan().standing.push((operation, fault));
    }

    /// Of 100 requests, about `percent` suffer something, drawn from `chance`.
    pub fn at_random(&self, chance: Chance, percent: u32) {
        self.plan().random = Some((chance, percent));
    }

    /// Every request waits up to `most` ms before the store sees it, and as long again before its answer arrives: requests at
    /// the same time overtake each other, as `chance` will have it.
    pub fn latency(&self, chance: Chance, most: u32) {
        self.plan().latency = Some((chance, most));
    }

    pub fn heal(&self) {
        *self.plan() = Plan::default();
    }

    /// The operations seen since the last time this was asked, in order: what a piece of work costs in requests.
    pub fn take_seen(&self) -> Vec<String> {
        std::mem::take(&mut self.plan().seen)
    }

    pub fn wrap(&self, inner: SharedHttpClient) -> SharedHttpClient {
        let faults = self.clone();
        http_client_fn(move |settings, components| {
            let connector = inner.http_connector(settings, components);
            SharedHttpConnector::new(Faulty { inner: connector, faults: faults.clone() })
        })
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.0.lock().expect("no panic while planning")
    }

    fn draw(&self, operation: &str) -> Option<Fault> {
        let mut plan = self.plan();
        plan.seen.push(operation.to_owned());
        let scripted = plan.scripted.iter_mut().find(|(name, _)| *name == operation);
        if let Some(fault) = scripted.and_then(|(_, queue)| queue.pop_front()) {
            return Some(fault);
        }
        if let Some((_, fault)) = plan.standing.iter().find(|(name, _)| *name == operation) {
            return Some(*fault);
        }
        let (chance, percent) = plan.random.as_ref()?;
        let faults = [Fault::Throttle, Fault::LoseRequest, Fault::LoseReply, Fault::Delay(Duration::from_millis(3))];
        (chance.below(100) < *percent).then(|| faults[chance.below(4) as usize])
    }

    async fn travel(&self) {
        let wait = self.plan().latency.as_ref().map(|(chance, most)| chance.below(most + 1));
        if let Some(wait) = wait.filter(|wait| *wait > 0) {
            tokio::time::sleep(Duration::from_millis(wait.into())).await;
        }
    }
}

#[derive(Clone, Debug)]
struct Faulty {
    inner: SharedHttpConnector,
    faults: Faults,
}

impl HttpConnector for Faulty {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let me = self.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
            let fault = me.faults.draw(&operation);
            me.faults.travel().await;
            let answer = me.suffer(fault, &operation, request).await;
            me.faults.travel().await;
            answer
        })
    }
}

impl Faulty {
    async fn suffer(
        &self,
        fault: Option<Fault>,
        operation: &str,
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        match fault {
            None => self.inner.call(request).await,
            Some(Fault::Throttle) => Ok(refusal("ThrottlingException", "")),
            Some(Fault::Conflict) if operation == "TransactWriteItems" => {
                let reasons = r#","CancellationReasons":[{"Code":"TransactionConflict"}]"#;
                Ok(refusal("TransactionCanceledException", reasons))
            }
            // A single write is told in another way.
            Some(Fault::Conflict) => Ok(refusal("TransactionConflictException", "")),
            Some(Fault::Delay(by)) => {
                tokio::time::sleep(by).await;
                self.inner.call(request).await
            }
            Some(Fault::DelayReply(by)) => {
                let answer = self.inner.call(request).await;
                tokio::time::sleep(by).await;
                answer
            }
            Some(Fault::Panic) => panic!("a planned panic"),
            Some(Fault::LoseRequest) => Err(cut()),
            Some(Fault::LoseReply) => {
                self.inner.call(request).await?;
                Err(cut())
            }
        }
    }
}

fn cut() -> ConnectorError {
    ConnectorError::io("the connection broke".into())
}

fn refusal(kind: &str, more: &str) -> HttpResponse {
    let text = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{kind}","message":"a planned fault"{more}}}"#);
    HttpResponse::new(400.try_into().expect("a status"), SdkBody::from(text))
}
