//! Usernames and their links by gRPC (§8.4): the same rules as over REST, with answers of its own for what is not to be had.

use serde_json::json;
use signet::grpc::proto::org::signal::chat::account::{
    ConfirmUsernameHashRequest, DeleteUsernameHashRequest, DeleteUsernameLinkRequest, LookupUsernameHashRequest,
    LookupUsernameLinkRequest, ReserveUsernameHashRequest, SetUsernameLinkRequest, UsernameNotAvailable,
    confirm_username_hash_response, lookup_username_hash_response, lookup_username_link_response,
    reserve_username_hash_response, set_username_link_response,
};
use signet::grpc::proto::org::signal::chat::errors::NotFound;
use signet_config::LimitId;
use signet_tests::Table;
use signet_tests::grpc::{Said, outcome};
use signet_tests::names::{self, Name, name};
use tonic::Code;
use uuid::Uuid;

use super::{Exchange, NUMBER, OTHER, Person, aci, limit};

/// What a call came to, in a word.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Got {
    Name(Vec<u8>),
    Handle(Vec<u8>),
    Encrypted(Vec<u8>),
    Holder(Uuid),
    NotAvailable,
    /// Not reserved, or there is no name.
    Precondition,
    NotFound,
    Done,
}

async fn reserve(x: &Exchange, who: &Person, hashes: Vec<Vec<u8>>) -> Result<Got, Said> {
    use reserve_username_hash_response::Response;
    let request = who.says(ReserveUsernameHashRequest { username_hashes: hashes });
    let answer = outcome(x.accounts().reserve_username_hash(request).await)?;
    Ok(match answer.response.unwrap() {
        Response::UsernameHash(hash) => Got::Name(hash),
        Response::UsernameNotAvailable(UsernameNotAvailable {}) => Got::NotAvailable,
    })
}

async fn confirm(x: &Exchange, who: &Person, request: ConfirmUsernameHashRequest) -> Result<Got, Said> {
    use confirm_username_hash_response::Response;
    let answer = outcome(x.accounts().confirm_username_hash(who.says(request)).await)?;
    Ok(match answer.response.unwrap() {
        Response::ConfirmedUsernameHash(confirmed) => Got::Handle(confirmed.username_link_handle),
        Response::ReservationNotFound(_) => Got::Precondition,
        Response::UsernameNotAvailable(UsernameNotAvailable {}) => Got::NotAvailable,
    })
}

fn confirmation(name: &Name) -> ConfirmUsernameHashRequest {
    ConfirmUsernameHashRequest {
        username_hash: name.hash.clone(),
        zk_proof: name.proof.clone(),
        username_ciphertext: b"sealed".to_vec(),
    }
}

async fn set_link(x: &Exchange, who: &Person, encrypted: &[u8], keep: bool) -> Result<Got, Said> {
    use set_username_link_response::Response;
    let request = SetUsernameLinkRequest { username_ciphertext: encrypted.to_vec(), keep_link_handle: keep };
    let answer = outcome(x.accounts().set_username_link(who.says(request)).await)?;
    Ok(match answer.response.unwrap() {
        Response::UsernameLinkHandle(handle) => Got::Handle(handle),
        Response::NoUsernameSet(_) => Got::Precondition,
    })
}

async fn delete_link(x: &Exchange, who: &Person) -> Result<Got, Said> {
    outcome(x.accounts().delete_username_link(who.says(DeleteUsernameLinkRequest {})).await).map(|_| Got::Done)
}

async fn delete_name(x: &Exchange, who: &Person) -> Result<Got, Said> {
    outcome(x.accounts().delete_username_hash(who.says(DeleteUsernameHashRequest {})).await).map(|_| Got::Done)
}

async fn look_up(x: &Exchange, name: &Name) -> Got {
    use lookup_username_hash_response::Response;
    let request = LookupUsernameHashRequest { username_hash: name.hash.clone() };
    let answer = outcome(x.accounts_anonymous().lookup_username_hash(request).await).unwrap();
    match answer.response.unwrap() {
        Response::ServiceIdentifier(id) => {
            let holder = Uuid::from_slice(&id.uuid).unwrap();
            assert_eq!(Some(id), aci(holder));
            Got::Holder(holder)
        }
        Response::NotFound(NotFound {}) => Got::NotFound,
    }
}

