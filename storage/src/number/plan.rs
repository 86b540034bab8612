//! Numbering plans: which lengths and prefixes a country's numbers have, read out of the metadata of the `phonenumber` crate,
//! and libphonenumber's documented steps from digits to a national number. Nothing here knows what the registry makes of it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use phonenumber::Metadata;
use phonenumber::metadata::{DATABASE, Descriptor};
use regex_lite::{Regex, RegexBuilder};

use super::NumberError;

/// libphonenumber reads no more text than this.
const MAX_TEXT: usize = 250;
/// Digits of a national number, whatever the country says.
const MIN_NATIONAL: usize = 2;
const MAX_NATIONAL: usize = 17;

/// The verdict on text that is not `+` and digits: it cannot be normalised, but may be a possible number in disguise.
pub(super) fn verdict_on_prose(text: &str) -> NumberError {
    let plus = text.find('+').filter(|&at| !text[..at].bytes().any(|b| b.is_ascii_digit()));
    let Some(plus) = plus.filter(|_| text.len() <= MAX_TEXT) else {
        return NumberError::Impossible;
    };
    let digits: String = text[plus..].chars().filter(char::is_ascii_digit).collect();
    if read_possible(&digits).is_some() { NumberError::NotNormalised } else { NumberError::Impossible }
}

/// Digits with a country code in front: the plan and the national number, if its length exists there.
pub(super) fn read_possible(digits: &str) -> Option<(&'static Plan, String)> {
    read_international(digits)
        .filter(|(plan, national)| matches!(plan.length(national), Length::Possible | Length::LocalOnly))
}

fn read_international(digits: &str) -> Option<(&'static Plan, String)> {
    if digits.len() <= MIN_NATIONAL || digits.starts_with('0') {
        return None;
    }
    // Country codes are prefix-free, so the first hit is the only one.
    let (plan, national) = (1..=3).find_map(|len| {
        let (code, national) = digits.split_at_checked(len)?;
        Some((PLANS.get(&code.parse().ok()?)?, national))
    })?;
    Some((plan, plan.settle(national)?))
}

/// A national number as somebody inside the country would write it for §2.1 step 5: one `0` stands for all leading zeros.
pub(super) fn domestic_text(national: &str) -> String {
    let value = national.trim_start_matches('0');
    match (value.len() == national.len(), value.is_empty()) {
        (true, _) => national.to_owned(),
        (false, false) => format!("0{value}"),
        (false, true) => "00".to_owned(),
    }
}

/// The numbering plan of one country code: of its main region where several share it.
pub(super) struct Plan {
    pub(super) code: u16,
    /// False for codes that belong to no country, such as +800.
    pub(super) geographic: bool,
    /// Bit n: a national number may have n digits.
    pub(super) lengths: u32,
    /// Bit n: n digits are enough inside one area only.
    local_lengths: u32,
    national: Pattern,
    /// What is dialled in front of a national number inside the country.
    trunk_prefix: Option<Pattern>,
    /// What a match of the trunk prefix becomes; nothing if absent.
    trunk_replacement: Option<String>,
    /// What is dialled in front of a country code inside the country.
    exit_code: Option<Pattern>,
}

#[derive(PartialEq, Eq)]
enum Length {
    Possible,
    /// Enough inside one area, not from elsewhere.
    LocalOnly,
    /// Too short, or between two lengths that exist.
    Unfit,
    TooLong,
}

pub(super) static PLANS: LazyLock<HashMap<u16, Plan>> = LazyLock::new(|| {
    // By code, not over all regions: those without a country share one id, under which all but one get lost. The main
    // region of a shared code comes first.
    let main_region = |code| DATABASE.by_code(&code)?.into_iter().next();
    (1..=999).filter_map(|code: u16| Some((code, Plan::of(main_region(code)?)))).collect()
});

impl Plan {
    fn of(region: &Metadata) -> Self {
        let lengths = bits(region, Descriptor::possible_length);
        let trunk_prefix = region.national_prefix_for_parsing().map(|regex| regex.as_str());
        Self {
            code: region.country_code(),
            geographic: region.id() != "001",
            lengths,
            local_lengths: bits(region, Descriptor::possible_local_length) & !lengths,
            national: Pattern::whole(region.descriptors().general().national_number().as_str()),
            trunk_prefix: trunk_prefix.or(region.national_prefix()).map(Pattern::start),
            trunk_replacement: region.national_prefix_transform_rule().map(str::to_owned),
            exit_code: region.international_prefix().map(|regex| Pattern::start(regex.as_str())),
        }
    }

    fn length(&self, national: &str) -> Length {
        let bit = u32::try_from(national.len()).ok().and_then(|len| 1_u32.checked_shl(len)).unwrap_or(0);
        if self.local_lengths & bit != 0 {
            Length::LocalOnly
        } else if self.lengths & bit != 0 {
            Length::Possible
        } else if bit == 0 || bit > self.lengths {
            Length::TooLong
        } else {
            Length::Unfit
        }
    }

