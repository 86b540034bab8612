//! Phone numbers in E.164 form, and the forms that mean the same line.
//!
//! What it is: the one gate for numbers in requests ([`E164::parse`]), and the equivalence classes of numbers
//! ([`E164::forms`], [`E164::canonical`]). What it is not: a judge of whether a number is in service, or of what kind it is;
//! `+1 202 555 01xx` from a film passes, because only lengths and prefixes are looked at.
//!
//! Invariant: a value made by [`E164::parse`] is possible in libphonenumber's sense and written in the only normalised way.
//! [`E164::stored`] and `Deserialize` trust their input: they are for our own rows, never for a request body.
//!
//! The rules are those of contract `registration.md` §2. The numbering plans are the metadata inside the `phonenumber`
//! crate. That crate's own `parse` is not used: it offers no "possible" test, picks the region by leading digits, and runs
//! all patterns under one lock. `Plan` applies libphonenumber's documented steps to the same metadata instead.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, OnceLock};

use phonenumber::Metadata;
use phonenumber::metadata::{DATABASE, Descriptor};
use regex_lite::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// A phone number as `+` and digits, country code first.
///
/// Order and hash are those of the text. `Debug` shows the last two digits only, and there is no `Display`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct E164(String);

/// Why a text is not a number we take. Both are 422 on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("no phone number of any numbering plan")]
    Impossible,
    #[error("phone number is not in its normalised form")]
    NotNormalised,
}

impl E164 {
    /// Takes a number from a request, or says what is wrong with it (§2.1). Never panics.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let Some(digits) = text.strip_prefix('+').filter(|rest| rest.bytes().all(|b| b.is_ascii_digit())) else {
            return Err(verdict_on_prose(text));
        };
        let (plan, national) = read_possible(digits).ok_or(NumberError::Impossible)?;
        let (plan, national) = if plan.geographic {
            plan.read_domestic(&domestic_text(&national)).ok_or(NumberError::Impossible)?
        } else {
            (plan, national)
        };
        if text == format!("+{}{national}", plan.code) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NumberError::NotNormalised)
        }
    }

    /// A number that was checked before it was stored. Nothing is looked at here.
    pub fn stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Reads the numbering plans now rather than in the first request; calling it again costs nothing.
    pub fn load_plans() {
        LazyLock::force(&PLANS);
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// All numbers of the same class (§2.2), the given one first. At most one account may hold any of them.
    pub fn forms(&self) -> Vec<Self> {
        let other = match self.benin() {
            Some(BeninForm::Old(subscriber)) => Some(format!("{BENIN}{BENIN_NEW}{subscriber}")),
            Some(BeninForm::New(subscriber)) => Some(format!("{BENIN}{subscriber}")),
            None => None,
        };
        std::iter::once(self.clone()).chain(other.map(Self)).collect()
    }

    /// The one number that stands for the class: equal for all [`forms`](Self::forms).
    pub fn canonical(&self) -> Self {
        match self.benin() {
            Some(BeninForm::Old(subscriber)) => Self(format!("{BENIN}{BENIN_NEW}{subscriber}")),
            Some(BeninForm::New(_)) | None => self.clone(),
        }
    }

    /// Whether the number is written in a form its country gave up; new sessions refuse it with 499.
    pub fn is_obsolete_form(&self) -> bool {
        matches!(self.benin(), Some(BeninForm::Old(_)))
    }

    /// Benin went from 8 to 10 digits by putting `01` in front. A parsed number there has either 8 or 10.
    fn benin(&self) -> Option<BeninForm<'_>> {
        let national = self.0.strip_prefix(BENIN)?;
        match (national.len(), national.strip_prefix(BENIN_NEW)) {
            (8, _) => Some(BeninForm::Old(national)),
            (10, Some(subscriber)) => Some(BeninForm::New(subscriber)),
            _ => None,
        }
    }
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last_two = self.0.len().checked_sub(2).and_then(|start| self.0.get(start..)).unwrap_or("");
        write!(f, "E164(…{last_two})")
    }
}

const BENIN: &str = "+229";
const BENIN_NEW: &str = "01";

