//! The chain: what breaks it is found, whatever it is.

use std::fs;
use std::path::PathBuf;

use signet_storage::clock::Timestamp;
use signet_storage::ids::{AccountId, DeviceId};
use signet_storage::model::session::Transport;

use super::verify::Broken;
use super::*;
use crate::events::{Event, Events};

fn aci() -> AccountId {
    "11111111-2222-4333-8444-555555555555".parse().expect("an ACI")
}

/// One of each.
fn all_events() -> Vec<Event> {
    let aci = aci();
    vec![
        Event::CodeRequested { holder: None, transport: Transport::Sms },
        Event::CodeRequested { holder: Some(aci), transport: Transport::Voice },
        Event::CodeSubmitted { right: true },
        Event::Registered { aci, reregistration: true },
        Event::LockFailed { aci, presented: true, attempts_left: 9 },
        Event::CredentialsFrozen { aci, devices: vec![DeviceId::PRIMARY] },
        Event::Recovered { aci },
        Event::RecoveryFailed { aci: None },
        Event::TotpFailed { aci },
        Event::SpendAlarm { percent: 80 },
        Event::AuthenticationRefused { count: 3 },
    ]
}

fn chain() -> Vec<String> {
    let mut link = line::Link::beginning();
    let entries = all_events().into_iter().map(Entry::Event);
    let compose = |entry| {
        let (line, next) = line::compose(&link, Timestamp::from_millis(1_783_944_000_000), &entry);
        link = next;
        line
    };
    entries.map(compose).collect()
}

fn verdict(text: impl AsRef<[u8]>) -> Result<u64, Broken> {
    verify(text.as_ref()).expect("memory can be read").map(|verified| verified.lines)
}

#[test]
fn a_line_says_what_happened() {
    let lines = chain();
    let line = lines[4].trim_end();
    let expected = concat!(
        r#"{"seq":5,"at":1783944000000,"event":"lockFailed","aci":"11111111-2222-4333-8444-555555555555","#,
        r#""presented":true,"attemptsLeft":9,"prev":""#
    );
    assert!(line.starts_with(expected), "{line}");
    for (line, event) in lines.iter().zip(all_events()) {
        let json: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(json["event"], event.name());
    }
}

#[test]
fn an_unbroken_chain_verifies() {
    let chain = chain();
    assert_eq!(verdict(chain.concat()), Ok(chain.len() as u64));
    assert_eq!(verdict(""), Ok(0));
    let verified = verify(chain.concat().as_bytes()).expect("memory can be read").expect("unbroken");
    assert!(chain.last().expect("a line").contains(&verified.hash));
}

#[test]
fn every_change_of_a_byte_is_found() {
    let chain = chain().concat().into_bytes();
    for n in 0..chain.len() {
        for bit in [1, 4, 0x20, 0x80] {
            let mut changed = chain.clone();
            changed[n] ^= bit;
            assert!(verdict(&changed).is_err(), "byte {n}, bit {bit}");
        }
        let mut without = chain.clone();
        without.remove(n);
        assert!(verdict(&without).is_err(), "byte {n} removed");
    }
}

#[test]
fn lines_removed_moved_or_added_are_found() {
    let chain = chain();
    for n in 0..chain.len() - 1 {
        let mut removed = chain.clone();
        removed.remove(n);
        assert_eq!(verdict(removed.concat()), Err(Broken::OutOfPlace(n as u64 + 1)));
        let mut swapped = chain.clone();
        swapped.swap(n, n + 1);
        assert_eq!(verdict(swapped.concat()), Err(Broken::OutOfPlace(n as u64 + 1)));
        let mut doubled = chain.clone();
        doubled.insert(n, chain[n].clone());
        assert_eq!(verdict(doubled.concat()), Err(Broken::OutOfPlace(n as u64 + 2)));
    }
    // A line made well, but with another history.
    let forged =
        [&chain[..2], &[line::compose(&line::Link::beginning(), Timestamp::from_millis(0), &opened()).0][..]].concat();
    assert_eq!(verdict(forged.concat()), Err(Broken::OutOfPlace(3)));
}

fn opened() -> Entry {
    Entry::AuditOpened(Opened { cut_bytes: 0 })
}

/// A folder of its own, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("signet-audit-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("below").join("audit.log")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("text")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Publishes all kinds of events in one run of a registry, and waits until they are kept.
fn run(folder: &Folder) {
    let sender = start(&folder.file(), &Clock::system()).expect("it starts");
    let events = Events::with_lossless(Clock::system(), Some(sender));
    all_events().into_iter().for_each(|event| events.publish(event));
    events.settle();
    // The thread gives the file free a moment after the last sender has gone.
    drop(events);
    for _ in 0..1000 {
        if fs::File::open(folder.file()).expect("it is there").try_lock().is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("the audit did not end");
}

#[test]
fn a_restart_continues_the_chain() {
    let folder = Folder::new("restart");
    run(&folder);
    run(&folder);
    let lines = 2 * (1 + all_events().len() as u64);
    assert_eq!(verdict(folder.text()), Ok(lines));
    let openings = folder.text().matches(r#""event":"auditOpened","cutBytes":0"#).count();
    assert_eq!(openings, 2);
}

#[test]
fn a_torn_line_is_cut_and_the_cut_is_told() {
    let folder = Folder::new("torn");
    run(&folder);
    let whole = folder.text();
    let last = whole.trim_end().rfind('\n').expect("several lines") + 1;
    for length in [last + 1, last + 40, whole.len() - 1] {
        fs::write(folder.file(), &whole[..length]).expect("written");
        assert!(matches!(verdict(folder.text()), Err(Broken::Unfinished(_))));
        run(&folder);
        let lines = 2 * (1 + all_events().len() as u64) - 1;
        assert_eq!(verdict(folder.text()), Ok(lines), "cut at {length}");
        assert!(folder.text().contains(&format!(r#""cutBytes":{}"#, length - last)), "cut at {length}");
    }
    // Nothing but a torn line.
    fs::write(folder.file(), "{\"seq\":1").expect("written");
    run(&folder);
    assert!(verdict(folder.text()).is_ok());
}

#[test]
fn what_others_wrote_is_not_continued() {
    let folder = Folder::new("foreign");
    run(&folder);
    let whole = folder.text();
    for foreign in [format!("{whole}hello\n"), whole.replace("\"percent\":80", "\"percent\":81"), "x".repeat(100_000)] {
        let changed_last = foreign.replacen("\"count\":3", "\"count\":4", 1);
        fs::write(folder.file(), &changed_last).expect("written");
        let refused = start(&folder.file(), &Clock::system()).err();
        assert!(matches!(refused, Some(AuditError::Foreign(_))), "{refused:?}");
        assert_eq!(folder.text(), changed_last, "and left as it is");
    }
}

#[test]
fn two_cannot_write_one_file() {
    let folder = Folder::new("twice");
    let first = start(&folder.file(), &Clock::system()).expect("it starts");
    assert!(matches!(start(&folder.file(), &Clock::system()), Err(AuditError::InUse(_))));
    drop(first);
}
