//! What every inlet speaks: a request as a [`Call`], an answer as a [`Reply`]. Endpoints know these two and no web framework,
//! so the same endpoint serves REST and what comes through a tunnel.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use signet_storage::accounts::AskedBy;
use signet_storage::ids::DeviceId;
use signet_storage::model::{Account, Device};

use crate::error::ApiError;
use crate::presence::Principal;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A request, whatever it came in by. It has no `Debug`: it holds credentials.
pub struct Call {
    /// What stood in the template's placeholders, decoded.
    pub params: Vec<(String, String)>,
    /// The query's fields, decoded.
    pub query: Vec<(String, String)>,
    pub headers: Headers,
    pub body: Bytes,
    /// Where the client is, as far as the proxies we trust say; limits are keyed by it.
    pub client: Option<IpAddr>,
    pub credentials: Credentials,
    /// Who is asking, on routes that demand it or ask for it.
    pub caller: Option<Caller>,
}

/// By what it is known who is asking.
pub enum Credentials {
    /// Each request says so itself.
    InHeaders,
    /// Who opened the socket that it came through, and nobody else.
    Socket(Option<Principal>),
}

impl Call {
    /// The placeholder's text. The route table names every placeholder that an endpoint asks for.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// A field of the query; the first of several counts.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Who is asking.
    ///
    /// # Errors
    /// 401 if nobody was let in, which on a route for devices cannot be.
    pub fn caller(&self) -> Result<&Caller, ApiError> {
        self.caller.as_ref().ok_or(ApiError::Unauthorized)
    }
}

/// Header fields by lower-case name. The last of several wins.
#[derive(Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    pub fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.to_ascii_lowercase(), value.to_owned()));
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// An authenticated device and its account as the cache had it.
pub struct Caller {
    pub account: Arc<Account>,
    pub device: DeviceId,
}

impl Caller {
    /// The device as its account has it.
    ///
    /// # Errors
    /// 401 if it has gone.
    pub fn device(&self) -> Result<&Device, ApiError> {
        self.account.device(self.device).ok_or(ApiError::Unauthorized)
    }

    /// By what the store is to know the device again, when it changes the account as it stands.
    ///
    /// # Errors
    /// 401 if it has gone.
    pub fn asked_by(&self) -> Result<AskedBy<'_>, ApiError> {
        self.device().map(|device| (device.id, &device.auth))
    }
}

/// An answer. Bodies are JSON or nothing.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Bytes>,
}

impl Reply {
    pub const fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: None }
    }

    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("our bodies serialise");
        Self { status, headers: Vec::new(), body: Some(body.into()) }
    }

    /// A body that is JSON already.
    pub const fn of_json(status: u16, body: Bytes) -> Self {
        Self { status, headers: Vec::new(), body: Some(body) }
    }

    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}
