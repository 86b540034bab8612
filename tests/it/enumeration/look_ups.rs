//! The three look-ups that tell whether there is somebody: so many by one address, whichever ways it comes in by, and then one
//! more each so often (contract registration §8.1; design/field.md E3). Whoever says who they are is not answered at all.

use std::time::Duration;

use prost::Message as _;
use signet::grpc::proto::org::signal::chat::account::{
    CheckAccountExistenceRequest, LookupUsernameHashRequest, LookupUsernameLinkRequest,
};
use signet::grpc::proto::org::signal::chat::common::{IdentityType, ServiceIdentifier};
use signet_config::{Config, LimitId};
use signet_tests::client::basic;
use signet_tests::grpc::{Said, Wire};
use signet_tests::{Client, SignalClient, Socket, Table, TestRegistry};
use tonic::Code;
use uuid::Uuid;

use super::grpc::framed;

const NOBODY: Uuid = Uuid::from_u128(0x4000_8000_0000_0000_0000);
const MS: Duration = Duration::from_millis(1);

/// A look-up, and how often one address may make it.
struct LookUp {
    limiter: &'static str,
    method: &'static str,
    path: String,
    call: &'static str,
    message: Vec<u8>,
    size: usize,
    per: Duration,
}

fn look_ups() -> [LookUp; 3] {
    let id = ServiceIdentifier { identity_type: IdentityType::Aci.into(), uuid: NOBODY.into_bytes().into() };
    [
        LookUp {
            limiter: "checkAccountExistence",
            method: "HEAD",
            path: format!("/v1/accounts/account/{NOBODY}"),
            call: "/org.signal.chat.account.AccountsAnonymous/CheckAccountExistence",
            message: CheckAccountExistenceRequest { service_identifier: Some(id) }.encode_to_vec(),
            size: 1000,
            per: Duration::from_secs(4),
        },
        LookUp {
            limiter: "usernameLookup",
            method: "GET",
            path: format!("/v1/accounts/username_hash/{}", "A".repeat(43)),
            call: "/org.signal.chat.account.AccountsAnonymous/LookupUsernameHash",
            message: LookupUsernameHashRequest { username_hash: vec![0; 32] }.encode_to_vec(),
            size: 100,
            per: Duration::from_secs(900),
        },
        LookUp {
            limiter: "usernameLinkLookupPerIp",
            method: "GET",
            path: format!("/v1/accounts/username_link/{NOBODY}"),
            call: "/org.signal.chat.account.AccountsAnonymous/LookupUsernameLink",
            message: LookupUsernameLinkRequest { username_link_handle: NOBODY.into_bytes().into() }.encode_to_vec(),
            size: 100,
            per: Duration::from_secs(15),
        },
    ]
}

/// All ways in, from one address.
struct Ways {
    rest: [Client; 2],
    socket: Socket,
    wire: Wire,
}

/// What came of a look-up: nobody was found, or come back after so many seconds.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nobody,
    Limited(u64),
}

impl Ways {
    const COUNT: usize = 4;

    async fn open(t: &TestRegistry) -> Self {
        let entrance = Client::new(t.plain, t.management);
        Self { rest: [t.client.clone(), entrance], socket: Socket::anonymous(t.plain).await, wire: Wire::to(t.plain) }
    }

    async fn ask(&mut self, way: usize, look_up: &LookUp) -> Found {
        let LookUp { method, path, .. } = look_up;
        let answer = match way % Self::COUNT {
            n @ (0 | 1) => self.rest[n].send(method, path, &[], "").await,
            2 => self.socket.send(method, path, &[], "").await,
            _ => return self.call(look_up).await,
        };
        match answer.status {
            404 => Found::Nobody,
            429 => {
                assert_eq!(answer.header("x-ratelimit-limiter"), Some(look_up.limiter));
                Found::Limited(answer.header("retry-after").and_then(|wait| wait.parse().ok()).unwrap())
            }
            other => panic!("{other}"),
        }
    }

