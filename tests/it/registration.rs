//! `POST /v1/registration` over HTTP, rule by rule of the contract (registration §3), and whoami.

mod again;
mod answers;
mod fields;
mod headers;
mod keys;
mod limits;
mod order;
mod proofs;
mod whoami;

use serde_json::Value;
use signet_tests::table::put;
use signet_tests::{Answer, SignalClient, Table, TestRegistry};

/// A registry, and a client that is about to register there: its number is proven, its keys are made.
struct Desk {
    t: TestRegistry,
    me: SignalClient,
    number: String,
    session: String,
}

const NUMBER: &str = "+12025550123";

/// One change to a body that is right (`None` removes), and the status that it leads to. 200 stands for 201 too.
type Row = (&'static str, Option<Value>, u16);

impl Desk {
    async fn open() -> Self {
        Self::at(TestRegistry::start()).await
    }

    async fn at(t: TestRegistry) -> Self {
        let session = t.verified_session(NUMBER).await;
        Self { t, me: SignalClient::generate(), number: NUMBER.to_owned(), session }
    }

    /// A body that passes every check.
    fn body(&self) -> Value {
        self.me.registration(&self.session)
    }

    /// The same with some things changed.
    fn body_with<const N: usize>(&self, changes: [(&str, Option<Value>); N]) -> Value {
        let mut body = self.body();
        for (pointer, value) in changes {
            put(&mut body, pointer, value);
        }
        body
    }

    async fn register(&self, body: &Value) -> Answer {
        self.t.client.register(&self.number, &self.me.password, body).await
    }

    /// The status of a body with these changes; 200 stands for 201 too.
    async fn status<const N: usize>(&self, changes: [(&str, Option<Value>); N]) -> u16 {
        let answer = self.register(&self.body_with(changes)).await;
        if answer.status >= 400 {
            assert_eq!(answer.text, "", "refusals have no body");
        }
        if answer.status == 201 { 200 } else { answer.status }
    }

    async fn table(&self, rows: impl IntoIterator<Item = Row>) {
        let mut table = Table::default();
        for (pointer, value, status) in rows {
            let shown = value.as_ref().map_or_else(|| "absent".to_owned(), shorten);
            table.row(format!("{pointer} = {shown}"), self.status([(pointer, value)]).await, status);
        }
        table.close();
    }
}

fn shorten(value: &Value) -> String {
    let text = value.to_string();
    if text.len() > 60 { format!("{}… ({} characters)", &text[..40], text.len()) } else { text }
}

#[tokio::test]
async fn a_new_number_gets_an_account() {
    let t = TestRegistry::start();
    let number = "+12025550123";
    let session = t.verified_session(number).await;
    let me = SignalClient::generate();
    let answer = t.client.register(number, &me.password, &me.registration(&session)).await.expect(201);
    assert_eq!(answer["number"], number);
    let aci = answer["uuid"].as_str().unwrap();
    let who = t.client.whoami(aci, &me.password).await.expect(200);
    assert_eq!(who["pni"], answer["pni"]);
    assert_eq!(t.client.whoami(aci, "wrong").await.status, 401);
}
