//! The management port, and how soon a started registry is ready.

use std::time::{Duration, Instant};

use signet_tests::process::Serving;
use signet_tests::{Answer, TestRegistry};
use tempfile::tempdir;

#[tokio::test]
async fn it_is_alive_and_ready() {
    let data = tempdir().unwrap();
    let serving = Serving::start(data.path(), &[]);
    let alive = serving.client.manage("/livez").await;
    assert_eq!((alive.status, alive.text.as_str()), (200, "alive\n"));
    let ready = serving.client.manage("/readyz").await.expect(200);
    assert_eq!((&ready["ready"], &ready["draining"], &ready["store"]), (&true.into(), &false.into(), &"up".into()));
    assert_eq!(ready["cache"]["kind"], "local");
    assert_eq!(serving.client.manage("/outbox/+12025550123").await.status, 404);
    assert_eq!(serving.client.manage("/").await.status, 404);
    // What is for operators is not for clients.
    for path in ["/livez", "/readyz", "/metrics", "/outbox/+12025550123"] {
        assert_eq!(serving.client.send("GET", path, &[], "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn not_ready_without_its_store() {
    use signet_storage::dynamo::faults::Fault;
    let t = TestRegistry::start();
    t.client.manage("/readyz").await.expect(200);
    t.faults.always("GetItem", Fault::LoseRequest);
    let down = t.client.manage("/readyz").await.expect(503);
    assert_eq!((&down["ready"], &down["store"]), (&false.into(), &"down".into()));
    assert_eq!(t.client.manage("/livez").await.status, 200, "restarting it would not help");
    t.faults.heal();
    t.client.manage("/readyz").await.expect(200);
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let data = tempdir().unwrap();
    let serving = Serving::start(data.path(), &[]);
    let number = "+12025550123";
    let begun = serving.client.begin_session(number).await.expect(200);
    let id = begun["id"].as_str().unwrap();
    serving.client.request_code(id, "sms").await.expect(200);
    serving.client.submit_code(id, "no").await.expect(200);
    let Answer { status, headers, text } = serving.client.manage("/metrics").await;
    assert_eq!(status, 200);
    assert_eq!(headers["content-type"], "text/plain; version=0.0.4");
    let samples = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in samples.clone() {
        assert!(is_sample(line), "{line}");
    }
    let count = |line: &str| samples.clone().any(|sample| sample == line);
    assert!(count(r#"signet_codes_total{sender="outbox",transport="sms",outcome="sent"} 1"#), "{text}");
    assert!(count(r#"signet_code_delivery_seconds_count{sender="outbox",transport="sms"} 1"#), "{text}");
    assert!(count(r#"signet_guesses_total{outcome="wrong"} 1"#), "{text}");
    assert!(text.contains(r#"route="/v1/verification/session/{session}/code""#), "{text}");
    for told in [number, id] {
        assert!(!text.contains(told), "neither numbers nor sessions are labels");
    }
}

/// `name value` or `name{label="…",…} value`.
fn is_sample(line: &str) -> bool {
    let Some((series, value)) = line.rsplit_once(' ') else { return false };
    let (name, labels) = match series.split_once('{') {
        Some((name, rest)) => (name, rest.strip_suffix('}')),
        None => (series, Some("")),
    };
    let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    // Commas stand in no label value of ours.
    let label = |pair: &str| {
        let quoted = pair.split_once('=').map(|(name, value)| (name, value.strip_prefix('"'), value.ends_with('"')));
        quoted.is_some_and(|(name, opened, closed)| word(name) && opened.is_some_and(|v| !v.is_empty()) && closed)
    };
    let labelled = labels.is_some_and(|labels| labels.is_empty() || labels.split(',').all(label));
    word(name) && labelled && (value.parse::<f64>().is_ok() || ["+Inf", "-Inf", "NaN"].contains(&value))
}

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "this is about real time")]
async fn it_is_ready_soon() {
    let data = tempdir().unwrap();
    // Once more on a directory that has its tables: the restart is what operators wait for.
    for start in ["first", "second"] {
        let begun = Instant::now();
        let serving = Serving::start(data.path(), &[]);
        while serving.client.manage("/readyz").await.status != 200 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let took = begun.elapsed();
        println!("{start} start: ready after {} ms", took.as_millis());
        assert!(took < Duration::from_secs(5), "{took:?}");
        assert_eq!(serving.terminate(), Some(0));
    }
}
