//! What an SMS says, in the client's language.
//!
//! The language is looked up by `Accept-Language` (RFC 9110 §12.5.4, RFC 4647 §3.4): the ranges by descending quality, each
//! shortened from its end until there is a text for it; else English. A field that cannot be read counts as none (contract
//! registration §5.2).
//!
//! Android's SMS retriever wants the app's hash as the last line of at most 140 bytes, and only clients that announce it
//! listen. Texts in scripts written from the right begin with a word in that script, so that the whole is shown from the right.

use signet_config::Messages;
use zeroize::Zeroizing;

use super::ClientKind;

/// By language tag in lower case.
const BUILT_IN: [(&str, &str); 26] = [
    ("en", "Your {app} code is {code}. Do not share it with anyone."),
    ("ar", "رمز {app} الخاص بك: {code}. لا تعطه لأحد."),
    ("cs", "Váš kód pro {app} je {code}. Nikomu ho nesdělujte."),
    ("da", "Din {app}-kode er {code}. Del den ikke med nogen."),
    ("de", "Dein Code für {app} lautet {code}. Gib ihn niemandem weiter."),
    ("el", "Ο κωδικός {app}: {code}. Μην τον δώσετε πουθενά."),
    ("es", "Tu código de {app} es {code}. No se lo des a nadie."),
    ("fa", "کد {app} شما: {code}. آن را به کسی ندهید."),
    ("fi", "{app}-koodisi on {code}. Älä anna sitä kenellekään."),
    ("fr", "Votre code {app} est {code}. Ne le donnez à personne."),
    ("he", "קוד {app} שלך: {code}. אין למסור אותו לאיש."),
    ("hi", "{app} कोड: {code}। इसे किसी को न दें।"),
    ("id", "Kode {app} Anda: {code}. Jangan berikan kepada siapa pun."),
    ("it", "Il tuo codice {app} è {code}. Non darlo a nessuno."),
    ("ja", "{app}の認証コード：{code}。誰にも教えないでください。"),
    ("ko", "{app} 인증 코드: {code}. 누구에게도 알려주지 마세요."),
    ("nb", "Din {app}-kode er {code}. Ikke del den med noen."),
    ("nl", "Je {app}-code is {code}. Deel hem met niemand."),
    ("pl", "Twój kod {app} to {code}. Nie podawaj go nikomu."),
    ("pt", "O seu código {app} é {code}. Não o dê a ninguém."),
    ("ru", "Код {app}: {code}. Никому его не сообщайте."),
    ("sv", "Din {app}-kod är {code}. Ge den inte till någon."),
    ("tr", "{app} kodunuz: {code}. Kimseyle paylaşmayın."),
    ("uk", "Код {app}: {code}. Нікому його не кажіть."),
    ("zh-hans", "您的 {app} 验证码是 {code}，请勿告诉他人。"),
    ("zh-hant", "您的 {app} 驗證碼是 {code}，請勿告訴他人。"),
];

/// Ranges that mean a text of another name: old tags, and regions that tell the script.
const ALIASES: [(&str, &str); 11] = [
    ("iw", "he"),
    ("in", "id"),
    ("no", "nb"),
    ("nn", "nb"),
    ("zh-tw", "zh-hant"),
    ("zh-hk", "zh-hant"),
    ("zh-mo", "zh-hant"),
    ("zh-cn", "zh-hans"),
    ("zh-sg", "zh-hans"),
    ("zh", "zh-hans"),
    ("*", "en"),
];

/// No client lists more languages in earnest.
const MOST_RANGES: usize = 32;

pub struct Templates {
    /// Those configured, then those built in: the first that fits is taken.
    by_language: Vec<(String, String)>,
    app: String,
    android_app_hash: Option<String>,
}

impl Templates {
    pub fn of(messages: &Messages) -> Self {
        let configured = messages.templates.iter().map(|(tag, text)| (tag.to_ascii_lowercase(), text.clone()));
        let built_in = BUILT_IN.iter().map(|(tag, text)| ((*tag).to_owned(), (*text).to_owned()));
        Self {
            by_language: configured.chain(built_in).collect(),
            app: messages.app.clone(),
            android_app_hash: messages.android_app_hash.clone(),
        }
    }

