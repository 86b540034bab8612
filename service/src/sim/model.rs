//! The reference: what one number, in all its forms, may be like, and what each action may answer and leave behind. Small, and
//! made of nothing of the registry's: if both are wrong, they are wrong in different ways.
//!
//! A [`State`] is one possible truth. An action on it has [`Branch`]es: what may be told, and the state after that. An action
//! nobody heard the end of may have done any of them, or nothing; `explain.rs` keeps all truths that fit what was told.
//!
//! Contract registration §3.4, §3.5, §4 to §7, §11.

mod account;
mod device;
mod joint;
mod lock;
mod moves;
mod register;
mod rows;
mod session;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};

pub use device::TOKEN_LIVES;
pub use joint::{Joint, Outcome};
pub use rows::{RowHolder, RowSeat, Rows, mark};
pub use session::Session;
pub use sweep::{IDLE_ACCOUNT, IDLE_LINKED, IDLE_PRIMARY};

pub const MINUTE: i64 = 60_000;
pub const DAY: i64 = 1_440 * MINUTE;
/// How long a lock holds after its account was last seen.
pub const LOCK_HOLDS: i64 = 7 * DAY;
/// How long a number remembers an account that was deleted.
pub const REMEMBERED: i64 = 30 * DAY;
pub const RECOVERY_LIVES: i64 = 300 * DAY;
/// Devices of an account, the primary one included.
pub const MOST_DEVICES: usize = 6;
pub const PRIMARY: u8 = 1;
/// How long after a registration an account keeps its number (`accounts.change_number_wait`). Rounds are 1 ms apart.
pub const KEEPS_NUMBER: i64 = 4;
/// How long the registry may take a cached account for the truth, if the cache was away when the account changed
/// (`cache.stale_at_most`).
pub const CACHED: i64 = MINUTE;

/// An account's name: as it was told, or of an account that nobody has been told of, by the registration that made it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    Told(String),
    Untold(u32),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct State {
    pub holder: Option<Holder>,
    /// The account deleted last, and until when the number remembers it.
    pub gone: Option<(Who, i64)>,
    /// Whose recovery password the number has, and until when it counts.
    pub recovery: Option<(u32, i64)>,
    pub lock: LockGuesses,
    pub sessions: BTreeMap<u32, Session>,
    /// Link tokens that were used: of which account, and when they were made. Two of one moment are one and the same.
    pub used_tokens: BTreeSet<(String, i64)>,
    /// Passwords that may still be let in although they are dead, and until when: by account and registration or link.
    pub stale: Vec<(Who, u32, i64)>,
}

/// The account that has the number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    pub who: Who,
    pub devices: BTreeMap<u8, Seat>,
    /// Whose lock it has.
    pub lock: Option<u32>,
    /// Whose recovery password it has.
    pub recovery: Option<u32>,
    /// Its keys for one-time passwords: the events that made them.
    pub totp: BTreeSet<u32>,
    /// When its number registered last.
    pub registered: i64,
    pub can_transfer: bool,
    pub old_form: bool,
}

/// One device of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seat {
    /// The registration or link that its password and keys are of.
    pub by: u32,
    /// The mark of the registration, link or move that gave it its id for the PNI.
    pub pni: u16,
    /// The midnight before it was last seen.
    pub seen: i64,
    pub frozen: bool,
}

/// Whose password is sent: of which account and device, and the registration or link it was made by.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub who: String,
    pub device: u8,
    pub by: u32,
}

/// What is known of guesses at the lock: ten for each form of the number, one more a day; and none for five minutes after a
/// wrong one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockGuesses {
    /// Taken since the bucket was full, and when the last one was; nothing if it is full. For the new and for the old form.
    pub taken: [Option<(i64, i64)>; 2],
    pub paused_until: Option<i64>,
}

/// One thing that somebody asked of the registry.
#[derive(Clone, Debug)]
pub struct Op {
    /// The event's id: what the registration leaves in the registry is recognised by it.
    pub id: u32,
    /// The number that it is about.
    pub number: u32,
    pub act: Act,
}

#[derive(Clone, Debug)]
pub enum Act {
    Begin {
        obsolete: bool,
    },
    /// `sent`: the code that came out of the sender meanwhile.
    Code {
        session: u32,
        sent: Option<u32>,
    },
    Guess {
        session: u32,
        code: u32,
    },
    Register(Registration),
    WhoAmI(Credentials),
    Delete(Credentials),
    /// A key for one-time passwords is made and confirmed.
    Totp(Credentials),
    /// A token is asked for, to link a device with.
    Token(Credentials),
    Link {
        /// The account that the token is of, and when it was made.
        who: String,
        made: i64,
        /// The registration whose identity key signs the device's keys of the ACI.
        keys: u32,
        /// The mark of the registration or move whose identity key signs those of the PNI.
        pni: u16,
    },
    Unlink {
        by: Credentials,
        device: u8,
    },
    Upload {
        by: Credentials,
        /// The event that sent these keys first.
        set: u32,
    },
    Fetch {
        who: String,
    },
    Move(Move),
    Name {
        by: Credentials,
        asks: NameAct,
    },
    /// The registry takes away what nobody used for long.
    Sweep,
    /// Whose username this is, asked by a stranger.
    LookUp {
        name: u8,
    },
}

