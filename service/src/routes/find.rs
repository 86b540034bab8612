//! Which route a path means: one answer for every inlet, so that no two of them can differ.
//!
//! Below [`EITHER_WAY`] a path may end in a slash: there clients of both kinds are about (contract registration §9.1).
//!
//! Paths are matched as they were sent; what stands in the placeholders is decoded afterwards, so an encoded slash is no slash.

use std::sync::OnceLock;

use matchit::Router;
use percent_encoding::percent_decode_str;

use super::{ROUTES, Route};

/// Here a slash at the end means nothing.
const EITHER_WAY: &str = "/v1/accounts/";

pub enum Found {
    /// The route, and what stood in the template's placeholders, decoded.
    Route(&'static Route, Vec<(String, String)>),
    /// The path is one of ours, but not with this method; those that it has.
    OtherMethod(String),
    Nothing,
}

/// All routes of one template.
type Siblings = Vec<&'static Route>;

fn router() -> &'static Router<Siblings> {
    static ROUTER: OnceLock<Router<Siblings>> = OnceLock::new();
    ROUTER.get_or_init(|| {
        let mut templates: Vec<&str> = ROUTES.iter().map(|route| route.template).collect();
        templates.sort_unstable();
        templates.dedup();
        let mut router = Router::new();
        for template in templates {
            let siblings = ROUTES.iter().filter(|route| route.template == template).collect();
            router.insert(template, siblings).expect("no two templates mean the same path");
        }
        router
    })
}

/// `path` is without its query.
pub fn find(method: &str, path: &str) -> Found {
    let path = match path.strip_suffix('/') {
        Some(shorter) if shorter.starts_with(EITHER_WAY) => shorter,
        _ => path,
    };
    let Ok(matched) = router().at(path) else { return Found::Nothing };
    match matched.value.iter().find(|route| route.method.as_str() == method) {
        Some(route) => {
            let decode = |value| percent_decode_str(value).decode_utf8_lossy().into_owned();
            let params = matched.params.iter().map(|(name, value)| (name.to_owned(), decode(value)));
            Found::Route(route, params.collect())
        }
        None => {
            let methods: Vec<_> = matched.value.iter().map(|route| route.method.as_str()).collect();
            Found::OtherMethod(methods.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(method: &str, path: &str) -> Option<(&'static str, Vec<String>)> {
        match find(method, path) {
            Found::Route(route, params) => Some((route.template, params.into_iter().map(|(_, value)| value).collect())),
            _ => None,
        }
    }

    #[test]
    fn every_route_is_found_by_its_own_template() {
        for route in ROUTES {
            let found = params(route.method.as_str(), route.template);
            assert_eq!(found.map(|(template, _)| template), Some(route.template));
        }
    }

    #[test]
    fn placeholders_are_decoded_and_what_is_plain_goes_first() {
        let fetch = "/v2/keys/{identifier}/{device}";
        let one = |text: &str| vec![text.to_owned()];
        assert_eq!(params("GET", "/v2/keys/PNI:a/*"), Some((fetch, vec!["PNI:a".to_owned(), "*".to_owned()])));
        assert_eq!(params("GET", "/v2/keys/a%2Fb/%2a"), Some((fetch, vec!["a/b".to_owned(), "*".to_owned()])));
        assert_eq!(params("PUT", "/v1/devices/link"), Some(("/v1/devices/link", vec![])));
        assert_eq!(params("DELETE", "/v1/devices/link2"), Some(("/v1/devices/{device}", one("link2"))));
        assert_eq!(params("DELETE", "/v1/devices/%ff"), Some(("/v1/devices/{device}", one("\u{fffd}"))));
        for nothing in ["", "/", "v2/keys", "/v2/keys/", "/v2//keys", "/v1/devices/", "/v2/keys/a/b/c", "/V2/keys"] {
            assert!(matches!(find("GET", nothing), Found::Nothing), "{nothing}");
        }
    }

    #[test]
    fn of_accounts_a_slash_at_the_end_means_nothing() {
        for (method, path) in
            [("PUT", "/v1/accounts/gcm"), ("GET", "/v1/accounts/whoami"), ("DELETE", "/v1/accounts/me")]
        {
            assert_eq!(params(method, &format!("{path}/")), params(method, path));
            assert!(params(method, &format!("{path}//")).is_none());
        }
        assert_eq!(
            params("PUT", "/v1/accounts/totp/7/").map(|(_, values)| values),
            Some(vec!["7".to_owned()]),
            "and is no part of a value"
        );
        for nothing in ["/v1/accounts/", "/v1/accounts//", "/v1/accounts", "/v2/accounts/phone_number_discoverability/"]
        {
            assert!(matches!(find("PUT", nothing), Found::Nothing), "{nothing}");
        }
    }

    #[test]
    fn another_method_is_told_those_there_are() {
        let Found::OtherMethod(allow) = find("PATCH", "/v2/keys") else { panic!("no PATCH there") };
        assert_eq!(allow, "GET, PUT");
        assert!(matches!(find("get", "/v2/keys"), Found::OtherMethod(_)), "methods are in capitals");
    }
}
