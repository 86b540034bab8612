//! The budget of a country: attacks from any number of addresses.

use futures::future::join_all;

use super::{HOUR, MINUTE, ask, latvian, prove, refused_by, rotating, sent, start};

#[tokio::test]
async fn a_thousand_numbers_of_a_cold_country_from_a_thousand_addresses_in_a_day() {
    let t = start(|_| {});
    // Forty-two at a time, every hour for a day; two hours of it as fast as they can.
    for burst in 0..24 {
        let numbers = (burst * 42..(burst + 1) * 42).take_while(|n| *n < 1_000);
        let answers = join_all(numbers.map(|n| {
            let t = &t;
            async move { ask(t, &rotating(n), &latvian(n)).await.1 }
        }))
        .await;
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            refused_by(answer, "smsPerCountry");
        }
        t.advance(HOUR);
    }
    let out = sent(&t, (0..1_000).map(latvian));
    eprintln!("a cold country, 1000 numbers, 1000 addresses, one day: {out} messages");
    assert!((18..=20).contains(&out), "{out}");
}

#[tokio::test]
async fn all_at_once_no_more_go_out_than_one_after_the_other() {
    let t = start(|_| {});
    let answers = join_all((0..200).map(|n| {
        let t = &t;
        async move { ask(t, &rotating(n), &latvian(n)).await.1 }
    }))
    .await;
    let out = sent(&t, (0..200).map(latvian));
    eprintln!("a cold country, 200 requests at once: {out} messages");
    assert_eq!(out, 3);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 3);
}

#[tokio::test]
async fn a_day_is_any_day_and_not_the_one_of_the_calendar() {
    let t = start(|config| config.sms.country_hourly = 1_000);
    // From noon to eleven at night, and on until the next noon: midnight makes no difference.
    for n in 0..46 {
        let _ = ask(&t, &rotating(n), &latvian(n)).await;
        t.advance(MINUTE * 30);
    }
    assert_eq!(sent(&t, (0..46).map(latvian)), 20);
    // What was sent first has left the window by now, and only that.
    t.advance(HOUR * 2);
    for n in 50..60 {
        let _ = ask(&t, &rotating(n), &latvian(n)).await;
    }
    assert_eq!(sent(&t, (50..60).map(latvian)), 2);
}

#[tokio::test]
async fn the_wait_that_is_told_is_long_enough_and_other_countries_do_not_wait() {
    let t = start(|_| {});
    for n in 0..3 {
        ask(&t, &rotating(n), &latvian(n)).await.1.expect(200);
    }
    let (id, refused) = ask(&t, &rotating(3), &latvian(3)).await;
    let wait = refused_by(&refused, "smsPerCountry");
    ask(&t, &rotating(4), "+4915112345678").await.1.expect(200);
    // The session has gone by then; the number asks anew.
    assert!(wait >= HOUR && wait <= HOUR + 15 * MINUTE, "{wait:?}");
    t.advance(wait);
    assert_eq!(t.client.session(&id).await.status, 404);
    ask(&t, &rotating(3), &latvian(3)).await.1.expect(200);
}

#[tokio::test]
async fn an_attack_on_a_country_with_users_costs_a_share_of_them() {
    let t = start(|_| {});
    for n in 0..100 {
        prove(&t, &rotating(n), &latvian(n)).await;
    }
    for n in 1_000..1_100 {
        let _ = ask(&t, &rotating(n), &latvian(n)).await;
    }
    let out = sent(&t, (1_000..1_100).map(latvian));
    eprintln!("a country with 100 verified in the last hour, 100 numbers attacked: {out} messages");
    assert_eq!(out, 30);

    // A week later nobody has verified for days, but the best day of two weeks is remembered: 30 a day, 5 an hour.
    t.advance(HOUR * 24 * 7);
    let mut next = 2_000;
    for _ in 0..24 {
        for n in next..next + 8 {
            let _ = ask(&t, &rotating(n), &latvian(n)).await;
        }
        next += 8;
        t.advance(HOUR);
    }
    let out = sent(&t, (2_000..next).map(latvian));
    eprintln!("the same country a week later, one day: {out} messages");
    assert_eq!(out, 30);

    // And three weeks later it is cold again.
    t.advance(HOUR * 24 * 14);
    for n in 5_000..5_010 {
        let _ = ask(&t, &rotating(n), &latvian(n)).await;
    }
    assert_eq!(sent(&t, (5_000..5_010).map(latvian)), 3);
}
