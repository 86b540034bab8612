//! Section `server`: where the registry listens, and whose word on a client's address it takes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use crate::error::Problems;
use crate::values;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Server {
    /// The front door. Port 0: any free one.
    #[serde(deserialize_with = "address")]
    pub http: SocketAddr,
    /// Health, metrics and, in development, the outbox. Not for the public.
    #[serde(deserialize_with = "address")]
    pub management: SocketAddr,
    /// Peers whose forwarding headers are believed. A bare address means that one host.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Worker threads; 0 means one per core.
    #[serde(deserialize_with = "workers")]
    pub workers: usize,
}

impl Default for Server {
    fn default() -> Self {
        Self { http: loopback(8080), management: loopback(8081), trusted_proxies: Vec::new(), workers: 0 }
    }
}

impl Server {
    /// Any free ports of the loopback interface, one worker.
    pub fn for_testing() -> Self {
        Self { http: loopback(0), management: loopback(0), workers: 1, ..Self::default() }
    }

    pub(crate) fn validate(&self, problems: &mut Problems) {
        if self.http == self.management && self.http.port() != 0 {
            problems.add("server.management", "must differ from server.http");
        }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| serde::de::Error::custom("expected an address and port, such as \"127.0.0.1:8080\""))
}

fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let network = |text: &String| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let networks: Result<_, _> = values::list(deserializer)?.iter().map(network).collect();
    networks.map_err(|_| serde::de::Error::custom("expected addresses or networks, such as [\"10.0.0.0/8\", \"::1\"]"))
}

fn workers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    usize::try_from(values::whole(deserializer)?).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn proxies(toml: &str) -> Result<Vec<String>, String> {
        let config = Config::parse(&format!("[server]\n{toml}")).map_err(|error| error.to_string())?;
        Ok(config.server.trusted_proxies.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_bare_proxy_address_is_one_host() {
        assert_eq!(
            proxies(r#"trusted_proxies = ["10.0.0.0/8", "192.0.2.7", "::1"]"#),
            Ok(vec!["10.0.0.0/8".to_owned(), "192.0.2.7/32".to_owned(), "::1/128".to_owned()])
        );
        assert_eq!(proxies(r#"trusted_proxies = """#), Ok(vec![]));
        for wrong in [r#"["10.0.0.0/33"]"#, r#"["proxy.example"]"#, r#""10.0.0.0/8,""#, "3"] {
            let error = proxies(&format!("trusted_proxies = {wrong}")).unwrap_err();
            assert!(error.starts_with("server.trusted_proxies: expected"), "{error}");
        }
    }

    #[test]
    fn the_two_ports_are_two() {
        let error = Config::parse("[server]\nhttp = \"127.0.0.1:8081\"").unwrap_err().to_string();
        assert_eq!(error, "server.management: must differ from server.http");
        Config::parse("[server]\nhttp = \"127.0.0.1:0\"\nmanagement = \"127.0.0.1:0\"").unwrap();
    }

    #[test]
    fn workers_are_a_whole_number() {
        assert_eq!(Config::parse("[server]\nworkers = 3").unwrap().server.workers, 3);
        for wrong in ["1.5", "-1", "true", "\"yes\""] {
            let error = Config::parse(&format!("[server]\nworkers = {wrong}")).unwrap_err().to_string();
            assert!(error.starts_with("server.workers: expected a whole number"), "{error}");
        }
    }
}
