//! The ceiling: the transaction of a registration, the same rows with the same conditions, sent through the same kind of client
//! to the same engine, with nothing around it.
//!
//! The rows are those of one real registration; for each transaction only the ids in them are exchanged.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use signet_config::Config;
use signet_keys::signing::{ClientKeys, IdentityKeyPair};
use signet_keys::{CheckedDeviceKeys, KeysManager};
use signet_storage::accounts::Slot;
use signet_storage::dynamo::Item;
use signet_storage::dynamo::tables::Table;
use signet_storage::hash::SaltedTokenHash;
use signet_storage::ids::{DeviceId, SessionId};
use signet_storage::model::account::NewAccount;
use signet_storage::model::code::{Code, CodeKey, StoredCode};
use signet_storage::model::device::{NewChannel, NewDevice};
use signet_storage::model::session::Transport;
use signet_storage::model::{VerificationSession, VerifiedNumber};
use signet_storage::number::E164;
use signet_storage::{AccountsManager, Storage, World};

use super::load::Measured;

pub const NUMBER: &str = "+12025550100";
/// The tables of the rows, and the condition that the registry puts on each of its writes.
const TABLES: [(Table, Option<&str>); 3] = [
    (Table::Claims, Some("(attribute_not_exists(#aci) OR #aci = :mine)")),
    (Table::Accounts, Some("(attribute_not_exists(#aci) OR #aci = :mine)")),
    (Table::Keys, None),
];

#[derive(Clone)]
pub struct Ceiling {
    client: Client,
    /// Table name, row, condition.
    rows: Vec<(String, Item, Option<&'static str>)>,
    aci: String,
    pni: String,
}

impl Ceiling {
    pub async fn open(directory: &Path) -> Self {
        let mut config = Config::parse("").expect("the defaults are valid");
        config.storage.path = directory.to_owned();
        let storage = Storage::open(&config, World::real()).await.expect("the store opens");
        let (aci, pni) = register_one(&storage).await;
        let client = storage.dynamo.client().clone();
        let mut rows = vec![];
        for (table, condition) in TABLES {
            let name = storage.dynamo.table_name(table);
            let found = client.scan().table_name(&name).send().await.expect("a scan").items.unwrap_or_default();
            rows.extend(found.into_iter().map(|row| (name.clone(), row, condition)));
        }
        assert_eq!(rows.len(), 5, "a registration is five rows");
        Self { client, rows, aci, pni }
    }

    #[allow(clippy::disallowed_methods, reason = "a bench measures")]
    pub async fn measure(&self, concurrency: usize, window: Duration) -> Measured {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let started = Instant::now();
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..concurrency {
            let me = self.clone();
            workers.spawn(async move {
                let mut millis = vec![];
                while started.elapsed() < window {
                    let writes = me.transaction(NEXT.fetch_add(1, Ordering::Relaxed));
                    let asked = Instant::now();
                    let sent = me.client.transact_write_items().set_transact_items(Some(writes)).send().await;
                    sent.expect("it commits");
                    millis.push(asked.elapsed().as_secs_f64() * 1000.0);
                    // A task that never yields keeps its thread to itself.
                    tokio::task::yield_now().await;
                }
                millis
            });
        }
        let millis = workers.join_all().await.into_iter().flatten().collect();
        Measured { millis, elapsed: started.elapsed(), ..Measured::default() }
    }

    fn transaction(&self, n: u64) -> Vec<TransactWriteItem> {
        let spread = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let id = |kind: u16| format!("{:08x}-{kind:04x}-4000-8000-{n:012x}", spread >> 32);
        let exchange = [(self.aci.as_str(), id(1)), (self.pni.as_str(), id(2)), (NUMBER, format!("+1303{:07}", n))];
        self.rows.iter().map(|(table, row, condition)| put(table, fresh(row, &exchange), *condition, &id(1))).collect()
    }
}

fn put(table: &str, row: Item, condition: Option<&str>, aci: &str) -> TransactWriteItem {
    let put = Put::builder().table_name(table).set_item(Some(row));
    let put = match condition {
        None => put,
        Some(condition) => put
            .condition_expression(condition)
            .expression_attribute_names("#aci", "aci")
            .expression_attribute_values(":mine", AttributeValue::S(aci.to_owned())),
    };
    TransactWriteItem::builder().put(put.build().expect("table and row are given")).build()
}

fn fresh(row: &Item, exchange: &[(&str, String)]) -> Item {
    let change = |value: &AttributeValue| match value {
        AttributeValue::S(text) => {
            let swapped = exchange.iter().find(|(old, _)| text.contains(old));
            AttributeValue::S(swapped.map_or_else(|| text.clone(), |(old, new)| text.replace(old, new)))
        }
        other => other.clone(),
    };
    row.iter().map(|(name, value)| (name.clone(), change(value))).collect::<HashMap<_, _>>()
}

/// The real path, once: a session, a code, evidence, a slot, the commit.
pub async fn register_one(storage: &Storage) -> (String, String) {
    let (chance, now) = (&storage.chance, storage.clock.now());
    let number = E164::parse(NUMBER).expect("a number");
    let mut session = VerificationSession::begin(SessionId::draw(chance), number.clone(), vec![], None, now);
    let (code, key) = (Code::draw(chance), CodeKey::new([1; 32]));
    let stored = StoredCode::of(&code, &session.id(), &key, chance);
    session.send(Transport::Sms, stored, Duration::from_secs(60), now).expect("the first code");
    session.guess(code.reveal(), &key, now).expect("the right code");
    let verified = VerifiedNumber::from_session(&session, &number).expect("verified");
    let accounts = AccountsManager::new(storage);
    let Slot::Vacant(slot) = accounts.slot_for(&verified).await.expect("a slot") else { panic!("an empty store") };
    let [aci, pni] = [(); 2].map(|()| {
        let pair = IdentityKeyPair::generate();
        let keys = ClientKeys::generate(&pair);
        CheckedDeviceKeys::check(pair.public().clone(), keys.signed, keys.last_resort).expect("signed")
    });
    let new = NewAccount {
        device: NewDevice {
            auth: SaltedTokenHash::of("password", chance),
            name: None,
            channel: NewChannel::Fetches,
            registration_id: 1.try_into().expect("an id"),
            pni_registration_id: 2.try_into().ok(),
            user_agent: None,
            capabilities: ["spqr", "storage"].map(str::to_owned).into(),
        },
        identity_key: aci.identity().serialize()[..].into(),
        pni_identity_key: pni.identity().serialize()[..].into(),
        unidentified_access_key: Some([7; 16][..].into()),
        unrestricted_unidentified_access: false,
        discoverable_by_phone_number: true,
        registration_lock: None,
        recovery: None,
    };
    let of = (&new.device).into();
    let keys = KeysManager::new(storage).writes_for_new_device(slot.ids(), DeviceId::PRIMARY, &of, &aci, &pni);
    let account = accounts.create(slot, new, keys).await.expect("an account");
    (account.aci.to_string(), account.pni.to_string())
}
