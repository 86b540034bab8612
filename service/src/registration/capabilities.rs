//! What devices may be able to do, and what a new device must (contract registration §3.9).

use std::collections::{BTreeSet, HashMap};

/// Wire names that are stored; others are ignored, as are those that are false.
const KNOWN: [&str; 7] = [
    "storage",
    "transfer",
    "attachmentBackfill",
    "spqr",
    "profiles_v2",
    "usernameChangeSyncMessage",
    "optionalPhoneNumber",
];

/// Without these no device is let in.
const REQUIRED: [&str; 1] = ["spqr"];

pub const STORAGE: &str = "storage";
pub const TRANSFER: &str = "transfer";

pub fn known(presented: Option<&HashMap<String, Option<bool>>>) -> BTreeSet<String> {
    let Some(presented) = presented else { return BTreeSet::new() };
    KNOWN.iter().filter(|name| presented.get(**name) == Some(&Some(true))).map(|name| (*name).to_owned()).collect()
}

pub fn has_required(capabilities: &BTreeSet<String>) -> bool {
    REQUIRED.iter().all(|name| capabilities.contains(*name))
}
