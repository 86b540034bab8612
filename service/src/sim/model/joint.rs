//! Several numbers at once: what is about one of them only is judged by its [`State`], what is about two is in
//! [`moves`](super::moves).

use std::collections::BTreeMap;

use super::{Act, Answer, Move, Op, Proof, Round, State};

/// One possible truth of some numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Joint(pub BTreeMap<u32, State>);

/// One thing that may come of an action.
pub struct Outcome {
    /// `None`: only if nobody was told anything.
    pub told: Option<Answer>,
    pub after: Joint,
}

impl Joint {
    /// Everything that may come of it.
    pub fn after(&self, op: &Op, round: Round) -> Vec<Outcome> {
        if let Act::Move(wish) = &op.act {
            return self.move_account(op, wish, round);
        }
        let number = self.judge_of(op);
        let Some(state) = self.0.get(&number) else { return Vec::new() };
        let with = |after| {
            let mut joint = self.clone();
            joint.0.insert(number, after);
            joint
        };
        state
            .after(op, round)
            .into_iter()
            .map(|branch| Outcome { told: branch.told, after: with(branch.after) })
            .collect()
    }

    /// The number that an action is judged by: that of the account it names, wherever that is now.
    fn judge_of(&self, op: &Op) -> u32 {
        op.act.who().and_then(|who| self.home(who)).unwrap_or(op.number)
    }

    /// The number that this account has.
    pub(super) fn home(&self, who: &str) -> Option<u32> {
        let has = |state: &State| state.holder.as_ref().is_some_and(|holder| holder.is(who));
        self.0.iter().find(|(_, state)| has(state)).map(|(number, _)| *number)
    }

    /// What is left if nobody uses the sessions of this number any more that it has now.
    pub fn without_sessions(mut self, number: u32) -> Self {
        if let Some(state) = self.0.get_mut(&number) {
            state.sessions.clear();
        }
        self
    }

    pub fn tidy(&mut self, now: i64) {
        self.0.values_mut().for_each(|state| state.tidy(now));
    }

    /// The account untold of so far turns out to be this one.
    pub fn name(&mut self, untold: u32, name: &str) {
        self.0.values_mut().for_each(|state| state.name(untold, name));
    }
}

impl State {
    /// What is left if nobody uses the sessions any more that it has now.
    pub fn without_sessions(self) -> Self {
        Self { sessions: BTreeMap::new(), ..self }
    }
}

impl Op {
    /// The number whose account may be gone, or have other devices, by this.
    pub const fn upsets(&self) -> Option<u32> {
        match &self.act {
            Act::Register(_) => Some(self.number),
            Act::Move(wish) => Some(wish.to),
            _ => None,
        }
    }
}

impl Act {
    /// A second number that it is about.
    pub const fn other_number(&self) -> Option<u32> {
        match self {
            Self::Move(wish) => Some(wish.to),
            _ => None,
        }
    }

    /// The account it is about, if it names one.
    fn who(&self) -> Option<&str> {
        Some(match self {
            Self::WhoAmI(by)
            | Self::Totp(by)
            | Self::Delete(by)
            | Self::Token(by)
            | Self::Unlink { by, .. }
            | Self::Upload { by, .. }
            | Self::Move(Move { by, .. })
            | Self::Name { by, .. } => &by.who,
            Self::Link { who, .. } | Self::Fetch { who } => who,
            Self::Register(wish) => match &wish.proof {
                Proof::Aci { who, .. } => who,
                Proof::Session(_) | Proof::Recovery(_) => return None,
            },
            Self::Begin { .. } | Self::Code { .. } | Self::Guess { .. } | Self::LookUp { .. } | Self::Sweep => {
                return None;
            }
        })
    }
}