    /// The whole message: at most 140 bytes.
    pub fn fill(&self, code: &str, accept_language: Option<&str>, client: ClientKind) -> Zeroizing<String> {
        let mut text = self.template(accept_language.unwrap_or_default()).replace("{app}", &self.app);
        if let Some(hash) = self.android_app_hash.as_ref().filter(|_| client == ClientKind::AndroidWithFcm) {
            text.push('\n');
            text.push_str(hash);
        }
        Zeroizing::new(text.replace("{code}", code))
    }

    fn template(&self, accept_language: &str) -> &str {
        let ranges = ranges(accept_language).unwrap_or_default();
        let wanted = ranges.iter().find_map(|range| self.best(range));
        wanted.or_else(|| self.exactly("en")).expect("English is built in")
    }

    /// The text for the range, or for the longest beginning of it that has one.
    fn best(&self, range: &str) -> Option<&str> {
        let mut range = range;
        loop {
            let alias = || ALIASES.iter().find(|(from, _)| *from == range).map(|(_, to)| *to);
            let found = self.exactly(range).or_else(|| self.exactly(alias()?));
            if found.is_some() {
                return found;
            }
            range = range.rsplit_once('-')?.0;
            // A subtag of one letter only introduces the next.
            if let Some((shorter, _)) = range.rsplit_once('-').filter(|(_, last)| last.len() == 1) {
                range = shorter;
            }
        }
    }

    fn exactly(&self, tag: &str) -> Option<&str> {
        self.by_language.iter().find(|(known, _)| known == tag).map(|(_, text)| text.as_str())
    }
}

/// The ranges that are acceptable at all, the most wanted first, in lower case. None if the field is not of the form.
fn ranges(accept_language: &str) -> Option<Vec<String>> {
    let mut ranges = Vec::new();
    for item in accept_language.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let (range, quality) = match item.split_once(';') {
            Some((range, weight)) => (range.trim_end(), quality(weight.trim_start())?),
            None => (item, 1000),
        };
        if !is_range(range) || ranges.len() == MOST_RANGES {
            return None;
        }
        ranges.push((range.to_ascii_lowercase(), quality));
    }
    ranges.retain(|(_, quality)| *quality > 0);
    // Stable: of equals, the first named comes first.
    ranges.sort_by_key(|(_, quality)| std::cmp::Reverse(*quality));
    Some(ranges.into_iter().map(|(range, _)| range).collect())
}

fn is_range(range: &str) -> bool {
    let subtag = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    range == "*" || range.split('-').all(|part| subtag(part) || part == "*")
}

