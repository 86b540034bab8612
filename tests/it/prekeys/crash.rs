//! A process that dies hands out nothing twice after it has come back.

use futures::future::join_all;
use serde_json::Value;
use signet_tests::process::{self, Serving};
use signet_tests::{Client, SignalClient};
use tempfile::tempdir;

use super::{UAK, both, distinct, one_time, uak};

const NUMBER: &str = "+12025550123";

async fn take(client: &Client, aci: &str) -> Option<Value> {
    let path = format!("/v2/keys/{aci}/*");
    let answer = client.try_send("GET", &path, &[("unidentified-access-key", &uak(&UAK))], "").await.ok()?;
    Some(answer.expect(200))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_stay_taken_when_the_process_is_killed() {
    let data = tempdir().unwrap();
    let session = process::prove(data.path(), &[NUMBER.to_owned()]).await.remove(0);
    let me = SignalClient::generate();
    let mut serving = Serving::start(data.path(), &[]);
    let account = serving.client.register(NUMBER, &me.password, &me.registration(&session)).await.expect(201);
    let aci = account["uuid"].as_str().unwrap().to_owned();
    let authorization = signet_tests::client::basic(&aci, &me.password);
    let headers = [("authorization", authorization.as_str())];
    serving.client.send("PUT", "/v2/keys", &headers, both(&me.aci, 1001..=1100).to_string()).await.expect(204);

    let mut found = Vec::new();
    for _ in 0..4 {
        found.push(take(&serving.client, &aci).await.unwrap());
        let under_way: Vec<_> = (0..12)
            .map(|_| {
                let (client, aci) = (serving.client.clone(), aci.clone());
                tokio::spawn(async move { take(&client, &aci).await })
            })
            .collect();
        tokio::time::sleep(std::time::Duration::from_millis(8)).await;
        serving.kill();
        found.extend(join_all(under_way).await.into_iter().filter_map(|task| task.expect("no panic")));
        serving = Serving::start(data.path(), &[]);
    }
    loop {
        let bundle = take(&serving.client, &aci).await.unwrap();
        if one_time(&bundle) == (None, None) {
            break;
        }
        found.push(bundle);
    }
    let (ec, kem): (Vec<_>, Vec<_>) = found.iter().map(one_time).unzip();
    assert!(distinct(ec.into_iter().flatten()).len() > 50 && distinct(kem.into_iter().flatten()).len() > 50);
}
