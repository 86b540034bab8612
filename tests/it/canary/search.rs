//! The search itself: what it has to see, and what it must not take for a hit.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::json;
use signet_tests::Table;
use signet_tests::canary::{Kind, Search};

/// Characters that each encoding writes in another way.
const PASSWORD: &str = "k9\"Zt+7/Lm2ü\\Xp4Rv8";
const NUMBER: &str = "+12025550178";
const KEY: [u8; 16] = [0xfb, 7, 201, 33, 90, 0, 17, 250, 64, 5, 128, 77, 31, 9, 200, 3];

fn search() -> Search {
    let mut search = Search::default();
    search.mark("a password", Kind::Random, PASSWORD);
    search.mark("a number", Kind::Number, NUMBER);
    search.mark("a key", Kind::Random, &STANDARD.encode(KEY));
    search.mark("a name", Kind::Words, "a device of mine");
    search.mark("a code", Kind::Code, "493027");
    search
}

#[test]
fn a_value_is_seen_however_it_is_written() {
    let search = search();
    let header = STANDARD.encode(format!("+12025550178:{PASSWORD}"));
    let mut table = Table::default();
    for (form, text) in [
        ("as it is", PASSWORD.to_owned()),
        ("cut", PASSWORD[..9].to_owned()),
        ("in JSON", json!({"password": PASSWORD}).to_string()),
        ("in JSON in JSON", json!(json!({"password": PASSWORD}).to_string()).to_string()),
        ("Debug", format!("{:?}", Some(PASSWORD))),
        ("a list of bytes", format!("{:?}", PASSWORD.as_bytes())),
        ("hex", hex::encode(PASSWORD)),
        ("upper-case hex", hex::encode_upper(PASSWORD)),
        ("in base64 behind something", header),
        ("in base64 behind two bytes", STANDARD.encode(format!("ab{PASSWORD}"))),
        ("in base64 behind one", URL_SAFE.encode(format!("a{PASSWORD}cd"))),
        ("a number", format!("number={NUMBER}")),
        ("its digits", "tel:12025550178".to_owned()),
        ("of its country", "2025550178".to_owned()),
        ("grouped", "202-555-0178".to_owned()),
        ("a number in hex", hex::encode(NUMBER)),
        ("a number, percent-encoded", "/outbox/%2B12025550178".to_owned()),
        ("a number in base64", STANDARD.encode(NUMBER)),
        ("a key, in the other base64", URL_SAFE.encode(KEY)),
        ("a key in hex", hex::encode(KEY)),
        ("a key cut", hex::encode(&KEY[..8])),
        ("a key as bytes", format!("{:?}", &KEY)),
        ("a key's Debug", format!("{:?}", bytes::Bytes::copy_from_slice(&KEY))),
        ("words", "name=\"a device of mine\"".to_owned()),
        ("a code", "code=493027".to_owned()),
        ("a code in JSON", r#"{"code":"493027"}"#.to_owned()),
    ] {
        let line = format!("2026-11-21T21:36:13.493027Z  INFO signet: {text} and more\nanother line");
        let hits = search.hits(line.as_bytes());
        table.row(form, hits.is_empty(), false);
    }
    table.close();
}

#[test]
fn what_only_looks_alike_is_none() {
    let search = search();
    let mut table = Table::default();
    for text in [
        "2026-11-21T21:36:13.493027Z  INFO signet: a device was linked",
        "took 0.493027 s, 1493027 in all, 493027abc",
        "+12025550179 202-555-0179",
        "k9\"Zt+",
        "a device",
    ] {
        table.row(text, search.hits(text.as_bytes()), Vec::new());
    }
    table.close();
}