/// `q=0.8` in thousandths.
fn quality(weight: &str) -> Option<u16> {
    let value = weight.strip_prefix("q=").or_else(|| weight.strip_prefix("Q="))?;
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{decimals:0<3}").parse::<u16>().ok()?;
    match (whole, thousandths) {
        ("0", part) => Some(part),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn templates(toml: &str) -> Templates {
        Templates::of(&signet_config::Config::parse(toml).expect("a configuration").messages)
    }

    /// Which of the texts was chosen, by the tag under which it is known first.
    fn chosen<'t>(templates: &'t Templates, accept_language: &str) -> &'t str {
        let text = templates.template(accept_language);
        templates
            .by_language
            .iter()
            .find(|(_, known)| known == text)
            .map(|(tag, _)| tag.as_str())
            .expect("a known text")
    }

    #[test]
    fn the_language_is_negotiated() {
        let templates = templates("");
        for (accept, tag) in [
            ("", "en"),
            ("en-US,de", "en"),
            ("de-CH-1996, en;q=0.9", "de"),
            ("en;q=0.5, fr;q=0.7, de;q=0.6", "fr"),
            ("fr;q=0.5,de;q=0.5", "fr"),
            ("tlh, de;q=0.1", "de"),
            ("de;q=0, fr;q=0.1", "fr"),
            ("de;q=0", "en"),
            ("tlh", "en"),
            ("*", "en"),
            ("*;q=0.1, he", "he"),
            ("DE-de", "de"),
            ("de ; q=0.3 , it ; q=0.4", "it"),
            ("iw-IL", "he"),
            ("in", "id"),
            ("nn-NO", "nb"),
            ("pt-BR", "pt"),
            ("zh", "zh-hans"),
            ("zh-TW", "zh-hant"),
            ("zh-Hant-HK", "zh-hant"),
            ("zh-Hans-TW", "zh-hans"),
            ("de-x-private", "de"),
            // What cannot be read counts as none.
            ("de, !?", "en"),
            ("de;q=2", "en"),
            ("de;q=0.1234", "en"),
            ("de;q=x", "en"),
            ("de;level=1", "en"),
            ("de_DE", "en"),
            ("q=1", "en"),
        ] {
            assert_eq!(chosen(&templates, accept), tag, "{accept:?}");
        }
        assert_eq!(chosen(&templates, &"de,".repeat(MOST_RANGES)), "de");
        assert_eq!(chosen(&templates, &"de,".repeat(MOST_RANGES + 1)), "en");
    }

    #[test]
    fn configured_texts_go_first() {
        let templates = templates(
            "[messages]\napp = \"Our App\"\n[messages.templates]\nen = \"{code} it is\"\npt-BR = \"{app}, {code}\"\neo = \"{code}!\"",
        );
        let fill = |accept| templates.fill("012345", Some(accept), ClientKind::Ios).to_string();
        assert_eq!(fill("en-GB"), "012345 it is");
        assert_eq!(fill("tlh"), "012345 it is");
        assert_eq!(fill("pt-br"), "Our App, 012345");
        assert_eq!(fill("pt-PT"), "O seu código Our App é 012345. Não o dê a ninguém.");
        assert_eq!(fill("eo"), "012345!");
        assert_eq!(templates.fill("012345", None, ClientKind::Ios).as_str(), "012345 it is");
    }

    #[test]
    fn the_hash_is_the_last_line_for_those_who_look_for_it() {
        let templates = templates("[messages]\nandroid_app_hash = \"FA+9qCX9VSu\"");
        let plain = "Your Signet code is 012345. Do not share it with anyone.";
        for client in [ClientKind::Ios, ClientKind::AndroidWithoutFcm, ClientKind::Unspecified] {
            assert_eq!(templates.fill("012345", None, client).as_str(), plain);
        }
        let android = templates.fill("012345", None, ClientKind::AndroidWithFcm);
        assert_eq!(android.as_str(), format!("{plain}\nFA+9qCX9VSu"));
    }

    /// The longest name of an app in every language, with the hash, fits into one SMS of 140 bytes.
    #[test]
    fn every_text_is_sound() {
        let app = "a".repeat(Messages::LONGEST_APP);
        let templates = templates(&format!("[messages]\napp = \"{app}\"\nandroid_app_hash = \"FA+9qCX9VSu\""));
        for (tag, template) in BUILT_IN {
            assert_eq!((template.matches("{code}").count(), template.matches("{app}").count()), (1, 1), "{tag}");
            let text = templates.fill("012345", Some(tag), ClientKind::AndroidWithFcm);
            assert!(text.len() <= Messages::LONGEST, "{tag}: {} bytes", text.len());
            assert!(text.contains("012345") && text.contains(&app) && !text.contains(['{', '}']), "{tag}");
            assert_eq!(text.lines().last().map(str::len), Some(Messages::HASH), "{tag}");
        }
        for (from_right, letters) in
            [("ar", '\u{600}'..='\u{6ff}'), ("fa", '\u{600}'..='\u{6ff}'), ("he", '\u{590}'..='\u{5ff}')]
        {
            let text = templates.fill("012345", Some(from_right), ClientKind::Ios);
            assert!(text.starts_with(|c| letters.contains(&c)), "{from_right}");
        }
        for (_, to) in ALIASES {
            assert!(templates.exactly(to).is_some(), "{to}");
        }
    }
}
