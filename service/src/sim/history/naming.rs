//! Scripts of people who want usernames; there are few, and everybody wants them.

use super::{Action, Drawing, NameAct};
use crate::sim::usernames::NAMES;

impl Drawing {
    pub(super) fn name_script(&self) -> Vec<Vec<Action>> {
        let draw = || u8::try_from(self.chance.below(NAMES.into())).unwrap_or_default();
        let (name, other) = (draw(), draw());
        let reserve = |name| Action::Name(NameAct::Reserve { name });
        let confirm = |name| Action::Name(NameAct::Confirm { name, with_link: !self.one_in(3) });
        let (clear, look) = (Action::Name(NameAct::Clear), Action::LookUp { name });
        let link = Action::Name(NameAct::Link { keep: self.one_in(2) });
        let again = Action::Register(self.registration(true));
        let (begin, right) = (Action::Begin { old_form: false }, Action::Guess { right: true });
        let alone = |actions: &[Action]| actions.iter().map(|action| vec![*action]).collect::<Vec<_>>();
        let script = match self.chance.below(8) {
            0..2 => alone(&[reserve(name), confirm(name), look, link]),
            2 => alone(&[reserve(name), confirm(name), reserve(other), confirm(other), look]),
            3 => alone(&[reserve(name), confirm(name), begin, Action::Code, right, again, confirm(name), look]),
            4 => vec![vec![reserve(name)], vec![confirm(name), clear, look]],
            5 => vec![vec![reserve(name), reserve(other)], vec![confirm(name), confirm(other)], vec![look]],
            6 => alone(&[clear, look, reserve(name), confirm(name), Action::Delete, look]),
            _ => alone(&[confirm(name), look, clear, reserve(name), confirm(name)]),
        };
        // Who has no account gets one first, mostly.
        let registered = alone(&[begin, Action::Code, right, again]);
        if self.one_in(3) { script } else { [registered, script].concat() }
    }
}
