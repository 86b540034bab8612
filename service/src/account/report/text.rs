//! A report for people to read. It says the same as the JSON but for the keys themselves, which are long and public.

use std::fmt::Write as _;

use super::shape::{AccountPart, DevicePart, Keys, PoolPart, Report, Time};

impl Report {
    pub fn text(&self) -> String {
        let mut text = String::new();
        line(&mut text, 0, "Report", &self.report_id);
        line(&mut text, 0, "Made", &self.report_timestamp.shown());
        text.push_str("\nAccount\n");
        self.data.account.tell(&mut text);
        for device in &self.data.devices {
            let _ = writeln!(text, "\nDevice {}", device.id.get());
            device.tell(&mut text);
        }
        text
    }
}

impl AccountPart {
    fn tell(&self, text: &mut String) {
        line(text, 1, "Phone number", self.phone_number.as_str());
        line(text, 1, "Found by its phone number", yes(self.find_account_by_phone_number));
        line(text, 1, "Sealed sender from anyone", yes(self.allow_sealed_sender_from_anyone));
        line(text, 1, "Sealed sender key", set(self.sealed_sender_key_set));
        if self.badges.is_empty() {
            line(text, 1, "Badges", "None");
        }
        for badge in &self.badges {
            let seen = if badge.visible { "shown" } else { "hidden" };
            line(text, 1, "Badge", &format!("{}, until {}, {seen}", badge.id, badge.expiration.shown()));
        }
        line(text, 1, "Account id", &self.aci.to_string());
        line(text, 1, "Number's id", &self.pni.to_string());
        line(text, 1, "Created", &self.created.shown());
        line(text, 1, "Registered", &self.registered.shown());
        line(text, 1, "Changes", &self.version.to_string());
        line(text, 1, "Registration lock", set(self.registration_lock_set));
        line(text, 1, "Recovery password", set(self.recovery_password_set));
        line(text, 1, "Number recoverable until", &shown(self.number_recovery_until));
        line(text, 1, "Frozen by a failed lock", yes(self.frozen));
        line(text, 1, "Username", set(self.username.hash.is_some()));
        line(text, 1, "Username reserved", yes(self.username.reserved_hash.is_some()));
        line(text, 1, "Username link", set(self.username.link_handle.is_some()));
        let keys: Vec<_> = self.one_time_passwords.iter().map(|key| key.id.to_string()).collect();
        line(text, 1, "Keys for one-time passwords", &listed(&keys));
        line(text, 1, "One that waits, until", &shown(self.pending_one_time_password_until));
    }
}

impl DevicePart {
    fn tell(&self, text: &mut String) {
        line(text, 1, "Last seen", &self.last_seen.shown());
        line(text, 1, "Created", &self.created.shown());
        line(text, 1, "User agent", self.user_agent.as_deref().unwrap_or("None"));
        line(text, 1, "Name", if self.name.is_some() { "set, encrypted" } else { "not set" });
        line(text, 1, "Reached by", self.channel);
        line(text, 1, "Push token since", &shown(self.push_token_since));
        line(text, 1, "Registration id", &self.registration_id.to_string());
        let pni = self.pni_registration_id.map_or_else(|| "None".to_owned(), |id| id.to_string());
        line(text, 1, "Number's registration id", &pni);
        line(text, 1, "Capabilities", &listed(&self.capabilities));
        for (name, keys) in [("Keys", &self.aci_keys), ("Number's keys", &self.pni_keys)] {
            line(text, 1, name, &keys.as_ref().map_or_else(|| "None".to_owned(), Keys::shown));
        }
    }
}

impl Keys {
    fn shown(&self) -> String {
        let pool = |pool: &Option<PoolPart>| {
            pool.as_ref().map_or_else(|| "none".to_owned(), |pool| format!("{} of {} given", pool.given, pool.uploaded))
        };
        format!(
            "signed {} since {}, last resort {} since {}; one-time keys: EC {}, KEM {}; {} uploads",
            self.signed_pre_key.key_id,
            self.signed_pre_key.created.shown(),
            self.last_resort_pre_key.key_id,
            self.last_resort_pre_key.created.shown(),
            pool(&self.one_time_keys.ec),
            pool(&self.one_time_keys.kem),
            self.uploads,
        )
    }
}

fn line(text: &mut String, depth: usize, name: &str, value: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{:indent$}{name}: {value}", "", indent = depth * 2);
}

const fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

const fn set(is: bool) -> &'static str {
    if is { "set" } else { "not set" }
}

fn shown(time: Option<Time>) -> String {
    time.map_or_else(|| "None".to_owned(), Time::shown)
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "None".to_owned() } else { names.join(", ") }
}
