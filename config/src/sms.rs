//! Section `sms`: how many messages and calls with codes may go out, and where to (the budget against pumping).
//!
//! The figures are explained in `service/docs/sms-budget.md`. In development they are out of reach. In production they are
//! narrow, and two have no default at all: which countries the operator serves and what a day may cost are not for us to
//! guess, and a wrong guess is either a bill or a service that does not send.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};

use crate::Profile;
use crate::error::Problems;
use crate::limits::OnFailure;
use crate::values;

/// What may stand for a country: the regions of libphonenumber. `001` are the codes without a country, such as +881.
pub const REGIONS: &str = "\
    001 AC AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BW BY BZ \
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO \
    FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO \
    JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ \
    MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT PW PY QA RE \
    RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TG TH TJ TK TL TM TN TO TR \
    TT TV TW TZ UA UG US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sms {
    pub countries: Countries,
    /// Units that may be spent on one day (UTC); a message costs its country's price. None: no end.
    pub daily_cap: Option<u64>,
    /// Units by region; 1 where nothing is said.
    pub prices: BTreeMap<String, u64>,
    /// What happens when the budget cannot be asked, for want of its store.
    pub on_failure: OnFailure,
    /// Countries in a day to which an address may ask for codes without ever proving a number there.
    pub countries_per_address: u64,
    /// Unverified messages of an address in a day, and in an hour, that are always allowed.
    pub address_daily: u64,
    pub address_hourly: u64,
    /// The same for a country.
    pub country_daily: u64,
    pub country_hourly: u64,
    /// Unverified messages of an address in a day, in per cent of its numbers proved in that day.
    pub address_percent: u64,
    /// Those in an hour, in per cent of its numbers proved in a busy hour.
    pub address_hourly_percent: u64,
    /// Unverified messages to a country, in per cent of the numbers proved there.
    pub country_percent: u64,
    /// A day's traffic is taken to come in so many hours.
    pub busy_hours: u64,
}

/// Where messages may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Countries {
    All,
    /// Words of [`REGIONS`].
    Only(BTreeSet<String>),
}

/// What an operator says; the rest is as the profile has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub(crate) struct SmsOverride {
    #[serde(deserialize_with = "countries")]
    countries: Option<Countries>,
    #[serde(deserialize_with = "whole")]
    daily_cap: Option<u64>,
    prices: BTreeMap<String, Price>,
    on_failure: Option<OnFailure>,
    #[serde(deserialize_with = "whole")]
    countries_per_address: Option<u64>,
    #[serde(deserialize_with = "whole")]
    address_daily: Option<u64>,
    #[serde(deserialize_with = "whole")]
    address_hourly: Option<u64>,
    #[serde(deserialize_with = "whole")]
    country_daily: Option<u64>,
    #[serde(deserialize_with = "whole")]
    country_hourly: Option<u64>,
    #[serde(deserialize_with = "whole")]
    address_percent: Option<u64>,
    #[serde(deserialize_with = "whole")]
    address_hourly_percent: Option<u64>,
    #[serde(deserialize_with = "whole")]
    country_percent: Option<u64>,
    #[serde(deserialize_with = "whole")]
    busy_hours: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
struct Price(#[serde(deserialize_with = "values::whole")] u64);

impl Countries {
    pub fn contain(&self, region: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(regions) => regions.contains(region),
        }
    }
}

impl Sms {
    /// The defaults of a profile. Those of production are not complete: see the head of this file.
    pub fn of(profile: Profile) -> Self {
        match profile {
            Profile::Development => Self {
                countries: Countries::All,
                on_failure: OnFailure::Allow,
                countries_per_address: 1_000_000,
                address_daily: 1_000_000,
                address_hourly: 1_000_000,
                country_daily: 1_000_000,
                country_hourly: 1_000_000,
                ..Self::of(Profile::Production)
            },
            Profile::Production => Self {
                countries: Countries::Only(BTreeSet::new()),
                daily_cap: None,
                prices: BTreeMap::new(),
                on_failure: OnFailure::Refuse,
                countries_per_address: 3,
                address_daily: 10,
                address_hourly: 5,
                country_daily: 20,
                country_hourly: 3,
                address_percent: 30,
                address_hourly_percent: 20,
                country_percent: 30,
                busy_hours: 6,
            },
        }
    }

    /// The defaults of development.
    pub fn for_testing() -> Self {
        Self::of(Profile::Development)
    }

    /// What a message to this region costs.
    pub fn price(&self, region: &str) -> u64 {
        self.prices.get(region).copied().unwrap_or(1)
    }

    pub(crate) fn overridden(self, by: SmsOverride) -> Self {
        Self {
            countries: by.countries.unwrap_or(self.countries),
            daily_cap: by.daily_cap.or(self.daily_cap),
            prices: by.prices.into_iter().map(|(region, Price(price))| (region, price)).collect(),
            on_failure: by.on_failure.unwrap_or(self.on_failure),
            countries_per_address: by.countries_per_address.unwrap_or(self.countries_per_address),
            address_daily: by.address_daily.unwrap_or(self.address_daily),
            address_hourly: by.address_hourly.unwrap_or(self.address_hourly),
            country_daily: by.country_daily.unwrap_or(self.country_daily),
            country_hourly: by.country_hourly.unwrap_or(self.country_hourly),
            address_percent: by.address_percent.unwrap_or(self.address_percent),
            address_hourly_percent: by.address_hourly_percent.unwrap_or(self.address_hourly_percent),
            country_percent: by.country_percent.unwrap_or(self.country_percent),
            busy_hours: by.busy_hours.unwrap_or(self.busy_hours),
        }
    }

