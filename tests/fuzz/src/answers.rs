//! What the contract lets the registry answer. Whatever a client says, an answer is one of these, never a 500, and without any text of
//! the registry's inside.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;
use signet::routes::{self, Found};

/// Answers of any route: what lies before it.
const ANYWHERE: [u16; 4] = [404, 405, 413, 429];

/// Names of fields that refusals may have, each set as it comes: unreadable JSON, too many devices, other devices or earlier
/// installations of them, the account is locked, the code cannot be delivered, the session as it stands.
const REFUSALS: [&[&str]; 7] = [
    &["code", "message"],
    &["current", "max"],
    &["missingDevices", "extraDevices"],
    &["staleDevices"],
    &["timeRemaining", "svr2Credentials", "registrationLock", "idleDays", "attemptsLeft"],
    &["reason", "permanentFailure"],
    &[
        "id",
        "nextSms",
        "nextCall",
        "nextVerificationAttempt",
        "allowedToRequestCode",
        "requestedInformation",
        "verified",
    ],
];

/// What the contract lists for this route, besides.
fn statuses(method: &str, template: &str) -> &'static [u16] {
    match (method, template) {
        ("POST", "/v1/verification/session") => &[200, 400, 422, 499],
        ("PATCH", "/v1/verification/session/{session}") => &[200, 400, 403, 422],
        ("GET", "/v1/verification/session/{session}") => &[200, 400, 422],
        ("POST", "/v1/verification/session/{session}/code") => &[200, 400, 409, 418, 422, 440],
        ("PUT", "/v1/verification/session/{session}/code") => &[200, 400, 409, 422],
        ("POST", "/v1/registration") => &[200, 201, 400, 401, 403, 409, 422, 423, 441, 499],
        ("GET", "/v1/accounts/whoami") => &[200, 401],
        ("HEAD", "/v1/accounts/account/{identifier}") => &[200, 400],
        ("GET", "/v1/accounts/username_hash/{hash}") => &[200, 400, 422],
        ("GET", "/v1/accounts/username_link/{handle}") => &[200, 400],
        ("PUT", "/v1/accounts/username_hash/reserve") => &[200, 400, 401, 409, 422],
        ("PUT", "/v1/accounts/username_hash/confirm") => &[200, 400, 401, 409, 410, 422],
        ("DELETE", "/v1/accounts/username_hash" | "/v1/accounts/username_link") => &[204, 401],
        ("PUT", "/v1/accounts/username_link") => &[200, 400, 401, 409, 422],
        ("DELETE", "/v1/accounts/me") => &[204, 401],
        ("GET", "/v2/accounts/data_report") => &[200, 401],
        ("PUT", "/v2/accounts/number") => &[200, 400, 401, 403, 409, 410, 422, 423],
        ("PUT", "/v2/accounts/phone_number_discoverability") => &[204, 400, 401, 422],
        ("PUT", "/v1/accounts/name") => &[204, 400, 401, 403, 422],
        ("PUT", "/v1/accounts/gcm" | "/v1/accounts/apn") => &[204, 400, 401, 422],
        ("DELETE", "/v1/accounts/gcm" | "/v1/accounts/apn") => &[204, 401],
        ("PUT", "/v1/accounts/registration_lock") => &[204, 400, 401, 422],
        ("DELETE", "/v1/accounts/registration_lock") => &[204, 401],
        ("PUT", "/v1/accounts/attributes") => &[204, 400, 401, 422],
        ("POST", "/v1/accounts/totp") => &[200, 401, 409],
        ("PUT", "/v1/accounts/totp/confirm") => &[200, 400, 401, 409, 422, 441],
        ("GET", "/v1/accounts/totp") => &[200, 401],
        ("PUT", "/v1/accounts/totp/{key}") => &[204, 400, 401, 422],
        ("DELETE", "/v1/accounts/totp/{key}") => &[204, 401],
        ("GET", "/v1/devices") => &[200, 401, 403],
        ("DELETE", "/v1/devices/{device}") => &[204, 401, 403],
        ("GET", "/v1/devices/provisioning/code") => &[200, 401, 411],
        ("PUT", "/v1/devices/link") => &[200, 400, 401, 403, 409, 411, 422],
        ("PUT", "/v1/devices/capabilities") => &[204, 400, 401, 422],
        ("GET", "/v1/devices/wait_for_linked_device/{tokenIdentifier}") => &[200, 204, 400, 401],
        ("PUT", "/v1/devices/restore_account/{token}") => &[204, 400, 422],
        ("GET", "/v1/devices/restore_account/{token}") => &[200, 204, 400],
        ("PUT", "/v1/devices/transfer_archive") => &[204, 400, 401, 422],
        ("GET", "/v1/devices/transfer_archive") => &[200, 204, 400, 401],
        ("PUT", "/v1/provisioning/{destination}") => &[204, 400, 401, 422],
        ("GET", "/v2/svr/auth" | "/v2/backup/auth") => &[200, 401],
        ("POST", "/v2/svr/auth/check" | "/v2/backup/auth/check") => &[200, 400, 422],
        ("GET", "/v2/keys") => &[200, 400, 401],
        ("PUT", "/v2/keys") => &[204, 400, 401, 422],
        ("POST", "/v2/keys/check") => &[200, 400, 401, 409, 422],
        ("GET", "/v2/keys/{identifier}/{device}") => &[200, 400, 401, 422],
        ("POST", "/v1/profile/identity_check/batch") => &[200, 400, 422],
        _ => panic!("teach this what the contract lists for {method} {template}"),
    }
}

/// # Panics
/// If the contract knows no such answer to this request. `template` is that of the route, if there is one.
pub fn judge(method: &str, template: Option<&str>, status: u16, body: Option<&[u8]>) {
    let what = || format!("{method} {}: {status}", template.unwrap_or("somewhere"));
    if template.is_some() {
        tell(&what);
    }
    let listed = template.map_or(&[][..], |template| statuses(method, template));
    assert!(listed.contains(&status) || ANYWHERE.contains(&status), "{}", what());
    let Some(body) = body.filter(|body| !body.is_empty()) else { return };
    assert!(method != "HEAD" && status != 204, "{} has a body", what());
    let body: Value = serde_json::from_slice(body).unwrap_or_else(|_| panic!("{} has a body that is no JSON", what()));
    if status >= 400 {
        let fields = body.as_object().unwrap_or_else(|| panic!("{} has an odd body", what()));
        let known = REFUSALS.iter().any(|known| fields.keys().all(|field| known.contains(&field.as_str())));
        assert!(known, "{} has a body with {:?}", what(), fields.keys());
        let text = fields.get("message").is_none_or(|text| text == "Unable to process JSON");
        assert!(text, "{} says {:?}", what(), fields["message"]);
    }
}

thread_local! {
    static SEEN: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

/// The first of each kind is told, so that it shows how far inputs get.
fn tell(what: &impl Fn() -> String) {
    let what = what();
    if SEEN.with_borrow_mut(|seen| seen.insert(what.clone())) {
        eprintln!("answered: {what}");
    }
}

/// The template of the route that a request is of.
pub fn template(method: &str, path: &str) -> Option<&'static str> {
    match routes::find(method, path) {
        Found::Route(route, _) => Some(route.template),
        Found::OtherMethod(_) | Found::Nothing => None,
    }
}
