//! How much happens in one round to numbers that have to be judged together: the search for an order that explains it grows with it.

use super::Action;

/// Actions on one number, or on numbers between which somebody moves, in one round.
const MOST: usize = 7;

/// What somebody is about to do, and about which number.
#[derive(Clone, Copy, Debug)]
pub struct Doing {
    pub number: u32,
    pub action: Action,
}

pub struct Busy {
    /// Which numbers are judged together: those with the same label.
    labels: Vec<usize>,
    actions: Vec<usize>,
    sends: Vec<bool>,
}

impl Busy {
    pub fn nobody(numbers: u32) -> Self {
        let numbers = numbers as usize;
        Self { labels: (0..numbers).collect(), actions: vec![0; numbers], sends: vec![false; numbers] }
    }

    /// Takes these actions into the round, if there is room for them.
    pub fn takes(&mut self, script: &[Doing]) -> bool {
        let mut touched: Vec<usize> = Vec::new();
        for doing in script {
            touched.push(self.labels[doing.number as usize]);
            if let Action::Move(wish) = doing.action {
                touched.push(self.labels[wish.to as usize]);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        let actions = touched.iter().map(|label| self.actions[*label]).sum::<usize>() + script.len();
        // Two codes at once to one number could not be told apart by whoever reads the messages.
        let sends = |doing: &&Doing| doing.action == Action::Code;
        if actions > MOST || script.iter().filter(sends).any(|doing| self.sends[doing.number as usize]) {
            return false;
        }
        let Some(label) = touched.first().copied() else { return true };
        self.labels.iter_mut().filter(|other| touched.contains(other)).for_each(|other| *other = label);
        self.actions[label] = actions;
        script.iter().filter(sends).for_each(|doing| self.sends[doing.number as usize] = true);
        true
    }
}
