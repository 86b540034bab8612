//! Section `prekeys`: the one-time keys that devices leave for others (contract: keys and devices, §1).

use serde::Deserialize;

use crate::error::Problems;
use crate::values;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Prekeys {
    /// When so many one-time keys are left of one kind, it is announced that a device should leave more; 0 for never.
    #[serde(deserialize_with = "values::whole")]
    pub low_water: u64,
}

/// As many keys as one upload may hold.
const MOST: u64 = 100;

impl Default for Prekeys {
    fn default() -> Self {
        Self { low_water: 20 }
    }
}

impl Prekeys {
    pub(crate) fn validate(&self, problems: &mut Problems) {
        if self.low_water > MOST {
            problems.add("prekeys.low_water", format!("must be at most {MOST}: no upload holds more"));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    #[test]
    fn the_mark_is_one_that_can_be_reached() {
        let error = Config::parse("prekeys.low_water = 101").unwrap_err().to_string();
        assert_eq!(error, "prekeys.low_water: must be at most 100: no upload holds more (the text)");
        assert_eq!(Config::parse("prekeys.low_water = 100").unwrap().prekeys.low_water, 100);
    }
}
