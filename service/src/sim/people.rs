//! What clients have: numbers, keys, secrets, and what they remember of what they were told.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_keys::signing::{ClientKeys, IdentityKeyPair};

use super::history::{Lock, PERSONS};
use super::model::{PRIMARY, mark};

/// Key pairs are made once: they are most of what a registration costs. Two registrations that take each other's place have
/// different ones.
const KEYS: u8 = 48;

pub struct Keys {
    pub identity: IdentityKeyPair,
    pub device: ClientKeys,
    pub json: [Value; 3],
}

static POOL: LazyLock<Vec<Keys>> = LazyLock::new(|| {
    let make = |n: u8| {
        let identity = IdentityKeyPair::from_bytes([n + 1; 32]);
        let device = ClientKeys::from_seed(&identity, [n; 32]);
        let json =
            [json!(STANDARD.encode(identity.public().serialize())), json!(device.signed), json!(device.last_resort)];
        Keys { identity, device, json }
    };
    (0..KEYS).map(make).collect()
});

/// The keys of a registration, by its mark: for the ACI and for the PNI.
pub fn keys_of(mark: u16) -> [&'static Keys; 2] {
    let first = usize::from(mark) * 2;
    [&POOL[first % POOL.len()], &POOL[(first + 1) % POOL.len()]]
}

/// The keys with this identity key, as it is on the wire; of an ACI.
pub fn keys_with_identity(key: &Value) -> Option<&'static Keys> {
    POOL.iter().step_by(2).find(|keys| keys.json[0] == *key)
}

/// Do these sign with the same keys: a registration for the ACI, and a registration or move for the PNI, by their marks?
pub fn same_keys(a: (u16, u16), b: (u16, u16)) -> bool {
    std::ptr::eq(keys_of(a.0)[0], keys_of(b.0)[0]) && std::ptr::eq(keys_of(a.1)[1], keys_of(b.1)[1])
}

/// The first number has two forms; its people know both.
pub fn number(n: u32, old_form: bool) -> String {
    match (n, old_form) {
        (0, true) => "+22990011234".to_owned(),
        (0, false) => "+2290190011234".to_owned(),
        _ => format!("+1202555{:04}", 100 + n % 100 + n / 100 * 1000),
    }
}

/// One person at one number. Locks and recovery passwords are theirs by this number.
pub const fn owner(number: u32, person: u32) -> u32 {
    number * PERSONS + person
}

/// Nobody's.
pub const STRANGER: u32 = 1_000_000;

pub const fn lock_of(lock: Lock, owner: u32) -> Option<u32> {
    match lock {
        Lock::None => None,
        Lock::Own => Some(owner),
        Lock::Wrong => Some(STRANGER + owner),
    }
}

/// Half of the people have what an app derives, half a PIN of digits.
pub fn lock_text(owner: u32) -> String {
    if owner.is_multiple_of(2) { format!("{owner:064x}") } else { format!("{owner:08}") }
}

pub fn recovery_text(owner: u32) -> String {
    STANDARD.encode(owner.to_le_bytes().repeat(8))
}

pub fn password(id: u32) -> String {
    format!("password of registration {id}")
}

pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// The part of a registration's body that says nothing of proof, lock and the like.
pub fn registration(id: u32) -> Value {
    let [aci, pni] = keys_of(mark(id));
    json!({
        "skipDeviceTransfer": true,
        "accountAttributes": {
            "fetchesMessages": true,
            "registrationId": mark(id),
            "pniRegistrationId": mark(id),
            "capabilities": {"spqr": true, "storage": true},
            "unidentifiedAccessKey": STANDARD.encode([7; 16]),
        },
        "aciIdentityKey": aci.json[0],
        "aciSignedPreKey": aci.json[1],
        "aciPqLastResortPreKey": aci.json[2],
        "pniIdentityKey": pni.json[0],
        "pniSignedPreKey": pni.json[1],
        "pniPqLastResortPreKey": pni.json[2],
    })
}

/// The body of a link: the keys are signed by the identity keys of the registration `keys` and of the registration or move with
/// the mark `pni`.
pub fn link(id: u32, token: &str, keys: u32, pni: u16) -> Value {
    let ([aci, _], [_, pni]) = (keys_of(mark(keys)), keys_of(pni));
    json!({
        "verificationCode": token,
        "accountAttributes": {
            "fetchesMessages": true,
            "registrationId": mark(id),
            "pniRegistrationId": mark(id),
            "capabilities": {"spqr": true},
        },
        "aciSignedPreKey": aci.json[1],
        "aciPqLastResortPreKey": aci.json[2],
        "pniSignedPreKey": pni.json[1],
        "pniPqLastResortPreKey": pni.json[2],
    })
}

