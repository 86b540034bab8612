//! A bug in the registry itself: the client is told so, and the next request finds everything in order.

use signet_storage::dynamo::faults::Fault;
use signet_tests::{SignalClient, TestRegistry};

use super::expect_accounts;

const NUMBER: &str = "+12025550123";

#[tokio::test]
async fn an_endpoint_that_panics_answers_500() {
    let t = TestRegistry::start();
    let session = t.verified_session(NUMBER).await;
    let me = SignalClient::generate();
    // While a session is read, and in the task that commits.
    for operation in ["GetItem", "TransactWriteItems"] {
        t.faults.once(operation, Fault::Panic);
        let answer = t.client.register(NUMBER, &me.password, &me.registration(&session)).await;
        assert_eq!((answer.status, answer.text.as_str()), (500, ""), "{operation}");
        assert!(answer.header("x-signal-timestamp").is_some(), "{operation}");
        expect_accounts(&t, 0).await;
    }
    t.client.register(NUMBER, &me.password, &me.registration(&session)).await.expect(201);
    expect_accounts(&t, 1).await;
}
