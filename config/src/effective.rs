//! The configuration in force as TOML, for `signet config check`: secrets are shown as "…", what is absent is left out.
//! But for secrets, the text loads again as the same configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write};

use crate::secret::HIDDEN;
use crate::{Config, Countries, LimitId, StorageTarget};

pub(crate) fn effective(config: &Config) -> String {
    let mut text = Toml(String::new());
    text.text("profile", config.profile.as_str());
    server(config, &mut text);
    storage(config, &mut text);
    cache(config, &mut text);
    verification(config, &mut text);
    delivery(config, &mut text);
    recovery(config, &mut text);
    registration_lock(config, &mut text);
    svr(config, &mut text);
    devices(config, &mut text);
    sweep(config, &mut text);
    audit(config, &mut text);
    limits(config, &mut text);
    sms(config, &mut text);
    text.section("log");
    text.text("filter", &config.log.filter);
    text.0
}

fn server(Config { server, .. }: &Config, text: &mut Toml) {
    text.section("server");
    text.text("http", &server.http.to_string());
    text.text("tls", &server.tls.shown());
    text.text("plain", &server.plain.shown());
    for (name, file) in [("certificate", &server.certificate), ("certificate_key", &server.certificate_key)] {
        text.optional(name, file.as_ref().map(|file| file.to_string_lossy()).as_deref());
    }
    text.text("management", &server.management.to_string());
    let proxies: Vec<_> = server.trusted_proxies.iter().map(|network| quoted(&network.to_string())).collect();
    text.line("trusted_proxies", format!("[{}]", proxies.join(", ")));
    text.line("workers", server.workers);
}

fn storage(Config { storage, .. }: &Config, text: &mut Toml) {
    text.section("storage");
    text.text("target", storage.target.as_str());
    text.text("path", &storage.path.to_string_lossy());
    if let Some(endpoint) = &storage.endpoint {
        text.text("endpoint", endpoint);
    }
    text.text("region", &storage.region);
    text.text("table_prefix", &storage.table_prefix);
    if storage.target == StorageTarget::Endpoint {
        text.text("access_key_id", &storage.access_key_id);
        text.text("secret_access_key", HIDDEN);
    }
}

fn cache(Config { cache, .. }: &Config, text: &mut Toml) {
    text.section("cache");
    text.text("kind", cache.kind.as_str());
    if let Some(url) = cache.shown_url() {
        text.text("url", &url);
    }
    text.text("stale_at_most", &humantime::format_duration(cache.stale_at_most).to_string());
}

fn recovery(Config { recovery, .. }: &Config, text: &mut Toml) {
    text.section("recovery");
    text.line("by_aci", recovery.by_aci);
    text.text("password_lifetime", &humantime::format_duration(recovery.password_lifetime).to_string());
}

fn verification(Config { verification, .. }: &Config, text: &mut Toml) {
    text.section("verification");
    text.text("sender", verification.sender.as_str());
    if let Some(voice) = verification.voice_sender {
        text.text("voice_sender", voice.as_str());
    }
    text.text("send_within", &humantime::format_duration(verification.send_within).to_string());
    text.text("challenge", verification.challenge.as_str());
    text.text("code_lifetime", &humantime::format_duration(verification.code_lifetime).to_string());
    text.text("check_within", &humantime::format_duration(verification.check_within).to_string());
    if verification.code_key.is_some() {
        text.text("code_key", HIDDEN);
    }
    if !verification.refusals.is_empty() {
        text.section("verification.refusals");
        for (number, refusal) in verification.refusals.iter() {
            text.text(&quoted(number), refusal.as_str());
        }
    }
}

fn registration_lock(Config { registration_lock: lock, .. }: &Config, text: &mut Toml) {
    text.section("registration_lock");
    text.line("memory_kib", lock.memory_kib);
    text.line("iterations", lock.iterations);
    text.line("lanes", lock.lanes);
    text.line("budget_mib", lock.budget_mib);
    text.line("waiting", lock.waiting);
    text.text("pause", &humantime::format_duration(lock.pause).to_string());
    text.text("expires_after", &humantime::format_duration(lock.expires_after).to_string());
}

fn svr(Config { svr, .. }: &Config, text: &mut Toml) {
    text.section("svr");
    for (name, key) in [("auth_key", &svr.auth_key), ("user_key", &svr.user_key)] {
        if key.is_some() {
            text.text(name, HIDDEN);
        }
    }
    text.text("max_age", &humantime::format_duration(svr.max_age).to_string());
}

fn devices(Config { accounts, devices, prekeys, .. }: &Config, text: &mut Toml) {
    text.section("accounts");
    text.text("change_number_wait", &humantime::format_duration(accounts.change_number_wait).to_string());
    text.section("devices");
    text.optional("link_secret", devices.link_secret.as_ref().map(|_| HIDDEN));
    text.section("prekeys");
    text.line("low_water", prekeys.low_water);
}