    /// The whole numbers that need no more than a key and a value, for the configuration in force.
    pub(crate) const fn figures(&self) -> [(&'static str, u64); 9] {
        [
            ("countries_per_address", self.countries_per_address),
            ("address_daily", self.address_daily),
            ("address_hourly", self.address_hourly),
            ("country_daily", self.country_daily),
            ("country_hourly", self.country_hourly),
            ("address_percent", self.address_percent),
            ("address_hourly_percent", self.address_hourly_percent),
            ("country_percent", self.country_percent),
            ("busy_hours", self.busy_hours),
        ]
    }

    pub(crate) fn validate(&self, profile: Profile, problems: &mut Problems) {
        let unknown = |region: &&String| !REGIONS.split(' ').any(|known| known == *region);
        match &self.countries {
            Countries::Only(regions) if regions.is_empty() => {
                let reason = "required in production; list the countries that you serve, such as [\"US\", \"DE\"]";
                problems.add("sms.countries", reason);
            }
            Countries::Only(regions) if regions.iter().any(|region| unknown(&region)) => {
                let reason = "expected \"all\" or regions of ISO 3166 in capitals, such as [\"US\", \"GB\"]";
                problems.add("sms.countries", reason);
            }
            Countries::Only(_) | Countries::All => {}
        }
        for (region, price) in &self.prices {
            if unknown(&region) || *price == 0 {
                let reason = "expected a region of ISO 3166 in capitals with a price of at least 1";
                problems.add(format!("sms.prices.{region}"), reason);
            }
        }
        match self.daily_cap {
            Some(0) => problems.add("sms.daily_cap", "must be at least 1"),
            None if profile == Profile::Production => {
                problems.add("sms.daily_cap", "required in production; set what may be spent on one day, in messages");
            }
            _ => {}
        }
        for (key, figure) in self.figures() {
            let most = match key {
                "address_percent" | "address_hourly_percent" | "country_percent" => 0..=100,
                "busy_hours" => 1..=24,
                _ => 1..=u64::from(u32::MAX),
            };
            if !most.contains(&figure) {
                problems.add(format!("sms.{key}"), format!("must be from {} to {}", most.start(), most.end()));
            }
        }
    }
}

fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    values::whole(deserializer).map(Some)
}

fn countries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Countries>, D::Error> {
    let list = values::list(deserializer)?;
    Ok(Some(if list == ["all"] { Countries::All } else { Countries::Only(list.into_iter().collect()) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn problem(toml: &str) -> String {
        Config::parse(&format!("[sms]\n{toml}")).unwrap_err().to_string()
    }

    #[test]
    fn countries_are_all_or_a_list() {
        let countries = |toml: &str| Config::parse(&format!("[sms]\ncountries = {toml}")).unwrap().sms.countries;
        assert_eq!(countries("\"all\""), Countries::All);
        for list in ["[\"US\", \"DE\"]", "\"US, DE\"", "[\"DE\", \"US\", \"DE\"]"] {
            let only = countries(list);
            assert!(only.contain("US") && only.contain("DE") && !only.contain("CA"), "{list}");
        }
        for wrong in ["[\"UK\"]", "[\"us\"]", "[\"all\", \"US\"]", "[\"\"]", "\"+49\""] {
            let found = problem(&format!("countries = {wrong}"));
            assert!(found.starts_with("sms.countries: expected \"all\" or regions"), "{wrong}: {found}");
        }
        assert!(problem("countries = []").starts_with("sms.countries: required"));
        assert!(problem("countries = 3").starts_with("sms.countries: expected a list"));
    }

    #[test]
    fn figures_have_bounds() {
        for (wrong, error) in [
            ("daily_cap = 0", "sms.daily_cap: must be at least 1"),
            ("prices = { US = 0 }", "sms.prices.US: expected a region"),
            ("prices = { Uk = 1 }", "sms.prices.Uk: expected a region"),
            ("prices = { US = 1.5 }", "sms.prices.US: expected a whole number"),
            ("country_hourly = 0", "sms.country_hourly: must be from 1 to 4294967295"),
            ("country_percent = 101", "sms.country_percent: must be from 0 to 100"),
            ("busy_hours = 0", "sms.busy_hours: must be from 1 to 24"),
            ("country_dayly = 1", "sms.country_dayly: unknown key, expected one of"),
        ] {
            let found = problem(wrong);
            assert!(found.starts_with(error), "{found}");
        }
    }

    #[test]
    fn production_must_say_where_and_how_much_and_is_narrow() {
        let found = Config::parse("profile = \"production\"").unwrap_err().to_string();
        for key in ["sms.countries: required in production", "sms.daily_cap: required in production"] {
            assert!(found.contains(key), "{found}");
        }
        let production = Sms::of(Profile::Production);
        assert_eq!(production.figures().map(|(_, figure)| figure), [3, 10, 5, 20, 3, 30, 20, 30, 6]);
        assert_eq!(production.on_failure, OnFailure::Refuse);
        let development = Sms::of(Profile::Development);
        assert_eq!((development.daily_cap, development.on_failure), (None, OnFailure::Allow));
    }
}
