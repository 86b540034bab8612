//! The budget of a client address: attacks from one place.

use super::{HOUR, MINUTE, ask, german, latvian, prove, refused_by, rotating, sent, start};

#[tokio::test]
async fn one_address_pumps_one_country_for_a_day() {
    // A country where so little is nothing.
    let t = start(|config| (config.sms.country_daily, config.sms.country_hourly) = (10_000, 10_000));
    for n in 0..240 {
        let (_, answer) = ask(&t, "192.0.2.1", &latvian(n)).await;
        if answer.status != 200 {
            refused_by(&answer, "smsPerAddress");
        }
        t.advance(6 * MINUTE);
    }
    let out = sent(&t, (0..240).map(latvian));
    eprintln!("one address, one country, 240 numbers, one day: {out} messages");
    assert_eq!(out, 10);
}

#[tokio::test]
async fn one_address_gets_five_in_an_hour_and_its_neighbour_its_own() {
    let t = start(|config| (config.sms.country_daily, config.sms.country_hourly) = (10_000, 10_000));
    for n in 0..8 {
        let answer = ask(&t, "192.0.2.1", &german(n)).await.1;
        assert_eq!(answer.status, if n < 5 { 200 } else { 429 });
    }
    ask(&t, "192.0.2.2", &german(9)).await.1.expect(200);
    // A /64 of IPv6 is one address, however many hosts it has.
    let hosts = (10..30).map(|n| (format!("2001:db8::{n:x}:1"), german(n)));
    for (host, number) in hosts {
        let _ = ask(&t, &host, &number).await;
    }
    assert_eq!(sent(&t, (10..30).map(german)), 5);
    ask(&t, "2001:db8:0:1::1", &german(31)).await.1.expect(200);
}

#[tokio::test]
async fn one_address_asks_for_codes_all_over_the_world() {
    let t = start(|_| {});
    let everywhere = [
        "+37120000001",
        "+4915112345678",
        "+447700900123",
        "+33612345678",
        "+34612345678",
        "+393123456789",
        "+351912345678",
        "+12025550123",
        "+14165550123",
        "+818012345678",
        "+5511961234567",
        "+27711234567",
    ];
    for number in everywhere {
        let answer = ask(&t, "192.0.2.1", number).await.1;
        if answer.status != 200 {
            let wait = refused_by(&answer, "smsPerAddress");
            assert!(wait > 23 * HOUR && wait <= 25 * HOUR, "{wait:?}");
        }
    }
    let out = sent(&t, everywhere.map(str::to_owned));
    eprintln!("one address, {} countries: {out} messages", everywhere.len());
    assert_eq!(out, 3);
    // Those it began with it may go on with.
    ask(&t, "192.0.2.1", "+37120000002").await.1.expect(200);
    // Tomorrow is another day.
    t.advance(25 * HOUR);
    ask(&t, "192.0.2.1", "+33612345678").await.1.expect(200);
}

#[tokio::test]
async fn a_country_in_which_somebody_proved_a_number_is_not_a_new_one() {
    let t = start(|_| {});
    for (n, number) in
        ["+37120000001", "+4915112345678", "+447700900123", "+33612345678", "+34612345678"].iter().enumerate()
    {
        prove(&t, "192.0.2.1", number).await;
        assert_eq!(sent(&t, [(*number).to_owned()]), 1, "{n}");
    }
    for number in ["+393123456789", "+351912345678", "+818012345678"] {
        ask(&t, "192.0.2.1", number).await.1.expect(200);
    }
    refused_by(&ask(&t, "192.0.2.1", "+27711234567").await.1, "smsPerAddress");
    ask(&t, "192.0.2.1", "+33612345679").await.1.expect(200);
}

#[tokio::test]
async fn who_proves_many_numbers_may_leave_some_unproved() {
    let t = start(|config| (config.sms.country_daily, config.sms.country_hourly) = (10_000, 10_000));
    // 200 verified: 0.3 of them in a day, 0.2 of a sixth of them in an hour.
    for n in 0..200 {
        prove(&t, "192.0.2.1", &german(n)).await;
    }
    for n in 1_000..1_020 {
        let _ = ask(&t, "192.0.2.1", &german(n)).await;
    }
    assert_eq!(sent(&t, (1_000..1_020).map(german)), 6);
    assert_eq!(sent(&t, [german(1_006)]), 0);
    ask(&t, &rotating(1), &german(1_006)).await.1.expect(200);
}