enum BeninForm<'a> {
    Old(&'a str),
    New(&'a str),
}

/// libphonenumber reads no more text than this.
const MAX_TEXT: usize = 250;
/// Digits of a national number, whatever the country says.
const MIN_NATIONAL: usize = 2;
const MAX_NATIONAL: usize = 17;

/// The verdict on text that is not `+` and digits: it cannot be normalised, but may be a possible number in disguise.
fn verdict_on_prose(text: &str) -> NumberError {
    let plus = text.find('+').filter(|&at| !text[..at].bytes().any(|b| b.is_ascii_digit()));
    let Some(plus) = plus.filter(|_| text.len() <= MAX_TEXT) else {
        return NumberError::Impossible;
    };
    let digits: String = text[plus..].chars().filter(char::is_ascii_digit).collect();
    if read_possible(&digits).is_some() { NumberError::NotNormalised } else { NumberError::Impossible }
}

/// Digits with a country code in front: the plan and the national number, if its length exists there.
fn read_possible(digits: &str) -> Option<(&'static Plan, String)> {
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
fn domestic_text(national: &str) -> String {
    let value = national.trim_start_matches('0');
    match (value.len() == national.len(), value.is_empty()) {
        (true, _) => national.to_owned(),
        (false, false) => format!("0{value}"),
        (false, true) => "00".to_owned(),
    }
}

/// The numbering plan of one country code: of its main region where several share it.
struct Plan {
    code: u16,
    /// False for codes that belong to no country, such as +800.
    geographic: bool,
    /// Bit n: a national number may have n digits.
    lengths: u32,
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

static PLANS: LazyLock<HashMap<u16, Plan>> = LazyLock::new(|| {
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
    fn read_domestic(&'static self, digits: &str) -> Option<(&'static Self, String)> {
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
    let kinds = region.descriptors();
    let kinds = [
        kinds.fixed_line(),
        kinds.mobile(),
        kinds.toll_free(),
        kinds.premium_rate(),
        kinds.shared_cost(),
        kinds.personal_number(),
        kinds.voip(),
        kinds.pager(),
        kinds.uan(),
        kinds.voicemail(),
    ];
    kinds.into_iter().flatten().flat_map(lengths).filter(|len| **len < 32).fold(0, |bits, len| bits | 1 << len)
}

/// A regular expression out of the metadata, compiled when first needed: most plans are never asked.
struct Pattern {
    source: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn start(source: &str) -> Self {
        Self { source: format!("^(?:{source})"), compiled: OnceLock::new() }
    }

    fn whole(source: &str) -> Self {
        Self { source: format!("^(?:{source})$"), compiled: OnceLock::new() }
    }

    /// `None` only for a pattern that does not compile, which a test rules out for all of them.
    fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| RegexBuilder::new(&self.source).ignore_whitespace(true).build().ok()).as_ref()
    }

    fn matches(&self, digits: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(digits))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The table of §2.1.
    #[test]
    fn the_contract_table() {
        let possible = "+447700900111 +14151231234 +71234567890 +4915174108888 +2250707312345 +298123456 +299123456 \
                        +376123456 +68512345 +689123456 +80011111111";
        for text in possible.split_whitespace() {
            assert_eq!(E164::parse(text).as_ref().map(E164::as_str), Ok(text));
        }
        let impossible = "+141512312341 +712345678901 +4475357422221 71234567890 001447535742222 +1415123123a";
        for text in impossible.split_whitespace() {
            assert_eq!(E164::parse(text), Err(NumberError::Impossible), "{text}");
        }
        for text in ["+4407700900111", "+49493023125000", "+1 415 123 1234", " +14151231234"] {
            assert_eq!(E164::parse(text), Err(NumberError::NotNormalised), "{text}");
        }
    }

    #[test]
    fn numbers_of_fiction_are_accepted() {
        for area in [202, 212, 415, 555] {
            for line in 0..100 {
                assert!(E164::parse(&format!("+1{area}55501{line:02}")).is_ok());
            }
        }
    }

    /// Where trunk prefixes, leading zeros, exit codes and shared codes bite; verdicts of libphonenumber 9.0.33 itself.
    #[test]
    fn verdicts_of_the_original() {
        let ok = "+390114466731 +39066219971 +5481123456789 +549110429708 +551500022443 +881926138440 +88343153885 \
                  +5994351234 +18001831641 +12464123456 +76662095008 +262939321946 +8614009762608";
        for text in ok.split_whitespace() {
            assert!(E164::parse(text).is_ok(), "{text}");
        }
        let not_normalised = "+3939899123456 +3780071123456 +5400728786 +550800123456 +788091234567 +118009729853 \
                              +59900595998 +860862306379 +2620801350065 +6850800123 +520050359 +49030123456";
        for text in not_normalised.split_whitespace() {
            assert_eq!(E164::parse(text), Err(NumberError::NotNormalised), "{text}");
        }
        let impossible = "+ +1 +12 +123 +3900 +390000119021428 +3799761738 +5992761900575 +8816273288 +99912345678 ++ \
                          +378103034858 +26280151435944 +12345678901234567890123456789012345678901234567890";
        for text in impossible.split_whitespace() {
            assert_eq!(E164::parse(text), Err(NumberError::Impossible), "{text}");
        }
    }

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

    #[test]
    fn benin_has_two_forms() {
        let (old, new) = (number("+22990011234"), number("+2290190011234"));
        assert_eq!(old.forms(), [old.clone(), new.clone()]);
        assert_eq!(new.forms(), [new.clone(), old.clone()]);
        assert_eq!((old.canonical(), new.canonical()), (new.clone(), new.clone()));
        assert!(old.is_obsolete_form() && !new.is_obsolete_form());

        let other = E164::stored("+2290290011234");
        assert_eq!(other.forms(), std::slice::from_ref(&other));
        assert!(!other.is_obsolete_form());
        assert_eq!(PLANS[&229].lengths, 1 << 8 | 1 << 10, "`benin` knows these two lengths only");
    }

    #[test]
    fn debug_shows_two_digits_and_rows_are_trusted() {
        assert_eq!(format!("{:?}", number("+14151231234")), "E164(…34)");
        assert_eq!(format!("{:?}", E164::stored("é")), "E164(…é)");
        let row: E164 = serde_json::from_str(r#""+1""#).expect("any text");
        assert_eq!(row, E164::stored("+1"));
        assert_eq!(serde_json::to_string(&row).expect("text"), r#""+1""#);
    }

    fn number(text: &str) -> E164 {
        E164::parse(text).expect("a possible number")
    }

    fn any_number() -> impl Strategy<Value = E164> {
        prop_oneof![
            "\\+(1|7|39|44|49|54|55|225|229|22901|378|881)[0-9]{6,12}",
            "\\+[1-9][0-9]{6,14}",
            "\\+22901[0-9]{8}",
            "\\+229[0-9]{8}",
        ]
        .prop_filter_map("not a possible number", |text| E164::parse(&text).ok())
    }

    proptest! {
        #[test]
        fn parse_never_panics(text in ".{0,40}", near in "[ +＋٣]{0,2}[0-9a-z+;=. -]{0,30}") {
            for text in [text, near] {
                if let Ok(number) = E164::parse(&text) {
                    prop_assert_eq!(number.as_str(), text);
                }
            }
        }

        #[test]
        fn plain_digits_never_panic(digits in "[0-9]{0,40}") {
            let _ = E164::parse(&format!("+{digits}"));
        }

        #[test]
        fn a_normalised_number_reads_back_as_itself(number in any_number()) {
            prop_assert_eq!(E164::parse(number.as_str()), Ok(number));
        }

        #[test]
        fn forms_are_a_class(number in any_number()) {
            let sorted = |number: &E164| { let mut forms = number.forms(); forms.sort(); forms };
            prop_assert_eq!(&number.forms()[0], &number);
            prop_assert!(number.forms().contains(&number.canonical()));
            for form in number.forms() {
                prop_assert_eq!(sorted(&form), sorted(&number));
                prop_assert_eq!(form.canonical(), number.canonical());
            }
            prop_assert_eq!(number.canonical().canonical(), number.canonical());
            prop_assert!(!number.canonical().is_obsolete_form());
        }
    }
}
