//! The account that had the number: gone at once, and its ACI where the one who took the number was before (§11.7).

use serde_json::json;
use signet::events::Event;
use signet_keys::KeyId;
use signet_keys::signing::ec_pre_key;
use signet_storage::dynamo::tables::Table as Rows;
use signet_tests::client::basic;
use signet_tests::{Audit, SignalClient, Socket};

use super::{HERE, Person, THERE, Town, Via, heard};

/// One-time keys of both kinds of identity, so that there is something to clear away.
async fn leave_keys(town: &Town, who: &Person) {
    let authorization = basic(&who.aci.to_string(), &who.me.password);
    let headers = [("content-type", "application/json"), ("authorization", authorization.as_str())];
    for identity in ["aci", "pni"] {
        let keys: Vec<_> = (1..=10).map(|id| ec_pre_key(KeyId::new(id).unwrap())).collect();
        let path = format!("/v2/keys?identity={identity}");
        town.t.client.send("PUT", &path, &headers, json!({"preKeys": keys}).to_string()).await.expect(204);
    }
}

#[tokio::test]
async fn all_of_its_devices_are_out_at_once() {
    for via in Via::ALL {
        let town = Town::open();
        let (who, holder) = (town.settle(HERE).await, town.settle(THERE).await);
        let (linked, password) = town.link(&holder).await;
        leave_keys(&town, &who).await;
        leave_keys(&town, &holder).await;
        let before = town.account(&holder).await;
        let mut sockets = [
            Socket::of_device(town.t.plain, &holder.aci.to_string(), &holder.me.password).await,
            Socket::of_device(town.t.plain, &linked, password).await,
        ];
        let mut mine = Socket::of_device(town.t.plain, &who.aci.to_string(), &who.me.password).await;
        let body = town.body(&who, THERE).await;
        let mut events = town.listen();
        let answer = town.ask(via, &who, &body).await.expect(200);
        assert_eq!(answer["pni"], json!(before.pni));
        let moved = Event::NumberChanged { aci: who.aci, displaced: Some(holder.aci), messages: 0 };
        assert_eq!(heard(&mut events), [Event::Removed { aci: holder.aci }, moved]);

        assert_eq!(town.whoami(&holder).await.status, 401);
        assert_eq!(town.t.client.whoami(&linked, password).await.status, 401);
        for socket in &mut sockets {
            assert_eq!(socket.closed().await.map(|(code, _)| code), Some(4401));
        }
        if matches!(via, Via::Rest) {
            assert_eq!(mine.send("GET", "/v1/accounts/whoami", &[], "").await.expect(200)["number"], THERE);
        }
        // What is left of one-time keys is the mover's own, under the ACI that stays.
        let pages = town.t.rows(Rows::Prekeys).await;
        let aci = who.aci.to_string();
        assert!(pages.iter().all(|page| page["identity"].as_s() == Ok(&aci)) && pages.len() == 1, "{pages:?}");
        let audit = Audit::of(&town.t.registry.storage).await.expect_clean();
        assert_eq!((audit.accounts.len(), audit.claims, audit.keys), (1, 3, 2));
        let exists = format!("/v1/accounts/account/{}", holder.aci);
        assert_eq!(town.t.client.send("HEAD", &exists, &[], "").await.status, 404);
    }
}

/// n1 -> n2 while somebody has n2, who then registers n1; and back, and again.
#[tokio::test]
async fn two_take_turns_and_both_stay_who_they_are() {
    let town = Town::open();
    let (who, mut other) = (town.settle(HERE).await, town.settle(THERE).await);
    let pnis = [town.account(&who).await.pni, town.account(&other).await.pni];
    for round in 0..4 {
        let [from, to] = if round % 2 == 0 { [HERE, THERE] } else { [THERE, HERE] };
        let answer = town.moves(&who, to).await.expect(200);
        assert_eq!((&answer["uuid"], &answer["pni"]), (&json!(who.aci), &json!(pnis[1 - round % 2])));
        assert_eq!(town.whoami(&other).await.status, 401);
        other.me = SignalClient::generate();
        let back = town.register(&other.me, from, &[]).await.expect(201);
        assert_eq!((&back["uuid"], &back["pni"]), (&json!(other.aci), &json!(pnis[round % 2])), "round {round}");
        assert_eq!(town.whoami(&other).await.expect(200)["number"], from);
        assert_eq!(town.whoami(&who).await.expect(200)["number"], to);
        let audit = Audit::of(&town.t.registry.storage).await.expect_clean();
        assert_eq!((audit.accounts.len(), audit.claims, audit.keys), (2, 4, 4));
    }
}

/// The other one gets its number back by moving, too: it never registers, because it was never displaced.
#[tokio::test]
async fn three_numbers_round_the_table() {
    let town = Town::open();
    let third = "+12025550103";
    let (a, b) = (town.settle(HERE).await, town.settle(THERE).await);
    for (who, to) in [(&a, third), (&b, HERE), (&a, THERE), (&b, third), (&a, HERE), (&b, THERE)] {
        let answer = town.moves(who, to).await.expect(200);
        assert_eq!((&answer["uuid"], &answer["number"]), (&json!(who.aci), &json!(to)));
    }
    let audit = Audit::of(&town.t.registry.storage).await.expect_clean();
    assert_eq!((audit.accounts.len(), audit.claims, audit.keys), (2, 5, 4));
}
