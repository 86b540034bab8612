//! From file, environment and flags to a checked [`Config`].
//!
//! The `config` crate lays the layers over each other; then each section is read on its own, so that one wrong section
//! does not hide the next. Defaults are no layer: a section's `Default` fills what is absent, and limits are filled
//! last, because their defaults depend on the profile that has won.
//!
//! Two rounds: if anything cannot be read (unknown key, wrong type; the first of each section), those problems are
//! listed; otherwise all that the sections refuse.

use std::collections::BTreeMap;

use config::{File, FileFormat, Map, Source, Value, ValueKind};
use serde::de::DeserializeOwned;

use crate::error::{ConfigError, Problems};
use crate::layer::Layer;
use crate::limits::{LimitId, LimitOverride, Limits};
use crate::sms::SmsOverride;
use crate::{Config, Profile, Sms};

/// The text of a TOML file, and how to call it in errors.
pub(crate) struct Text<'a> {
    pub origin: String,
    pub toml: &'a str,
}

pub(crate) fn load(
    file: Option<Text<'_>>,
    env: impl Iterator<Item = (String, String)>,
    flags: &[(String, String)],
) -> Result<Config, ConfigError> {
    let mut problems = Problems::default();
    let mut layers = config::Config::builder();
    if let Some(text) = &file {
        layers = layers.add_source(File::from_str(text.toml, FileFormat::Toml));
    }
    let origin = file.map_or_else(String::new, |text| text.origin);
    let merged = layers
        .add_source(Layer::from_env(env, &mut problems))
        .add_source(Layer::from_flags(flags, &mut problems))
        .build()
        .and_then(|layers| layers.collect())
        .map_err(|error| syntax(&origin, &error))?;

    let config = read(merged.clone(), &mut problems);
    if problems.is_empty() {
        config.validate(&mut problems);
    }
    if problems.is_empty() {
        return Ok(config);
    }
    for problem in problems.iter_mut().filter(|problem| problem.origin.is_none()) {
        problem.origin = find(&merged, &problem.key).map(|value| origin_of(value).unwrap_or(&origin).to_owned());
    }
    Err(ConfigError::Invalid(problems))
}

/// The first line of the parser's message says where, the last what; those between quote the file.
fn syntax(origin: &str, error: &config::ConfigError) -> ConfigError {
    let text = error.to_string();
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let place = lines.next().unwrap_or_default().trim_start_matches("TOML parse error ");
    let reason = lines.next_back().map_or_else(|| place.to_owned(), |what| format!("{place}: {what}"));
    ConfigError::Syntax { origin: origin.to_owned(), reason }
}

/// All sections; where one cannot be read its default stands in, beside a problem.
fn read(mut table: Map<String, Value>, problems: &mut Problems) -> Config {
    let profile = section::<Profile>(&mut table, "profile", problems);
    let limits = section::<BTreeMap<LimitId, LimitOverride>>(&mut table, "limits", problems);
    let config = Config {
        profile,
        server: section(&mut table, "server", problems),
        storage: section(&mut table, "storage", problems),
        cache: section(&mut table, "cache", problems),
        verification: section(&mut table, "verification", problems),
        sns: section(&mut table, "sns", problems),
        webhook: section(&mut table, "webhook", problems),
        messages: section(&mut table, "messages", problems),
        recovery: section(&mut table, "recovery", problems),
        registration_lock: section(&mut table, "registration_lock", problems),
        svr: section(&mut table, "svr", problems),
        accounts: section(&mut table, "accounts", problems),
        devices: section(&mut table, "devices", problems),
        prekeys: section(&mut table, "prekeys", problems),
        sweep: section(&mut table, "sweep", problems),
        audit: section(&mut table, "audit", problems),
        limits: Limits::of(profile).overridden(&limits),
        sms: Sms::of(profile).overridden(section::<SmsOverride>(&mut table, "sms", problems)),
        log: section(&mut table, "log", problems),
    };
    let rest: BTreeMap<_, _> = table.into_iter().collect();
    for (name, value) in &rest {
        let known = "profile, server, storage, cache, verification, sns, webhook, messages, recovery, \
                     registration_lock, svr, accounts, devices, prekeys, sweep, audit, limits, sms, log";
        problems.add(full_key(name, value), format!("unknown key, expected one of {known}"));
    }
    config
}

fn section<T>(table: &mut Map<String, Value>, name: &str, problems: &mut Problems) -> T
where
    T: DeserializeOwned + Default,
{
    let Some(value) = table.remove(name) else { return T::default() };
    if let Some(key) = misplaced_list(name, &value) {
        problems.add(key, "takes no list");
        return T::default();
    }
    serde_path_to_error::deserialize(value).unwrap_or_else(|error| {
        let path = error.path().to_string();
        let key = if path == "." { name.to_owned() } else { format!("{name}.{path}") };
        problems.add(key, reason(error.inner()));
        T::default()
    })
}

