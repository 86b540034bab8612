//! How long `signet audit` and `signet sweep` take, and how much memory, over a million accounts on the embedded engine, on disk. The rows
//! are written past the registry, as those of real accounts: every tenth has a linked device, every hundredth was not seen for
//! long, some have left one-time keys, and there is rubbish of each kind. Takes some ten minutes and gigabytes; asked for by
//! name (`cargo bench -- housekeeping`).

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dynoxide::{Database, ImportOptions};
use serde_json::{Value, json};

use super::bare;
use super::growth::{PART, Template, id, open};

/// Every so manieth account…
const LINKED: usize = 10;
const IDLE: usize = 100;
const WITH_PAGES: usize = 500;
/// Rows of each kind of rubbish.
const RUBBISH: usize = 20_000;
const DAY_MS: i64 = 86_400_000;

#[allow(clippy::disallowed_methods, reason = "a bench measures")]
pub async fn run(directory: &Path, accounts: usize) {
    let data = directory.join("housekeeping");
    let template = Template::of_one_account(&data).await;
    // The one before may still be closing.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    fill(&template, &data, accounts);
    let size: u64 = ["signet.db", "signet.db-wal"].iter().filter_map(|file| size_of(&data.join(file))).sum();
    println!("{accounts} accounts filled in {:.1} s, {} MB on disk", began.elapsed().as_secs_f64(), size >> 20);
    drop(open(&data).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    for words in [
        &["audit"][..],
        &["sweep", "--rate", "0"],
        &["sweep", "--rate", "0", "--apply"],
        &["audit"],
        &["sweep", "--rate", "0"],
    ] {
        println!("\nsignet {}", words.join(" "));
        let began = Instant::now();
        let ran = Command::new(env!("CARGO_BIN_EXE_signet")).args(words).arg("--data").arg(&data).status();
        println!("{} after {:.1} s", ran.expect("signet runs"), began.elapsed().as_secs_f64());
    }
}

fn size_of(file: &Path) -> Option<u64> {
    Some(std::fs::metadata(file).ok()?.len())
}

fn fill(template: &Template, data: &Path, accounts: usize) {
    let tag = tag(template);
    let database = Database::new(&data.join("signet.db").to_string_lossy()).expect("the database opens");
    database.enable_bulk_loading().expect("it can be loaded");
    for start in (0..accounts).step_by(PART) {
        let part = start..accounts.min(start + PART);
        for (table, rows) in &template.rows {
            write(&database, table, part.clone().flat_map(|n| rows.iter().flat_map(move |row| one(template, n, row))));
        }
        write(
            &database,
            "signet-prekeys",
            part.flat_map(|n| if n.is_multiple_of(WITH_PAGES) { pages(&tag, n) } else { Vec::new() }),
        );
    }
    let few = RUBBISH.min(accounts);
    for start in (0..few).step_by(PART) {
        let part = start..few.min(start + PART);
        let token = |n: usize| json!({"token": {"S": n.to_string()}, "expires": {"N": "1"}});
        write(&database, "signet-linktokens", part.clone().map(token));
        write(&database, "signet-claims", part.map(name));
    }
    // Of nobody: an account that is not there.
    write(&database, "signet-prekeys", (0..few / 20).flat_map(|n| pages(&tag, accounts + n)));
    database.disable_bulk_loading().expect("it is loaded");
}

fn write(database: &Database, table: &str, rows: impl Iterator<Item = Value>) {
    let rows: Vec<_> = rows.map(|row| serde_json::from_value(row).expect("a row")).collect();
    if !rows.is_empty() {
        let options = ImportOptions { record_streams: false, set_cached_at: false };
        database.import_items(table, rows, options).expect("they are written");
    }
}

/// A row of the n-th account, and the same of its linked device if it has one.
fn one(template: &Template, n: usize, row: &str) -> Vec<Value> {
    let row = row.replace(&template.aci, &id(1, n)).replace(&template.pni, &id(2, n));
    // Of an exchange that there is, so that they are numbers.
    let row = row.replace(bare::NUMBER, &format!("+1303{}", 2_000_000 + n));
    let mut row: Value = serde_json::from_str(&row).expect("a row");
    if let Some(devices) = row.pointer_mut("/devices/L") {
        let devices = devices.as_array_mut().expect("a list");
        if n.is_multiple_of(IDLE) {
            age(&mut devices[0]);
        }
        if n.is_multiple_of(LINKED) {
            let mut linked = devices[0].clone();
            linked["M"]["id"] = json!({"N": "2"});
            if n.is_multiple_of(LINKED * 2) {
                age(&mut linked);
            }
            devices.push(linked);
        }
        return vec![row];
    }
    if row.get("identity").is_some() && n.is_multiple_of(WITH_PAGES) && row["identity"]["S"] == id(1, n).as_str() {
        for (kind, count) in [("ec", 100), ("kem", 100)] {
            row[format!("{kind}Set")] = json!({"S": "a"});
            row[format!("{kind}Count")] = json!({"N": count.to_string()});
            row[format!("{kind}Next")] = json!({"N": "3"});
        }
    }
    if row.get("identity").is_some() && n.is_multiple_of(LINKED) {
        let mut linked = row.clone();
        linked["device"] = json!({"N": "2"});
        for attribute in ["ecSet", "ecCount", "ecNext", "kemSet", "kemCount", "kemNext"] {
            linked.as_object_mut().expect("a row").remove(attribute);
        }
        return vec![row, linked];
    }
    vec![row]
}

fn age(device: &mut Value) {
    let seen = device.pointer_mut("/M/lastSeen/N").expect("a device was seen");
    let then = seen.as_str().and_then(|millis| millis.parse::<i64>().ok()).expect("a time") - 150 * DAY_MS;
    *seen = json!(then.to_string());
}

/// A username that was kept for the n-th account, long ago.
fn name(n: usize) -> Value {
    json!({
        "claim": {"S": format!("username#{n:064x}")},
        "aci": {"S": id(1, n)},
        "confirmed": {"BOOL": false},
        "reclaimable": {"BOOL": false},
        "until": {"N": "1"},
    })
}

/// What the template's keys, and so all of these, are known by.
fn tag(template: &Template) -> String {
    let rows = template.rows.iter().flat_map(|(_, rows)| rows);
    let rows = rows.map(|row| serde_json::from_str::<Value>(row).expect("a row"));
    let tag = rows.filter_map(|row| Some(row.pointer("/installation/S")?.as_str()?.to_owned())).next();
    tag.expect("keys have a tag")
}

/// The pages of both of a device's sets, written long ago.
fn pages(tag: &str, n: usize) -> Vec<Value> {
    let page = |kind: &str, number: usize, bytes: usize| {
        json!({
            "identity": {"S": id(1, n)},
            "page": {"S": format!("001#{tag}#{kind}-a#{number:02}")},
            "keys": {"B": STANDARD.encode(vec![7; bytes])},
            "written": {"N": "1"},
        })
    };
    let kem = (0..20).map(|number| page("kem", number, 5 * 1_637));
    kem.chain([page("ec", 0, 3_700)]).collect()
}
