//! Whether the registry has been told to stop. Clones say the same.

use tokio::sync::watch;

#[derive(Clone, Debug)]
pub struct Stopping(watch::Sender<bool>);

impl Default for Stopping {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stopping {
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once it has begun, if ever.
    pub async fn begun(&self) {
        // The sender is ours, so the wait cannot end for want of one.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}
