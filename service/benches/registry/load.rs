//! The load: connections that are kept alive, and requests written by hand, so that the generator takes little from the
//! cores it shares with the server.

use std::net::SocketAddr;
use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_keys::signing::{ClientKeys, IdentityKeyPair};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::server::{self, Server};
use super::wire::Way;

const PASSWORD: &str = "a device password of a bench";

/// Latencies of one kind of work.
#[derive(Default)]
pub struct Measured {
    pub millis: Vec<f64>,
    pub failed: usize,
    pub elapsed: Duration,
    /// Cores in use, of the last window.
    pub server_cpu: f64,
    pub load_cpu: f64,
}

impl Measured {
    pub fn per_second(&self) -> f64 {
        self.millis.len() as f64 / self.elapsed.as_secs_f64()
    }

    pub fn quantile(&self, q: f64) -> f64 {
        let mut sorted = self.millis.clone();
        sorted.sort_by(f64::total_cmp);
        let index = (sorted.len().saturating_sub(1) as f64 * q) as usize;
        sorted.get(index).copied().unwrap_or(f64::NAN)
    }
}

impl AddAssign for Measured {
    fn add_assign(&mut self, other: Self) {
        self.millis.extend(other.millis);
        self.failed += other.failed;
        self.elapsed += other.elapsed;
        (self.server_cpu, self.load_cpu) = (other.server_cpu, other.load_cpu);
    }
}

pub fn median(values: Vec<f64>) -> f64 {
    Measured { millis: values, ..Measured::default() }.quantile(0.5)
}

/// TCP, or TLS over it.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One kept-alive connection.
pub struct Connection {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = loop {
            match TcpStream::connect(address).await {
                Ok(stream) => break stream,
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        };
        stream.set_nodelay(true).expect("an option of TCP");
        Self::over(Box::new(stream))
    }

    /// On a stream that is there.
    pub fn over(stream: Box<dyn Stream>) -> Self {
        Self { stream, buffer: Vec::with_capacity(4096) }
    }

    /// Status and body.
    pub async fn call(&mut self, method: &str, path: &str, authorization: &str, body: &str) -> (u16, String) {
        self.send(method, path, &format!("authorization: {authorization}"), body).await
    }

    /// The same with any header.
    pub async fn send(&mut self, method: &str, path: &str, header: &str, body: &str) -> (u16, String) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: bench\r\n{header}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.expect("the server reads");
        self.buffer.clear();
        loop {
            assert!(
                self.stream.read_buf(&mut self.buffer).await.expect("the server answers") > 0,
                "the server hung up"
            );
            let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
            if self.buffer.len() >= end + 4 + length {
                let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
                return (status, String::from_utf8_lossy(&self.buffer[end + 4..end + 4 + length]).into_owned());
            }
        }
    }
}

/// One request, and the status that it has to be answered with.
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub header: String,
    pub body: Arc<str>,
    pub expected: u16,
}

/// As many requests as can be made in a window, or as there are; `next` is given their numbers.
pub async fn run(
    server: &Server,
    concurrency: usize,
    window: Duration,
    next: impl Fn(usize) -> Option<Request> + Clone + Send + 'static,
) -> Measured {
    let before = server.cpu_seconds();
    let mut measured = run_at(server.http, concurrency, window, next).await;
    measured.server_cpu = (server.cpu_seconds() - before) / measured.elapsed.as_secs_f64();
    measured
}

/// The same at any address.
pub async fn run_at(
    address: SocketAddr,
    concurrency: usize,
    window: Duration,
    next: impl Fn(usize) -> Option<Request> + Clone + Send + 'static,
) -> Measured {
    run_by(&Way::Rest(address), concurrency, window, next).await
}

/// The same by any way.
#[allow(clippy::disallowed_methods, reason = "a bench measures")]
pub async fn run_by(
    way: &Way,
    concurrency: usize,
    window: Duration,
    next: impl Fn(usize) -> Option<Request> + Clone + Send + 'static,
) -> Measured {
    let (started, numbers) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..concurrency {
        let (next, numbers, way) = (next.clone(), numbers.clone(), way.clone());
        workers.spawn(async move {
            let mut connection = way.open("").await;
            let (mut millis, mut failed) = (Vec::new(), 0);
            while started.elapsed() < window {
                let Some(request) = next(numbers.fetch_add(1, Ordering::Relaxed)) else { break };
                let asked = Instant::now();
                let (status, _) = connection.send(request.method, &request.path, &request.header, &request.body).await;
                millis.push(asked.elapsed().as_secs_f64() * 1000.0);
                failed += usize::from(status != request.expected);
            }
            (millis, failed)
        });
    }
    let done = workers.join_all().await;
    Measured {
        failed: done.iter().map(|(_, failed)| failed).sum(),
        millis: done.into_iter().flat_map(|(millis, _)| millis).collect(),
        elapsed: started.elapsed(),
        ..Measured::default()
    }
}

