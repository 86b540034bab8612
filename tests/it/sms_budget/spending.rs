//! The end of spending, and the alarms on the way there.

use futures::future::join_all;
use signet_tests::process::Serving;

use super::{HOUR, ask, german, latvian, refused_by, rotating, sent, start};
use signet_config::{Config, Profile, Sms};

/// Nothing but the cap.
fn capped(cap: u64) -> impl Fn(&mut Config) {
    move |config| {
        config.sms.daily_cap = Some(cap);
        (config.sms.country_daily, config.sms.country_hourly) = (100_000, 100_000);
    }
}

#[tokio::test]
async fn of_two_hundred_at_once_exactly_as_many_go_out_as_the_day_may_cost() {
    let t = start(capped(77));
    let answers = join_all((0..200).map(|n| {
        let t = &t;
        async move { ask(t, &rotating(n), &german(n)).await.1 }
    }))
    .await;
    let out = sent(&t, (0..200).map(german));
    eprintln!("a cap of 77, 200 requests at once: {out} messages");
    assert_eq!(out, 77);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        // It is noon.
        assert_eq!(refused_by(answer, "smsSpend"), 12 * HOUR);
    }
    // What was refused was given back, and still there is nothing left.
    refused_by(&ask(&t, &rotating(300), &german(300)).await.1, "smsSpend");
    t.advance(12 * HOUR);
    ask(&t, &rotating(300), &german(300)).await.1.expect(200);
}

#[tokio::test]
async fn a_message_costs_what_its_country_costs() {
    let t = start(|config| {
        capped(20)(config);
        config.sms.prices.insert("LV".to_owned(), 8);
    });
    for n in 0..3 {
        let _ = ask(&t, &rotating(n), &latvian(n)).await;
    }
    assert_eq!(sent(&t, (0..3).map(latvian)), 2, "a third would make 24");
    for n in 0..9 {
        let _ = ask(&t, &rotating(n), &german(n)).await;
    }
    assert_eq!(sent(&t, (0..9).map(german)), 4, "and four at 1 make it 20");
}

/// What one alarm counter says; it belongs to the process, so this test has a process of its own.
#[tokio::test]
async fn alarms_are_raised_once_each() {
    let data = tempfile::tempdir().expect("a directory");
    let serving = Serving::start(data.path(), &["--set", "sms.daily_cap=10"]);
    let raised = async || {
        let metrics = serving.client.manage("/metrics").await.text;
        let count = |percent: u32| {
            let name = format!("signet_sms_alarms_total{{percent=\"{percent}\"}} ");
            metrics.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |n| n.parse().expect("a count"))
        };
        [50, 80, 100].map(count)
    };
    let expected = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 1, 1]];
    let mut n = 0;
    for (until, expected) in [4, 5, 8, 10, 20].into_iter().zip(expected) {
        while n < until {
            let number = german(n);
            n += 1;
            let id = serving.client.begin_session(&number).await.expect(200)["id"].as_str().expect("an id").to_owned();
            let answer = serving.client.request_code(&id, "sms").await;
            assert_eq!(answer.status, if n <= 10 { 200 } else { 429 });
        }
        assert_eq!(raised().await, expected, "after {n}");
    }
}

#[test]
fn without_a_word_development_has_no_cap_and_production_must_have_one() {
    assert_eq!(Sms::of(Profile::Development).daily_cap, None);
    let toml = "profile = \"production\"\nsms.countries = \"all\"";
    assert!(Config::parse(toml).expect_err("refused").to_string().contains("sms.daily_cap: required in production"));
}