async fn follow(x: &Exchange, handle: &Got) -> Got {
    use lookup_username_link_response::Response;
    let Got::Handle(handle) = handle else { panic!("{handle:?} is no handle") };
    let request = LookupUsernameLinkRequest { username_link_handle: handle.clone() };
    let answer = outcome(x.accounts_anonymous().lookup_username_link(request).await).unwrap();
    match answer.response.unwrap() {
        Response::UsernameCiphertext(encrypted) => Got::Encrypted(encrypted),
        Response::NotFound(NotFound {}) => Got::NotFound,
    }
}

fn generous(config: &mut signet_config::Config) {
    for id in [LimitId::UsernameReserve, LimitId::UsernameSet, LimitId::UsernameLinkOperation] {
        limit(config, id, 1000);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_name_from_its_reservation_to_its_end() {
    let x = Exchange::open_with(generous);
    let (me, other) = (x.register(NUMBER).await, x.register(OTHER).await);
    let (mine, theirs) = (name(0), name(1));
    let mut table = Table::default();
    let all = |names: &[&Name]| names.iter().map(|name| name.hash.clone()).collect::<Vec<_>>();
    table.row("theirs", reserve(&x, &other, all(&[&theirs])).await, Ok(Got::Name(theirs.hash.clone())));
    table.row("taken", reserve(&x, &me, all(&[&theirs])).await, Ok(Got::NotAvailable));
    table.row("not reserved", confirm(&x, &me, confirmation(&mine)).await, Ok(Got::Precondition));
    table.row("no name", set_link(&x, &me, b"new", true).await, Ok(Got::Precondition));
    table.row("reserved", reserve(&x, &me, all(&[&theirs, &mine])).await, Ok(Got::Name(mine.hash.clone())));
    let handle = confirm(&x, &me, confirmation(&mine)).await.unwrap();
    table.row("the link", follow(&x, &handle).await, Got::Encrypted(b"sealed".to_vec()));
    table.row("whose", look_up(&x, &mine).await, Got::Holder(me.aci));
    table.row("once more", confirm(&x, &me, confirmation(&mine)).await, Ok(handle.clone()));
    table.row("kept", set_link(&x, &me, b"new", true).await, Ok(handle.clone()));
    table.row("the same link", follow(&x, &handle).await, Got::Encrypted(b"new".to_vec()));
    let another = set_link(&x, &me, b"newer", false).await.unwrap();
    table.row("the old one", follow(&x, &handle).await, Got::NotFound);
    table.row("the new one", follow(&x, &another).await, Got::Encrypted(b"newer".to_vec()));
    table.row("no link", delete_link(&x, &me).await, Ok(Got::Done));
    table.row("led nowhere", follow(&x, &another).await, Got::NotFound);
    table.row("none any more", confirm(&x, &me, confirmation(&mine)).await, Ok(Got::Handle(Vec::new())));
    table.row("no name", delete_name(&x, &me).await, Ok(Got::Done));
    table.row("nobody's", look_up(&x, &mine).await, Got::NotFound);
    table.row("but kept", reserve(&x, &other, all(&[&mine])).await, Ok(Got::NotAvailable));
    // What had run out is somebody else's.
    x.t.advance(std::time::Duration::from_secs(300));
    table.row("run out", reserve(&x, &me, all(&[&theirs])).await, Ok(Got::Name(theirs.hash.clone())));
    table.row("too late", confirm(&x, &other, confirmation(&theirs)).await, Ok(Got::NotAvailable));
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_refused() {
    let x = Exchange::open_with(generous);
    let me = x.register(NUMBER).await;
    let (mine, second) = (name(0), name(1));
    reserve(&x, &me, vec![mine.hash.clone()]).await.unwrap();
    let good = confirmation(&mine);
    let mut table = Table::default();
    let hashes = |count: usize| names::all().take(count).map(|name| name.hash).collect::<Vec<_>>();
    for (what, bad) in [("none", vec![]), ("too many", hashes(21)), ("a short one", vec![vec![7; 31]])] {
        table.row(format!("reserve: {what}"), reserve(&x, &me, bad).await, Err(Said::constraint()));
    }
    table.row("twenty", reserve(&x, &me, hashes(20)).await, Ok(Got::Name(mine.hash.clone())));
    for (what, bad) in [
        ("a short hash", ConfirmUsernameHashRequest { username_hash: vec![7; 31], ..good.clone() }),
        ("another hash", ConfirmUsernameHashRequest { username_hash: second.hash.clone(), ..good.clone() }),
        ("no proof", ConfirmUsernameHashRequest { zk_proof: Vec::new(), ..good.clone() }),
        ("another proof", ConfirmUsernameHashRequest { zk_proof: second.proof.clone(), ..good.clone() }),
        ("no encrypted name", ConfirmUsernameHashRequest { username_ciphertext: Vec::new(), ..good.clone() }),
        ("too long a name", ConfirmUsernameHashRequest { username_ciphertext: vec![7; 129], ..good.clone() }),
    ] {
        table.row(format!("confirm: {what}"), confirm(&x, &me, bad).await, Err(Said::constraint()));
    }
    for bad in [&[][..], &[7; 129]] {
        table.row(format!("link of {}", bad.len()), set_link(&x, &me, bad, true).await, Err(Said::constraint()));
    }
    let stranger = Person { password: "wrong".to_owned(), ..x.register(OTHER).await };
    let refused = Err(Said::because(Code::Unauthenticated, "INVALID_CREDENTIALS"));
    table.row("a stranger reserves", reserve(&x, &stranger, hashes(1)).await, refused.clone());
    table.row("a stranger confirms", confirm(&x, &stranger, good).await, refused.clone());
    table.row("a stranger links", set_link(&x, &stranger, b"x", true).await, refused.clone());
    table.row("a stranger unlinks", delete_link(&x, &stranger).await, refused.clone());
    table.row("a stranger gives up", delete_name(&x, &stranger).await, refused);
    table.close();
}

/// REST and gRPC take the same permits.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let x = Exchange::open_with(|config| {
        for id in [LimitId::UsernameReserve, LimitId::UsernameSet, LimitId::UsernameLinkOperation] {
            limit(config, id, 2);
        }
    });
    let me = x.register(NUMBER).await;
    let mine = name(0);
    let limited =
        |seconds| Err(Said { retry: Some(seconds), ..Said::because(Code::ResourceExhausted, "RESOURCE_EXHAUSTED") });
    let mut table = Table::default();
    // What is no hash takes no permit here: messages are judged before anything else.
    table.row("no hash", reserve(&x, &me, vec![vec![]]).await, Err(Said::constraint()));
    table.row("reserve", reserve(&x, &me, vec![mine.hash.clone()]).await.is_ok(), true);
    let body = names::reservation(&[&mine]).to_string();
    table.row("by REST", x.rest(&me, "PUT", "/v1/accounts/username_hash/reserve", body).await.status, 200);
    table.row("too often", reserve(&x, &me, vec![mine.hash.clone()]).await, limited(900));
    let body = mine.confirmation(None).to_string();
    table.row("by REST", x.rest(&me, "PUT", "/v1/accounts/username_hash/confirm", body).await.status, 200);
    table.row("confirm", confirm(&x, &me, confirmation(&mine)).await, Ok(Got::Handle(Vec::new())));
    table.row("too often", confirm(&x, &me, confirmation(&mine)).await, limited(900));
    table.row("link", set_link(&x, &me, b"x", true).await.is_ok(), true);
    let body = json!({"usernameLinkEncryptedValue": "AAAA"}).to_string();
    table.row("by REST", x.rest(&me, "PUT", "/v1/accounts/username_link", body).await.status, 200);
    table.row("too often", delete_link(&x, &me).await, limited(60));
    table.row("set too often", set_link(&x, &me, b"x", true).await, limited(60));
    table.close();
}
