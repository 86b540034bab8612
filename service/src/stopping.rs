//! Whether the registry has been told to stop, and how long it goes on serving meanwhile. Clones say the same.

use std::time::Duration;

use tokio::sync::watch;

#[derive(Clone, Debug)]
pub struct Stopping(watch::Sender<Option<Duration>>);

impl Default for Stopping {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Stopping {
    /// From now on, for so long, clients are served and sent away.
    pub fn begin(&self, last_call: Duration) {
        self.0.send_replace(Some(last_call));
    }

    pub fn has_begun(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Returns once it has begun, if ever: with the time in which clients are to leave.
    pub async fn begun(&self) -> Duration {
        let mut begun = self.0.subscribe();
        // The sender is ours, so the wait cannot end for want of one.
        let last_call = begun.wait_for(Option::is_some).await.map(|last_call| *last_call);
        last_call.ok().flatten().unwrap_or_default()
    }
}
