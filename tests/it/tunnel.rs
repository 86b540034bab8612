//! Sockets and what is said through them (contract keys-devices §6, real-client §2-§4).

#![allow(clippy::unwrap_used, reason = "tests")]

mod bounds;
mod http2;
mod opening;
mod provisioning;
mod same_answers;
mod silence;
mod stopping;
mod talking;

use signet_tests::{SignalClient, Socket, TestRegistry};

/// Somebody who has registered.
struct Person {
    aci: String,
    password: String,
    me: SignalClient,
}

impl Person {
    async fn register(t: &TestRegistry, number: &str) -> Self {
        let (me, session) = (SignalClient::generate(), t.verified_session(number).await);
        let answer = t.client.register(number, &me.password, &me.registration(&session)).await.expect(201);
        Self { aci: answer["uuid"].as_str().unwrap().to_owned(), password: me.password.clone(), me }
    }

    /// Links a device; returns how it signs in.
    async fn link(&self, t: &TestRegistry) -> (String, &'static str) {
        let code =
            t.client.send_as("GET", "/v1/devices/provisioning/code", &self.aci, &self.password).await.expect(200);
        let body = self.me.linking(code["verificationCode"].as_str().unwrap());
        let linked = t.client.link("a device's password", &body).await.expect(200);
        (format!("{}.{}", self.aci, linked["deviceId"]), "a device's password")
    }

    async fn open(&self, t: &TestRegistry) -> Socket {
        Socket::of_device(t.plain, &self.aci, &self.password).await
    }
}
