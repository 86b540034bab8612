use signet_tests::{SignalClient, TestRegistry};

#[tokio::test]
async fn a_new_number_gets_an_account() {
    let t = TestRegistry::start();
    let number = "+12025550123";
    let session = t.verified_session(number).await;
    let me = SignalClient::generate();
    let answer = t.client.register(number, &me.password, &me.registration(&session)).await.expect(201);
    assert_eq!(answer["number"], number);
    let aci = answer["uuid"].as_str().unwrap();
    let who = t.client.whoami(aci, &me.password).await.expect(200);
    assert_eq!(who["pni"], answer["pni"]);
    assert_eq!(t.client.whoami(aci, "wrong").await.status, 401);
}
