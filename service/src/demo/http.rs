//! The little of an HTTP client that the demo and the commands for operators need.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

#[derive(Clone)]
pub struct Http {
    agent: ureq::Agent,
    base: String,
}

pub struct Answer {
    pub status: u16,
    /// Null if there was no JSON.
    pub body: Value,
    server_timing: String,
}

impl Answer {
    /// The milliseconds that the `Server-Timing` field gives for this step.
    pub fn timing(&self, step: &str) -> Option<f64> {
        let metrics = self.server_timing.split(',').filter_map(|metric| metric.trim().split_once(";dur="));
        metrics.into_iter().find(|(name, _)| *name == step)?.1.parse().ok()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{base} cannot be reached: {source}")]
pub struct HttpError {
    base: String,
    source: Box<ureq::Error>,
}

impl Http {
    /// `base` is scheme, host and port.
    pub fn at(base: String) -> Self {
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(40)));
        Self { agent: config.build().into(), base: base.trim_end_matches('/').to_owned() }
    }

    pub fn get(&self, path: &str, credentials: Option<(&str, &str)>) -> Result<Answer, HttpError> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(credentials) = credentials {
            request = request.header("authorization", basic(credentials));
        }
        self.read(request.call())
    }

    /// As somebody who has no account, or does not say which.
    pub fn get_unseen(&self, path: &str, access_key: &str) -> Result<Answer, HttpError> {
        let request = self.agent.get(format!("{}{path}", self.base));
        self.read(request.header("unidentified-access-key", access_key).call())
    }

    pub fn post(&self, path: &str, credentials: Option<(&str, &str)>, body: &Value) -> Result<Answer, HttpError> {
        self.send(self.agent.post(format!("{}{path}", self.base)), credentials, body)
    }

    pub fn put(&self, path: &str, credentials: Option<(&str, &str)>, body: &Value) -> Result<Answer, HttpError> {
        self.send(self.agent.put(format!("{}{path}", self.base)), credentials, body)
    }

    pub fn patch(&self, path: &str, body: &Value) -> Result<Answer, HttpError> {
        self.send(self.agent.patch(format!("{}{path}", self.base)), None, body)
    }

    pub fn delete(&self, path: &str) -> Result<Answer, HttpError> {
        self.read(self.agent.delete(format!("{}{path}", self.base)).call())
    }

    fn send(
        &self,
        mut request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        credentials: Option<(&str, &str)>,
        body: &Value,
    ) -> Result<Answer, HttpError> {
        if let Some(credentials) = credentials {
            request = request.header("authorization", basic(credentials));
        }
        self.read(request.send_json(body))
    }

    fn read(&self, sent: Result<http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, HttpError> {
        let failed = |source| HttpError { base: self.base.clone(), source: Box::new(source) };
        let mut response = sent.map_err(failed)?;
        let text = response.body_mut().read_to_vec().map_err(failed)?;
        let timing = response.headers().get("server-timing").and_then(|value| value.to_str().ok());
        Ok(Answer {
            status: response.status().as_u16(),
            body: serde_json::from_slice(&text).unwrap_or(Value::Null),
            server_timing: timing.unwrap_or_default().to_owned(),
        })
    }
}

fn basic((user, password): (&str, &str)) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
