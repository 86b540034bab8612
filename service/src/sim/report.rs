//! What a simulation exercised: how often each kind of step, and how each ended.

use std::collections::BTreeMap;
use std::fmt;

use super::explain::Seen;
use super::history::{Action, Step, What};
use super::model::NameAct;

#[derive(Clone, Debug, Default)]
pub struct Counts {
    steps: BTreeMap<(&'static str, String), u32>,
    weather: BTreeMap<&'static str, u32>,
    requests: BTreeMap<String, u64>,
    pub audits: u32,
    /// Times that sessions were given up because too much was possible.
    pub given_up: u32,
    /// Rounds that only an action done twice explains.
    pub twice: u32,
    most_truths: usize,
}

impl Counts {
    pub fn step(&mut self, step: &Step, seen: &Seen) {
        let outcome = match (seen, step.hangs_up) {
            (Seen::Told(told), _) => match told.verified {
                Some(verified) => format!("{} {}", told.status, if verified { "right" } else { "wrong" }),
                None => told.status.to_string(),
            },
            (Seen::Lost, Some(_)) => "hung up".to_owned(),
            (Seen::Lost, None) => "503".to_owned(),
        };
        *self.steps.entry((name(&step.action), outcome)).or_default() += 1;
    }

    pub fn weather(&mut self, what: &What) {
        let name = match what {
            What::Wait(_) => "waits",
            What::Faults(_) => "changes of faults",
            What::Cache(_) => "cache gone or back",
            What::Sweep { .. } => "sweeps",
            What::Step(_) => return,
        };
        *self.weather.entry(name).or_default() += 1;
    }

    pub fn requests(&mut self, seen: &[String]) {
        for operation in seen {
            *self.requests.entry(operation.clone()).or_default() += 1;
        }
    }

    pub fn truths(&mut self, truths: usize) {
        self.most_truths = self.most_truths.max(truths);
    }

    pub fn steps(&self) -> u32 {
        self.steps.values().sum()
    }

    pub fn add(&mut self, other: &Self) {
        for (key, count) in &other.steps {
            *self.steps.entry(key.clone()).or_default() += count;
        }
        for (key, count) in &other.weather {
            *self.weather.entry(key).or_default() += count;
        }
        for (key, count) in &other.requests {
            *self.requests.entry(key.clone()).or_default() += count;
        }
        (self.audits, self.given_up) = (self.audits + other.audits, self.given_up + other.given_up);
        self.twice += other.twice;
        self.truths(other.most_truths);
    }
}

const fn name(action: &Action) -> &'static str {
    match action {
        Action::Begin { .. } => "begin a session",
        Action::Code => "ask for a code",
        Action::Guess { .. } => "guess a code",
        Action::Register(_) => "register",
        Action::WhoAmI(_) => "who am I",
        Action::Delete => "delete",
        Action::Totp => "set a TOTP key",
        Action::Token => "ask for a token",
        Action::Link => "link a device",
        Action::Unlink { .. } => "unlink a device",
        Action::Upload { .. } => "upload keys",
        Action::Fetch => "fetch keys",
        Action::Move(_) => "change number",
        Action::Name(NameAct::Reserve { .. }) => "reserve a name",
        Action::Name(NameAct::Confirm { .. }) => "confirm a name",
        Action::Name(NameAct::Clear) => "give a name up",
        Action::Name(NameAct::Link { .. }) => "link to a name",
        Action::LookUp { .. } => "look a name up",
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = "";
        for ((step, outcome), count) in &self.steps {
            let shown = if *step == last { "" } else { step };
            writeln!(f, "  {shown:<16} {outcome:<10} {count:>7}")?;
            last = step;
        }
        for (what, count) in &self.weather {
            writeln!(f, "  {what:<27} {count:>7}")?;
        }
        for (operation, count) in &self.requests {
            writeln!(f, "  {operation:<27} {count:>7}")?;
        }
        writeln!(f, "  {:<27} {:>7}", "audits of all rows", self.audits)?;
        writeln!(f, "  {:<27} {:>7}", "most truths at once", self.most_truths)?;
        writeln!(f, "  {:<27} {:>7}", "rounds with a change twice", self.twice)?;
        writeln!(f, "  {:<27} {:>7}", "sessions given up", self.given_up)
    }
}
