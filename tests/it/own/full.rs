//! An account that has everything: six devices, a hundred one-time keys of each kind for both identities of each, a lock, recovery,
//! one-time passwords, a username with a link. For the report, which must tell all of it, and for the end, which must leave none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_keys::KeyId;
use signet_keys::signing::{IdentityKeyPair, ec_pre_key};
use signet_storage::model::totp::code;
use signet_storage::model::{Account, Badge};
use signet_tests::names::{self, Name};

use super::{DAY, Home, Login, Via};

/// Its usernames: the one it gave up, the one it has, and the one that it has reserved.
pub const NAMES: [usize; 3] = [0, 1, 2];
pub const KEYS: u32 = 100;

/// Fills the account of this registry; all of its devices, the primary first.
pub async fn fill(h: &Home) -> Vec<Login> {
    let mut devices = vec![h.primary()];
    while devices.len() < Account::MOST_DEVICES {
        devices.push(h.link().await);
    }
    let uploads = [(&h.owner.aci, "aci"), (&h.owner.pni, "pni")].map(|(identity, name)| (name, upload(identity, KEYS)));
    let few = [(&h.owner.aci, "aci"), (&h.owner.pni, "pni")].map(|(identity, name)| (name, upload(identity, 1)));
    for device in &devices {
        for (identity, body) in few.iter().chain(&uploads) {
            let path = format!("/v2/keys?identity={identity}");
            h.ask(Via::Rest, device, "PUT", &path, body.clone()).await.expect(204);
        }
        say(h, device).await;
        let (path, field) = match device.id.get() % 2 {
            0 => ("/v1/accounts/gcm", "gcmRegistrationId"),
            _ => ("/v1/accounts/apn", "apnRegistrationId"),
        };
        h.ask(Via::Rest, device, "PUT", path, json!({field: "a push token"}).to_string()).await.expect(204);
    }
    // Somebody has taken a key of each kind.
    let taken = format!("/v2/keys/{}/*", h.aci);
    h.t.client.send("GET", &taken, &[("unidentified-access-key", &STANDARD.encode([7; 16]))], "").await.expect(200);
    totp(h).await;
    name(h).await;
    devices
}

/// A device's own attributes, and all of the account's.
async fn say(h: &Home, device: &Login) {
    let mut attributes = h.owner.registration("")["accountAttributes"].clone();
    attributes["name"] = json!(STANDARD.encode([device.id.get(); 30]));
    attributes["registrationLock"] = json!("31".repeat(32));
    attributes["recoveryPassword"] = json!(STANDARD.encode([9; 32]));
    let agent = [("x-signal-agent", "Signal-Android/7.1")];
    let body = attributes.to_string();
    h.ask_with(Via::Rest, device, "PUT", "/v1/accounts/attributes", &agent, body).await.expect(204);
}

/// One key that is confirmed, and one that waits to be.
async fn totp(h: &Home) {
    let offer = async || {
        let answer = h.ask(Via::Rest, &h.primary(), "POST", "/v1/accounts/totp", "").await.expect(200);
        STANDARD.decode(answer["key"].as_str().unwrap()).unwrap()
    };
    let first = code(&offer().await, h.t.registry.clock.now());
    let body = json!({"code": first, "label": STANDARD.encode([7; 160])}).to_string();
    h.ask(Via::Rest, &h.primary(), "PUT", "/v1/accounts/totp/confirm", body).await.expect(200);
    offer().await;
}

/// A username that is held, one that is confirmed with a link, one that is reserved; and badges, which no route gives.
async fn name(h: &Home) {
    for name in NAMES.map(names::name) {
        reserve(h, &name).await;
        if name != names::name(NAMES[2]) {
            let body = name.confirmation(Some(&[3; 50])).to_string();
            h.ask(Via::Rest, &h.primary(), "PUT", "/v1/accounts/username_hash/confirm", body).await.expect(200);
        }
    }
    let badge = Badge { id: "a badge".to_owned(), expires: h.t.registry.clock.now().plus(DAY), visible: true };
    let change = |account: &mut Account, _| {
        account.badges = vec![badge.clone()];
        ((), Vec::new())
    };
    h.t.registry.accounts.update("test", h.aci, change).await.unwrap().expect("the account is there");
}

async fn reserve(h: &Home, name: &Name) {
    let body = names::reservation(&[name]).to_string();
    h.ask(Via::Rest, &h.primary(), "PUT", "/v1/accounts/username_hash/reserve", body).await.expect(200);
}

fn upload(identity: &IdentityKeyPair, count: u32) -> String {
    let ids = || (1..=count).map(|id| KeyId::new(id.into()).unwrap());
    let body: Value = json!({
        "preKeys": ids().map(ec_pre_key).collect::<Vec<_>>(),
        "pqPreKeys": ids().map(|id| identity.kem_pre_key(id)).collect::<Vec<_>>(),
    });
    body.to_string()
}
