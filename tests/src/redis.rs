//! A real Redis for tests: a process of its own, on a free loopback port, that keeps nothing on disk.
//!
//! Wants `redis-server` in the PATH. The process ends with the value; a test that is killed leaves it running.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

const READY_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub struct RedisServer {
    port: u16,
    dir: TempDir,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// If there is no `redis-server`, or it does not get ready.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory for Redis");
        // Between finding a free port and Redis taking it somebody else may: then another one is found.
        for _ in 0..5 {
            let port = free_port();
            if let Some(process) = spawn(port, &dir, &[]) {
                return Self { port, dir, process: Some(process) };
            }
        }
        panic!("redis-server does not start");
    }

    /// One that is to be in a cluster, and the port where it speaks to the others.
    fn start_for_cluster() -> (u16, Self) {
        let dir = tempfile::tempdir().expect("a directory for Redis");
        for _ in 0..5 {
            let (port, bus) = (free_port(), free_port());
            let more = ["--cluster-enabled", "yes", "--cluster-port", &bus.to_string()];
            if let Some(process) = spawn(port, &dir, &more) {
                return (bus, Self { port, dir, process: Some(process) });
            }
        }
        panic!("redis-server does not start as part of a cluster");
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills the server; connections to it break and new ones are refused.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts an empty server on the same port, after [`Self::stop`].
    ///
    /// # Panics
    /// If it does not get ready, or was not stopped.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "Redis is still running");
        self.process = Some(spawn(self.port, &self.dir, &[]).expect("Redis takes the port it had"));
    }

    /// Sends one command, given as words, and returns the first line of the answer, or the text that it announces.
    ///
    /// # Panics
    /// If there is no answer.
    pub fn ask(&self, words: &[&str]) -> String {
        ask(self.port, words).expect("Redis answers")
    }
}

/// Three servers that share the keys among them.
pub struct RedisCluster {
    pub nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts the servers, makes them a cluster, and waits until all of them know it.
    ///
    /// # Panics
    /// If they do not agree.
    pub fn start() -> Self {
        let (buses, nodes): (Vec<_>, Vec<_>) = (0..3).map(|_| RedisServer::start_for_cluster()).unzip();
        for (node, slots) in nodes.iter().zip([["0", "5460"], ["5461", "10922"], ["10923", "16383"]]) {
            node.ask(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]);
        }
        for (node, bus) in nodes.iter().zip(&buses).skip(1) {
            nodes[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &node.port.to_string(), &bus.to_string()]);
        }
        let agree = |node: &RedisServer| {
            let info = node.ask(&["CLUSTER", "INFO"]);
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        };
        for _ in 0..READY_WITHIN.as_millis() / LOOK_EVERY.as_millis() {
            if nodes.iter().all(agree) {
                return Self { nodes };
            }
            std::thread::sleep(LOOK_EVERY);
        }
        panic!("the servers do not become a cluster");
    }

    /// By way of its first node.
    pub fn url(&self) -> String {
        format!("redis-cluster://127.0.0.1:{}", self.nodes[0].port)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// A server that answers, or `None` if it ended, as it does when the port is taken.
fn spawn(port: u16, dir: &TempDir, more: &[&str]) -> Option<Child> {
    let mut process = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no", "--dir"])
        .arg(dir.path())
        .args(more)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("these tests need redis-server in the PATH");
    let id = format!("process_id:{}\r\n", process.id());
    for _ in 0..READY_WITHIN.as_millis() / LOOK_EVERY.as_millis() {
        if process.try_wait().ok()?.is_some() {
            return None;
        }
        // Another Redis on this port would answer a PING just as well.
        if ask(port, &["INFO", "server"]).is_ok_and(|info| info.contains(&id)) {
            return Some(process);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let _ = process.kill();
    let _ = process.wait();
    None
}

fn ask(port: u16, words: &[&str]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(command.as_bytes())?;

    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let Some(length) = line.strip_prefix('$').and_then(|length| length.trim_end().parse::<usize>().ok()) else {
        return Ok(line.trim_end().trim_start_matches(['+', ':']).to_owned());
    };
    let mut text = vec![0; length];
    reader.read_exact(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
