//! `GetPreKeys`, with and without an account: who gets whose keys (§8.2).

use serde_json::json;
use signet::grpc::proto::org::signal::chat::common::{IdentityType, ServiceIdentifier};
use signet::grpc::proto::org::signal::chat::keys::get_pre_keys_anonymous_request::Authorization;
use signet::grpc::proto::org::signal::chat::keys::{
    AccountPreKeyBundles, GetPreKeysAnonymousRequest, GetPreKeysRequest, SetOneTimeEcPreKeysRequest,
    get_pre_keys_anonymous_response, get_pre_keys_response,
};
use signet_config::LimitId;
use signet_tests::Table;
use signet_tests::grpc::{Said, outcome};
use tonic::Code;

use super::{Exchange, NOBODY, NUMBER, OTHER, Person, UAK, aci, ec, limit, pni};

/// An answer in a word, so that tables can tell them apart.
#[derive(Clone, Debug, PartialEq)]
enum Found {
    /// Of these devices.
    Bundles(Vec<u32>),
    Nobody,
    NotLetIn,
    Refused(Said),
}

fn refused() -> Found {
    Found::Refused(Said::constraint())
}

fn devices(bundles: &AccountPreKeyBundles) -> Vec<u32> {
    let mut devices: Vec<_> = bundles.device_pre_keys.keys().copied().collect();
    devices.sort_unstable();
    devices
}

impl Exchange {
    async fn take(&self, who: &Person, target: Option<ServiceIdentifier>, device: Option<u32>) -> Found {
        let request = who.says(GetPreKeysRequest { target_identifier: target, device_id: device });
        match outcome(self.keys().get_pre_keys(request).await).map(|answer| answer.response.unwrap()) {
            Ok(get_pre_keys_response::Response::PreKeys(bundles)) => Found::Bundles(devices(&bundles)),
            Ok(get_pre_keys_response::Response::TargetNotFound(_)) => Found::Nobody,
            Err(said) => Found::Refused(said),
        }
    }

    async fn bundles(&self, target: Option<ServiceIdentifier>, by: &Person) -> AccountPreKeyBundles {
        let request = by.says(GetPreKeysRequest { target_identifier: target, device_id: None });
        match outcome(self.keys().get_pre_keys(request).await).unwrap().response.unwrap() {
            get_pre_keys_response::Response::PreKeys(bundles) => bundles,
            get_pre_keys_response::Response::TargetNotFound(_) => panic!("nobody"),
        }
    }

