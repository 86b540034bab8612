//! What somebody may ask of the registry, in the model's words.

use std::collections::BTreeSet;

/// Whose password is sent: of which account and device, and the registration or link it was made by.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub who: String,
    pub device: u8,
    pub by: u32,
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

impl NameAct {
    /// What may be answered. Which of them it has to be is watched by `names.rs`.
    pub(super) const fn statuses(self) -> &'static [u16] {
        match self {
            Self::Reserve { .. } | Self::Link { .. } => &[200, 409],
            Self::Confirm { .. } => &[200, 409, 410],
            Self::Clear => &[204],
        }
    }
}
