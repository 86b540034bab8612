//! A server that does what a test says and remembers what it got: a provider of SMS, seen from the registry.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// What becomes of one request, once it has been read.
#[derive(Clone)]
pub enum Reaction {
    Answer(u16, String),
    /// The connection ends without an answer.
    HangUp,
    /// No answer, and the connection stays.
    Silence,
    /// As `Answer`, once the test says so.
    When(Arc<Notify>, u16),
}

/// One request as it came.
#[derive(Clone)]
pub struct Received {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Serves until it is dropped.
pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<State>,
    server: JoinHandle<()>,
}

struct State {
    received: Mutex<Vec<Received>>,
    /// For the next requests; then always the last.
    script: Mutex<VecDeque<Reaction>>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// A field of a form.
    pub fn field(&self, name: &str) -> Option<String> {
        let query = format!("http://form/?{}", String::from_utf8_lossy(&self.body));
        let url = reqwest::Url::parse(&query).expect("a form");
        url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }
}

impl Receiver {
    pub async fn start(script: impl IntoIterator<Item = Reaction>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State { received: Mutex::default(), script: Mutex::new(script.into_iter().collect()) });
        let shared = state.clone();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self { address, state, server }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What has come so far.
    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().expect("no panic").clone()
    }

    pub fn last(&self) -> Received {
        self.received().pop().expect("something came")
    }

    /// From now on.
    pub fn react(&self, script: impl IntoIterator<Item = Reaction>) {
        *self.state.script.lock().expect("no panic") = script.into_iter().collect();
    }

    /// Waits until so many requests have come.
    pub async fn until(&self, count: usize) {
        for _ in 0..2000 {
            if self.received().len() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{} requests came instead of {count}", self.received().len());
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// One request; then the connection ends.
async fn serve(stream: TcpStream, state: Arc<State>) {
    let mut stream = BufReader::new(stream);
    let Some(received) = read(&mut stream).await else { return };
    state.received.lock().expect("no panic").push(received);
    let reaction = {
        let mut script = state.script.lock().expect("no panic");
        if script.len() > 1 { script.pop_front() } else { script.front().cloned() }
    };
    let (status, body) = match reaction.expect("a script") {
        Reaction::Answer(status, body) => (status, body),
        Reaction::HangUp => return,
        Reaction::Silence => return std::future::pending().await,
        Reaction::When(told, status) => {
            told.notified().await;
            (status, String::new())
        }
    };
    let answer = format!(
        "HTTP/1.1 {status} Said\r\ncontent-length: {}\r\nlocation: /elsewhere\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut headers = Vec::new();
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
            None => break,
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Received { headers, body })
}