    async fn call(&self, look_up: &LookUp) -> Found {
        let said = self.wire.raw(look_up.call, &[], framed(&look_up.message)).await.said();
        match (said.code, said.retry) {
            (Code::Ok, None) => Found::Nobody,
            (Code::ResourceExhausted, Some(wait)) => Found::Limited(wait.try_into().unwrap()),
            _ => panic!("{said:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_has_one_budget_by_all_ways_in() {
    let mut table = Table::default();
    for look_up in look_ups() {
        let t = TestRegistry::start();
        let mut ways = Ways::open(&t).await;
        let name = look_up.limiter;
        for n in 0..look_up.size {
            table.row(format!("{name} {n}"), ways.ask(n, &look_up).await, Found::Nobody);
        }
        let wait = look_up.per.as_secs();
        for way in 0..Ways::COUNT {
            table.row(format!("{name}, too many"), ways.ask(way, &look_up).await, Found::Limited(wait));
        }
        t.advance(look_up.per - MS);
        // The wait that is told leaves out what has passed of it (§8.1): one comes too late rather than too early.
        table.row(format!("{name}, too early"), ways.ask(0, &look_up).await, Found::Limited(wait));
        for regained in 1..=Ways::COUNT {
            t.advance(if regained == 1 { MS } else { look_up.per });
            // Whichever way takes the one that came back, the others find none.
            table.row(format!("{name}, one came back"), ways.ask(regained, &look_up).await, Found::Nobody);
            let next = ways.ask(regained + 1, &look_up).await;
            table.row(format!("{name}, one only"), next, Found::Limited(wait));
        }
        // All of it comes back in the end, and no more than that.
        t.advance(look_up.per * u32::try_from(look_up.size * 2).unwrap());
        let mut left = 0;
        while ways.ask(left, &look_up).await == Found::Nobody {
            left += 1;
        }
        table.row(format!("{name}, after a long time"), left, look_up.size);
    }
    table.close();
}

/// What is written in the test above are the defaults, in production too.
#[test]
fn the_defaults_are_the_contracts() {
    let config = Config::parse("").unwrap();
    let ids = [LimitId::CheckAccountExistence, LimitId::UsernameLookup, LimitId::UsernameLinkLookup];
    let mut table = Table::default();
    for (id, look_up) in ids.into_iter().zip(look_ups()) {
        let limit = config.limits.get(id);
        table.row(
            look_up.limiter,
            (id.name(), limit.size, limit.per),
            (look_up.limiter, look_up.size as u64, look_up.per),
        );
    }
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_says_who_they_are_is_told_nothing() {
    let t = TestRegistry::start();
    let (me, number) = (SignalClient::generate(), "+12025550178");
    let session = t.verified_session(number).await;
    let made = t.client.register(number, &me.password, &me.registration(&session)).await.expect(201);
    let aci = made["uuid"].as_str().unwrap();
    let credentials = [("authorization", basic(aci, &me.password))];
    let credentials = credentials.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (mut ways, mut mine) = (Ways::open(&t).await, Socket::of_device(t.plain, aci, &me.password).await);
    let unwanted = Said::because(Code::InvalidArgument, "BAD_AUTHENTICATION");
    let mut table = Table::default();
    for look_up in look_ups() {
        let LookUp { method, path, .. } = &look_up;
        for client in &ways.rest {
            table.row(path, client.send(method, path, &credentials, "").await.status, 400);
        }
        table.row(path, mine.send(method, path, &[], "").await.status, 400);
        let called = ways.wire.raw(look_up.call, &credentials, framed(&look_up.message)).await.said();
        table.row(look_up.call, called, unwanted.clone());
        // On somebody else's socket a header says nothing of who asks.
        table.row(path, ways.socket.send(method, path, &credentials, "").await.status, 404);
    }
    table.close();
}
