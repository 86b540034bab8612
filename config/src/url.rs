//! The parts of a URL, as far as this crate has to know them: to check its form early, and to show it without what
//! may be secret in it. It is no full parser; the client that connects has the last word.
//!
//! Invariant: an accepted URL has its user information before the first `/`, `?` or `#`, so that what
//! [`Url::shown`] leaves out is all of it. A password with one of these unescaped is refused.

use std::fmt::Write;

use crate::secret::HIDDEN;

pub(crate) struct Url<'a> {
    pub scheme: &'a str,
    pub user_info: Option<&'a str>,
    /// Host, and port if there is one.
    address: &'a str,
    /// From the first `/`, `?` or `#` on.
    tail: &'a str,
}

/// Query parameters that may be shown. All others are hidden: among them are the password and name for sentinels.
const SHOWN_PARAMETERS: &[&str] = &["node", "sentinelServiceName"];

impl<'a> Url<'a> {
    /// `Err` says what is wrong with the form, without any part of the text.
    pub fn read(text: &'a str) -> Result<Self, &'static str> {
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("a URL has no spaces");
        }
        let (scheme, rest) = text.split_once("://").ok_or("expected a URL such as scheme://host:port")?;
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if tail.contains('@') {
            return Err("percent-encode /, ?, # and @ in the user name, password and parameters");
        }
        let (user_info, address) = match authority.rsplit_once('@') {
            Some((user_info, address)) => (Some(user_info), address),
            None => (None, authority),
        };
        check_address(address)?;
        Ok(Self { scheme, user_info, address, tail })
    }

    /// No path (but for a single `/`), no parameters, no fragment.
    pub fn is_bare(&self) -> bool {
        matches!(self.tail, "" | "/")
    }

    /// Would what is sent there be readable on the way? `http` is, but within this machine.
    pub fn is_in_clear(&self) -> bool {
        let host = match self.address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((v6, _)) => v6,
            None => self.address.split_once(':').map_or(self.address, |(host, _)| host),
        };
        let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        self.scheme == "http" && !here
    }

    /// The URL without its user information and without the values of unknown parameters.
    pub fn shown(&self) -> String {
        let mut shown = format!("{}://", self.scheme);
        if self.user_info.is_some() {
            shown.push_str(HIDDEN);
            shown.push('@');
        }
        shown.push_str(self.address);
        let (path, query) = self.tail.split_once('?').unwrap_or((self.tail, ""));
        shown.push_str(path);
        for (index, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            let (name, value) = pair.split_once('=').unwrap_or((HIDDEN, ""));
            let value = if SHOWN_PARAMETERS.contains(&name) { value } else { HIDDEN };
            let separator = if index == 0 { '?' } else { '&' };
            // Writing to a String cannot fail.
            let _ = write!(shown, "{separator}{name}={value}");
        }
        shown
    }
}

/// An AWS endpoint: scheme, host, port, and nothing else.
pub(crate) fn check_endpoint(endpoint: &str) -> Result<(), &'static str> {
    let url = Url::read(endpoint)?;
    if !matches!(url.scheme, "http" | "https") {
        return Err("expected an http:// or https:// URL");
    }
    if url.user_info.is_some() {
        return Err("takes no user name or password; set access_key_id and secret_access_key of its section");
    }
    if !url.is_bare() {
        return Err("takes no path or parameters after the host and port");
    }
    Ok(())
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
fn check_address(address: &str) -> Result<(), &'static str> {
    let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, rest)) => {
            v6.parse::<std::net::Ipv6Addr>().map_err(|_| "the host in brackets is no IPv6 address")?;
            (
                v6,
                if rest.is_empty() {
                    None
                } else {
                    Some(rest.strip_prefix(':').ok_or("expected :port after the host")?)
                },
            )
        }
        None => {
            let (host, port) = address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port)));
            if !host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')) {
                return Err("the host has a character that no host name has");
            }
            (host, port)
        }
    };
    if host.is_empty() {
        return Err("the host is missing");
    }
    match port.map(str::parse::<u16>) {
        None | Some(Ok(1..)) => Ok(()),
        Some(_) => Err("the port must be a number from 1 to 65535"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_hides_what_may_be_secret() {
        for (url, shown) in [
            ("redis://host", "redis://host"),
            ("redis://[::1]:6379/3", "redis://[::1]:6379/3"),
            ("rediss://user:s3cr3t@host:6379/1", "rediss://…@host:6379/1"),
            ("redis://:a@s3cr3t@host", "redis://…@host"),
            (
                "redis-sentinel://:s3cr3t@h:1?sentinelServiceName=main&sentinelPassword=s3cr3t&node=i:2&s3cr3t",
                "redis-sentinel://…@h:1?sentinelServiceName=main&sentinelPassword=…&node=i:2&…=…",
            ),
        ] {
            assert_eq!(Url::read(url).map(|url| url.shown()), Ok(shown.to_owned()));
        }
    }

    #[test]
    fn in_clear_is_http_to_elsewhere() {
        for (url, clear) in [
            ("http://example.org", true),
            ("http://10.0.0.1:80/x", true),
            ("http://localhost.example.org", true),
            ("https://example.org", false),
            ("http://localhost:1", false),
            ("http://127.0.0.2", false),
            ("http://[::1]:8", false),
        ] {
            assert_eq!(Url::read(url).map(|url| url.is_in_clear()), Ok(clear), "{url}");
        }
    }

    #[test]
    fn refuses_other_forms() {
        for text in [
            "",
            "host:1",
            "http://",
            "http://:80",
            "http://h:0",
            "http://h:99999",
            "http://h:x",
            "http://a b",
            "http://[::1",
            "http://[::1]80",
            "redis://:pa/ss@host",
            "redis://:pa?ss@host",
            "redis://:pa#ss@host",
            "redis://a:b:c",
        ] {
            assert!(Url::read(text).is_err(), "{text}");
        }
    }
}
