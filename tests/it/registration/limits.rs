//! The limiter `registration`: six tries for a number, one more every 30 seconds (§3.4 step 2, §8).

use std::time::Duration;

use serde_json::json;
use signet_config::{LimitId, Limits, Profile};
use signet_tests::{SignalClient, TestRegistry};

use super::Desk;

#[tokio::test]
async fn a_number_registers_six_times_and_then_waits() {
    let t = TestRegistry::start_with(|config| {
        config.limits.set(LimitId::Registration, Limits::of(Profile::Production).get(LimitId::Registration));
    });
    let desk = Desk::at(t).await;
    for n in 0..6 {
        // Right or wrong, a try is a try.
        let session = if n % 2 == 0 { json!(desk.session) } else { json!("AAAAAAAAAAAAAAAAAAAAAA==") };
        let status = if n % 2 == 0 { 200 } else { 401 };
        assert_eq!(desk.status([("/sessionId", Some(session))]).await, status);
    }
    let refused = desk.register(&desk.body()).await;
    assert_eq!((refused.status, refused.text.as_str()), (429, ""));
    assert_eq!(
        (refused.header("retry-after"), refused.header("x-ratelimit-limiter")),
        (Some("30"), Some("registration"))
    );

    let other = "+12025550188";
    let (me, session) = (SignalClient::generate(), desk.t.verified_session(other).await);
    assert_eq!(desk.t.client.register(other, &me.password, &me.registration(&session)).await.status, 201);

    desk.t.advance(Duration::from_millis(29_999));
    assert_eq!(desk.status([]).await, 429);
    desk.t.advance(Duration::from_millis(1));
    assert_eq!(desk.status([]).await, 200);
    assert_eq!(desk.status([]).await, 429);
}
