//! The methods of gRPC: each asked the same about a known and an unknown one.

use prost::Message;
use signet::grpc::methods::METHODS;
use signet::grpc::proto::org::signal::chat::account::{
    CheckAccountExistenceRequest, ConfirmUsernameHashRequest, LookupUsernameHashRequest, LookupUsernameLinkRequest,
    ReserveUsernameHashRequest,
};
use signet::grpc::proto::org::signal::chat::common::{IdentityType, ServiceIdentifier};
use signet::grpc::proto::org::signal::chat::credentials::CheckSvrCredentialsRequest;
use signet::grpc::proto::org::signal::chat::keys::get_pre_keys_anonymous_request::Authorization;
use signet::grpc::proto::org::signal::chat::keys::{
    CheckIdentityKeyRequest, GetPreKeysAnonymousRequest, GetPreKeysRequest,
};
use signet_tests::Table;
use signet_tests::grpc::Wire;
use uuid::Uuid;

use super::answers::{Contract, Differs, Same, Seen};
use super::scene::{Scene, Subject};

struct Question {
    what: &'static str,
    contract: Contract,
    message: fn(&Subject) -> Vec<u8>,
}

fn question(what: &'static str, contract: Contract, message: fn(&Subject) -> Vec<u8>) -> Question {
    Question { what, contract, message }
}

fn aci(who: &Subject) -> Option<ServiceIdentifier> {
    let uuid: Uuid = who.aci.parse().unwrap();
    Some(ServiceIdentifier { identity_type: IdentityType::Aci.into(), uuid: uuid.into_bytes().into() })
}

fn pni(who: &Subject) -> Option<ServiceIdentifier> {
    let uuid: Uuid = who.pni.parse().unwrap();
    Some(ServiceIdentifier { identity_type: IdentityType::Pni.into(), uuid: uuid.into_bytes().into() })
}

