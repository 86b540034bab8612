//! What somebody sets of their own account, each value of it marked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use signet_keys::signing::{ClientKeys, IdentityKeyPair};
use signet_storage::clock::Clock;
use signet_storage::model::totp;
use signet_tests::canary::Kind;
use signet_tests::names::{name, reservation};

use super::people::{Person, Town};

const THERE: &str = "+34612987345";

pub async fn of_ones_own(town: &Town, who: &Person) {
    let tokens = [("gcm", "gcmRegistrationId"), ("apn", "apnRegistrationId")];
    for (service, field) in tokens {
        let path = format!("/v1/accounts/{service}");
        who.ask(town, "PUT", &path, &json!({ field: town.draw("a push token") })).await.expect(204);
        who.ask(town, "DELETE", &path, &Value::Null).await.expect(204);
    }
    let lock = json!({"registrationLock": who.lock});
    who.ask(town, "PUT", "/v1/accounts/registration_lock", &lock).await.expect(204);
    let attributes = who.registration(town, None)["accountAttributes"].clone();
    who.ask(town, "PUT", "/v1/accounts/attributes", &attributes).await.expect(204);
    one_time_password(town, who).await;
    username(town, who).await;
    who.ask(town, "GET", "/v2/accounts/data_report", &Value::Null).await.expect(200);
    who.ask(town, "DELETE", "/v1/accounts/registration_lock", &Value::Null).await.expect(204);
}

async fn one_time_password(town: &Town, who: &Person) {
    let offered = who.ask(town, "POST", "/v1/accounts/totp", &Value::Null).await.expect(200);
    let key = STANDARD.decode(town.told(&offered, "key")).unwrap();
    let right = totp::code(&key, Clock::system().now());
    town.mark("a one-time password", Kind::Code, &format!("{right:06}"));
    for (code, status) in [((right + 1) % 1_000_000, 441), (right, 200)] {
        let body = json!({"code": code, "label": town.draw("a label")});
        let answer = who.ask(town, "PUT", "/v1/accounts/totp/confirm", &body).await;
        // Time goes on meanwhile, and a code with it.
        assert!(answer.status == status || answer.status == 441, "{answer:?}");
    }
}

async fn username(town: &Town, who: &Person) {
    let mine = name(7);
    town.mark("a username", Kind::Words, mine.text);
    town.mark("a username's hash", Kind::Random, &mine.encoded());
    town.mark("a username's proof", Kind::Random, &hex::encode(&mine.proof));
    let reserve = reservation(&[&mine]);
    who.ask(town, "PUT", "/v1/accounts/username_hash/reserve", &reserve).await.expect(200);
    let body = mine.confirmation(Some(town.draw("an encrypted name").as_bytes()));
    let confirmed = who.ask(town, "PUT", "/v1/accounts/username_hash/confirm", &body).await.expect(200);
    let link = format!("/v1/accounts/username_link/{}", town.told(&confirmed, "usernameLinkHandle"));
    town.send("GET", &link, &[], &Value::Null).await.expect(200);
    let look_up = format!("/v1/accounts/username_hash/{}", mine.encoded());
    town.send("GET", &look_up, &[], &Value::Null).await.expect(200);
    who.ask(town, "DELETE", "/v1/accounts/username_hash", &Value::Null).await.expect(204);
}

/// First by a session of another number.
pub async fn another_number(town: &Town, who: &Person) {
    town.mark("a number", Kind::Number, THERE);
    let elsewhere = town.session("+4915735987653").await;
    let session = town.session(THERE).await;
    for (session, status) in [(elsewhere, 400), (session, 200)] {
        let mut body = number_change();
        body["sessionId"] = json!(session);
        let answer = who.ask(town, "PUT", "/v2/accounts/number", &body).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

/// For an account with two devices.
fn number_change() -> Value {
    let pni = IdentityKeyPair::generate();
    let [mut signed, mut last_resort, mut ids] = [(); 3].map(|()| Map::new());
    for device in ["1", "2"] {
        let keys = ClientKeys::generate(&pni);
        signed.insert(device.to_owned(), json!(keys.signed));
        last_resort.insert(device.to_owned(), json!(keys.last_resort));
        ids.insert(device.to_owned(), json!(1001));
    }
    let message =
        json!({"type": 1, "destinationDeviceId": 2, "destinationRegistrationId": 4321, "content": "BwcHBwcHBwc="});
    json!({
        "number": THERE,
        "pniIdentityKey": STANDARD.encode(pni.public().serialize()),
        "deviceMessages": [message],
        "devicePniSignedPrekeys": signed,
        "devicePniPqLastResortPrekeys": last_resort,
        "pniRegistrationIds": ids,
    })
}
