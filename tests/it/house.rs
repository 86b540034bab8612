//! Reads the tree: who imports whom, what lies where, and what has grown too large without a word of reason.

use std::fs;
use std::path::{Path, PathBuf};

use signet_tests::Table;

/// Each crate may use all to its left: name of the folder, name in `Cargo.toml`, name in code.
const CRATES: [(&str, &str, &str); 5] = [
    ("config", "signet-config", "signet_config"),
    ("storage", "signet-storage", "signet_storage"),
    ("keys", "signet-keys", "signet_keys"),
    ("service", "signet", "signet"),
    ("tests", "signet-tests", "signet_tests"),
];

/// A file that grows past this says near its top why.
const LONG: usize = 400;

/// The only files that speak the web framework's language.
const SPEAK_ACTIX: [&str; 4] = [
    "service/src/rest.rs",
    "service/src/management.rs",
    "service/src/application.rs",
    "service/benches/registry/whoami.rs",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace").to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All Rust files below, by their path from the root, with their text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                let text = read(&path);
                found.push((path.strip_prefix(root()).expect("below the root").display().to_string(), text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "{folder} holds no code");
    found
}

fn all_sources() -> Vec<(String, String)> {
    CRATES.iter().flat_map(|(folder, _, _)| sources(folder)).collect()
}

/// The lines of a file that are code: without comments, and without what a doc-test says.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code))
}

/// Whether a path on this line begins with the crate's name.
fn names(line: &str, krate: &str) -> bool {
    line.match_indices(&format!("{krate}::")).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '"'))
    }) || line.trim_start().strip_prefix("use ").is_some_and(|used| used.trim_end_matches(';') == krate)
}

#[test]
fn imports_go_one_way() {
    let mut table = Table::default();
    for (n, (folder, _, _)) in CRATES.iter().enumerate() {
        let manifest = read(&root().join(folder).join("Cargo.toml"));
        let files = sources(folder);
        // The tests' own library is what its own binary uses; otherwise a crate does not name itself.
        for (_, package, krate) in &CRATES[n + 1..] {
            let depends = manifest.lines().any(|line| {
                let line = line.trim_start();
                [".", " ", "="].iter().any(|end| line.starts_with(&format!("{package}{end}")))
            });
            table.row(format!("{folder}/Cargo.toml names {package}"), depends, false);
            for (path, text) in &files {
                let uses = code(text).any(|line| names(line, krate));
                table.row(format!("{path} uses {krate}"), uses, false);
            }
        }
    }
    table.close();
}

#[test]
fn this_test_knows_an_import_when_it_sees_one() {
    assert!(names("use signet_keys::KeysManager;", "signet_keys"));
    assert!(names("let x = signet::Registry::build();", "signet"));
    assert!(names("use signet;", "signet") && names("    f(&signet_config::Config)", "signet_config"));
    assert!(!names("use signet_keys::KeysManager;", "signet") && !names("crate::signet::x", "signet"));
    assert!(!names("let key = \"signet::probe\";", "signet"));
    assert!(code("//! signet::x\nuse a; // signet::y").all(|line| !names(line, "signet")));
}

#[test]
fn the_top_level_is_what_it_is() {
    let needed = ["Cargo.toml", "service", "storage", "keys", "config", "tests", "localstack"];
    let allowed = ["README.md", "Cargo.lock", "target", "data"];
    let mut table = Table::default();
    for name in needed {
        table.row(name, root().join(name).exists(), true);
    }
    for entry in fs::read_dir(root()).expect("the root") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        let known = needed.contains(&name.as_str()) || allowed.contains(&name.as_str()) || name.starts_with('.');
        table.row(name, known, true);
    }
    table.close();
}

#[test]
fn long_files_say_why() {
    let mut table = Table::default();
    for (path, text) in all_sources().iter().filter(|(path, _)| !path.starts_with("tests/")) {
        let production = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
        let head: Vec<&str> = text.lines().take(30).filter(|line| line.starts_with("//!")).collect();
        let says_why = head.iter().any(|line| line.to_lowercase().contains("long"));
        table.row(format!("{path}: {production} lines"), production <= LONG || says_why, true);
    }
    table.close();
}

#[test]
fn the_web_framework_stays_at_the_door() {
    let mut table = Table::default();
    for (path, text) in all_sources().iter().filter(|(path, _)| path != "tests/it/house.rs") {
        let speaks = code(text).any(|line| line.contains("actix_web"));
        let may = SPEAK_ACTIX.contains(&path.as_str());
        table.row(format!("{path} names actix_web"), speaks && !may, false);
    }
    for path in SPEAK_ACTIX {
        table.row(format!("{path} is there"), root().join(path).exists(), true);
    }
    table.close();
}

#[test]
fn every_module_says_what_it_is() {
    let mut table = Table::default();
    for (path, text) in all_sources().iter().filter(|(path, _)| !path.starts_with("tests/it/")) {
        table.row(path, text.starts_with("//!"), true);
    }
    table.close();
}

/// With secrets for the dots that stand in their place, the README's production configuration starts.
#[test]
fn the_readmes_production_configuration_is_one() {
    let readme = read(&root().join("README.md"));
    let example = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let config = signet_config::Config::parse(&example.replace('…', &"5ec12e75".repeat(8)));
    assert_eq!(config.expect("it is valid").profile, signet_config::Profile::Production);
}

#[test]
fn the_tables_of_localstack_are_those_of_the_code() {
    let generated = signet_storage::dynamo::tables::as_json("signet-");
    assert!(
        read(&root().join("localstack/tables.json")) == generated,
        "write it anew: signet tables > localstack/tables.json"
    );
}
