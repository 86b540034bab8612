//! The socket of a device that is to be linked (contract keys-devices §4.1): it is told an address, shows it, and gets what
//! somebody hands over for it.
//!
//! Invariant: an address is good for one message, and only while its socket is open.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bytes::Bytes;
use prost::Message as _;
use signet_storage::cache::{Heard as OnChannel, Subscription};

use super::Opened;
use super::chat::{now, request_id};
use super::end::End;
use super::frame::{self, Heard};
use super::socket::Socket;
use crate::call::Reply;
use crate::provisioning;
use crate::routes;

const LIFE: Duration = Duration::from_secs(90);
const IDLE: Duration = Duration::from_secs(60);
/// For the client to say that it has the message.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(10);

#[derive(Clone, PartialEq, prost::Message)]
struct ProvisioningAddress {
    #[prost(string, optional, tag = "1")]
    address: Option<String>,
}

pub async fn serve(mut socket: Socket, opened: Opened) -> End {
    let end = tokio::select! {
        end = converse(&mut socket, &opened) => end,
        () = tokio::time::sleep(LIFE) => End::Timeout,
        _ = opened.registry.stopping.begun() => End::Stopping,
    };
    socket.close(end).await;
    end
}

async fn converse(socket: &mut Socket, opened: &Opened) -> End {
    let address = URL_SAFE.encode(opened.registry.storage.chance.bytes::<16>());
    let Ok(listening) = opened.registry.storage.cache.subscribe(&provisioning::channel(&address)).await else {
        return End::Failed;
    };
    let body = ProvisioningAddress { address: Some(address) }.encode_to_vec();
    match hand_over(socket, opened, listening, body.into()).await {
        Ok(end) | Err(end) => end,
    }
}

async fn hand_over(
    socket: &mut Socket,
    opened: &Opened,
    mut listening: Subscription,
    address: Bytes,
) -> Result<End, End> {
    tell(socket, opened, "/v1/address", address).await?;
    let message = loop {
        tokio::select! {
            // What was missed was lost; whoever sent it was told so or sends it again.
            heard = listening.next() => if let OnChannel::Message(message) = heard { break message },
            message = tokio::time::timeout(IDLE, socket.next()) => {
                answer(socket, opened, message.map_err(|_| End::Timeout)??).await?;
            }
        }
    };
    // From here on nobody listens on the address.
    drop(listening);
    let id = tell(socket, opened, "/v1/message", message).await?;
    let acknowledged = async {
        loop {
            let message = socket.next().await?;
            if answer(socket, opened, message).await? == Some(id) {
                return Ok(End::Done);
            }
        }
    };
    tokio::time::timeout(ACKNOWLEDGED_WITHIN, acknowledged).await.unwrap_or(Ok(End::Done))
}

/// Answers a request; of an answer, tells what it was to.
async fn answer(socket: &mut Socket, opened: &Opened, message: Option<Bytes>) -> Result<Option<u64>, End> {
    let Some(message) = message else { return Ok(None) };
    match frame::read(message).map_err(|_| End::BadlyFormatted)? {
        Heard::Response { id, .. } => Ok(Some(id)),
        Heard::Request(asked) => {
            let path = asked.path.split('?').next().unwrap_or_default();
            let known = asked.verb == "GET" && matches!(path, "/v1/keepalive" | "/v1/keepalive/provisioning");
            let reply = routes::finish(&opened.registry, Reply::empty(if known { 200 } else { 404 }));
            if let Some(id) = asked.id {
                socket.send(frame::answer(id, reply)).await?;
            }
            Ok(None)
        }
    }
}

async fn tell(socket: &mut Socket, opened: &Opened, path: &str, body: Bytes) -> Result<u64, End> {
    let id = request_id(opened);
    socket.send(frame::request(id, path, now(&opened.registry.clock), Some(body))).await?;
    Ok(id)
}