fn sweep(Config { sweep, .. }: &Config, text: &mut Toml) {
    text.section("sweep");
    text.text("every", &humantime::format_duration(sweep.every).to_string());
    text.line("rate", sweep.rate);
    let kinds: Vec<_> = sweep.kinds.iter().map(|kind| quoted(kind.as_str())).collect();
    text.line("kinds", format!("[{}]", kinds.join(", ")));
    for (name, after) in [
        ("idle_linked_after", sweep.idle_linked_after),
        ("idle_primary_after", sweep.idle_primary_after),
        ("idle_account_after", sweep.idle_account_after),
    ] {
        text.text(name, &humantime::format_duration(after).to_string());
    }
}

fn audit(Config { audit, .. }: &Config, text: &mut Toml) {
    text.section("audit");
    if let Some(path) = &audit.path {
        text.text("path", &path.shown());
    }
}

/// How codes are brought to people: test numbers, the senders, and what they write.
fn delivery(config: &Config, text: &mut Toml) {
    if !config.verification.test_numbers.is_empty() {
        text.section("verification.test_numbers");
        for (number, test) in config.verification.test_numbers.iter() {
            let until = quoted(&test.until_text());
            text.line(&quoted(number), format!("{{ code = \"{HIDDEN}\", until = {until} }}"));
        }
    }
    text.section("sns");
    text.text("region", &config.sns.region);
    text.optional("endpoint", config.sns.endpoint.as_deref());
    text.optional("access_key_id", config.sns.access_key_id.as_deref());
    text.optional("secret_access_key", config.sns.secret_access_key.as_ref().map(|_| HIDDEN));
    text.optional("sender_id", config.sns.sender_id.as_deref());
    text.section("webhook");
    text.optional("url", config.webhook.shown_url().as_deref());
    text.optional("secret", config.webhook.secret.as_ref().map(|_| HIDDEN));
    text.section("messages");
    text.text("app", &config.messages.app);
    text.optional("android_app_hash", config.messages.android_app_hash.as_deref());
    if !config.messages.templates.is_empty() {
        text.section("messages.templates");
        for (language, template) in &config.messages.templates {
            text.text(&quoted(language), template);
        }
    }
}

fn limits(Config { limits, .. }: &Config, text: &mut Toml) {
    for &id in LimitId::ALL {
        let limit = limits.get(id);
        text.section(&format!("limits.{}", id.key()));
        text.text("shape", limit.shape.as_str());
        text.line("size", limit.size);
        text.text("per", &humantime::format_duration(limit.per).to_string());
        text.text("on_failure", limit.on_failure.as_str());
    }
}

/// The keys whose lines differ, or that only one of two effective configurations has.
pub(crate) fn differences(one: &str, other: &str) -> Vec<String> {
    let (one, other) = (lines(one), lines(other));
    let keys: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    keys.into_iter().filter(|key| one.get(*key) != other.get(*key)).cloned().collect()
}

fn lines(effective: &str) -> BTreeMap<String, &str> {
    let (mut lines, mut section) = (BTreeMap::new(), "");
    for line in effective.lines() {
        if let Some((key, value)) = line.split_once(" = ") {
            let dot = if section.is_empty() { "" } else { "." };
            lines.insert(format!("{section}{dot}{key}"), value);
        } else if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name;
        }
    }
    lines
}

fn sms(Config { sms, .. }: &Config, text: &mut Toml) {
    text.section("sms");
    match &sms.countries {
        Countries::All => text.text("countries", "all"),
        Countries::Only(regions) => {
            let regions: Vec<_> = regions.iter().map(|region| quoted(region)).collect();
            text.line("countries", format!("[{}]", regions.join(", ")));
        }
    }
    text.text("on_failure", sms.on_failure.as_str());
    if let Some(cap) = sms.daily_cap {
        text.line("daily_cap", cap);
    }
    for (key, figure) in sms.figures() {
        text.line(key, figure);
    }
    if !sms.prices.is_empty() {
        text.section("sms.prices");
        for (region, price) in &sms.prices {
            text.line(region, price);
        }
    }
}

struct Toml(String);

impl Toml {
    fn section(&mut self, name: &str) {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(self.0, "\n[{name}]");
    }

    fn text(&mut self, key: &str, text: &str) {
        self.line(key, quoted(text));
    }