/// Verified sessions, made over HTTP, each with its number.
pub async fn prove_numbers(server: &Server, count: usize) -> Vec<(String, String)> {
    static NEXT: AtomicU64 = AtomicU64::new(2_000_000);
    let mut workers = tokio::task::JoinSet::new();
    let (http, management) = (server.http, server.management);
    for _ in 0..32 {
        workers.spawn(async move {
            let (mut http, mut management) = (Connection::open(http).await, Connection::open(management).await);
            let mut proved = Vec::with_capacity(count / 32);
            for _ in 0..count / 32 {
                let number = format!("+1202{}", NEXT.fetch_add(1, Ordering::Relaxed));
                let begin = json!({"number": number}).to_string();
                let (_, begun) = http.call("POST", "/v1/verification/session", "", &begin).await;
                let begun: Value = serde_json::from_str(&begun).expect("a session");
                let id = begun["id"].as_str().expect("an id").to_owned();
                let path = format!("/v1/verification/session/{id}/code");
                http.call("POST", &path, "", r#"{"transport":"sms","client":"bench"}"#).await;
                let (_, letter) = management.call("GET", &format!("/outbox/{number}"), "", "").await;
                let letter: Value = serde_json::from_str(&letter).expect("a letter");
                let code = json!({"code": letter["code"]}).to_string();
                assert_eq!(http.call("PUT", &path, "", &code).await.0, 200);
                proved.push((number, id));
            }
            proved
        });
    }
    workers.join_all().await.into_iter().flatten().collect()
}

/// Registers as many of these as it can in a window. Anything but the expected status has failed.
#[allow(clippy::disallowed_methods, reason = "a bench measures")]
pub async fn register(
    server: &Server,
    sessions: Vec<(String, String)>,
    concurrency: usize,
    window: Duration,
    (lock, expected): (Option<&str>, u16),
) -> Measured {
    let body = Arc::new(body(lock));
    let share = sessions.len() / concurrency;
    let mut sessions = sessions.into_iter();
    let (started, server_cpu, load_cpu) = (Instant::now(), server.cpu_seconds(), server::cpu_seconds("self"));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..concurrency {
        let mine: Vec<_> = sessions.by_ref().take(share).collect();
        let (address, body) = (server.http, body.clone());
        workers.spawn(async move {
            let mut connection = Connection::open(address).await;
            let (mut millis, mut failed) = (Vec::with_capacity(mine.len()), 0);
            for (number, session) in mine {
                let authorization = format!("Basic {}", STANDARD.encode(format!("{number}:{PASSWORD}")));
                let body = body.replace("SESSION", &session);
                let asked = Instant::now();
                if asked.duration_since(started) > window {
                    break;
                }
                let (status, _) = connection.call("POST", "/v1/registration", &authorization, &body).await;
                millis.push(asked.elapsed().as_secs_f64() * 1000.0);
                failed += usize::from(status != expected);
            }
            (millis, failed)
        });
    }
    let done = workers.join_all().await;
    let elapsed = started.elapsed();
    let cpu = |before: f64, after: f64| (after - before) / elapsed.as_secs_f64();
    Measured {
        failed: done.iter().map(|(_, failed)| failed).sum(),
        millis: done.into_iter().flat_map(|(millis, _)| millis).collect(),
        elapsed,
        server_cpu: cpu(server_cpu, server.cpu_seconds()),
        load_cpu: cpu(load_cpu, server::cpu_seconds("self")),
    }
}

/// The header of somebody who registers.
pub fn credentials(number: &str) -> String {
    format!("authorization: Basic {}", STANDARD.encode(format!("{number}:{PASSWORD}")))
}

/// One client's keys serve for all numbers: the server checks four signatures each time all the same.
pub fn body(lock: Option<&str>) -> String {
    let [aci, pni] = [(); 2].map(|()| {
        let pair = IdentityKeyPair::generate();
        (STANDARD.encode(pair.public().serialize()), ClientKeys::generate(&pair))
    });
    json!({
        "sessionId": "SESSION",
        "skipDeviceTransfer": true,
        "accountAttributes": {
            "fetchesMessages": true, "registrationId": 1, "pniRegistrationId": 2,
            "capabilities": {"spqr": true, "storage": true}, "unidentifiedAccessKey": STANDARD.encode([7; 16]),
            "registrationLock": lock,
        },
        "aciIdentityKey": aci.0, "aciSignedPreKey": aci.1.signed, "aciPqLastResortPreKey": aci.1.last_resort,
        "pniIdentityKey": pni.0, "pniSignedPreKey": pni.1.signed, "pniPqLastResortPreKey": pni.1.last_resort,
    })
    .to_string()
}
