//! The real binary as a process, and what the kernel says of it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::load::Connection;

/// Killed when dropped.
pub struct Server {
    child: Child,
    pub http: SocketAddr,
    /// Sockets over TLS, and without.
    pub tls: SocketAddr,
    pub plain: SocketAddr,
    /// The root that its certificate leads to, DER.
    pub root: PathBuf,
    pub management: SocketAddr,
    pub ready_after: Duration,
}

impl Server {
    pub async fn start(data: &Path) -> Self {
        Self::start_with(data, &[]).await
    }

    /// The same, with further settings.
    #[allow(clippy::disallowed_methods, reason = "a bench measures")]
    pub async fn start_with(data: &Path, more: &[&str]) -> Self {
        let started = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_signet"))
            .args(["--http", "127.0.0.1:0", "--management", "127.0.0.1:0", "--set", "log.filter=warn"])
            .args(["--set", "server.tls=127.0.0.1:0", "--set", "server.plain=127.0.0.1:0"])
            .args(["--set", "limits.registration.size=4000000000", "--set", "limits.registration.per=1us"])
            .args(["--set", "limits.check_totp.size=4000000000", "--set", "limits.check_totp.per=1us"])
            .args(["--set", "limits.address.size=4000000000", "--set", "limits.address.per=1us", "--data"])
            .arg(data)
            .args(more.iter().flat_map(|setting| ["--set", setting]))
            .stdout(Stdio::piped())
            .spawn()
            .expect("signet starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        let mut address = |label: &str| {
            let line = lines.find(|line| line.trim().starts_with(label)).expect("signet says where it listens");
            let url = line.split("://").nth(1).expect("a URL").split_whitespace().next().expect("an address");
            url.parse().expect("an address")
        };
        let (http, tls) = (address("clients"), address("sockets"));
        let (plain, management) = (address("sockets"), address("management"));
        let root = data.join("tls/root.der");
        let mut server = Self { child, http, tls, plain, root, management, ready_after: Duration::ZERO };
        while Connection::open(management).await.call("GET", "/readyz", "", "").await.0 != 200 {}
        server.ready_after = started.elapsed();
        server
    }

    /// Resident memory in MB.
    pub fn resident(&self) -> f64 {
        resident_of(&self.child.id().to_string())
    }

    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds(&self.child.id().to_string())
    }
}

/// Resident memory of a process in MB.
pub fn resident_of(process: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the kernel says");
    let kilobytes: f64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
    kilobytes / 1024.0
}

/// CPU time of a process so far; the kernel counts in hundredths of a second.
pub fn cpu_seconds(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let fields: Vec<&str> = stat[stat.rfind(')').expect("a name") + 2..].split(' ').collect();
    let ticks = |n: usize| fields[n].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
