//! Everything at once: many registrations over a store that fails again and again, somehow.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt as _;
use signet_storage::chance::Chance;
use signet_tests::{Answer, SignalClient, TestRegistry};

use super::expect_accounts;

/// Clients do not give up for as long as this many tries.
const TRIES: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_registration_is_there_and_nothing_else() {
    // At one fault in five the registry gets over most of them; at three in five its clients have to help.
    storm(200, 20).await;
    storm(60, 60).await;
}

async fn storm(registrations: usize, percent: u32) {
    let t = Arc::new(TestRegistry::start());
    // Keys are costly to make, and it is not they that are tested.
    let keys: Vec<_> = (0..8).map(|_| Arc::new(SignalClient::generate())).collect();
    t.faults.at_random(Chance::seeded(percent.into()), percent);
    let register = |n: usize| {
        let (t, me) = (t.clone(), keys[n % 8].clone());
        async move {
            let number = format!("+1202555{n:04}");
            let session = prove(&t, &number).await;
            let body = me.registration(&session);
            let answer = until_answered(|| t.client.register(&number, &me.password, &body)).await;
            assert!([200, 201].contains(&answer.status), "{answer:?}");
            (number, answer.json(), me.password.clone())
        }
    };
    let tasks = (0..registrations).map(|n| tokio::spawn(register(n)));
    let tasks = futures::stream::iter(tasks.collect::<Vec<_>>()).buffered(registrations);
    let registered: Vec<_> = tasks.map(|task| task.expect("no panic")).collect().await;
    t.faults.heal();

    for (number, answer, password) in &registered {
        let who = t.client.whoami(answer["uuid"].as_str().unwrap(), password).await.expect(200);
        assert_eq!((&who["number"], &who["pni"]), (&number.as_str().into(), &answer["pni"]));
    }
    let audit = expect_accounts(&t, registrations).await;
    let numbers: BTreeSet<_> = audit.accounts.iter().map(|account| account.phone_number.as_str()).collect();
    assert_eq!(numbers.len(), registrations);
    let again = audit.accounts.iter().filter(|account| account.version > 0).count();
    println!(
        "{percent} % faults: {registrations} registrations, {again} of them done once more because their client was not told"
    );
}

/// A verified session, by a client that repeats what fails.
async fn prove(t: &TestRegistry, number: &str) -> String {
    loop {
        let begun = until_answered(|| t.client.begin_session(number)).await.expect(200);
        let id = begun["id"].as_str().unwrap().to_owned();
        let sent = until_answered(|| t.client.request_code(&id, "sms")).await;
        if sent.status == 429 {
            // Its turn was taken by a try that failed before the code went out. Others would wait a minute.
            continue;
        }
        sent.expect(200);
        let code = t.code(number);
        let done = until_answered(|| t.client.submit_code(&id, &code)).await;
        // 409: the right code had counted, only the client was not told.
        assert!([200, 409].contains(&done.status) && done.json()["verified"] == true, "{done:?}");
        return id;
    }
}

/// Repeats a request while it is answered with 503.
async fn until_answered<F: Future<Output = Answer>>(request: impl Fn() -> F) -> Answer {
    for _ in 0..TRIES {
        let answer = request().await;
        if answer.status != 503 {
            return answer;
        }
    }
    panic!("no answer after {TRIES} tries");
}