/// The keys that take a list.
const LISTS: [&str; 3] = ["server.trusted_proxies", "sms.countries", "sweep.kinds"];

/// Serde would read a list into a section, by position.
fn misplaced_list(key: &str, value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::Array(_) if !LISTS.contains(&key) => Some(key.to_owned()),
        ValueKind::Table(table) => {
            table.iter().find_map(|(inner, value)| misplaced_list(&format!("{key}.{inner}"), value))
        }
        _ => None,
    }
}

/// What was expected, without what was found: that may be a secret in the wrong place.
fn reason(error: &config::ConfigError) -> String {
    match error {
        config::ConfigError::At { error, .. } => reason(error),
        config::ConfigError::Type { expected, .. } => format!("expected {expected}"),
        config::ConfigError::Message(text) => {
            if let Some((_, known)) = text.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, ")) {
                format!("unknown key, {}", known.replace('`', ""))
            } else if let Some((_, expected)) = text.rsplit_once(", expected ").filter(|_| text.starts_with("invalid "))
            {
                format!("expected {}", if expected == "a map" { "a section" } else { expected })
            } else {
                text.clone()
            }
        }
        config::ConfigError::NotFound(path) => {
            format!("{} is missing", path.rsplit_once('.').map_or(path.as_str(), |(_, field)| field))
        }
        _ => "cannot be read".to_owned(),
    }
}

/// The key, lengthened to the first value below it: for sections that nobody knows.
fn full_key(name: &str, value: &Value) -> String {
    match first_in(value) {
        Some((inner, value)) => format!("{name}.{}", full_key(inner, value)),
        None => name.to_owned(),
    }
}

/// The variable, or the command line; none for what the file says.
fn origin_of(value: &Value) -> Option<&str> {
    match first_in(value) {
        Some((_, inner)) => origin_of(inner),
        None => value.origin(),
    }
}

fn first_in(value: &Value) -> Option<(&String, &Value)> {
    match &value.kind {
        ValueKind::Table(table) => table.iter().min_by_key(|(key, _)| *key),
        _ => None,
    }
}

