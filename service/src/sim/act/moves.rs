//! Steps about another number for the account.

use std::collections::BTreeSet;

use serde_json::json;

use super::Actor;
use crate::call::Method;
use crate::sim::history;
use crate::sim::model::{Move, Proof};
use crate::sim::people::{self, STRANGER, owner};
use crate::sim::town::Reply;

impl Actor<'_> {
    pub(super) fn wish_to_move(&self, wish: &history::Move) -> Option<Move> {
        let by = self.credentials(wish.by)?;
        let there = owner(wish.to, self.step.person);
        let proof = match wish.proof {
            history::Proof::Session => Proof::Session(self.there.session.as_ref()?.0),
            history::Proof::Recovery { right } => Proof::Recovery(if right { there } else { STRANGER }),
            history::Proof::Aci { .. } => return None,
        };
        // Sometimes the person forgets the devices that were linked.
        let devices = self.memory.devices(&by.who).take(if wish.forgets_devices { 1 } else { usize::MAX });
        let devices: BTreeSet<u8> = devices.collect();
        let lock = people::lock_of(wish.lock, there);
        Some(Move { by, to: wish.to, old_form: wish.old_form && wish.to == 0, proof, lock, devices })
    }

    pub(super) async fn ask_to_move(&self, wish: &Move) -> Reply {
        let number = people::number(wish.to, wish.old_form);
        let mut body = people::move_to(self.id, &number, wish.devices.iter().copied());
        match &wish.proof {
            Proof::Session(_) => body["sessionId"] = json!(self.there.session.as_ref().map(|(_, name)| name)),
            Proof::Recovery(whose) | Proof::Aci { recovery: whose, .. } => {
                body["recoveryPassword"] = json!(people::recovery_text(*whose));
            }
        }
        body["reglock"] = json!(wish.lock.map(people::lock_text));
        self.as_device(&wish.by, Method::Put, "/v2/accounts/number", Some(body)).await
    }
}
