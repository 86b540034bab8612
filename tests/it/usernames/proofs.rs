//! A name is confirmed only for whoever shows that they know it. The verdicts themselves are judged beside the verifier
//! (`keys/src/username_proof`); here they are those of the route.

use futures::StreamExt as _;
use signet_tests::names::{self, Name};

use super::{CONFIRM, Person, Town, name};

async fn status(town: &Town, who: &Person, name: &Name) -> u16 {
    town.send(who, "PUT", CONFIRM, &name.confirmation(Some(b"sealed"))).await.status
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

/// Each bit of two proofs and of their hashes. The right ones are accepted before and after, so nothing else was wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_with_one_bit_flipped_is_refused() {
    let town = Town::open();
    let people: [_; 2] = town.people().await;
    for (n, who) in people.iter().enumerate() {
        let good = name(n * 100);
        town.reserve(who, &[&good]).await.unwrap();
        let proofs = (0..1024).map(|bit| Name { proof: flipped(&good.proof, bit), ..good.clone() });
        let hashes = (0..256).map(|bit| Name { hash: flipped(&good.hash, bit), ..good.clone() });
        let asked = futures::stream::iter(proofs.chain(hashes)).map(async |bad| status(&town, who, &bad).await);
        let answers: Vec<_> = asked.buffered(16).collect().await;
        assert_eq!(answers.len(), 1280);
        let accepted: Vec<_> = answers.iter().enumerate().filter(|(_, status)| **status != 422).collect();
        assert!(accepted.is_empty(), "{}: {accepted:?}", good.text);
        assert_eq!(town.username(who).await.hash, None);
        assert_eq!(status(&town, who, &good).await, 200);
        assert_eq!(town.look_up(&good).await, Some(who.aci));
    }
    town.audit().await;
}

/// All names that the clients' library proved, one after the other, by one account.
#[tokio::test]
async fn what_the_library_proves_is_confirmed() {
    let town = Town::open();
    let [me] = town.people().await;
    for name in names::all().step_by(4) {
        town.take(&me, &name).await;
        assert_eq!(town.look_up(&name).await, Some(me.aci), "{}", name.text);
    }
    town.audit().await;
}
