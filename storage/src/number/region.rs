//! The country a number belongs to, by the numbering plans: +1 is the United States, Canada and twenty-three more.
//!
//! libphonenumber's rule: of the regions that share a code the first whose leading digits fit, or, where it names none, of
//! which the number is a valid one of any kind. What fits nowhere (a fictional `+1 555 …`, an area code younger than the
//! metadata) counts for the main region of the code. Codes without a country, such as +881, are all the region `001`.

use std::collections::HashMap;
use std::sync::LazyLock;

use phonenumber::Metadata;
use phonenumber::metadata::{DATABASE, Descriptor};

use super::E164;
use super::plan::{self, PLANS, Pattern};

/// No number that was parsed is of this region.
const UNKNOWN: &str = "ZZ";

struct Region {
    id: &'static str,
    leading_digits: Option<Pattern>,
    general: Pattern,
    kinds: Vec<Pattern>,
}

/// By country code, the main region first. What a code with one region looks like need not be asked.
static REGIONS: LazyLock<HashMap<u16, Vec<Region>>> = LazyLock::new(|| {
    let regions = |code: &u16| Some((*code, DATABASE.by_code(code)?.into_iter().map(Region::of).collect()));
    PLANS.keys().filter_map(regions).collect()
});

impl E164 {
    /// The region: two letters of ISO 3166 (or what libphonenumber uses in their stead, such as `XK`), `001` for a code that
    /// belongs to no country.
    pub fn region(&self) -> &'static str {
        let digits = self.as_str().trim_start_matches('+');
        // Country codes are prefix-free, so the first hit is the only one.
        let found = (1..=3).find_map(|len| {
            let (code, national) = digits.split_at_checked(len)?;
            Some((REGIONS.get(&code.parse().ok()?)?, national))
        });
        let Some((regions, national)) = found else { return UNKNOWN };
        let region = if regions.len() == 1 { None } else { regions.iter().find(|region| region.has(national)) };
        region.or(regions.first()).map_or(UNKNOWN, |region| region.id)
    }
}

impl Region {
    fn of(region: &'static Metadata) -> Self {
        let pattern = |kind: &Descriptor| Pattern::whole(kind.national_number().as_str());
        let general = pattern(region.descriptors().general());
        Self {
            id: region.id(),
            leading_digits: region.leading_digits().map(|regex| Pattern::start(regex.as_str())),
            general,
            kinds: plan::kinds(region).map(pattern).collect(),
        }
    }

    fn has(&self, national: &str) -> bool {
        match &self.leading_digits {
            Some(leading) => leading.matches(national),
            None => self.general.matches(national) && self.kinds.iter().any(|kind| kind.matches(national)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn countries_that_share_a_code_are_told_apart() {
        for (number, region) in [
            ("+12025550123", "US"),
            ("+14165550123", "CA"),
            ("+18765550123", "JM"),
            ("+12425550123", "BS"),
            ("+17875550123", "PR"),
            ("+15555550123", "US"),
            ("+79161234567", "RU"),
            ("+77011234567", "KZ"),
            ("+393123456789", "IT"),
            ("+390669812345", "VA"),
            ("+447700900111", "GB"),
            ("+447624123456", "IM"),
            ("+4915174108888", "DE"),
            ("+2290190011234", "BJ"),
            ("+38344123456", "XK"),
            ("+262692123456", "RE"),
            ("+262639012345", "YT"),
            ("+881612345678", "001"),
            ("+80011111111", "001"),
        ] {
            assert_eq!(E164::stored(number).region(), region, "{number}");
        }
        for nonsense in ["", "+", "+0", "+999123", "é"] {
            assert_eq!(E164::stored(nonsense).region(), UNKNOWN);
        }
    }

    #[test]
    fn every_pattern_compiles_and_the_configuration_knows_every_region() {
        let mut ids = BTreeSet::new();
        for region in REGIONS.values().flatten() {
            ids.insert(region.id);
            for pattern in region.kinds.iter().chain([&region.general]).chain(&region.leading_digits) {
                assert!(pattern.compiles(), "{}", region.id);
            }
        }
        let known: BTreeSet<&str> = signet_config::REGIONS.split_whitespace().collect();
        assert_eq!(known, ids);
    }
}