fn find<'a>(table: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
    let value = table.get(first.split('[').next().unwrap_or(first))?;
    match (rest, &value.kind) {
        (None, _) => Some(value),
        (Some(rest), ValueKind::Table(inner)) => find(inner, rest),
        (Some(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn loaded(toml: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, String> {
        let file = Text { origin: "signet.toml".to_owned(), toml };
        load(Some(file), pairs(env).into_iter(), &pairs(flags)).map_err(|error| error.to_string())
    }

    fn error(toml: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
        loaded(toml, env, flags).expect_err("must be refused")
    }

    #[test]
    fn defaults_then_file_then_environment_then_flags() {
        let (toml, env, flag) =
            ("[storage]\nregion = \"file\"", ("SIGNET__STORAGE__REGION", "env"), ("storage.region", "flag"));
        let region = |toml, env: &[_], flags: &[_]| loaded(toml, env, flags).map(|config| config.storage.region);
        assert_eq!(region("", &[], &[]).as_deref(), Ok("us-east-1"));
        assert_eq!(region(toml, &[], &[]).as_deref(), Ok("file"));
        assert_eq!(region(toml, &[env], &[]).as_deref(), Ok("env"));
        assert_eq!(region(toml, &[env], &[flag]).as_deref(), Ok("flag"));
        assert_eq!(region(toml, &[], &[flag, ("storage.region", "later")]).as_deref(), Ok("later"));
        // A layer replaces single keys, not sections.
        let config = loaded("[storage]\npath = \"kept\"", &[env], &[]).unwrap();
        assert_eq!((config.storage.path.to_str(), config.storage.region.as_str()), (Some("kept"), "env"));
    }

    #[test]
    fn texts_become_what_the_key_wants() {
        let env = [
            ("SIGNET__SERVER__WORKERS", "3"),
            ("SIGNET__SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
            ("SIGNET__LIMITS__VERIFICATION_SESSION__SIZE", "9"),
            ("SIGNET__LIMITS__ADDRESS__PER", "5ms"),
            ("PATH", "/bin"),
            ("SIGNET_OTHER", "not ours"),
        ];
        let config = loaded("", &env, &[("verification.refusals.+12025550123", "unavailable")]).unwrap();
        assert_eq!((config.server.workers, config.server.trusted_proxies.len()), (3, 2));
        assert_eq!(config.limits.get(LimitId::VerificationSession).size, 9);
        assert_eq!(config.limits.get(LimitId::Address).per.as_millis(), 5);
        assert!(config.verification.refusals.get("+12025550123").is_some());
        // Digits stay text where text is wanted.
        assert_eq!(loaded("", &[], &[("storage.path", "007")]).unwrap().storage.path.to_str(), Some("007"));
    }

    #[test]
    fn unknown_keys_are_named_with_their_origin() {
        let known = "unknown key, expected one of target, path, endpoint, region, table_prefix, access_key_id, \
                     secret_access_key";
        assert_eq!(error("[storage]\npth = 1", &[], &[]), format!("storage.pth: {known} (signet.toml)"));
        assert_eq!(
            error("", &[("SIGNET__STORAGE__PTH", "x")], &[]),
            format!("storage.pth: {known} (environment variable SIGNET__STORAGE__PTH)")
        );
        assert_eq!(error("", &[], &[("storage.pth", "x")]), format!("storage.pth: {known} (command line)"));

        let known = "unknown key, expected one of profile, server, storage, cache, verification, sns, webhook, messages, \
                     recovery, registration_lock, svr, accounts, devices, prekeys, sweep, audit, limits, sms, log";
        assert_eq!(error("strage.path = 1", &[], &[]), format!("strage.path: {known} (signet.toml)"));
        assert_eq!(
            error("", &[("SIGNET__FOO", "x")], &[("Server.http", "x")]),
            format!("Server.http: {known} (command line)\nfoo: {known} (environment variable SIGNET__FOO)")
        );
    }

    #[test]
    fn names_that_name_nothing() {
        assert_eq!(error("", &[("SIGNET__", "x")], &[]), ": names no key (environment variable SIGNET__)");
        let found = error("", &[("SIGNET__STORAGE__", "x")], &[("a..b", "x"), ("", "x")]);
        assert!(found.contains("storage.: names no key (environment variable SIGNET__STORAGE__)"), "{found}");
        assert!(found.contains("a..b: names no key (command line)"), "{found}");
        let found = error("", &[], &[("storage[0]", "x"), ("server.trusted_proxies[0]", "::1")]);
        assert_eq!(found.matches("]: names no key (command line)").count(), 2, "{found}");
        let found = error("", &[("SIGNET__STORAGE__PATH", "x"), ("SIGNET__STORAGE__path", "y")], &[]);
        assert!(found.starts_with("storage.path: also set by environment variable SIGNET__STORAGE__"), "{found}");
        let found = error("", &[("SIGNET__STORAGE", "s3cr3t"), ("SIGNET__STORAGE__PATH", "x")], &[]);
        assert!(found.starts_with("storage.path: is set, and so is the section"), "{found}");
    }

    #[test]
    fn wrong_values_are_named_and_not_repeated() {
        for (key, expected) in [
            ("profile", "expected one of development, production"),
            ("server", "expected a section"),
            ("server.http", "expected an address and port"),
            ("server.http.port", "expected"),
            ("server.workers", "expected a whole number"),
            ("storage.target", "expected one of embedded, endpoint, aws"),
            ("storage.endpoint", "a URL has no spaces"),
            ("cache.kind", "expected one of local, redis"),
            ("cache.url", "a URL has no spaces"),
            ("verification.sender", "expected one of outbox"),
            ("verification.code_lifetime", "expected a duration"),
            ("verification.code_key", "expected 64 hex digits"),
            ("verification.refusals", "expected a section"),
            ("limits", "expected a section"),
            ("limits.registration", "expected a section"),
            ("limits.registration.size", "expected a whole number"),
        ] {
            let target = if key == "storage.endpoint" { "endpoint" } else { "embedded" };
            let found = error(&format!("storage.target = \"{target}\""), &[], &[(key, "s3cr3t, expected no leak")]);
            let named = key.trim_end_matches(".port");
            assert!(found.starts_with(&format!("{named}: {expected}")), "{found}");
            assert!(found.ends_with("(command line)") && !found.contains("s3cr3t"), "{found}");
        }
        assert_eq!(error("cache.url = { s3cr3t = 1 }", &[], &[]), "cache.url: expected a string (signet.toml)");
        for (wrong, key) in [
            ("storage.secret_access_key = [\"s3cr3t\"]", "storage.secret_access_key"),
            ("cache = [\"redis\"]", "cache"),
            ("limits.address = [1]", "limits.address"),
        ] {
            assert_eq!(error(wrong, &[], &[]), format!("{key}: takes no list (signet.toml)"));
        }
    }

    #[test]
    fn each_section_is_read() {
        let found = error("[server]\nhttp = 1\n[storage]\nx = 1\n[cache]\nkind = 1", &[("SIGNET__LOG__X", "")], &[]);
        let keys: Vec<_> = found.lines().filter_map(|line| line.split(':').next()).collect();
        assert_eq!(keys, ["server.http", "storage.x", "cache.kind", "log.x"]);
    }

    #[test]
    fn syntax_errors_do_not_quote_the_file() {
        for toml in [
            "[storage]\nsecret_access_key = \"s3cr3t",
            "[storage]\nsecret_access_key = s3cr3t",
            "s3cr3t",
            "a = 1\na = 2",
        ] {
            let found = error(toml, &[], &[]);
            assert!(
                found.starts_with("signet.toml is not valid TOML: at line ") && !found.contains("s3cr3t"),
                "{found}"
            );
            assert_eq!(found.lines().count(), 1, "{found}");
        }
    }
}
