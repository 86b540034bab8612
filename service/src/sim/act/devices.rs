//! Steps about further devices and their keys.

use serde_json::Value;

use super::Actor;
use crate::call::Method;
use crate::sim::history::{Action, As};
use crate::sim::model::{Act, Credentials, PRIMARY};
use crate::sim::people::Owned;
use crate::sim::town::Reply;
use crate::sim::{ledger, people};

/// Every account's: sixteen times seven.
const ACCESS_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBw==";

impl Actor<'_> {
    /// The password that is meant, if the person has it.
    pub(super) fn credentials(&self, which: As) -> Option<Credentials> {
        let accounts = &self.memory.accounts;
        let primary = |owned: &Owned| Credentials { who: owned.who.clone(), device: PRIMARY, by: owned.by };
        match which {
            As::Primary => accounts.last().map(primary),
            As::Old => accounts.iter().nth_back(1).map(primary),
            As::Linked => {
                let linked = self.memory.linked.last()?;
                Some(Credentials { who: linked.who.clone(), device: linked.device, by: linked.by })
            }
        }
    }

    /// What the step comes to for this person now.
    pub(super) fn intent_about_devices(&self) -> Option<Act> {
        Some(match self.step.action {
            Action::Token => Act::Token(self.credentials(As::Primary)?),
            Action::Link => {
                let token = self.memory.token.as_ref()?;
                let Owned { by: keys, pni, .. } = *self.memory.accounts.last()?;
                Act::Link { who: token.who.clone(), made: token.made, keys, pni }
            }
            Action::Unlink { by_itself } => {
                let device = self.memory.linked.last()?.device;
                Act::Unlink { by: self.credentials(if by_itself { As::Linked } else { As::Primary })?, device }
            }
            Action::Upload { by, again } => {
                let set = self.memory.uploaded.filter(|_| again).unwrap_or(self.id);
                Act::Upload { by: self.credentials(by)?, set }
            }
            Action::Fetch => Act::Fetch { who: self.memory.accounts.last()?.who.clone() },
            _ => return None,
        })
    }

    pub(super) async fn ask_about_devices(&self, act: &Act) -> Option<Reply> {
        Some(match act {
            Act::Token(by) => self.as_device(by, Method::Get, "/v1/devices/provisioning/code", None).await,
            Act::Link { keys, pni, .. } => {
                let body = people::link(self.id, &self.memory.token.as_ref()?.text, *keys, *pni);
                let authorization = people::basic("anybody", &people::password(self.id));
                self.town.call(Method::Put, "/v1/devices/link", Some(&authorization), Some(body)).await
            }
            Act::Unlink { by, device } => {
                self.as_device(by, Method::Delete, &format!("/v1/devices/{device}"), None).await
            }
            Act::Upload { by, set } => {
                let body = ledger::upload(*set, self.signer(by));
                self.as_device(by, Method::Put, "/v2/keys", Some(body)).await
            }
            Act::Fetch { who } => {
                let headers = [("unidentified-access-key", ACCESS_KEY)];
                self.town.call_with(Method::Get, &format!("/v2/keys/{who}/*"), &headers, None).await
            }
            _ => return None,
        })
    }

    /// The registration whose identity a device signs with.
    fn signer(&self, by: &Credentials) -> u32 {
        let linked = self.memory.linked.iter().find(|linked| linked.by == by.by && by.device != PRIMARY);
        linked.map_or(by.by, |linked| linked.keys)
    }

    pub(super) async fn as_device(&self, by: &Credentials, method: Method, path: &str, body: Option<Value>) -> Reply {
        let authorization = people::basic(&format!("{}.{}", by.who, by.device), &people::password(by.by));
        self.town.call(method, path, Some(&authorization), body).await
    }
}