/// The body of a move, but for the proof and the lock: new keys of the PNI for these devices.
pub fn move_to(id: u32, number: &str, devices: impl Iterator<Item = u8>) -> Value {
    let [_, pni] = keys_of(mark(id));
    let mut body = json!({
        "number": number,
        "pniIdentityKey": pni.json[0],
        "deviceMessages": [],
        "devicePniSignedPrekeys": {},
        "devicePniPqLastResortPrekeys": {},
        "pniRegistrationIds": {},
    });
    for device in devices.map(|device| device.to_string()) {
        body["devicePniSignedPrekeys"][&device] = pni.json[1].clone();
        body["devicePniPqLastResortPrekeys"][&device] = pni.json[2].clone();
        body["pniRegistrationIds"][&device] = json!(mark(id));
    }
    body
}

/// What one person remembers about one number.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The session begun last: the event that did, and what the registry calls it.
    pub session: Option<(u32, String)>,
    /// The code got last, and for which session.
    pub code: Option<(u32, u32)>,
    /// Accounts that were got, the last one last.
    pub accounts: Vec<Owned>,
    /// The link token got last.
    pub token: Option<Token>,
    /// Devices linked, the last one last.
    pub linked: Vec<Linked>,
    /// The keys sent last: the event that did so first.
    pub uploaded: Option<u32>,
    /// The key for one-time passwords that was made last: by which event, for which account, and the key.
    pub totp: Option<(u32, String, Vec<u8>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    pub who: String,
    /// The registration it was got by.
    pub by: u32,
    /// The mark of the registration or move that its identity key for the PNI is of.
    pub pni: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    pub who: String,
    pub device: u8,
    /// The event that linked it.
    pub by: u32,
    /// The registration whose identity signed its keys.
    pub keys: u32,
}

#[derive(Clone, Debug)]
pub struct Token {
    /// The event that asked for it.
    pub id: u32,
    pub text: String,
    pub who: String,
    pub made: i64,
}

impl Memory {
    /// What somebody learned in a round, in which they may have done several things at once.
    pub fn merge(&mut self, learned: &Self) {
        if learned.session.as_ref().map(|(id, _)| *id) > self.session.as_ref().map(|(id, _)| *id) {
            self.session.clone_from(&learned.session);
        }
        if learned.code.map(|(session, _)| session) >= self.code.map(|(session, _)| session) {
            self.code = learned.code;
        }
        for new in &learned.accounts {
            match self.accounts.iter_mut().find(|known| (&known.who, known.by) == (&new.who, new.by)) {
                Some(known) => known.pni = new.pni,
                None => self.accounts.push(new.clone()),
            }
        }
        let new: Vec<_> = learned.linked.iter().filter(|device| !self.linked.contains(device)).cloned().collect();
        self.linked.extend(new);
        if learned.token.as_ref().map(|token| token.id) > self.token.as_ref().map(|token| token.id) {
            self.token.clone_from(&learned.token);
        }
        self.uploaded = self.uploaded.max(learned.uploaded);
        if learned.totp.as_ref().map(|(id, ..)| *id) > self.totp.as_ref().map(|(id, ..)| *id) {
            self.totp.clone_from(&learned.totp);
        }
    }

    /// What is remembered of an account that has another number now, and is forgotten here.
    pub fn give_up(&mut self, who: &str) -> Self {
        let (accounts, rest) = std::mem::take(&mut self.accounts).into_iter().partition(|owned| owned.who == who);
        self.accounts = rest;
        let (linked, rest) = std::mem::take(&mut self.linked).into_iter().partition(|device| device.who == who);
        self.linked = rest;
        let token = self.token.take_if(|token| token.who == who);
        let totp = self.totp.take_if(|(_, of, _)| of == who);
        Self { accounts, linked, token, totp, ..Self::default() }
    }

    /// The devices that an account has, as far as this person knows.
    pub fn devices(&self, who: &str) -> impl Iterator<Item = u8> {
        let linked = self.linked.iter().filter(move |device| device.who == who).map(|device| device.device);
        std::iter::once(PRIMARY).chain(linked)
    }
}
