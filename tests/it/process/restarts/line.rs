//! A socket that is opened again when the node goes, as the client library does it: a request that had no answer then is sent again,
//! for it was not begun.

use std::sync::Arc;

use signet_tests::socket::{CHAT, Next, Socket};
use signet_tests::{Answer, client};
use tokio::net::TcpStream;

use super::balancer::Door;
use super::clients::Town;

/// The node goes away.
const GOES: u16 = 1001;

pub struct Line {
    town: Arc<Town>,
    door: Door,
    authorization: Option<String>,
    socket: Option<Box<Socket>>,
}

impl Line {
    /// Of somebody with credentials, or nobody.
    pub fn new(town: &Arc<Town>, door: Door, credentials: Option<(&str, &str)>) -> Self {
        let authorization = credentials.map(|(user, password)| client::basic(user, password));
        Self { town: town.clone(), door, authorization, socket: None }
    }

    pub async fn ask(&mut self, verb: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        loop {
            let mut socket = match self.socket.take() {
                Some(socket) => socket,
                None => Box::new(self.open().await),
            };
            let id = socket.ask(verb, path, headers, body).await;
            match answer_to(&mut socket, id).await {
                Ok(answer) => {
                    self.socket = Some(socket);
                    return answer;
                }
                Err(Some((GOES, _))) => self.town.toll.farewelled.count(),
                Err(end) => self.town.toll.failed(format!("{verb} {path}: the socket ended with {end:?}")),
            }
            self.town.toll.repeats.count();
        }
    }

    async fn open(&mut self) -> Socket {
        loop {
            match self.try_open().await {
                Ok(socket) => {
                    self.town.toll.sockets.count();
                    return socket;
                }
                Err(why) => self.town.toll.failed(format!("opening: {why}")),
            }
        }
    }

    async fn try_open(&mut self) -> Result<Socket, String> {
        let stream = TcpStream::connect(self.town.address(self.door)).await.map_err(|error| error.to_string())?;
        let stream = if self.door == Door::Tls { self.town.secure(stream).await? } else { Box::new(stream) };
        let headers: Vec<_> = self.authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        Socket::try_over(stream, CHAT, &headers).await.map_err(|error| error.to_string())
    }
}

/// Whatever else the registry says is passed over. A request that was begun is answered also when the socket ends.
async fn answer_to(socket: &mut Socket, id: u64) -> Result<Answer, Option<(u16, String)>> {
    loop {
        match socket.next().await {
            Next::Response(response) if response.id == Some(id) => return Ok(response.into()),
            Next::Response(response) => panic!("an answer to {:?}, which nobody asked", response.id),
            Next::Request(_) => {}
            Next::Closed(end) => return Err(end),
        }
    }
}
