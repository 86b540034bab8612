//! The real binary as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use signet_config::Config;
use signet_storage::{Sessions, StartError, Storage, World};

use crate::canary::record;
use crate::registrant::verified_session;
use crate::{Audit, Client, engine};

/// The `signet` that was built along with the tests, under a name that tells it from the one people run.
pub fn signet() -> Command {
    let mut command = Command::new(binary());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test runs from somewhere");
    let binary = test.ancestors().nth(2).expect("target/<profile>/deps/<test>").join("signet-under-test");
    assert!(binary.exists(), "{} is built along with the tests, but missing", binary.display());
    binary
}

/// The store in a data directory, opened by this process instead of a registry.
pub async fn open(data: &Path) -> Result<Storage, StartError> {
    let mut config = Config::for_testing();
    config.storage.path = data.to_owned();
    Storage::open(&config, World::real()).await
}

/// Proves numbers in bulk, in a data directory that no registry has open. Returns the ids of the verified sessions.
pub async fn prove(data: &Path, numbers: &[String]) -> Vec<String> {
    let storage = open(data).await.expect("nobody else has the directory");
    let (store, now) = (Sessions::new(&storage), storage.clock.now());
    let sessions: Vec<_> = numbers.iter().map(|number| verified_session(number, now)).collect();
    let stored = futures::future::join_all(sessions.iter().map(|session| store.create(session))).await;
    assert!(stored.iter().all(Result::is_ok), "sessions are stored");
    drop((store, storage));
    engine::until_free(data).await;
    sessions.iter().map(|session| session.id().encoded()).collect()
}

/// Looks at everything in a data directory that no registry has open.
pub async fn audit(data: &Path) -> Audit {
    let storage = open(data).await.expect("nobody else has the directory");
    let audit = Audit::of(&storage).await;
    drop(storage);
    engine::until_free(data).await;
    audit
}

/// A process that is not yet a [`Serving`]. A test that fails before it is must not leave it behind.
struct Started(Option<Child>);

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A running `signet serve`, killed when dropped.
pub struct Serving {
    pub child: Child,
    pub client: Client,
    /// Where it serves sockets over TLS, and without.
    pub tls: Option<SocketAddr>,
    pub plain: Option<SocketAddr>,
    pub introduction: Vec<String>,
    /// Kept open: a process whose output nobody reads would be told of a broken pipe.
    pub output: BufReader<ChildStdout>,
    data: PathBuf,
}

impl Serving {
    /// Starts it on free ports with its data in `data`, and waits until it says where it listens.
    pub fn start(data: &Path, more: &[&str]) -> Self {
        // Who brings a file has something to say of the log there, too.
        match record::log_of_process().filter(|_| !more.contains(&"--config")) {
            Some(log) => Self::start_logging_to(log, data, &[more, &["--set", "log.filter=trace"]].concat()),
            None => Self::start_logging_to(Stdio::inherit(), data, more),
        }
    }

    /// The same, with its log somewhere else.
    pub fn start_logging_to(log: impl Into<Stdio>, data: &Path, more: &[&str]) -> Self {
        let mut command = signet();
        command.args(["--http", "127.0.0.1:0", "--management", "127.0.0.1:0", "--data"]).arg(data).args(more);
        // Who brings a file says there where TLS is served, if at all.
        if !more.contains(&"--config") {
            command.args(["--set", "server.tls=127.0.0.1:0"]);
        }
        let child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("signet starts");
        let mut started = Started(Some(child));
        let output = started.0.as_mut().and_then(|child| child.stdout.take());
        let mut output = BufReader::new(output.expect("a pipe"));
        let mut introduction = Vec::new();
        while !introduction.last().is_some_and(|line: &String| line.contains(" demo --url ")) {
            let mut line = String::new();
            let read = output.read_line(&mut line).expect("output");
            assert!(read > 0, "signet ended early; it said {introduction:?}");
            introduction.push(line.trim_end().to_owned());
        }
        let address = |label: &str| {
            let line = introduction.iter().find(|line| line.contains(label)).expect("an address is said");
            let url = line.split("http://").nth(1).expect("a URL").split_whitespace().next().expect("an address");
            url.parse().expect("an address")
        };
        let client = Client::new(address("clients"), address("management"));
        let sockets = |scheme: &str| {
            let line =
                introduction.iter().find_map(|line| line.trim().strip_prefix("sockets")?.trim().strip_prefix(scheme));
            line.map(|line| line.split_whitespace().next().and_then(|text| text.parse().ok()).expect("an address"))
        };
        let (tls, plain) = (sockets("https://"), sockets("http://"));
        Self {
            child: started.0.take().expect("nobody took it"),
            client,
            tls,
            plain,
            introduction,
            output,
            data: data.to_owned(),
        }
    }

    /// As a power cut would: no chance to clean up.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// Sends SIGTERM and waits for the exit code.
    pub fn terminate(self) -> Option<i32> {
        self.signal("TERM");
        self.wait()
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits until it has ended by itself; returns its exit code.
    pub fn wait(mut self) -> Option<i32> {
        for _ in 0..600 {
            if let Some(status) = self.child.try_wait().expect("a status") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("signet did not stop within 30 s");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        record::keep_file(record::AUDIT, &self.data.join("audit.log"));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
