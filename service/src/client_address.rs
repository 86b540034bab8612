//! Where a client is. The peer of the connection, unless that is a proxy we trust: then the last address in
//! `X-Forwarded-For` that is not such a proxy. Whatever a client writes further left is hearsay.

use std::net::IpAddr;

use ipnet::IpNet;

pub fn resolve(peer: Option<IpAddr>, forwarded_for: Option<&str>, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = peer?;
    let is_proxy = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_proxy(&peer) {
        return Some(peer);
    }
    let mut nearest = peer;
    for hop in forwarded_for.unwrap_or_default().rsplit(',') {
        // What cannot be read ends the chain: the hop that wrote it is as far as we can see.
        let Ok(address) = hop.trim().trim_matches(['[', ']']).parse() else { break };
        nearest = address;
        if !is_proxy(&address) {
            break;
        }
    }
    Some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        for (peer, header, expected) in [
            ("192.0.2.7", Some("203.0.113.1"), "192.0.2.7"),
            ("10.0.0.1", Some("203.0.113.1"), "203.0.113.1"),
            ("10.0.0.1", Some("6.6.6.6, 203.0.113.1, 10.0.0.9"), "203.0.113.1"),
            ("10.0.0.1", Some("203.0.113.1, rubbish"), "10.0.0.1"),
            ("10.0.0.1", None, "10.0.0.1"),
            ("::1", Some("[2001:db8::5]"), "2001:db8::5"),
            ("10.0.0.1", Some("10.0.0.2"), "10.0.0.2"),
        ] {
            let found = resolve(Some(peer.parse().unwrap()), header, &trusted);
            assert_eq!(found, Some(expected.parse().unwrap()), "{peer} {header:?}");
        }
        assert_eq!(resolve(None, Some("203.0.113.1"), &trusted), None);
    }
}
