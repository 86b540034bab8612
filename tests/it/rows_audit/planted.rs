//! One store for each violation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signet_keys::rows;
use signet_storage::dynamo::items::{binary, key, number, text};
use signet_storage::dynamo::tables::Table as Rows;
use signet_storage::dynamo::{Item, Value};
use signet_storage::ids::{AccountId, DeviceId, ServiceId};
use signet_tests::audit;

use super::{ALICE, Town};
use signet::inspection::Repaired;

/// What is said of the store, in the order of its tables, and whether each is mended.
type Expected<'a> = &'a [(&'a str, Mended)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mended {
    Yes,
    No,
}
use Mended::{No, Yes};

impl Town {
    fn number(&self) -> Item {
        key("claim", format!("tel#{ALICE}"))
    }

    fn pni(&self) -> Item {
        key("claim", format!("pni#{}", self.alice.pni))
    }

    fn account(&self) -> Item {
        key("aci", self.alice.aci.to_string())
    }

    fn keys(&self) -> Item {
        rows::key(ServiceId::Aci(self.alice.aci), DeviceId::PRIMARY)
    }

    /// A username in Alice's account, and its claim, if there is to be one.
    async fn name(&self, claim: Option<(AccountId, bool)>) {
        let name = Value::M([("hash".to_owned(), text(STANDARD.encode([7; 32])))].into());
        self.change(Rows::Accounts, self.account(), "username", Some(name)).await;
        if let Some((aci, confirmed)) = claim {
            self.put(Rows::Claims, name_claim(aci, confirmed)).await;
        }
    }

    /// Named, mended as far as expected, and then only what could not be mended is left.
    async fn expect(&self, expected: Expected<'_>) {
        let (found, _) = self.inspect(false).await;
        let said: Vec<&str> = found.iter().map(|(said, _)| said.as_str()).collect();
        assert_eq!(found.len(), expected.len(), "{said:#?}");
        for (part, _) in expected {
            assert!(said.iter().any(|said| said.contains(part)), "{part:?} is not among {said:#?}");
        }
        assert!(found.iter().all(|(said, repaired)| repaired.is_none() && !said.contains("+1202")), "{said:#?}");
        let (again, _) = self.inspect(true).await;
        for (part, mended) in expected {
            let (said, repaired) = again.iter().find(|(said, _)| said.contains(part)).expect("it is found again");
            let done = if matches!(repaired, Some(Repaired::Done(_))) { Yes } else { No };
            assert_eq!(done, *mended, "{said}: {repaired:?}");
        }
        let (left, _) = self.inspect(true).await;
        let (left, refused) = (left.len(), expected.iter().filter(|(_, mended)| *mended == No).count());
        assert_eq!(left, refused);
    }
}

fn name_claim(aci: AccountId, confirmed: bool) -> Item {
    let mut row = key("claim", format!("username#{}", hex::encode([7; 32])));
    row.insert("aci".to_owned(), text(aci.to_string()));
    row.insert("confirmed".to_owned(), Value::Bool(confirmed));
    row.insert("reclaimable".to_owned(), Value::Bool(false));
    row
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_is_clean() {
    let town = Town::settle().await;
    town.expect(&[]).await;
    assert_eq!(town.inspect(true).await.1, 0, "and nothing of it is rubbish");
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_of_an_account_that_are_gone() {
    let town = Town::settle().await;
    let before = [town.get(Rows::Claims, &town.number()).await, town.get(Rows::Claims, &town.pni()).await];
    town.remove(Rows::Claims, town.pni()).await;
    town.expect(&[("has a PNI that no claim is there for", Yes)]).await;
    town.remove(Rows::Claims, town.number()).await;
    town.expect(&[("has a number that no claim is there for", Yes)]).await;
    town.change(Rows::Claims, town.number(), "aci", None).await;
    town.expect(&[("claimed by nobody", Yes)]).await;
    let after = [town.get(Rows::Claims, &town.number()).await, town.get(Rows::Claims, &town.pni()).await];
    assert_eq!(before, after);
    // With both gone nothing bears the account out.
    town.remove(Rows::Claims, town.number()).await;
    town.remove(Rows::Claims, town.pni()).await;
    town.expect(&[("has a number that no claim", No), ("has a PNI that no claim", No)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_two_say_is_theirs_is_nobodys_to_give() {
    let town = Town::settle().await;
    let bobs = text(town.bob.phone_number.as_str());
    town.change(Rows::Accounts, town.account(), "phoneNumber", Some(bobs)).await;
    town.expect(&[
        (&format!("has a number that is claimed by account {}", town.bob.aci), No),
        (&format!("belongs to account {}, which does not say so", town.alice.aci), No),
    ])
    .await;
    // Also where its claim is gone: Bob has no less right to it.
    let claim = key("claim", format!("tel#{}", town.bob.phone_number.as_str()));
    town.remove(Rows::Claims, claim).await;
    town.expect(&[
        (&format!("account {} has a number that no claim", town.alice.aci), No),
        (&format!("account {} has a number that no claim", town.bob.aci), No),
        (&format!("belongs to account {}, which does not say so", town.alice.aci), No),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn identities_of_somebody_else() {
    let town = Town::settle().await;
    let bobs = town.bob.pni.to_string();
    town.change(Rows::Claims, town.number(), "pni", Some(text(bobs.clone()))).await;
    town.expect(&[
        (&format!("has a number whose PNI is another: {bobs}"), No),
        (&format!("has the PNI {bobs}, which is of account {} of another number", town.bob.aci), No),
    ])
    .await;
    let town = Town::settle().await;
    town.change(Rows::Claims, town.pni(), "aci", Some(text(town.bob.aci.to_string()))).await;
    let (found, _) = town.inspect(true).await;
    let said: Vec<_> = found.iter().map(|(said, _)| said.as_str()).collect();
    assert!(said.iter().any(|said| said.contains("has a PNI that is claimed by account")), "{said:?}");
    assert!(said.iter().any(|said| said.starts_with(&format!("PNI {} belongs to", town.alice.pni))), "{said:?}");
    // The false claim is gone, and what is left is provable.
    town.expect(&[("has a PNI that no claim is there for", Yes)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_numbers_with_one_pni_though_nobody_has_them() {
    let town = Town::settle().await;
    for number in ["tel#+12025550198", "tel#+12025550199"] {
        let mut claim = key("claim", number);
        claim.insert("pni".to_owned(), text("11111111-2222-4333-8444-aaaaaaaaaaaa"));
        town.put(Rows::Claims, claim).await;
    }
    town.expect(&[("has the PNI 11111111-2222-4333-8444-aaaaaaaaaaaa, which another number has, too", No)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_account_left_that_is_gone() {
    let town = Town::settle().await;
    town.remove(Rows::Accounts, town.account()).await;
    let gone = format!("belongs to account {}, which is not there", town.alice.aci);
    town.expect(&[
        (&format!("PNI {} {gone}", town.alice.pni), Yes),
        (&gone, Yes),
        (&format!("keys of {}, device 1 belong to no device", town.alice.aci), Yes),
        (&format!("keys of {}, device 1 belong to no device", town.alice.pni), Yes),
    ])
    .await;
    let number = town.get(Rows::Claims, &town.number()).await.expect("the number keeps its PNI");
    assert_eq!((number.get("pni"), number.get("aci")), (Some(&text(town.alice.pni.to_string())), None));
    // Her pages are rubbish now, but for a while nobody can know whether they are.
    assert_eq!(town.inspect(true).await.1, 0);
    town.store.clock.advance(std::time::Duration::from_secs(3_601));
    assert_eq!(town.inspect(false).await.1, 3);
    assert_eq!(town.inspect(true).await.1, 3);
    assert_eq!(town.inspect(true).await.1, 0);
    assert!(audit::rows(&town.store.storage.dynamo, Rows::Prekeys).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn usernames() {
    let town = Town::settle().await;
    town.name(None).await;
    town.expect(&[("has a username that no claim is there for", Yes)]).await;
    town.put(Rows::Claims, name_claim(town.bob.aci, true)).await;
    let bob = town.bob.aci;
    town.expect(&[
        (&format!("has a username that is claimed by account {bob}"), No),
        (&format!("belongs to account {bob}, which does not say so"), Yes),
    ])
    .await;

    let town = Town::settle().await;
    let mut kept = name_claim(town.alice.aci, false);
    town.put(Rows::Claims, kept.clone()).await;
    town.expect(&[("is kept for somebody, and there is no end to it", No)]).await;
    kept.insert("until".to_owned(), number(town.store.now().millis() + 1));
    town.put(Rows::Claims, kept.clone()).await;
    town.expect(&[]).await;
    assert_eq!(town.inspect(true).await.1, 0);
    town.store.clock.advance(std::time::Duration::from_millis(1));
    assert_eq!(town.inspect(true).await.1, 1, "rubbish, which the sweep takes");
    town.name(None).await;
    town.expect(&[("that its claim says is not confirmed", Yes)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links() {
    let town = Town::settle().await;
    let handle = "11111111-2222-4333-8444-aaaaaaaaaaaa";
    let mut link = key("claim", format!("link#{handle}"));
    link.insert("aci".to_owned(), text(town.alice.aci.to_string()));
    town.put(Rows::Claims, link.clone()).await;
    town.expect(&[("which does not say so", Yes)]).await;
    let username = Value::M([("linkHandle".to_owned(), text(handle))].into());
    town.change(Rows::Accounts, town.account(), "username", Some(username)).await;
    town.expect(&[("has a username link that no claim is there for", Yes)]).await;
    assert_eq!(town.get(Rows::Claims, &key("claim", format!("link#{handle}"))).await, Some(link));
    town.change(Rows::Claims, key("claim", format!("link#{handle}")), "aci", Some(text(town.bob.aci.to_string())))
        .await;
    let bob = town.bob.aci;
    town.expect(&[
        (&format!("has a username link that is claimed by account {bob}"), No),
        (&format!("belongs to account {bob}, which does not say so"), Yes),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys() {
    let town = Town::settle().await;
    let mut stray = town.get(Rows::Keys, &town.keys()).await.unwrap();
    let own = stray.clone();
    stray.insert("device".to_owned(), number(5));
    for pool in ["ecSet", "kemSet"] {
        stray.remove(pool);
    }
    town.put(Rows::Keys, stray).await;
    town.expect(&[(&format!("keys of {}, device 5 belong to no device", town.alice.aci), Yes)]).await;

    let bobs = town.bob.identity_key.as_bytes();
    town.change(Rows::Keys, town.keys(), "identityKey", Some(binary(bobs))).await;
    town.expect(&[("are of another identity key", No)]).await;
    town.put(Rows::Keys, own.clone()).await;
    town.change(Rows::Keys, town.keys(), "installation", Some(text("another"))).await;
    let (found, rubbish) = town.inspect(true).await;
    let said: Vec<_> = found.iter().map(|(said, _)| said.as_str()).collect();
    assert!(said.iter().any(|said| said.contains("are of another installation")), "{said:?}");
    assert!(said.iter().any(|said| said.contains("have keys left on page 001#another")), "{said:?}");
    assert_eq!(rubbish, 0, "what nothing points at may still be under way");
    town.put(Rows::Keys, own).await;
    town.expect(&[]).await;

    for page in audit::rows(&town.store.storage.dynamo, Rows::Prekeys).await {
        town.remove(Rows::Prekeys, Rows::Prekeys.spec().key_of(&page)).await;
    }
    town.expect(&[("which is not there", No)]).await;
    town.change(Rows::Keys, town.keys(), "uploads", Some(text("x"))).await;
    town.expect(&[("cannot be read", No)]).await;
    town.remove(Rows::Keys, town.keys()).await;
    town.expect(&[(&format!("has no keys of {} for device 1", town.alice.aci), No)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices() {
    let town = Town::settle().await;
    let row = town.get(Rows::Accounts, &town.account()).await.unwrap();
    let device = row["devices"].as_l().unwrap()[0].clone();
    let twice = Value::L(vec![device.clone(), device]);
    town.change(Rows::Accounts, town.account(), "devices", Some(twice)).await;
    town.expect(&[("has a device twice", No)]).await;
    town.change(Rows::Accounts, town.account(), "devices", Some(Value::L(Vec::new()))).await;
    let (found, _) = town.inspect(false).await;
    assert!(found.iter().any(|(said, _)| said.contains("has no primary device")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_wrote() {
    let town = Town::settle().await;
    for (table, row, said) in [
        (Rows::Accounts, key("aci", "11111111-2222-4333-8444-aaaaaaaaaaaa"), "account 11111111-2222-4333"),
        (Rows::Claims, key("claim", "tel#+12025550199"), "number "),
        (Rows::Claims, key("claim", "pni#x"), "PNI x cannot"),
        (Rows::Claims, key("claim", "username#00"), "username "),
        (Rows::Sessions, key("id", "a session"), "session "),
        (Rows::LinkTokens, key("token", "a token"), "link token "),
    ] {
        town.put(table, row.clone()).await;
        town.expect(&[(said, No)]).await;
        let (found, _) = town.inspect(false).await;
        assert!(found[0].0.ends_with("cannot be read"), "{found:?}");
        town.remove(table, table.spec().key_of(&row)).await;
    }
    town.put(Rows::Claims, key("claim", "badge#1")).await;
    town.expect(&[("is of no kind that the registry writes", No)]).await;
    town.remove(Rows::Claims, key("claim", "badge#1")).await;
    // The obsolete form of a number that has another one by now.
    let mut claim = key("claim", "tel#+22997123456");
    claim.insert("pni".to_owned(), text("11111111-2222-4333-8444-aaaaaaaaaaaa"));
    town.put(Rows::Claims, claim).await;
    town.expect(&[("is not the form of the number", No)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_password_of_no_number() {
    let town = Town::settle().await;
    let mut row = key("pni", "11111111-2222-4333-8444-aaaaaaaaaaaa");
    let hash = signet_storage::hash::SaltedTokenHash::of("x", &signet_storage::chance::Chance::system());
    let until = signet_storage::clock::Timestamp::from_millis(town.store.now().millis() + 1_000_000);
    let kept = signet_storage::model::recovery::NumberRecovery { password: hash, until };
    row.extend(signet_storage::dynamo::items::to_item(&kept));
    row.insert("expires".to_owned(), number(until.seconds()));
    town.put(Rows::Recovery, row).await;
    town.expect(&[("recovery password of PNI 11111111-2222-4333-8444-aaaaaaaaaaaa is of no number", Yes)]).await;
}
