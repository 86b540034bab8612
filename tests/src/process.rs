//! The real binary as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::Client;

/// The `signet` that was built along with the tests.
pub fn signet() -> Command {
    let mut command = Command::new(binary());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test runs from somewhere");
    let binary = test.ancestors().nth(2).expect("target/<profile>/deps/<test>").join("signet");
    assert!(binary.exists(), "build the workspace first: {} is missing", binary.display());
    binary
}

/// A running `signet serve`, killed when dropped.
pub struct Serving {
    pub child: Child,
    pub client: Client,
    pub introduction: Vec<String>,
    /// Kept open: a process whose output nobody reads would be told of a broken pipe.
    pub output: BufReader<ChildStdout>,
}

impl Serving {
    /// Starts it on free ports with its data in `data`, and waits until it says where it listens.
    pub fn start(data: &Path, more: &[&str]) -> Self {
        let mut command = signet();
        command.args(["--http", "127.0.0.1:0", "--management", "127.0.0.1:0", "--data"]).arg(data).args(more);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("signet starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
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
        Self { child, client, introduction, output }
    }

    /// As a power cut would: no chance to clean up.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// Sends SIGTERM and waits for the exit code.
    pub fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(sent.success());
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
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
