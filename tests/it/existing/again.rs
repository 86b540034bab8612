//! What a registration over an existing account keeps, and what it drops (§11.5).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use signet_storage::clock::Timestamp;
use signet_storage::dynamo::items::{key, number, text, text_of};
use signet_storage::dynamo::tables::Table as Rows;
use signet_storage::dynamo::{Item, Value, Write};
use signet_storage::ids::{DeviceId, ServiceId};
use signet_storage::model::totp::TotpKey;
use signet_storage::model::username::Username;
use signet_storage::model::{Account, Badge, Opaque};
use signet_tests::{Audit, Table};
use uuid::Uuid;

use super::{By, COMMIT, DAY, Home, House, LOCK, NUMBER, PIN};

const NAME: [u8; 32] = [0xab; 32];
const HANDLE: Uuid = Uuid::from_u128(0x1111_2222_3333_4444_8555_6666_7777_8888);

/// A confirmed username with its link, put by hand: nobody here knows the name behind it.
async fn give_username(h: &House, home: &Home) {
    let name = Username {
        hash: Some(NAME[..].into()),
        reserved_hash: None,
        encrypted: Some(Opaque::from(vec![1, 2, 3])),
        link_handle: Some(HANDLE),
        holds: Vec::new(),
    };
    let give = |account: &mut Account, _| {
        account.username = name.clone();
        let mut row = key("claim", format!("username#{}", hex::encode(NAME)));
        row.insert("aci".to_owned(), text(account.aci.to_string()));
        row.insert("confirmed".to_owned(), Value::Bool(true));
        row.insert("reclaimable".to_owned(), Value::Bool(false));
        let mut link = key("claim", format!("link#{HANDLE}"));
        link.insert("aci".to_owned(), text(account.aci.to_string()));
        ((), [row, link].map(|row| Write::put("username", Rows::Claims, row)).into())
    };
    h.t.registry.accounts.update("test", home.aci, give).await.unwrap().unwrap();
}

async fn username_row(h: &House) -> Option<Item> {
    let claim = format!("username#{}", hex::encode(NAME));
    h.t.rows(Rows::Claims).await.into_iter().find(|row| text_of(row, "claim") == Some(claim.as_str()))
}

fn in_days(h: &House, days: u32) -> Timestamp {
    h.t.registry.clock.now().plus(days * DAY)
}

#[tokio::test]
async fn what_is_kept_and_what_is_dropped() {
    let h = House::open();
    let extra = [
        ("/accountAttributes/unidentifiedAccessKey", Some(json!(STANDARD.encode([1; 16])))),
        ("/accountAttributes/discoverableByPhoneNumber", Some(json!(false))),
        ("/accountAttributes/name", Some(json!("bmFtZQ=="))),
    ];
    let mut home = h.settle_with(NUMBER, &extra).await;
    give_username(&h, &home).await;
    h.link(&home, DeviceId::try_from(2).unwrap()).await;
    h.link(&home, DeviceId::try_from(127).unwrap()).await;
    let badges: Vec<_> = [("past", 0), ("present", 40)]
        .map(|(id, days)| Badge { id: id.to_owned(), expires: in_days(&h, days), visible: days > 0 })
        .to_vec();
    h.change(&home, |account| {
        account.badges = badges.clone();
        account.totp = vec![TotpKey { id: 0, key: vec![1].into(), label: vec![].into() }];
    })
    .await;
    let old = h.account(&home).await;
    assert_eq!(Audit::of(&h.t.registry.storage).await.expect_clean().keys, 6);

    h.t.advance(Duration::from_secs(3600));
    h.renew_session(&mut home).await;
    let mut body = h.body(&home, By::Session, Some(PIN));
    body["totp"] = json!(signet_storage::model::totp::code(&[1], h.t.registry.clock.now()));
    h.t.faults.take_seen();
    let answer = h.send(&home, By::Session, &body).await.expect(200);
    let requests = h.t.faults.take_seen();
    let writes: Vec<_> = requests.iter().filter(|operation| *operation != "GetItem").collect();
    assert_eq!(writes, [COMMIT, "Query", "Query"], "one transaction, and then a look for one-time keys to clear away");

    let new = h.account(&home).await;
    let mut table = Table::default();
    table.row("ACI and PNI", (new.aci, new.pni), (old.aci, old.pni));
    table.row("version", new.version, old.version + 1);
    table.row("created", new.created_at, old.created_at);
    table.row("badges", &new.badges, &badges);
    table.row("devices", new.devices.iter().map(|device| device.id).collect(), vec![DeviceId::PRIMARY]);
    table.row("device", new.devices[0].created, h.t.registry.clock.now());
    table.row("device name", new.devices[0].name.clone(), None);
    table.row("lock", new.registration_lock.is_some(), true);
    table.row("the account's recovery password", new.recovery_password.is_some(), false);
    table.row("one-time passwords", new.totp.len(), 0);
    table.row("access key", new.unidentified_access_key.clone(), Some(vec![7; 16].into()));
    table.row("discoverable", new.discoverable_by_phone_number, true);
    let identity = |account: &Account| account.identity_key.clone();
    table.row("identity", identity(&new).as_bytes() == &h.newcomer.aci.public().serialize()[..], true);
    let kept = Username { reserved_hash: Some(NAME[..].into()), link_handle: Some(HANDLE), ..Username::default() };
    table.row("username", &new.username, &kept);
    table.row("answer: username", answer["usernameHash"].clone(), json!(null));
    table.row("answer: link", answer["usernameLinkHandle"].clone(), json!(HANDLE));
    table.row("answer: storage", answer["storageCapable"].clone(), json!(true));
    let present = json!([{"id": "present", "expirationSeconds": badges[1].expires.seconds(), "visible": true}]);
    table.row("answer: badges", answer["entitlements"]["badges"].clone(), present);
    for (who, password, status) in
        [("1", &h.newcomer, 200), ("1", &h.owner, 401), ("2", &h.owner, 401), ("127", &h.owner, 401)]
    {
        let user = format!("{}.{who}", home.aci);
        table.row(format!("device {who}"), h.t.client.whoami(&user, &password.password).await.status, status);
    }
    for identity in [ServiceId::Aci(new.aci), ServiceId::Pni(new.pni)] {
        for (device, there) in [(1, true), (2, false), (127, false)] {
            let keys = h.t.registry.keys.get(identity, DeviceId::try_from(device).unwrap()).await.unwrap();
            table.row(format!("keys of device {device}"), keys.is_some(), there);
        }
    }
    table.close();
    Audit::of(&h.t.registry.storage).await.expect_clean();
}