/// What an account asks about a username.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameAct {
    Reserve {
        name: u8,
    },
    Confirm {
        name: u8,
        with_link: bool,
    },
    /// It wants none any more.
    Clear,
    Link {
        keep: bool,
    },
}

/// An account is to get another number.
#[derive(Clone, Debug)]
pub struct Move {
    pub by: Credentials,
    pub to: u32,
    pub old_form: bool,
    /// Of the new number; not by ACI.
    pub proof: Proof,
    /// Whose lock is sent, should somebody have the number.
    pub lock: Option<u32>,
    /// The devices for which there are keys.
    pub devices: BTreeSet<u8>,
}

#[derive(Clone, Debug)]
pub struct Registration {
    pub proof: Proof,
    pub old_form: bool,
    /// Whose lock is sent; it is to be the new account's.
    pub lock: Option<u32>,
    /// Whose recovery password is left.
    pub leaves: Option<u32>,
    pub skips_transfer: bool,
    pub can_transfer: bool,
    /// A one-time password is sent, and it is of this key or of none.
    pub totp: Option<Option<u32>>,
}

#[derive(Clone, Debug)]
pub enum Proof {
    Session(u32),
    /// Whose recovery password.
    Recovery(u32),
    Aci {
        who: String,
        recovery: u32,
    },
}

/// What somebody was told, as far as the model cares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub status: u16,
    /// Of a guess.
    pub verified: Option<bool>,
    /// The account, where the answer names it.
    pub who: Option<String>,
    /// The device that was linked.
    pub device: Option<u8>,
}

/// One thing that may come of an action.
pub struct Branch {
    /// `None`: only if nobody was told anything.
    pub told: Option<Answer>,
    pub after: State,
}

pub struct Answer {
    pub status: u16,
    pub verified: Option<bool>,
    /// The account that the answer has to name.
    pub who: Option<Who>,
    pub device: Option<u8>,
}

/// What holds for a whole round.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    pub now: i64,
    /// Several actions on one number at once: one may have to come back because of another.
    pub crowded: bool,
    pub cache_away: bool,
    /// The store fails now and then, or clients hang up.
    pub faulty: bool,
}

impl NameAct {
    /// What may be answered. Which of them it has to be is watched by `names.rs`.
    const fn statuses(self) -> &'static [u16] {
        match self {
            Self::Reserve { .. } | Self::Link { .. } => &[200, 409],
            Self::Confirm { .. } => &[200, 409, 410],
            Self::Clear => &[204],
        }
    }
}

impl State {
    /// Everything that may come of it.
    pub fn after(&self, op: &Op, round: Round) -> Vec<Branch> {
        match &op.act {
            Act::Begin { obsolete: true } => vec![self.stays(499)],
            Act::Begin { obsolete: false } => self.begin(op.id, round.now),
            Act::Code { session, sent } => self.code(*session, *sent, round.now),
            Act::Guess { session, code } => self.guess(*session, *code, round),
            Act::Register(registration) => self.register(op.id, registration, round),
            Act::WhoAmI(by) => self.whoami(by, round.now),
            Act::Delete(by) => self.delete(by, round),
            Act::Totp(by) => self.totp(op.id, by, round),
            Act::Token(by) => self.token(by, round.now),
            Act::Link { who, made, keys, pni } => self.link(op.id, who, *made, (*keys, *pni), round),
            Act::Unlink { by, device } => self.unlink(by, *device, round),
            Act::Upload { by, .. } => self.upload(by, round),
            Act::Fetch { who } => self.fetch(who),
            Act::Name { by, asks } => self.let_in(by, round.now, |inside| {
                asks.statuses().iter().map(|status| self.answers(*status, inside.clone())).collect()
            }),
            Act::Sweep => self.sweep(round),
            Act::LookUp { .. } => vec![self.stays(200), self.stays(404)],
            Act::Move(_) => unreachable!("a move is judged by two numbers"),
        }
    }

    fn stays(&self, status: u16) -> Branch {
        self.answers(status, self.clone())
    }

    fn answers(&self, status: u16, after: Self) -> Branch {
        Branch { told: Some(Answer { status, verified: None, who: None, device: None }), after }
    }

    fn untold(after: Self) -> Branch {
        Branch { told: None, after }
    }

    /// Forgets what no longer matters, so that truths which differ in nothing else become one.
    pub fn tidy(&mut self, now: i64) {
        self.sessions.retain(|_, session| !session.surely_gone(now));
        self.used_tokens.retain(|(_, made)| now <= made + TOKEN_LIVES);
        self.stale.retain(|(_, _, until)| now < *until);
        self.gone = self.gone.take().filter(|(_, until)| now < *until);
        self.recovery = self.recovery.filter(|(_, until)| now < *until);
        self.lock.paused_until = self.lock.paused_until.filter(|until| now < *until);
        self.lock.taken = self.lock.taken.map(|taken| taken.filter(|(taken, last)| now < last + taken * DAY));
    }

    /// The account untold of so far turns out to be this one.
    pub fn name(&mut self, untold: u32, name: &str) {
        let unknown = Who::Untold(untold);
        let holder = self.holder.as_mut().map(|holder| &mut holder.who);
        let stale = self.stale.iter_mut().map(|(who, _, _)| who);
        for who in holder.into_iter().chain(self.gone.as_mut().map(|(who, _)| who)).chain(stale) {
            if *who == unknown {
                *who = Who::Told(name.to_owned());
            }
        }
    }
}
