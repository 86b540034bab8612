//! Scripts of people whose accounts get another number.

use super::busy::Doing;
use super::{Action, As, Drawing, Lock, Move, Proof};

impl Drawing {
    /// From this number to another, and sometimes back.
    pub(super) fn move_script(&self, from: u32) -> Vec<Vec<Doing>> {
        let to = (from + 1 + self.chance.below(self.numbers - 1)) % self.numbers;
        let here = |action| vec![Doing { number: from, action }];
        let there = |action| vec![Doing { number: to, action }];
        let (begin, right) = (Action::Begin { old_form: false }, Action::Guess { right: true });
        let registered = [begin, Action::Code, right, Action::Register(self.registration(true))].map(here);
        let proved = [begin, Action::Code, right].map(there);
        let proved_again = [begin, Action::Code, right].map(here);
        let go = here(Action::Move(self.moving(to)));
        let back = there(Action::Move(self.moving(from)));
        let again = there(Action::Move(self.moving(to)));
        let whoami = there(Action::WhoAmI(As::Primary));
        let linking = [here(Action::Token), here(Action::Link)];
        match self.chance.below(11) {
            0..2 => [&registered[..], &proved, &[go, whoami]].concat(),
            8..11 => {
                // Over an account of one's own, whose lock one knows.
                let there_too = there(Action::Register(self.registration(true)));
                let over = here(Action::Move(Move { proof: Proof::Session, lock: Lock::Own, ..self.moving(to) }));
                [&registered[..], &proved, &[there_too, over, whoami]].concat()
            }
            2 => [&registered[..], &proved, &[go, whoami], &proved_again, &[back]].concat(),
            3 => [&proved[..], &[go, again, whoami]].concat(),
            4 => [
                &linking[..],
                &proved,
                &[go, there(Action::WhoAmI(As::Linked)), there(Action::Token), there(Action::Link)],
            ]
            .concat(),
            5 => {
                let both = [go, there(Action::Register(self.registration(true)))].concat();
                [&registered[..], &proved, &[both, whoami]].concat()
            }
            6 => {
                let leaves = here(Action::Register(self.registration(true)));
                [&proved[..], &[go], &proved_again, &[leaves, back]].concat()
            }
            _ => [&registered[..], &[here(Action::Move(self.moving(from)))]].concat(),
        }
    }

    fn moving(&self, to: u32) -> Move {
        let proof = match self.chance.below(12) {
            0..2 => Proof::Recovery { right: !self.one_in(3) },
            _ => Proof::Session,
        };
        let lock = match self.chance.below(8) {
            0..3 => Lock::None,
            3..7 => Lock::Own,
            _ => Lock::Wrong,
        };
        let by = if self.one_in(12) { As::Linked } else { As::Primary };
        Move { by, to, old_form: self.one_in(12), proof, lock, forgets_devices: self.one_in(8) }
    }
}