#[tokio::test]
async fn a_username_is_kept_for_its_owner_for_three_days() {
    let h = House::open();
    let home = h.settle(NUMBER, None).await;
    give_username(&h, &home).await;
    let who = h.whoami(&home, &h.owner).await.expect(200);
    assert_eq!(who["usernameHash"], json!(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(NAME)));
    assert_eq!(h.come(&home, By::Session, None).await.status, 200);
    let row = username_row(&h).await.expect("a reservation");
    let until = in_days(&h, 3);
    let expected = Item::from([
        ("claim".to_owned(), text(format!("username#{}", hex::encode(NAME)))),
        ("aci".to_owned(), text(home.aci.to_string())),
        ("confirmed".to_owned(), Value::Bool(false)),
        ("reclaimable".to_owned(), Value::Bool(true)),
        ("until".to_owned(), number(until.millis())),
        ("expires".to_owned(), number(until.seconds() + 1)),
    ]);
    assert_eq!(row, expected);

    // Once more: what is only reserved stays as it is, and does not last longer.
    h.t.advance(Duration::from_secs(60));
    for by in [By::Session, By::Number] {
        let answer = h.come(&home, by, None).await.expect(200);
        assert_eq!((&answer["usernameHash"], &answer["usernameLinkHandle"]), (&json!(null), &json!(HANDLE)), "{by:?}");
        assert_eq!(username_row(&h).await.as_ref(), Some(&expected), "{by:?}");
    }
    let who = h.whoami(&home, &h.newcomer).await.expect(200);
    assert_eq!((&who["usernameHash"], &who["usernameLinkHandle"]), (&json!(null), &json!(HANDLE)));
}

/// The recovery password of the number outlives a registration that names none; one that names one replaces it.
#[tokio::test]
async fn the_numbers_recovery_password_is_replaced_or_stays() {
    let h = House::open();
    let home = h.settle(NUMBER, None).await;
    let first = h.t.rows(Rows::Recovery).await;
    assert_eq!(h.come(&home, By::Session, None).await.status, 200);
    assert_eq!(h.t.rows(Rows::Recovery).await, first);
    assert_eq!(h.come(&home, By::Number, None).await.status, 200);
    let second = h.t.rows(Rows::Recovery).await;
    assert!(second.len() == 1 && second != first, "the same password under another salt");
}

/// Benin writes its numbers in two ways; they are one line.
#[tokio::test]
async fn both_forms_of_a_number_are_one_account() {
    let h = House::open();
    let (new, old) = ("+2290197123456", "+22997123456");
    let first = h.settle(new, None).await;
    let pni = h.account(&first).await.pni;
    let other_form = Home { number: old.to_owned(), session: String::new(), ..first };
    for (home, by) in [(&other_form, By::Number), (&other_form, By::Aci)] {
        let answer = h.come(home, by, Some(PIN)).await.expect(200);
        assert_eq!((&answer["uuid"], &answer["pni"]), (&json!(home.aci), &json!(pni)));
        // Whoever comes by ACI names no number, so the account has the one it had.
        assert_eq!(answer["number"], old, "{by:?}");
    }
    // The lock that was set by the one form holds for the other; so do its counters.
    let mut back = Home { number: new.to_owned(), session: h.t.verified_session(new).await, ..other_form };
    let locked = h.come_with(&back, By::Session, &[(LOCK, Some(json!("1111")))]).await;
    assert_eq!((locked.status, &locked.json()["attemptsLeft"]), (423, &json!(9)));
    assert_eq!(h.come(&back, By::Session, Some(PIN)).await.status, 429);
    h.t.advance(super::PAUSE);
    h.renew_session(&mut back).await;
    assert_eq!(h.come(&back, By::Session, Some(PIN)).await.expect(200)["number"], new);
    let audit = Audit::of(&h.t.registry.storage).await.expect_clean();
    assert_eq!((audit.accounts.len(), audit.claims, audit.keys), (1, 2, 2));
}
