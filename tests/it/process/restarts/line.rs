//! A socket that is opened again when the node goes, as the client library does it: a request that had no answer then is sent again,
//! for it was not begun.

use std::sync::Arc;
use std::time::Duration;

use signet_tests::socket::{CHAT, Next, Socket};
use signet_tests::{Answer, client};
use tokio::net::TcpStream;

use super::balancer::Door;
use super::clients::Town;

/// Nothing that is asked here takes so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Each time that no socket opens is a failure, but the first ones tell more than what comes of them.
const TRIES: usize = 50;
pub const PAUSE: Duration = Duration::from_millis(20);
/// The node goes away.
const GOES: u16 = 1001;

/// By which version of HTTP a socket is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    One,
    Two,
}

pub struct Line {
    town: Arc<Town>,
    door: Door,
    version: Version,
    authorization: Option<String>,
    socket: Option<Box<Socket>>,
}

impl Line {
    /// Of somebody with credentials, or nobody.
    pub fn new(town: &Arc<Town>, door: Door, version: Version, credentials: Option<(&str, &str)>) -> Self {
        let authorization = credentials.map(|(user, password)| client::basic(user, password));
        Self { town: town.clone(), door, version, authorization, socket: None }
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
        for _ in 0..TRIES {
            match self.try_open().await {
                Ok(socket) => {
                    self.town.toll.sockets.count();
                    return socket;
                }
                Err(why) => self.town.toll.failed(format!("opening: {why}")),
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("nobody lets this client in: {}", self.town.toll);
    }

    async fn try_open(&mut self) -> Result<Socket, String> {
        let stream = TcpStream::connect(self.town.address(self.door)).await.map_err(|error| error.to_string())?;
        let secured = self.door == Door::Tls;
        let stream = if secured { self.town.secure(stream, self.version).await? } else { Box::new(stream) };
        let headers: Vec<_> = self.authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        match self.version {
            Version::One => Socket::try_over(stream, CHAT, &headers).await.map_err(|error| format!("{error:?}")),
            Version::Two => match Socket::try_open_h2(stream, CHAT, &headers).await {
                Ok(Ok(socket)) => Ok(socket),
                Ok(Err(refused)) => Err(format!("{refused:?}")),
                Err(error) => Err(format!("{error:?}")),
            },
        }
    }
}

/// Whatever else the registry says is passed over. A request that was begun is answered also when the socket ends.
async fn answer_to(socket: &mut Socket, id: u64) -> Result<Answer, Option<(u16, String)>> {
    loop {
        let next = tokio::time::timeout(PATIENCE, socket.next()).await;
        match next.expect("an answer, or a word that there is none") {
            Next::Response(response) if response.id == Some(id) => return Ok(response.into()),
            Next::Response(response) => panic!("an answer to {:?}, which nobody asked", response.id),
            Next::Request(_) => {}
            Next::Closed(end) => return Err(end),
        }
    }
}
