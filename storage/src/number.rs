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

mod plan;
mod region;

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use plan::{PLANS, domestic_text, read_possible, verdict_on_prose};

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
