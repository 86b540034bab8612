//! A store that throttles, conflicts, and loses requests and answers. Whatever it does, a client that asks until it is told
//! has one account, and the store tells one story.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests, some of which measure")]

mod panics;
mod registration;
mod storm;
mod verification;

use signet_tests::{Audit, TestRegistry};

/// Everything in the store fits together, and there are this many accounts.
async fn expect_accounts(t: &TestRegistry, accounts: usize) -> Audit {
    let audit = Audit::of(&t.registry.storage).await.expect_clean();
    assert_eq!((audit.accounts.len(), audit.claims, audit.keys), (accounts, 2 * accounts, 2 * accounts));
    audit
}
