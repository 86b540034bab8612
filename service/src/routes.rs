//! The one table of routes, and what happens around every endpoint whichever inlet the call came in by: access, metrics by
//! template, errors turned into replies, and what each reply carries.
//!
//! The template is the label in logs and metrics. Raw paths hold session ids and are never written anywhere.

mod find;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::authenticate;
use crate::call::{Call, Caller, Credentials, Method, Reply};
use crate::error::ApiError;
use crate::metrics::Stopwatch;
use crate::registry::Registry;

pub use find::{Found, find};

pub type Endpoint = for<'a> fn(&'a Registry, Call) -> BoxFuture<'a, Result<Reply, ApiError>>;

/// Who may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Credentials are not looked at.
    Anyone,
    /// A device of an account, by Basic credentials.
    Device,
    /// Whoever it is; who comes with the credentials of a device is known by them.
    Optional,
    /// Whoever it is, but nobody who says so: a device that is known has other ways to ask.
    Anonymous,
}

pub struct Route {
    pub method: Method,
    pub template: &'static str,
    pub access: Access,
    pub endpoint: Endpoint,
    /// It may wait for something to happen, as long as the client says.
    pub waits: bool,
}

/// Nothing an endpoint does may take longer; a client that waits in vain is told so.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The longest that a client may ask to wait for something to happen (contract keys-devices §3.1).
pub const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// A body that is longer is refused before it is read (the largest one that a client means is a set of a hundred keys).
pub const LONGEST_BODY: usize = 512 * 1024;

macro_rules! route {
    ($method:ident $template:literal $access:ident $registry:ident, $call:ident => $work:expr) => {
        route!($method $template $access waits false $registry, $call => $work)
    };
    ($method:ident $template:literal $access:ident waits $waits:literal $registry:ident, $call:ident => $work:expr) => {
        Route {
            method: Method::$method,
            template: $template,
            access: Access::$access,
            endpoint: |$registry, $call| Box::pin(async move { $work.await }),
            waits: $waits,
        }
    };
}

pub const ROUTES: &[Route] = &[
    route!(Post "/v1/verification/session" Anyone r, call => r.verification.create(call)),
    route!(Patch "/v1/verification/session/{session}" Anyone r, call => r.verification.update(call)),
    route!(Get "/v1/verification/session/{session}" Anyone r, call => r.verification.get(call)),
    route!(Post "/v1/verification/session/{session}/code" Anyone r, call => r.verification.request_code(call)),
    route!(Put "/v1/verification/session/{session}/code" Anyone r, call => r.verification.submit_code(call)),
    route!(Post "/v1/registration" Anyone r, call => r.registration.register(call)),
    route!(Get "/v1/accounts/whoami" Device r, call => r.account.whoami(call)),
    route!(Head "/v1/accounts/account/{identifier}" Anonymous r, call => r.account.exists(call)),
    route!(Get "/v1/accounts/username_hash/{hash}" Anonymous r, call => r.account.look_up_username(call)),
    route!(Get "/v1/accounts/username_link/{handle}" Anonymous r, call => r.account.look_up_username_link(call)),
    route!(Put "/v1/accounts/username_hash/reserve" Device r, call => r.account.put_username_reservation(call)),
    route!(Put "/v1/accounts/username_hash/confirm" Device r, call => r.account.put_username(call)),
    route!(Delete "/v1/accounts/username_hash" Device r, call => r.account.delete_username(call)),
    route!(Put "/v1/accounts/username_link" Device r, call => r.account.put_username_link(call)),
    route!(Delete "/v1/accounts/username_link" Device r, call => r.account.delete_username_link(call)),
    route!(Delete "/v1/accounts/me" Device r, call => r.account.remove(call)),
    route!(Put "/v1/accounts/name" Device r, call => r.devices.set_name(call)),
    route!(Put "/v1/accounts/gcm" Device r, call => r.devices.set_fcm_token(call)),
    route!(Delete "/v1/accounts/gcm" Device r, call => r.devices.take_back_fcm_token(call)),
    route!(Put "/v1/accounts/apn" Device r, call => r.devices.set_apn_token(call)),
    route!(Delete "/v1/accounts/apn" Device r, call => r.devices.take_back_apn_token(call)),
    route!(Put "/v1/accounts/registration_lock" Device r, call => r.account.set_lock(call)),
    route!(Delete "/v1/accounts/registration_lock" Device r, call => r.account.clear_lock(call)),
    route!(Put "/v1/accounts/attributes" Device r, call => r.account.set_attributes(call)),
    route!(Post "/v1/accounts/totp" Device r, call => r.account.offer_totp_key(call)),
    route!(Get "/v1/accounts/totp" Device r, call => r.account.list_totp_keys(call)),
    route!(Put "/v1/accounts/totp/confirm" Device r, call => r.account.confirm_totp_key(call)),
    route!(Put "/v1/accounts/totp/{key}" Device r, call => r.account.label_totp_key(call)),
    route!(Delete "/v1/accounts/totp/{key}" Device r, call => r.account.remove_totp_key(call)),
    route!(Get "/v2/accounts/data_report" Device r, call => r.account.data_report(call)),
    route!(Put "/v2/accounts/number" Device r, call => r.number.change(call)),
    route!(Put "/v2/accounts/phone_number_discoverability" Device r, call => r.account.set_discoverability(call)),
    route!(Get "/v1/devices" Device r, call => r.devices.list(call)),
    route!(Delete "/v1/devices/{device}" Device r, call => r.devices.remove(call)),
    route!(Get "/v1/devices/provisioning/code" Device r, call => r.devices.code(call)),
    route!(Put "/v1/devices/link" Anyone r, call => r.devices.link(call)),
    route!(Put "/v1/devices/capabilities" Device r, call => r.devices.set_capabilities(call)),
    route!(Get "/v1/devices/wait_for_linked_device/{tokenIdentifier}" Device waits true
        r, call => r.waiting.wait_for_linked_device(call)),
    route!(Put "/v1/devices/restore_account/{token}" Anyone r, call => r.waiting.put_restore_account(call)),
    route!(Get "/v1/devices/restore_account/{token}" Anyone waits true r, call => r.waiting.wait_for_restore_account(call)),
    route!(Put "/v1/devices/transfer_archive" Device r, call => r.waiting.put_transfer_archive(call)),
    route!(Get "/v1/devices/transfer_archive" Device waits true r, call => r.waiting.wait_for_transfer_archive(call)),
    route!(Put "/v1/provisioning/{destination}" Device r, call => r.provisioning.hand_over(call)),
    route!(Get "/v2/svr/auth" Device r, call => r.svr.issue(call)),
    route!(Get "/v2/backup/auth" Device r, call => r.svr.issue(call)),
    route!(Post "/v2/svr/auth/check" Anyone r, call => r.svr.check(call)),
    route!(Post "/v2/backup/auth/check" Anyone r, call => r.svr.check(call)),
    route!(Get "/v2/keys" Device r, call => r.prekeys.count(call)),
    route!(Put "/v2/keys" Device r, call => r.prekeys.upload(call)),
    route!(Post "/v2/keys/check" Device r, call => r.prekeys.check(call)),
    route!(Get "/v2/keys/{identifier}/{device}" Optional r, call => r.prekeys.fetch(call)),
    route!(Post "/v1/profile/identity_check/batch" Anyone r, call => r.prekeys.check_identities(call)),
];

