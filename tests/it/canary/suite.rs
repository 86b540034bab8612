//! What a whole run of the tests wrote, searched for every value that the run made.
//!
//! `tests/run` runs everything with `SIGNET_TEST_TRACE` set to an empty directory, and then this.

use std::collections::BTreeMap;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signet_tests::canary::{Kind, Search, record};

/// Texts that tests send and that are ours as well: words of the contract, and names of placeholders.
const OURS: [&str; 4] = ["pushChallenge", "tokenIdentifier", "destination", "password"];

#[test]
#[ignore = "after a run with SIGNET_TEST_TRACE"]
fn nothing_that_a_run_made_is_in_what_it_wrote() {
    let folder = std::env::var_os("SIGNET_TEST_TRACE").expect("SIGNET_TEST_TRACE names what a run left");
    let (mut search, mut places) = (Search::default(), Vec::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read(&path).unwrap();
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default().to_owned();
        match kind.as_str() {
            record::VALUES => mark(&mut search, &text),
            record::METRICS => places.push((kind, without_measures(&text))),
            _ => places.push((kind, text)),
        }
    }
    assert!(search.len() > 10_000, "{} forms: the run noted what it made", search.len());
    let mut sizes = BTreeMap::new();
    let mut hits = BTreeMap::new();
    for (kind, text) in &places {
        *sizes.entry(kind.as_str()).or_insert(0) += text.len();
        // Of each value in each place, one line.
        hits.extend(search.hits(text).into_iter().map(|hit| ((kind.as_str(), hit.what), hit.line)));
    }
    for place in [record::LOG, record::METRICS, record::AUDIT, record::REFUSALS] {
        assert!(sizes.get(place).is_some_and(|size| *size > 0), "the run left something of {place}");
    }
    eprintln!("searched for {} forms in {sizes:?} bytes: {} hits", search.len(), hits.len());
    assert!(hits.is_empty(), "{} hits, such as {:#?}", hits.len(), hits.iter().take(40).collect::<Vec<_>>());
}

fn mark(search: &mut Search, values: &[u8]) {
    for line in String::from_utf8_lossy(values).lines() {
        let (name, value) = line.split_once(' ').expect("a kind and a value");
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name).expect("a kind");
        let value = String::from_utf8(STANDARD.decode(value).unwrap()).unwrap();
        if !tells_nothing(&value) && !OURS.contains(&value.as_str()) {
            search.mark(name, kind, &value);
        }
    }
}

/// Names and labels of metrics. What was measured is a number of many digits, among which by chance are those of a code.
fn without_measures(metrics: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(metrics);
    let names = text.lines().map(|line| line.rsplit_once(' ').map_or(line, |(name, _)| name));
    names.collect::<Vec<_>>().join("\n").into_bytes()
}

/// A few characters, or one many times over; or the beginning of an ACI, which is written wherever something happens to its account: who cuts
/// a link token short sends nothing else.
fn tells_nothing(value: &str) -> bool {
    let filled = value.trim_matches(['+', '=']);
    let one = filled.bytes().all(|byte| filled.starts_with(char::from(byte)));
    let dash = |at: usize| [8, 13, 18, 23].contains(&at);
    let of_an_id = |(at, byte): (usize, u8)| if dash(at) { byte == b'-' } else { byte.is_ascii_hexdigit() };
    filled.len() < 5 || one || (10..36).contains(&value.len()) && value.bytes().enumerate().all(of_an_id)
}
