//! What does not fit, and where: for operators to read. ACIs and PNIs are shown; numbers, sessions, names and tokens are told apart by
//! a short hash.

use std::fmt;

use sha2::{Digest as _, Sha256};
use signet_storage::dynamo::Item;
use signet_storage::dynamo::items::text_of;
use signet_storage::dynamo::tables::Table;

/// A row, by its key.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub table: Table,
    pub key: Item,
}

/// Something that is wrong with a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub at: Place,
    pub fault: Fault,
}

/// What is wrong. Owners are ACIs as the rows have them; none if a claim is nobody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    Unreadable,
    /// A row of a kind that nobody has heard of.
    Unknown,
    // Of an account.
    Devices(&'static str),
    NumberUnclaimed,
    NumberOf {
        owner: Option<String>,
    },
    NumberHasPni {
        pni: String,
    },
    PniUnclaimed,
    PniOf {
        owner: Option<String>,
    },
    UsernameUnclaimed,
    UsernameOf {
        owner: String,
    },
    UsernameUnconfirmed,
    LinkUnclaimed,
    LinkOf {
        owner: Option<String>,
    },
    KeysMissing {
        identity: String,
        device: u8,
    },
    KeysOfAnother {
        identity: String,
        device: u8,
        what: &'static str,
    },
    NotIndexed,
    IndexedElsewhere,
    // Of a claim.
    NotCanonical,
    OwnerGone {
        owner: String,
    },
    OwnerDenies {
        owner: String,
    },
    PniShared {
        pni: String,
        owner: String,
    },
    PniTwice {
        pni: String,
    },
    KeptForEver,
    // Of keys.
    OfNoDevice,
    PageMissing {
        page: String,
    },
    // Of a recovery password.
    OfNoNumber,
}

impl Finding {
    pub fn new(table: Table, row: &Item, fault: Fault) -> Self {
        Self { at: Place { table, key: table.spec().key_of(row) }, fault }
    }
}

/// The keys of the rows that something is wrong with, each once.
pub fn places(findings: &[Finding]) -> Vec<Item> {
    let mut places: Vec<Item> = Vec::new();
    for finding in findings {
        if !places.contains(&finding.at.key) {
            places.push(finding.at.key.clone());
        }
    }
    places
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at, self.fault)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |name| text_of(&self.key, name).unwrap_or("?");
        match self.table {
            Table::Accounts => write!(f, "account {}", part("aci")),
            Table::Claims => claim(f, part("claim")),
            Table::Keys => {
                let device = self.key.get("device").and_then(|device| device.as_n().ok()).map_or("?", String::as_str);
                write!(f, "keys of {}, device {device}", part("identity"))
            }
            Table::Prekeys => write!(f, "page of {}", part("identity")),
            Table::LinkTokens => write!(f, "link token {}", short(part("token"))),
            Table::Recovery => write!(f, "recovery password of PNI {}", part("pni")),
            Table::Sessions => write!(f, "session {}", short(part("id"))),
        }
    }
}

fn claim(f: &mut fmt::Formatter<'_>, claim: &str) -> fmt::Result {
    match claim.split_once('#') {
        Some(("tel", number)) => write!(f, "number {}", short(number)),
        Some(("pni", pni)) => write!(f, "PNI {pni}"),
        Some(("username", hash)) => write!(f, "username {}", short(hash)),
        Some(("link", handle)) => write!(f, "username link {}", short(handle)),
        _ => write!(f, "claim {}", short(claim)),
    }
}

/// Tells one from another, and shows neither.
fn short(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..6])
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by =
            |owner: &Option<String>| owner.as_ref().map_or_else(|| "nobody".to_owned(), |aci| format!("account {aci}"));
        match self {
            Self::Unreadable => f.write_str("cannot be read"),
            Self::Unknown => f.write_str("is of no kind that the registry writes"),
            Self::Devices(what) => f.write_str(what),
            Self::NumberUnclaimed => f.write_str("has a number that no claim is there for"),
            Self::NumberOf { owner } => write!(f, "has a number that is claimed by {}", by(owner)),
            Self::NumberHasPni { pni } => write!(f, "has a number whose PNI is another: {pni}"),
            Self::PniUnclaimed => f.write_str("has a PNI that no claim is there for"),
            Self::PniOf { owner } => write!(f, "has a PNI that is claimed by {}", by(owner)),
            Self::UsernameUnclaimed => f.write_str("has a username that no claim is there for"),
            Self::UsernameOf { owner } => write!(f, "has a username that is claimed by account {owner}"),
            Self::UsernameUnconfirmed => f.write_str("has a username that its claim says is not confirmed"),
            Self::LinkUnclaimed => f.write_str("has a username link that no claim is there for"),
            Self::LinkOf { owner } => write!(f, "has a username link that is claimed by {}", by(owner)),
            Self::KeysMissing { identity, device } => write!(f, "has no keys of {identity} for device {device}"),
            Self::KeysOfAnother { identity, device, what } => {
                write!(f, "has keys of {identity} for device {device} that are of another {what}")
            }
            Self::NotIndexed => f.write_str("is not found by its number in the index"),
            Self::IndexedElsewhere => f.write_str("is found in the index by a number that it does not have"),
            Self::NotCanonical => f.write_str("is not the form of the number that claims are kept under"),
            Self::OwnerGone { owner } => write!(f, "belongs to account {owner}, which is not there"),
            Self::OwnerDenies { owner } => write!(f, "belongs to account {owner}, which does not say so"),
            Self::PniShared { pni, owner } => {
                write!(f, "has the PNI {pni}, which is of account {owner} of another number")
            }
            Self::PniTwice { pni } => write!(f, "has the PNI {pni}, which another number has, too"),
            Self::KeptForEver => f.write_str("is kept for somebody, and there is no end to it"),
            Self::OfNoDevice => f.write_str("belong to no device that is there"),
            Self::PageMissing { page } => write!(f, "have keys left on page {page}, which is not there"),
            Self::OfNoNumber => f.write_str("is of no number that an account has"),
        }
    }
}
