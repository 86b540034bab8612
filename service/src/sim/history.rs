//! What happens in a simulation, as plain data: drawn from a seed before anything runs, and never from what came of it. So a
//! history can be played again, and what is left of it when some of its events are dropped still means the same.
//!
//! Not here: how an event is carried out (`play.rs`), and what has to come of it (`model.rs`).

mod busy;
mod moving;
mod naming;
mod scripts;

use std::collections::VecDeque;
use std::time::Duration;

use signet_storage::Chance;

use busy::{Busy, Doing};

use super::model::NameAct;

/// People who fight for each number.
pub const PERSONS: u32 = 3;

/// One event. Steps that follow each other with the same `round` run at the same time.
#[derive(Clone, Debug)]
pub struct Event {
    /// Unique in a history, and kept when others are dropped: seeds, passwords and keys come from it.
    pub id: u32,
    pub round: u32,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Wait(Duration),
    /// Of 100 requests to the store, so many suffer something.
    Faults(u32),
    /// The cache goes away (true) or comes back with what it held.
    Cache(bool),
    /// What has run out and what nobody used for long goes; the sweep is cut off after so many ms.
    Sweep {
        cut: Option<u32>,
    },
    Step(Step),
}

/// One person does one thing about one number.
#[derive(Clone, Debug)]
pub struct Step {
    pub number: u32,
    pub person: u32,
    pub action: Action,
    /// The client hangs up after so many ms.
    pub hangs_up: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A session, for the number in the form its country gave up if it has one and this says so.
    Begin {
        old_form: bool,
    },
    Code,
    Guess {
        right: bool,
    },
    Register(Registration),
    WhoAmI(As),
    Delete,
    Totp,
    /// A token to link a device with.
    Token,
    /// With the token got last.
    Link,
    /// The device linked last, by the primary one or by itself.
    Unlink {
        by_itself: bool,
    },
    /// One-time keys; `again`: those that were sent last.
    Upload {
        by: As,
        again: bool,
    },
    /// The keys of the person's last account, as a stranger who knows the access key asks for them.
    Fetch,
    /// The account gets another number, which the same person proves.
    Move(Move),
    Name(NameAct),
    LookUp {
        name: u8,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    pub by: As,
    pub to: u32,
    pub old_form: bool,
    pub proof: Proof,
    pub lock: Lock,
    pub forgets_devices: bool,
}

/// Which of a person's passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum As {
    /// Of the last registration.
    Primary,
    /// Of the one before.
    Old,
    /// Of the device linked last.
    Linked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    pub proof: Proof,
    pub old_form: bool,
    pub lock: Lock,
    pub leaves_recovery: bool,
    pub skips_transfer: bool,
    pub can_transfer: bool,
    pub totp: Totp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    Session,
    Recovery { right: bool },
    Aci { right: bool },
}

/// The lock that is sent. A right one is the person's own; whether it opens depends on who set the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    None,
    Own,
    Wrong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Totp {
    None,
    Right,
    Wrong,
}

/// How many numbers a history with so many clients is about. The first has two forms.
pub const fn numbers(clients: u32) -> u32 {
    let numbers = clients.div_ceil(PERSONS);
    if numbers < 3 { 3 } else { numbers }
}

/// A history of about `steps` events, up to `clients` steps of which run at the same time.
pub fn draw(seed: u64, steps: u32, clients: u32) -> Vec<Event> {
    let actors = numbers(clients) * PERSONS;
    let mut drawing = Drawing {
        chance: Chance::seeded(seed),
        events: Vec::new(),
        numbers: numbers(clients),
        scripts: vec![VecDeque::new(); actors as usize],
        round: 0,
        cache_away: false,
    };
    while drawing.events.len() < steps as usize {
        drawing.weather();
        drawing.round(clients);
    }
    drawing.events
}

struct Drawing {
    chance: Chance,
    events: Vec<Event>,
    numbers: u32,
    /// What each actor means to do next, and about which number. What stands together in one entry happens in one round.
    scripts: Vec<VecDeque<Vec<Doing>>>,
    round: u32,
    cache_away: bool,
}

impl Drawing {
    fn push(&mut self, what: What) {
        let id = u32::try_from(self.events.len()).expect("histories are shorter than that");
        self.events.push(Event { id, round: self.round, what });
    }

    fn one_in(&self, n: u32) -> bool {
        self.chance.below(n) == 0
    }

    /// What happens between rounds, to nobody in particular.
    fn weather(&mut self) {
        self.round += 1;
        if self.one_in(9) {
            let wait = match self.chance.below(100) {
                0..40 => Duration::from_secs(61),
                40..70 => Duration::from_secs(301),
                70..78 => Duration::from_secs(3_700),
                78..90 => Duration::from_secs(86_400),
                90..97 => Duration::from_secs(8 * 86_400),
                _ => Duration::from_secs(31 * 86_400),
            };
            self.push(What::Wait(wait));
        }
        if self.one_in(if self.round == 1 { 2 } else { 18 }) {
            let percent = [0, 0, 5, 20, 40][self.chance.below(5) as usize];
            self.push(What::Faults(percent));
        }
        if self.one_in(if self.cache_away { 4 } else { 100 }) {
            self.cache_away = !self.cache_away;
            self.push(What::Cache(self.cache_away));
        }
        if self.one_in(60) {
            let cut = self.one_in(3).then(|| self.chance.below(200));
            self.push(What::Sweep { cut });
        }
    }

    fn round(&mut self, clients: u32) {
        // Half of the rounds are one person's alone: what is wrong without any rival shows best there.
        let size = if self.one_in(2) { 1 } else { 1 + self.chance.below(clients) };
        let mut busy = Busy::nobody(self.numbers);
        let mut acted = vec![false; self.scripts.len()];
        for _ in 0..size {
            let actor = self.actor();
            if std::mem::replace(&mut acted[actor as usize], true) {
                continue;
            }
            let script = self.next(actor);
            if !busy.takes(&script) {
                self.scripts[actor as usize].push_front(script);
                continue;
            }
            for Doing { number, action } in script {
                let hangs_up = self.one_in(60).then(|| self.chance.below(30));
                self.push(What::Step(Step { number, person: actor % PERSONS, action, hangs_up }));
            }
        }
    }

    /// Mostly somebody who is in the middle of something: sessions do not live long.
    fn actor(&self) -> u32 {
        let busy: Vec<usize> = (0..self.scripts.len()).filter(|actor| !self.scripts[*actor].is_empty()).collect();
        let draw = |among: usize| self.chance.below(u32::try_from(among).expect("few actors"));
        if busy.is_empty() || self.one_in(4) {
            draw(self.scripts.len())
        } else {
            u32::try_from(busy[draw(busy.len()) as usize]).expect("few actors")
        }
    }

    fn next(&mut self, actor: u32) -> Vec<Doing> {
        let number = actor / PERSONS;
        if self.scripts[actor as usize].is_empty() {
            let script = if self.one_in(6) { self.move_script(number) } else { self.script_at(number) };
            self.scripts[actor as usize].extend(script);
        }
        self.scripts[actor as usize].pop_front().expect("a script is never empty")
    }

    fn script_at(&self, number: u32) -> Vec<Vec<Doing>> {
        let at = |actions: Vec<Action>| actions.into_iter().map(|action| Doing { number, action }).collect();
        let script = if self.one_in(7) { self.name_script() } else { self.script() };
        script.into_iter().map(at).collect()
    }
}