/// Runs one call through its route. Always answers.
pub async fn serve(registry: &Registry, route: &'static Route, call: Call) -> Reply {
    let stopwatch = Stopwatch::start();
    let patience = if route.waits { PATIENCE + LONGEST_WAIT } else { PATIENCE };
    // An endpoint that dies still answers: clients that hear nothing repeat themselves for ever.
    let work = AssertUnwindSafe(tokio::time::timeout(patience, answer(registry, route, call))).catch_unwind();
    let result = match work.await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(ApiError::Unavailable("the endpoint took too long".to_owned())),
        Err(_) => Err(ApiError::Panicked),
    };
    let reply = result.unwrap_or_else(|error| error.into_reply(route.template));
    stopwatch.request(route.method, route.template, reply.status);
    finish(registry, reply)
}

/// What every reply carries, also one that never reached an endpoint.
pub fn finish(registry: &Registry, reply: Reply) -> Reply {
    reply.with("x-signal-timestamp", registry.clock.now().millis().to_string())
}

async fn answer(registry: &Registry, route: &'static Route, mut call: Call) -> Result<Reply, ApiError> {
    if route.access != Access::Anyone {
        call.caller = match (caller(registry, route.access, &call).await, route.access) {
            (Err(ApiError::Unauthorized), Access::Optional | Access::Anonymous) => None,
            (Ok(_), Access::Anonymous) => return Err(ApiError::BadRequest),
            (caller, _) => Some(caller?),
        };
    }
    (route.endpoint)(registry, call).await
}

async fn caller(registry: &Registry, access: Access, call: &Call) -> Result<Caller, ApiError> {
    match &call.credentials {
        Credentials::Socket(None) => Err(ApiError::Unauthorized),
        Credentials::Socket(Some(principal)) => principal.caller(&registry.accounts).await,
        Credentials::InHeaders => {
            // Where nobody has to say who they are, saying nothing is no attempt.
            if access != Access::Device && call.headers.get("authorization").is_none() {
                return Err(ApiError::Unauthorized);
            }
            authenticate::attempt(registry, &call.headers).await
        }
    }
}