    /// Digits dialled inside the country. The exit code, or the country's own code without one, may still be in front.
    pub(super) fn read_domestic(&'static self, digits: &str) -> Option<(&'static Self, String)> {
        if digits.len() < MIN_NATIONAL {
            return None;
        }
        if let Some(rest) = self.without_exit_code(digits) {
            return read_international(rest);
        }
        let national = self.without_own_code(digits).unwrap_or(Cow::Borrowed(digits));
        Some((self, self.settle(&national)?))
    }

    fn without_exit_code<'a>(&self, digits: &'a str) -> Option<&'a str> {
        let end = self.exit_code.as_ref()?.regex()?.find(digits)?.end();
        let rest = &digits[end..];
        // No country code begins with 0, so this was part of the number.
        (!rest.starts_with('0')).then_some(rest)
    }

    /// The number after the country's own code, if it makes more sense without it.
    fn without_own_code<'a>(&self, digits: &'a str) -> Option<Cow<'a, str>> {
        let rest = digits.strip_prefix(&self.code.to_string())?;
        let shorter = self.without_trunk_prefix(rest);
        let better = !self.national.matches(digits) && self.national.matches(&shorter);
        (better || self.length(digits) == Length::TooLong).then_some(shorter)
    }

    /// The national number: the trunk prefix goes if what remains has a good length.
    fn settle(&self, national: &str) -> Option<String> {
        if national.len() < MIN_NATIONAL {
            return None;
        }
        let shorter = self.without_trunk_prefix(national);
        let settled = match self.length(&shorter) {
            Length::Possible | Length::TooLong => shorter.into_owned(),
            Length::LocalOnly | Length::Unfit => national.to_owned(),
        };
        (MIN_NATIONAL..=MAX_NATIONAL).contains(&settled.len()).then_some(settled)
    }

    fn without_trunk_prefix<'a>(&self, national: &'a str) -> Cow<'a, str> {
        let found = self.trunk_prefix.as_ref().and_then(Pattern::regex).and_then(|regex| regex.captures(national));
        let Some(found) = found else { return Cow::Borrowed(national) };
        let rest = found.get(0).map_or(national, |all| &national[all.end()..]);
        let last_group = found.get(found.len() - 1);
        let shorter = match (&self.trunk_replacement, last_group) {
            (Some(replacement), Some(_)) => {
                let mut replaced = String::new();
                found.expand(replacement, &mut replaced);
                Cow::Owned(replaced + rest)
            }
            _ => Cow::Borrowed(rest),
        };
        // A number that was good with the prefix must be good without it.
        if self.national.matches(national) && !self.national.matches(&shorter) {
            return Cow::Borrowed(national);
        }
        shorter
    }
}

/// The lengths of all kinds of number in a region, as bits. Numbers that cannot be called from abroad do not count.
fn bits(region: &Metadata, lengths: fn(&Descriptor) -> &[u16]) -> u32 {
    kinds(region).flat_map(lengths).filter(|len| **len < 32).fold(0, |bits, len| bits | 1 << len)
}

/// The kinds of number that a region has and that can be called from abroad.
pub(super) fn kinds(region: &Metadata) -> impl Iterator<Item = &Descriptor> {
    let kinds = region.descriptors();
    let kinds = [
        kinds.mobile(),
        kinds.fixed_line(),
        kinds.toll_free(),
        kinds.premium_rate(),
        kinds.shared_cost(),
        kinds.personal_number(),
        kinds.voip(),
        kinds.pager(),
        kinds.uan(),
        kinds.voicemail(),
    ];
    kinds.into_iter().flatten()
}

/// A regular expression out of the metadata, compiled when first needed: most plans are never asked.
pub(super) struct Pattern {
    source: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    pub(super) fn start(source: &str) -> Self {
        Self { source: format!("^(?:{source})"), compiled: OnceLock::new() }
    }

    pub(super) fn whole(source: &str) -> Self {
        Self { source: format!("^(?:{source})$"), compiled: OnceLock::new() }
    }

    /// `None` only for a pattern that does not compile, which a test rules out for all of them.
    fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| RegexBuilder::new(&self.source).ignore_whitespace(true).build().ok()).as_ref()
    }

    pub(super) fn matches(&self, digits: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(digits))
    }

    #[cfg(test)]
    pub(super) fn compiles(&self) -> bool {
        self.regex().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_every_plan_compiles() {
        assert!(PLANS.len() > 200);
        for plan in PLANS.values() {
            let patterns = [Some(&plan.national), plan.trunk_prefix.as_ref(), plan.exit_code.as_ref()];
            for pattern in patterns.into_iter().flatten() {
                assert!(pattern.regex().is_some(), "+{}: {}", plan.code, pattern.source);
            }
            assert_ne!(plan.lengths, 0, "+{}", plan.code);
        }
    }
}
