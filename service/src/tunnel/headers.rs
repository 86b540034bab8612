//! The headers that a tunnelled request is read with: its own, over some of those that opened the socket (contract keys-devices
//! §6.4).
//!
//! Of the opening ones only those are kept that a route reads and that are the client's own; the credentials are not, since who
//! asks is settled when the socket opens and a password is best forgotten.

use http::HeaderMap;

use crate::call::Headers;

/// In lower case.
const KEPT: [&str; 3] = ["user-agent", "accept-language", "x-signal-agent"];

/// Longer ones are nobody's user agent.
const LONGEST: usize = 512;

pub type Kept = Vec<(&'static str, Box<str>)>;

pub fn kept(headers: &HeaderMap) -> Kept {
    let value = |name| Some(headers.get(name)?.to_str().ok()?).filter(|value| value.len() <= LONGEST);
    KEPT.into_iter().filter_map(|name| Some((name, value(name)?.into()))).collect()
}

/// `lines` are `name: value` each. One without a colon is skipped, and so is what would speak for a proxy: a client says nothing
/// about where it is.
pub fn merged(kept: &Kept, lines: &[String]) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in kept {
        headers.push(name, value);
    }
    for (name, value) in lines.iter().filter_map(|line| line.split_once(':')) {
        let name = name.trim();
        let settled = name.eq_ignore_ascii_case("user-agent") && headers.get("user-agent").is_some();
        if !settled && !name.eq_ignore_ascii_case("x-forwarded-for") {
            headers.push(name, value.trim());
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requests_own_headers_go_first_but_for_the_user_agent() {
        let mut opening = HeaderMap::new();
        for (name, value) in [
            ("user-agent", "Signal-Desktop/7.1 libsignal/0.103.0"),
            ("accept-language", "en"),
            ("authorization", "Basic dTpw"),
            ("sec-websocket-version", "13"),
            ("x-forwarded-for", "192.0.2.1"),
        ] {
            opening.insert(name, value.parse().expect("a value"));
        }
        let kept = kept(&opening);
        assert_eq!(kept.len(), 2);
        let lines = ["Accept-Language: de", "user-agent:other", "X-Forwarded-For: 192.0.2.2", "url:http://h/", "none"];
        let headers = merged(&kept, &lines.map(str::to_owned));
        let get = |name| headers.get(name);
        assert_eq!(get("accept-language"), Some("de"));
        assert_eq!(get("user-agent"), Some("Signal-Desktop/7.1 libsignal/0.103.0"));
        assert_eq!((get("x-forwarded-for"), get("authorization")), (None, None));
        assert_eq!(get("url"), Some("http://h/"), "a value may hold a colon");
        assert_eq!(merged(&Kept::new(), &["User-Agent: a".to_owned()]).get("user-agent"), Some("a"));
    }
}