fn questions(path: &str) -> Vec<Question> {
    let own = Vec::new;
    match path.trim_start_matches("/org.signal.chat.") {
        "keys.KeysAnonymous/GetPreKeys" => vec![
            question("with a wrong access key", Same, |who| unseen(aci(who), [1; 16])),
            question("a number's identity", Same, |who| unseen(pni(who), [7; 16])),
            question("with its access key", Differs("keys-devices §8.2"), |who| unseen(aci(who), [7; 16])),
        ],
        "keys.KeysAnonymous/CheckIdentityKeys" => vec![
            question("by its fingerprint", Same, |who| fingerprint(who, &who.fingerprint)),
            question("by another", Differs("keys-devices §8.2"), |who| fingerprint(who, &[1; 4])),
        ],
        "account.AccountsAnonymous/CheckAccountExistence" => vec![
            question("an ACI", Differs("§9.6"), |who| exists(aci(who))),
            question("a PNI", Differs("§9.6"), |who| exists(pni(who))),
        ],
        "account.AccountsAnonymous/LookupUsernameHash" => vec![question("a username", Differs("§9.4"), |who| {
            LookupUsernameHashRequest { username_hash: who.username.to_vec() }.encode_to_vec()
        })],
        "account.AccountsAnonymous/LookupUsernameLink" => vec![question("a handle that is none", Same, |who| {
            LookupUsernameLinkRequest { username_link_handle: who.username[..16].to_vec() }.encode_to_vec()
        })],
        // Its message is the target and an access key, as far as a wrong one goes.
        "account.AccountsAnonymous/GetCapabilities" => vec![],
        "credentials.CredentialsAnonymous/CheckSvrCredentials" => {
            vec![question("by credentials of one's own making", Same, |who| {
                // One at a time: verdicts come in no order.
                let passwords = vec!["00:1783944000:00".to_owned()];
                CheckSvrCredentialsRequest { number: who.number.to_owned(), passwords }.encode_to_vec()
            })]
        }
        "keys.Keys/GetPreKeys" => vec![question("an account", Differs("keys-devices §1.5"), |who| {
            GetPreKeysRequest { target_identifier: aci(who), device_id: None }.encode_to_vec()
        })],
        "account.Accounts/ReserveUsernameHash" => vec![question("a name", Differs("§9.4"), |who| {
            ReserveUsernameHashRequest { username_hashes: vec![who.username.to_vec()] }.encode_to_vec()
        })],
        "account.Accounts/ConfirmUsernameHash" => vec![question("a name, without a proof", Same, |who| {
            let (username_hash, zk_proof) = (who.username.to_vec(), vec![7; 128]);
            ConfirmUsernameHashRequest { username_hash, zk_proof, username_ciphertext: vec![1] }.encode_to_vec()
        })],
        // What a device says of numbers here is compared over REST, where the same controller answers.
        "account.Accounts/ChangeNumber" => own(),
        "keys.Keys/GetPreKeyCount" | "keys.Keys/SetOneTimeEcPreKeys" | "keys.Keys/SetOneTimeKemSignedPreKeys" => own(),
        "keys.Keys/SetEcSignedPreKey" | "keys.Keys/SetKemLastResortPreKey" => own(),
        "device.Devices/GetDevices" | "device.Devices/RemoveDevice" | "device.Devices/SetDeviceName" => own(),
        "device.Devices/SetPushToken" | "device.Devices/ClearPushToken" | "device.Devices/SetCapabilities" => own(),
        "account.Accounts/GetAccountIdentity"
        | "account.Accounts/GetEntitlements"
        | "account.Accounts/DeleteAccount" => own(),
        "account.Accounts/SetRegistrationLock" | "account.Accounts/ClearRegistrationLock" => own(),
        "account.Accounts/ConfigureUnidentifiedAccess" | "account.Accounts/SetDiscoverableByPhoneNumber" => own(),
        "account.Accounts/SetRegistrationRecoveryPassword" | "account.Accounts/GetAccountDataReport" => own(),
        "account.Accounts/GetCapabilities" | "account.Accounts/GenerateTotpKey" | "account.Accounts/ConfirmTotpKey" => {
            own()
        }
        "account.Accounts/ListMfaKeys" | "account.Accounts/SetMfaKeyMetadata" | "account.Accounts/RemoveMfaKey" => {
            own()
        }
        "account.Accounts/DeleteUsernameHash" | "account.Accounts/SetUsernameLink" => own(),
        "account.Accounts/DeleteUsernameLink" => own(),
        "credentials.Credentials/GetExternalServiceCredentials" => own(),
        other => panic!("{other}: say what it can be asked about somebody, and what it tells"),
    }
}

fn unseen(target: Option<ServiceIdentifier>, key: [u8; 16]) -> Vec<u8> {
    let request = Some(GetPreKeysRequest { target_identifier: target, device_id: None });
    let authorization = Some(Authorization::UnidentifiedAccessKey(key.to_vec()));
    GetPreKeysAnonymousRequest { request, authorization }.encode_to_vec()
}

fn fingerprint(who: &Subject, fingerprint: &[u8]) -> Vec<u8> {
    CheckIdentityKeyRequest { target_identifier: aci(who), fingerprint: fingerprint.to_vec() }.encode_to_vec()
}

fn exists(id: Option<ServiceIdentifier>) -> Vec<u8> {
    CheckAccountExistenceRequest { service_identifier: id }.encode_to_vec()
}

/// A message as it goes over the wire.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_and_unknown_are_answered_alike_but_where_the_contract_says() {
    let mut table = Table::default();
    for method in METHODS {
        for Question { what, contract, message } in questions(method.path) {
            let scene = Scene::set().await;
            let (wire, names) = (Wire::to(scene.t.plain), scene.names());
            let mine = scene.asking.credentials();
            let credentials = [("authorization", mine.as_str())];
            let anonymous = method.path.contains("Anonymous/");
            let credentials = if anonymous { &[][..] } else { &credentials[..] };
            let mut seen = Vec::new();
            for who in [&scene.known, &scene.unknown] {
                let raw = wire.raw(method.path, credentials, framed(&message(who))).await;
                seen.push(Seen::of_call(&raw, &names));
            }
            let name = format!("{}, {what}", method.path);
            match contract {
                Same => table.row(name, &seen[0], &seen[1]),
                Differs(why) => table.row(format!("{name}, differs by {why}"), seen[0] != seen[1], true),
            }
        }
    }
    table.close();
}
