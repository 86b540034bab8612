//! Section `webhook`: an endpoint of the operator's that delivers codes.
//!
//! The URL may hold what is secret in its parameters, hence it is kept as a secret and shown without them.

use serde::Deserialize;

use crate::Profile;
use crate::error::Problems;
use crate::secret::Secret;
use crate::url::Url;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Webhook {
    /// `http://` or `https://`. Required with the sender `webhook`.
    pub url: Option<Secret<String>>,
    /// Signs each request: at least 16 characters. Without it (development only) requests are not signed.
    pub secret: Option<Secret<String>>,
}

const SHORTEST_SECRET: usize = 16;

impl Webhook {
    /// The URL without what may be secret in it.
    pub fn shown_url(&self) -> Option<String> {
        self.url.as_ref().and_then(|url| Url::read(url.expose()).ok().map(|url| url.shown()))
    }

    pub(crate) fn validate(&self, profile: Profile, used: bool, problems: &mut Problems) {
        match &self.url {
            Some(url) => {
                if let Err(reason) = check(url.expose(), profile) {
                    problems.add("webhook.url", reason);
                }
            }
            None if used => problems.add("webhook.url", "required with the sender \"webhook\""),
            None => {}
        }
        match &self.secret {
            Some(secret) if secret.expose().chars().count() < SHORTEST_SECRET => {
                problems.add("webhook.secret", "must have at least 16 characters");
            }
            None if used && profile == Profile::Production => {
                problems.add("webhook.secret", "required in production: without it anybody could pose as the registry");
            }
            _ => {}
        }
    }
}

fn check(url: &str, profile: Profile) -> Result<(), &'static str> {
    let url = Url::read(url)?;
    if !matches!(url.scheme, "http" | "https") {
        return Err("expected an http:// or https:// URL");
    }
    if url.user_info.is_some() {
        return Err("takes no user name or password; requests are signed with webhook.secret");
    }
    if profile == Profile::Production && url.is_in_clear() {
        return Err("would send codes in clear, which production refuses; set an https:// URL");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn errors(toml: &str) -> String {
        Config::parse(toml).map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn the_url_is_needed_by_its_sender() {
        for key in ["sender", "voice_sender"] {
            let error = errors(&format!("verification.{key} = \"webhook\""));
            assert_eq!(error, "webhook.url: required with the sender \"webhook\"");
        }
        assert_eq!(errors("verification.sender = \"webhook\"\nwebhook.url = \"http://example.org/codes?key=x\""), "");
    }

    #[test]
    fn what_is_refused() {
        for url in ["example.org", "ftp://h", "http://u:s3cr3t@h", "http://h/a b"] {
            let error = errors(&format!("webhook.url = \"{url}\""));
            assert!(error.starts_with("webhook.url: ") && !error.contains("s3cr3t"), "{error}");
        }
        assert_eq!(
            errors("webhook.secret = \"fifteen letters\""),
            "webhook.secret: must have at least 16 characters (the text)"
        );
    }

    #[test]
    fn production_wants_it_safe() {
        let with = |more: &str| errors(&format!("profile = \"production\"\nverification.sender = \"webhook\"\n{more}"));
        assert!(with("webhook.url = \"http://example.org\"").contains("webhook.url: would send codes in clear"));
        for url in ["https://example.org", "http://localhost:8000/codes"] {
            let error = with(&format!("webhook.url = \"{url}\""));
            assert!(!error.contains("webhook.url") && error.contains("webhook.secret: required"), "{error}");
        }
        let error = with("webhook.url = \"https://h\"\nwebhook.secret = \"sixteen letters.\"");
        assert!(!error.contains("webhook"), "{error}");
    }
}
