//! The socket of a device that is to be linked (contract keys-devices §4).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use prost::Message as _;
use serde_json::json;
use signet_tests::socket::{Address, PROVISIONING};
use signet_tests::{Answer, Socket, TestRegistry};

use super::Person;

/// A new device that shows its address.
async fn show(t: &TestRegistry) -> (Socket, u64, String) {
    let mut socket = Socket::open(t.plain, PROVISIONING, &[]).await.unwrap_or_else(|refused| panic!("{refused:?}"));
    let request = socket.request().await;
    assert_eq!((request.verb.as_deref(), request.path.as_deref()), (Some("PUT"), Some("/v1/address")));
    assert_eq!(request.headers, [format!("X-Signal-Timestamp:{}", t.clock.clock().now().millis())]);
    let address = Address::decode(request.body.unwrap()).unwrap().address.unwrap();
    assert_eq!(URL_SAFE.decode(&address).unwrap().len(), 16);
    (socket, request.id.unwrap(), address)
}

async fn hand_over(t: &TestRegistry, from: &Person, address: &str, message: &[u8]) -> Answer {
    let body = json!({"body": STANDARD.encode(message)}).to_string();
    let authorization = signet_tests::client::basic(&from.aci, &from.password);
    t.client.send("PUT", &format!("/v1/provisioning/{address}"), &[("authorization", &authorization)], body).await
}

#[tokio::test]
async fn what_is_handed_over_arrives_once_and_then_the_address_is_gone() {
    let t = TestRegistry::start();
    let alice = Person::register(&t, "+12025550101").await;
    let (mut device, shown, address) = show(&t).await;
    device.acknowledge(shown, 200).await;
    // Padding may be percent-encoded on the way.
    hand_over(&t, &alice, &address.replace('=', "%3D"), b"an envelope").await.expect(204);
    let message = device.request().await;
    assert_eq!((message.verb.as_deref(), message.path.as_deref()), (Some("PUT"), Some("/v1/message")));
    assert_eq!(message.body.as_deref(), Some(&b"an envelope"[..]), "the bytes as they were");
    assert_eq!(hand_over(&t, &alice, &address, b"another").await.status, 404, "an address is good for one message");
    device.acknowledge(message.id.unwrap(), 200).await;
    assert_eq!(device.closed().await, Some((1000, "Closed".to_owned())));
}

#[tokio::test]
async fn nobody_listens_on_an_address_whose_socket_is_gone() {
    let t = TestRegistry::start();
    let alice = Person::register(&t, "+12025550101").await;
    let (device, _, address) = show(&t).await;
    drop(device);
    let deadline = std::iter::repeat_n(std::time::Duration::from_millis(20), 100);
    for wait in deadline {
        if hand_over(&t, &alice, &address, b"an envelope").await.status == 404 {
            return;
        }
        tokio::time::sleep(wait).await;
    }
    panic!("it is still listened to");
}

#[tokio::test]
async fn it_is_for_that_and_nothing_else() {
    let t = TestRegistry::start();
    let (mut device, _, _) = show(&t).await;
    for (path, status) in [
        ("/v1/keepalive", 200),
        ("/v1/keepalive/provisioning", 200),
        ("/v1/accounts/whoami", 404),
        ("/v1/verification/session/none", 404),
    ] {
        assert_eq!(device.send("GET", path, &[], "").await.status, status, "{path}");
    }
    device.raw(vec![0xff]).await;
    assert_eq!(device.closed().await, Some((1007, "Badly formatted".to_owned())));
}
