//! The one table of methods: whom each is for, and which service it belongs to. A method that is not here is not implemented,
//! whatever `proto/` says.
//!
//! The path is the label in logs and metrics: nothing that a client made up is written there.

use std::convert::Infallible;
use std::sync::Arc;

use futures::future::BoxFuture;
use tonic::body::Body;
use tonic::codegen::Service;

use super::proto::org::signal::chat::account::accounts_anonymous_server::AccountsAnonymousServer;
use super::proto::org::signal::chat::account::accounts_server::AccountsServer;
use super::proto::org::signal::chat::credentials::credentials_anonymous_server::CredentialsAnonymousServer;
use super::proto::org::signal::chat::credentials::credentials_server::CredentialsServer;
use super::proto::org::signal::chat::device::devices_server::DevicesServer;
use super::proto::org::signal::chat::keys::keys_anonymous_server::KeysAnonymousServer;
use super::proto::org::signal::chat::keys::keys_server::KeysServer;
use crate::registry::Registry;
use crate::routes::LONGEST_BODY;

/// Who may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A device of an account, by Basic credentials.
    Device,
    /// Whoever it is, but nobody who says so.
    Anonymous,
}

pub struct Method {
    /// Package, service and name, as they stand in the request.
    pub path: &'static str,
    pub access: Access,
    run: Run,
}

type Run = fn(Arc<Registry>, http::Request<Body>) -> BoxFuture<'static, http::Response<Body>>;

impl Method {
    pub fn find(path: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.path == path)
    }

    /// Reads the message, does what it asks for, and writes the answer.
    pub fn run(
        &self,
        registry: Arc<Registry>,
        request: http::Request<Body>,
    ) -> BoxFuture<'static, http::Response<Body>> {
        (self.run)(registry, request)
    }
}

macro_rules! method {
    ($path:literal $access:ident $server:ident) => {
        Method {
            path: concat!("/org.signal.chat.", $path),
            access: Access::$access,
            run: |registry, request| call($server::from_arc(registry).max_decoding_message_size(LONGEST_BODY), request),
        }
    };
}

pub const METHODS: &[Method] = &[
    method!("keys.Keys/GetPreKeyCount" Device KeysServer),
    method!("keys.Keys/GetPreKeys" Device KeysServer),
    method!("keys.Keys/SetOneTimeEcPreKeys" Device KeysServer),
    method!("keys.Keys/SetOneTimeKemSignedPreKeys" Device KeysServer),
    method!("keys.Keys/SetEcSignedPreKey" Device KeysServer),
    method!("keys.Keys/SetKemLastResortPreKey" Device KeysServer),
    method!("keys.KeysAnonymous/GetPreKeys" Anonymous KeysAnonymousServer),
    method!("keys.KeysAnonymous/CheckIdentityKeys" Anonymous KeysAnonymousServer),
    method!("device.Devices/GetDevices" Device DevicesServer),
    method!("device.Devices/RemoveDevice" Device DevicesServer),
    method!("device.Devices/SetDeviceName" Device DevicesServer),
    method!("device.Devices/SetPushToken" Device DevicesServer),
    method!("device.Devices/ClearPushToken" Device DevicesServer),
    method!("device.Devices/SetCapabilities" Device DevicesServer),
    method!("account.Accounts/GetAccountIdentity" Device AccountsServer),
    method!("account.Accounts/GetEntitlements" Device AccountsServer),
    method!("account.Accounts/DeleteAccount" Device AccountsServer),
    method!("account.Accounts/SetRegistrationLock" Device AccountsServer),
    method!("account.Accounts/ClearRegistrationLock" Device AccountsServer),
    method!("account.Accounts/ConfigureUnidentifiedAccess" Device AccountsServer),
    method!("account.Accounts/SetDiscoverableByPhoneNumber" Device AccountsServer),
    method!("account.Accounts/SetRegistrationRecoveryPassword" Device AccountsServer),
    method!("account.Accounts/GetAccountDataReport" Device AccountsServer),
    method!("account.Accounts/GetCapabilities" Device AccountsServer),
    method!("account.Accounts/GenerateTotpKey" Device AccountsServer),
    method!("account.Accounts/ConfirmTotpKey" Device AccountsServer),
    method!("account.Accounts/ListMfaKeys" Device AccountsServer),
    method!("account.Accounts/SetMfaKeyMetadata" Device AccountsServer),
    method!("account.Accounts/RemoveMfaKey" Device AccountsServer),
    method!("account.AccountsAnonymous/GetCapabilities" Anonymous AccountsAnonymousServer),
    method!("account.Accounts/ChangeNumber" Device AccountsServer),
    method!("account.Accounts/ReserveUsernameHash" Device AccountsServer),
    method!("account.Accounts/ConfirmUsernameHash" Device AccountsServer),
    method!("account.Accounts/DeleteUsernameHash" Device AccountsServer),
    method!("account.Accounts/SetUsernameLink" Device AccountsServer),
    method!("account.Accounts/DeleteUsernameLink" Device AccountsServer),
    method!("account.AccountsAnonymous/CheckAccountExistence" Anonymous AccountsAnonymousServer),
    method!("account.AccountsAnonymous/LookupUsernameHash" Anonymous AccountsAnonymousServer),
    method!("account.AccountsAnonymous/LookupUsernameLink" Anonymous AccountsAnonymousServer),
    method!("credentials.Credentials/GetExternalServiceCredentials" Device CredentialsServer),
    method!("credentials.CredentialsAnonymous/CheckSvrCredentials" Anonymous CredentialsAnonymousServer),
];

fn call<S>(mut server: S, request: http::Request<Body>) -> BoxFuture<'static, http::Response<Body>>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    let answer = server.call(request);
    Box::pin(async move { answer.await.unwrap_or_else(|never| match never {}) })
}
