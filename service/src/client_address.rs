//! Where a client is. The peer of the connection, unless that is a proxy we trust: then the last address in
//! `X-Forwarded-For` that is not such a proxy. Whatever a client writes further left is hearsay.

use std::net::{IpAddr, Ipv6Addr};

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

/// One IPv6 client has a whole /64 to call from: for limits, that network is one client.
pub fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        },
    }
}

/// What limits per client address are keyed by. Clients whose address is not known share a key.
pub fn key(client: Option<IpAddr>) -> String {
    client.map_or_else(|| "unknown".to_owned(), |client| network(client).to_string())
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

    #[test]
    fn neighbours_in_one_ipv6_network_are_one_client() {
        let parse = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(parse("2001:db8::1"), parse("2001:db8::ffff:1"));
        assert_ne!(parse("2001:db8::1"), parse("2001:db8:0:1::1"));
        assert_eq!(parse("::ffff:192.0.2.1"), parse("192.0.2.1"));
        assert_eq!(key("2001:db8::7".parse().ok()), "2001:db8::");
        assert_eq!(key(None), "unknown");
    }
}
