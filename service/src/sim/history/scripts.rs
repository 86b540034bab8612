//! Scripts of people who register, link devices and leave keys.

use super::{Action, As, Drawing, Lock, Proof, Registration, Totp};

impl Drawing {
    /// A few actions that belong together, so that more comes about than refusals.
    pub(super) fn script(&self) -> Vec<Vec<Action>> {
        let (right, wrong) = (Action::Guess { right: true }, Action::Guess { right: false });
        let begin = Action::Begin { old_form: self.one_in(12) };
        let register = Action::Register(self.registration(true));
        let again = Action::Register(self.registration(false));
        let keeps_totp = Action::Register(Registration { totp: Totp::Right, ..self.registration(true) });
        let by =
            [As::Primary, As::Primary, As::Primary, As::Old, As::Linked, As::Linked][self.chance.below(6) as usize];
        let whoami = Action::WhoAmI(by);
        let upload = Action::Upload { by, again: self.one_in(3) };
        let (token, link, fetch) = (Action::Token, Action::Link, Action::Fetch);
        let unlink = Action::Unlink { by_itself: self.one_in(3) };
        let linked = Action::WhoAmI(As::Linked);
        let alone = |actions: &[Action]| actions.iter().map(|action| vec![*action]).collect::<Vec<_>>();
        let script = match self.chance.below(28) {
            0..4 => alone(&[begin, Action::Code, right, register, whoami]),
            4 => alone(&[begin, Action::Code, right, register, whoami, Action::Delete, again]),
            5 => alone(&[begin, Action::Code, right, register, Action::Totp, token, link, keeps_totp]),
            6 => alone(&[begin, Action::Code, right, register, again, whoami, again]),
            7 => alone(&[begin, Action::Code, Action::Code, right, register]),
            8 => alone(&[begin, Action::Code, wrong, wrong, right, Action::Code, right]),
            9 => vec![vec![begin], vec![Action::Code], vec![wrong; 6], vec![right, wrong, right], vec![register]],
            10 => alone(&[begin, Action::Code, wrong, wrong, wrong, wrong, wrong, wrong, right]),
            11 => vec![vec![begin], vec![Action::Code], vec![right], vec![register, again], vec![whoami]],
            12 => alone(&[register, again]),
            13 => vec![vec![register, again, whoami]],
            14 => alone(&[begin, Action::Code, right, Action::Totp, keeps_totp, whoami]),
            15 => alone(&[token, link, linked, again, linked, fetch]),
            16 => alone(&[Action::Delete, whoami, begin, Action::Code, right, register]),
            17 => vec![vec![Action::Delete, whoami, register]],
            18 => alone(&[
                begin,
                Action::Code,
                right,
                register,
                upload,
                fetch,
                fetch,
                token,
                link,
                linked,
                unlink,
                linked,
            ]),
            19 => vec![vec![token], vec![link; 3], vec![linked], vec![unlink, linked]],
            20 => vec![vec![upload], vec![fetch; 4], vec![fetch, upload, fetch]],
            21 => alone(&[upload, fetch, Action::Upload { by, again: true }, fetch, fetch]),
            22 => vec![vec![token], vec![link], vec![token], vec![link, unlink, link], vec![linked, upload, fetch]],
            23 => {
                // As many devices as there may be, and one more.
                let registered = [vec![begin], vec![Action::Code], vec![right], vec![register]];
                let linked = (0..6).flat_map(|_| [vec![token], vec![link]]);
                registered.into_iter().chain(linked).chain([vec![token]]).collect()
            }
            24 => alone(&[token, link, Action::Upload { by: As::Linked, again: false }, fetch, unlink, fetch, linked]),
            25 => vec![vec![token], vec![link, again], vec![linked], vec![fetch]],
            _ => alone(&[whoami]),
        };
        // Who does something else than to register needs an account, mostly.
        let registers = script[0].contains(&begin) || script[0].contains(&register);
        let registered = alone(&[Action::Begin { old_form: false }, Action::Code, right, register]);
        if registers || self.one_in(2) { script } else { [registered, script].concat() }
    }

    /// `proved`: most likely by the session that was just verified.
    pub(super) fn registration(&self, proved: bool) -> Registration {
        let proof = match self.chance.below(if proved { 30 } else { 10 }) {
            6..9 => Proof::Recovery { right: !self.one_in(5) },
            9 => Proof::Aci { right: !self.one_in(5) },
            _ => Proof::Session,
        };
        let lock = match self.chance.below(10) {
            0..4 => Lock::None,
            4..9 => Lock::Own,
            _ => Lock::Wrong,
        };
        let totp = match self.chance.below(24) {
            0 => Totp::Right,
            1 => Totp::Wrong,
            _ => Totp::None,
        };
        Registration {
            proof,
            old_form: self.one_in(if proved { 20 } else { 4 }),
            lock,
            leaves_recovery: !self.one_in(3),
            skips_transfer: !self.one_in(5),
            can_transfer: self.one_in(4),
            totp,
        }
    }
}