    async fn take_unseen(&self, request: GetPreKeysAnonymousRequest) -> Found {
        use get_pre_keys_anonymous_response::Response::{FailedUnidentifiedAuthorization, PreKeys, TargetNotFound};
        match outcome(self.keys_anonymous().get_pre_keys(request).await).map(|answer| answer.response.unwrap()) {
            Ok(PreKeys(bundles)) => Found::Bundles(devices(&bundles)),
            Ok(TargetNotFound(_)) => Found::Nobody,
            Ok(FailedUnidentifiedAuthorization(_)) => Found::NotLetIn,
            Err(said) => Found::Refused(said),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whoever_has_an_account_gets_anybodys() {
    let x = Exchange::open();
    let (alice, bob) = (x.register(NUMBER).await, x.register(OTHER).await);
    let linked = x.link(&alice).await;
    let mut half = aci(alice.aci).unwrap();
    half.uuid.pop();
    let mut untyped = aci(alice.aci).unwrap();
    untyped.identity_type = 0;
    let mut table = Table::default();
    for (what, target, device, found) in [
        ("all", aci(alice.aci), None, Found::Bundles(vec![1, 2])),
        ("the first", aci(alice.aci), Some(1), Found::Bundles(vec![1])),
        ("the second", aci(alice.aci), Some(2), Found::Bundles(vec![2])),
        ("by the number's identity", pni(alice.pni), None, Found::Bundles(vec![1, 2])),
        ("one by the number's identity", pni(alice.pni), Some(2), Found::Bundles(vec![2])),
        ("one's own", aci(bob.aci), None, Found::Bundles(vec![1])),
        ("a device that there is not", aci(alice.aci), Some(3), Found::Nobody),
        ("nobody", aci(NOBODY), None, Found::Nobody),
        ("nobody's device", aci(NOBODY), Some(1), Found::Nobody),
        ("nobody's number", pni(NOBODY), None, Found::Nobody),
        ("an ACI for a PNI", pni(alice.aci), None, Found::Nobody),
        ("a PNI for an ACI", aci(alice.pni), None, Found::Nobody),
        ("device 0", aci(alice.aci), Some(0), refused()),
        ("device 128", aci(alice.aci), Some(128), refused()),
        ("device 257", aci(alice.aci), Some(257), refused()),
        ("no target", None, None, refused()),
        ("fifteen bytes", Some(half.clone()), None, refused()),
        ("of no kind", Some(untyped.clone()), None, refused()),
    ] {
        table.row(what, x.take(&bob, target.clone(), device).await, found.clone());
        table.row(format!("{what}, by a linked device"), x.take(&linked, target, device).await, found);
    }
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_bundle_is_the_one_that_rest_gives() {
    let x = Exchange::open();
    let (alice, bob) = (x.register(NUMBER).await, x.register(OTHER).await);
    let identity_type = IdentityType::Aci.into();
    let upload = SetOneTimeEcPreKeysRequest { identity_type, pre_keys: vec![ec(5), ec(6)] };
    outcome(x.keys().set_one_time_ec_pre_keys(alice.says(upload.clone())).await).unwrap();
    let found = x.bundles(aci(alice.aci), &bob).await;
    let rest = x.rest(&bob, "GET", &format!("/v2/keys/{}/*", alice.aci), "").await.expect(200);
    let bundle = &found.device_pre_keys[&1];
    let (signed, kem) = (bundle.ec_signed_pre_key.as_ref().unwrap(), bundle.kem_one_time_pre_key.as_ref().unwrap());
    // HMAC-SHA256 of 32 zeros under the access key.
    let fingerprint = "655d16a7873fe0befd6ce7edb89dab35e48ad91c0c3488b8b5356e0aeb594651";
    let mut table = Table::default();
    table.row("identity", found.identity_key.as_slice(), alice.me.aci.public().as_bytes().as_slice());
    table.row("its one-time key", bundle.ec_one_time_pre_key.as_ref(), Some(&upload.pre_keys[0]));
    table.row("the next one by REST", rest["devices"][0]["preKey"]["keyId"].clone(), 6.into());
    table.row("signed", signed.public_key.as_slice(), alice.me.aci_keys.signed.key.as_bytes().as_slice());
    table.row("its signature", signed.signature.as_slice(), alice.me.aci_keys.signed.signature.as_bytes().as_slice());
    table.row("last resort", kem.public_key.as_slice(), alice.me.aci_keys.last_resort.key.as_bytes().as_slice());
    table.row("registration id", bundle.registration_id, 1234);
    table.row("closed", found.unrestricted_unidentified_access, false);
    table.row("fingerprint", hex::encode(&found.unidentified_access_key_fingerprint).as_str(), fingerprint);
    let third = x.bundles(aci(alice.aci), &bob).await;
    table.row("none left", third.device_pre_keys[&1].ec_one_time_pre_key.is_none(), true);
    let number = x.bundles(pni(alice.pni), &bob).await;
    table.row("the number's identity", number.identity_key.as_slice(), alice.me.pni.public().as_bytes().as_slice());
    table.row("the number's id", number.device_pre_keys[&1].registration_id, 5678);
    table.row("has no fingerprint", number.unidentified_access_key_fingerprint.is_empty(), true);
    x.change(&alice, |account| account.unrestricted_unidentified_access = true).await;
    let open = x.bundles(aci(alice.aci), &bob).await.unrestricted_unidentified_access;
    table.row("open", (open, x.bundles(pni(alice.pni), &bob).await.unrestricted_unidentified_access), (true, false));
    x.change(&alice, |account| account.unidentified_access_key = None).await;
    let none = x.bundles(aci(alice.aci), &bob).await.unidentified_access_key_fingerprint;
    table.row("no access key", none.is_empty(), true);
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_an_account_somebody_gets_what_the_account_permits() {
    let x = Exchange::open();
    // Has an access key; is open to all; has neither.
    let alice = x.register("+12025550121").await;
    let open = [
        ("/accountAttributes/unrestrictedUnidentifiedAccess", Some(json!(true))),
        ("/accountAttributes/unidentifiedAccessKey", None),
    ];
    let carol = x.register_with("+12025550122", &open).await;
    let dave = x.register("+12025550123").await;
    x.change(&dave, |account| account.unidentified_access_key = None).await;
    x.link(&alice).await;
    let key = |key: &[u8]| Some(Authorization::UnidentifiedAccessKey(key.to_vec()));
    let token = || Some(Authorization::GroupSendToken(vec![3; 33]));
    let open_to_all = || Some(Authorization::UnrestrictedAccess(()));
    let both = Found::Bundles(vec![1, 2]);
    let mut table = Table::default();
    for (what, target, device, authorization, found) in [
        ("the right key", aci(alice.aci), None, key(&UAK), both),
        ("one device", aci(alice.aci), Some(2), key(&UAK), Found::Bundles(vec![2])),
        ("a wrong key", aci(alice.aci), None, key(&[8; 16]), Found::NotLetIn),
        ("half a key", aci(alice.aci), None, key(&[7; 8]), refused()),
        ("no bytes", aci(alice.aci), None, key(&[]), refused()),
        ("as if open", aci(alice.aci), None, open_to_all(), Found::NotLetIn),
        ("sixteen zeros", aci(alice.aci), None, key(&[0; 16]), Found::NotLetIn),
        ("no such device", aci(alice.aci), Some(5), key(&UAK), Found::NotLetIn),
        ("no device's id", aci(alice.aci), Some(200), key(&UAK), refused()),
        ("the number's identity", pni(alice.pni), None, key(&UAK), Found::NotLetIn),
        ("nobody", aci(NOBODY), None, key(&UAK), Found::NotLetIn),
        ("nobody, as if open", aci(NOBODY), None, open_to_all(), Found::NotLetIn),
        ("open", aci(carol.aci), None, open_to_all(), Found::Bundles(vec![1])),
        ("open, with any key", aci(carol.aci), None, key(&[9; 16]), Found::Bundles(vec![1])),
        ("open, no such device", aci(carol.aci), Some(2), open_to_all(), Found::NotLetIn),
        ("open, the number's identity", pni(carol.pni), None, open_to_all(), Found::NotLetIn),
        ("neither", aci(dave.aci), None, key(&UAK), Found::NotLetIn),
        ("neither, as if open", aci(dave.aci), None, open_to_all(), Found::NotLetIn),
        ("a group's token", aci(alice.aci), None, token(), Found::NotLetIn),
        ("a group's token, open", aci(carol.aci), None, token(), Found::NotLetIn),
        ("a group's token, nobody", aci(NOBODY), None, token(), Found::NotLetIn),
        ("nothing said", aci(carol.aci), None, None, refused()),
        ("no target", None, None, key(&UAK), refused()),
    ] {
        let request = Some(GetPreKeysRequest { target_identifier: target, device_id: device });
        table.row(what, x.take_unseen(GetPreKeysAnonymousRequest { request, authorization }).await, found);
    }
    let nothing = GetPreKeysAnonymousRequest { request: None, authorization: open_to_all() };
    table.row("nothing asked", x.take_unseen(nothing).await, refused());
    table.close();
}

/// Who asks for somebody who is not there takes a permit, unlike over REST; the permits are the same ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn permits_are_shared_with_rest_and_taken_before_anybody_looks() {
    let x = Exchange::open_with(|config| limit(config, LimitId::Prekeys, 2));
    let (alice, bob) = (x.register(NUMBER).await, x.register(OTHER).await);
    let limited = |retry| {
        let said = Said::because(Code::ResourceExhausted, "RESOURCE_EXHAUSTED");
        Found::Refused(Said { retry: Some(retry), ..said })
    };
    let mut table = Table::default();
    table.row("once", x.take(&bob, aci(alice.aci), Some(1)).await, Found::Bundles(vec![1]));
    x.rest(&bob, "GET", &format!("/v2/keys/{}/1", alice.aci), "").await.expect(200);
    table.row("and once by REST", x.take(&bob, aci(alice.aci), Some(1)).await, limited(600));
    let refused = x.rest(&bob, "GET", &format!("/v2/keys/{}/1", alice.aci), "").await;
    table.row("REST, too", refused.header("retry-after").map(str::to_owned), Some("600".to_owned()));
    table.row("all of them are another thing", x.take(&bob, aci(alice.aci), None).await, Found::Bundles(vec![1]));
    for (target, device) in [(aci(NOBODY), Some(1)), (aci(alice.aci), Some(9)), (aci(NOBODY), None)] {
        for found in [Found::Nobody, Found::Nobody, limited(600)] {
            table.row(format!("{device:?} of {target:?}"), x.take(&bob, target.clone(), device).await, found);
        }
    }
    table.close();
}