    fn optional(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    fn line(&mut self, key: &str, value: impl Display) {
        let _ = writeln!(self.0, "{key} = {value}");
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "3131313131313131313131313131313131313131313131313131313131313131";

    const TEST_CODE: &str = "739182";
    const WEBHOOK_SECRET: &str = "0123456789 s3cr3t";

    /// Every key, none with its default.
    fn full() -> Config {
        let toml = format!(
            r#"
            server = {{ http = "0.0.0.0:1", tls = "0.0.0.0:3", plain = "0.0.0.0:4", certificate = "/c.pem", certificate_key = "/k.pem", management = "[::1]:2", trusted_proxies = ["10.0.0.0/8", "::1"], workers = 2 }}
            verification.challenge = "stub"
            verification.code_lifetime = "1m 1s 1ms"
            verification.code_key = "{KEY}"
            verification.refusals = {{ "+12025550123" = "illegal_argument", "+12025550124" = "transport_not_allowed" }}
            registration_lock = {{ memory_kib = 20000, iterations = 3, lanes = 2, budget_mib = 64, waiting = 1, pause = "1m", expires_after = "8days" }}
            svr = {{ auth_key = "{KEY}", user_key = "{KEY}", max_age = "1day" }}
            devices.link_secret = "{KEY}"
            accounts.change_number_wait = "5m"
            prekeys.low_water = 5
            sweep = {{ every = "2h", rate = 7, kinds = ["linked"], idle_linked_after = "20days", idle_primary_after = "21days", idle_account_after = "22days" }}
            audit.path = "/var/log/audit"
            verification.sender = "sns"
            verification.voice_sender = "webhook"
            verification.send_within = "3s"
            verification.test_numbers = {{ "+12025550125" = {{ code = "{TEST_CODE}", until = "2027-01-02T03:04:05.006Z" }} }}
            sns = {{ region = "eu-west-1", endpoint = "https://h", access_key_id = "id", secret_access_key = "s3cr3t", sender_id = "Us" }}
            webhook = {{ url = "https://h/p?key=s3cr3t", secret = "{WEBHOOK_SECRET}" }}
            messages = {{ app = "A \"b\"", android_app_hash = "FA+9qCX9VSu", templates.pt-BR = "{{app}} {{code}}" }}
            limits.registration = {{ size = 18446744073709551, per = "1day", on_failure = "allow" }}
            limits.verification_session = {{ per = "1us" }}
            sms = {{ countries = ["US", "DE"], daily_cap = 5000, prices = {{ DE = 8 }}, busy_hours = 7 }}
            log.filter = "a=\"b\\\u0001ü\""
            [storage]
            target = "endpoint"
            path = 'C:\some where'
            endpoint = "http://localhost:4566"
            region = "eu-west-1"
            table_prefix = ""
            access_key_id = "id"
            secret_access_key = "s3cr3t"
            [cache]
            kind = "redis"
            url = "rediss-sentinel://s3cr3t:s3cr3t@h:1/0?sentinelServiceName=x&sentinelPassword=s3cr3t"
            stale_at_most = "5s"
            "#
        );
        Config::parse(&toml).unwrap()
    }

    #[test]
    fn it_loads_again_as_the_same() {
        for config in [Config::parse("").unwrap(), Config::for_testing(), full()] {
            let shown = effective(&config);
            // The secrets whose form is checked.
            let whole = shown
                .replace("_key = \"…\"", &format!("_key = \"{KEY}\""))
                .replace("link_secret = \"…\"", &format!("link_secret = \"{KEY}\""))
                .replace("secret_access_key = \"KEY\"", "secret_access_key = \"…\"")
                .replace("code = \"…\"", &format!("code = \"{TEST_CODE}\""))
                .replace("\nsecret = \"…\"", &format!("\nsecret = \"{WEBHOOK_SECRET}\""));
            let again = Config::parse(&whole).unwrap();
            assert_eq!(effective(&again), shown);
            assert_eq!(format!("{again:?}"), format!("{config:?}"));
            assert_eq!(again.verification.refusals, config.verification.refusals);
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let config = full();
        for shown in [effective(&config), format!("{config:?}"), format!("{config:#?}")] {
            assert!(shown.contains('…') && !shown.contains("s3cr3t"), "{shown}");
            assert!(!shown.contains(KEY) && !shown.contains(TEST_CODE) && !shown.contains("49, 49"), "{shown}");
        }
        let url = "url = \"rediss-sentinel://…@h:1/0?sentinelServiceName=x&sentinelPassword=…\"";
        assert!(effective(&config).contains(url));
    }

    #[test]
    fn differences_are_named_by_key() {
        let config = Config::parse("").unwrap();
        assert!(config.differences(&config).is_empty());
        let other = Config::parse(
            "[limits.pin]\nsize = 3\n[log]\nfilter = \"debug\"\n[cache]\nkind = \"redis\"\nurl = \"redis://h\"",
        );
        assert_eq!(config.differences(&other.unwrap()), ["cache.kind", "cache.url", "limits.pin.size", "log.filter"]);
        let other =
            Config::parse("profile = \"development\"\n[verification.refusals]\n\"+12025550123\" = \"rejected\"");
        assert_eq!(config.differences(&other.unwrap()), ["verification.refusals.\"+12025550123\""]);
    }

    /// The example of the crate's documentation names every key.
    #[test]
    fn the_example_is_complete() {
        let documentation = include_str!("lib.rs");
        for line in effective(&full()).lines().filter(|line| !line.contains("+1202555") && !line.contains("pt-BR")) {
            let wanted = line.split(" = ").next().unwrap_or_default();
            assert!(documentation.contains(wanted), "{wanted}");
        }
    }
}
