//! Sockets and what is said through them (contract keys-devices §6, real-client §2-§4).

#![allow(clippy::unwrap_used, reason = "tests")]

mod bounds;
mod http2;
mod opening;
mod provisioning;
mod same_answers;
mod silence;
mod talking;

use signet_tests::{SignalClient, Socket, TestRegistry};

/// Somebody who has registered.
struct Person {
    aci: String,
    password: String,
}

impl Person {
    async fn register(t: &TestRegistry, number: &str) -> Self {
        let (me, session) = (SignalClient::generate(), t.verified_session(number).await);
        let answer = t.client.register(number, &me.password, &me.registration(&session)).await.expect(201);
        Self { aci: answer["uuid"].as_str().unwrap().to_owned(), password: me.password }
    }

    async fn open(&self, t: &TestRegistry) -> Socket {
        Socket::of_device(t.plain, &self.aci, &self.password).await
    }
}
