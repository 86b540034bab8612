//! A client that speaks in verbs, and the keys of one that registers.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use signet_keys::signing::{ClientKeys, IdentityKeyPair};
use signet_storage::chance::Chance;

use crate::canary::record;

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    pub base: String,
    pub management: String,
}

/// An answer, with its body read.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The JSON body, null if there is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The JSON body of an answer that must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }
}

impl Client {
    pub fn new(http: SocketAddr, management: SocketAddr) -> Self {
        // The HTTP client has no TLS provider of its own and wants one even for plain HTTP. Whoever comes second is refused.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { http: client, base: format!("http://{http}"), management: format!("http://{management}") }
    }

    /// Any request: method, path, header fields, and a body as it goes over the wire.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
        self.try_send(method, path, headers, body).await.expect("an answer")
    }

    /// As [`Client::send`], but the connection may break.
    pub async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Result<Answer, reqwest::Error> {
        let body = body.into();
        record::note_request(method, path, headers, &body);
        let method = method.parse().expect("a method");
        let mut request = self.http.request(method, format!("{}{path}", self.base)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        if self.base != self.management {
            record::note_answer(status, text.as_bytes());
        }
        Ok(Answer { status, headers, text })
    }

    pub async fn manage(&self, path: &str) -> Answer {
        self.manage_by("GET", path).await
    }

    /// Any method on the management port.
    pub async fn manage_by(&self, method: &str, path: &str) -> Answer {
        let management = Self { base: self.management.clone(), ..self.clone() };
        management.send(method, path, &[], "").await
    }

    async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(method, path, &[("content-type", "application/json")], body.to_string()).await
    }

    pub async fn begin_session(&self, number: &str) -> Answer {
        self.json("POST", "/v1/verification/session", &json!({"number": number})).await
    }

    pub async fn begin_session_with(&self, body: &Value) -> Answer {
        self.json("POST", "/v1/verification/session", body).await
    }

    pub async fn session(&self, id: &str) -> Answer {
        self.send("GET", &format!("/v1/verification/session/{id}"), &[], "").await
    }

    pub async fn update_session(&self, id: &str, body: &Value) -> Answer {
        self.json("PATCH", &format!("/v1/verification/session/{id}"), body).await
    }

    pub async fn request_code(&self, id: &str, transport: &str) -> Answer {
        let body = json!({"transport": transport, "client": "test"});
        self.json("POST", &format!("/v1/verification/session/{id}/code"), &body).await
    }

    pub async fn submit_code(&self, id: &str, code: &str) -> Answer {
        self.json("PUT", &format!("/v1/verification/session/{id}/code"), &json!({"code": code})).await
    }

    /// `POST /v1/registration` with any body.
    pub async fn register(&self, user: &str, password: &str, body: &Value) -> Answer {
        let authorization = basic(user, password);
        let headers = [("content-type", "application/json"), ("authorization", authorization.as_str())];
        self.send("POST", "/v1/registration", &headers, body.to_string()).await
    }

    /// `PUT /v1/devices/link` with any body. Whose account it is the token says.
    pub async fn link(&self, password: &str, body: &Value) -> Answer {
        let authorization = basic("nobody", password);
        let headers = [("content-type", "application/json"), ("authorization", authorization.as_str())];
        self.send("PUT", "/v1/devices/link", &headers, body.to_string()).await
    }

    /// A request without a body, with these credentials.
    pub async fn send_as(&self, method: &str, path: &str, user: &str, password: &str) -> Answer {
        self.send(method, path, &[("authorization", basic(user, password).as_str())], "").await
    }

    pub async fn whoami(&self, user: &str, password: &str) -> Answer {
        self.send("GET", "/v1/accounts/whoami", &[("authorization", basic(user, password).as_str())], "").await
    }
}

pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// What a registering client has: identities, keys, a password.
pub struct SignalClient {
    pub password: String,
    pub aci: IdentityKeyPair,
    pub pni: IdentityKeyPair,
    pub aci_keys: ClientKeys,
    pub pni_keys: ClientKeys,
}

impl SignalClient {
    pub fn generate() -> Self {
        let (aci, pni) = (IdentityKeyPair::generate(), IdentityKeyPair::generate());
        let (aci_keys, pni_keys) = (ClientKeys::generate(&aci), ClientKeys::generate(&pni));
        Self { password: hex::encode(Chance::system().bytes::<12>()), aci, pni, aci_keys, pni_keys }
    }

    /// The body of a registration that passes every check. Tests change one thing of it.
    pub fn registration(&self, session: &str) -> Value {
        let key = |pair: &IdentityKeyPair| STANDARD.encode(pair.public().serialize());
        json!({
            "sessionId": session,
            "skipDeviceTransfer": true,
            "accountAttributes": {
                "fetchesMessages": true,
                "registrationId": 1234,
                "pniRegistrationId": 5678,
                "capabilities": {"spqr": true, "storage": true},
                "unidentifiedAccessKey": STANDARD.encode([7; 16]),
                "discoverableByPhoneNumber": true,
            },
            "aciIdentityKey": key(&self.aci),
            "pniIdentityKey": key(&self.pni),
            "aciSignedPreKey": self.aci_keys.signed,
            "pniSignedPreKey": self.pni_keys.signed,
            "aciPqLastResortPreKey": self.aci_keys.last_resort,
            "pniPqLastResortPreKey": self.pni_keys.last_resort,
        })
    }

    /// The body of a further device's request to be let into this client's account, as good as [`registration`](Self::registration).
    pub fn linking(&self, token: &str) -> Value {
        json!({
            "verificationCode": token,
            "accountAttributes": {
                "fetchesMessages": true,
                "registrationId": 4321,
                "pniRegistrationId": 8765,
                "capabilities": {"spqr": true},
            },
            "aciSignedPreKey": self.aci_keys.signed,
            "pniSignedPreKey": self.pni_keys.signed,
            "aciPqLastResortPreKey": self.aci_keys.last_resort,
            "pniPqLastResortPreKey": self.pni_keys.last_resort,
        })
    }
}
