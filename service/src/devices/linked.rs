//! Telling whoever waits for a device that it was linked.

use signet_storage::model::LinkTokenId;

use super::response::DeviceInfo;

/// Clones tell the same ones.
#[derive(Clone, Debug, Default)]
pub struct LinkedDevices {}

impl LinkedDevices {
    /// The device that was let in by this token. Never fails: the device is linked, whoever hears of it.
    #[allow(clippy::unused_async, reason = "the mailbox that this is handed to comes with the routes that wait")]
    pub async fn announce(&self, _token: &LinkTokenId, _device: &DeviceInfo) {}
}
