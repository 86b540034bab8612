//! What came of all requests.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Enough of them to see what is wrong.
const SHOWN: usize = 10;

#[derive(Default)]
pub struct Toll {
    pub answers: Counter,
    pub sockets: Counter,
    /// Sockets that were told that the node goes.
    pub farewelled: Counter,
    /// Requests that had no answer then, and were sent again elsewhere.
    pub repeats: Counter,
    pub accounts: Counter,
    /// For something that never happens.
    pub waits: Counter,
    failures: Mutex<Vec<String>>,
}

#[derive(Default)]
pub struct Counter(AtomicUsize);

impl Counter {
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Toll {
    pub fn failed(&self, what: String) {
        self.failures.lock().unwrap().push(what);
    }

    pub fn farewells(&self) -> usize {
        self.farewelled.get()
    }

    pub fn registered(&self) -> usize {
        self.accounts.get()
    }

    /// Until so many more answers have come.
    pub async fn goes_on(&self, answers: usize) {
        let before = self.answers.get();
        for _ in 0..6_000 {
            if self.answers.get() >= before + answers {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody is answered any more: {self}");
    }

    pub fn expect_no_failures(&self) {
        let failures = self.failures.lock().unwrap();
        assert!(failures.is_empty(), "{:#?}", failures.iter().take(SHOWN).collect::<Vec<_>>());
    }
}

impl fmt::Display for Toll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests answered, {} accounts; {} sockets opened, {} sent away, {} requests repeated; {} waits; {} failures",
            self.answers.get(),
            self.accounts.get(),
            self.sockets.get(),
            self.farewelled.get(),
            self.repeats.get(),
            self.waits.get(),
            self.failures.lock().unwrap().len()
        )
    }
}
