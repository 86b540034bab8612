//! Section `server`: where the registry listens, and whose word on a client's address it takes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use crate::error::Problems;
use crate::{Profile, values};

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Server {
    /// The front door for plain requests. Port 0: any free one.
    #[serde(deserialize_with = "address")]
    pub http: SocketAddr,
    /// The front door for sockets, requests and gRPC, over TLS.
    pub tls: Door,
    /// The same without TLS, for behind a balancer that ends it.
    pub plain: Door,
    /// The chain that `tls` shows, PEM, leaf first. Absent in development: one of our own making.
    pub certificate: Option<PathBuf>,
    /// The private key of its leaf, PEM.
    pub certificate_key: Option<PathBuf>,
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

/// An address to listen on, or `"off"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Off,
    At(SocketAddr),
}

const OFF: &str = "off";

impl Door {
    pub const fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::At(address) => Some(address),
        }
    }

    /// As the configuration says it.
    pub fn shown(self) -> String {
        self.address().map_or_else(|| OFF.to_owned(), |address| address.to_string())
    }
}

impl<'de> Deserialize<'de> for Door {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == OFF {
            return Ok(Self::Off);
        }
        let wrong = "expected \"off\", or an address and port, such as \"127.0.0.1:8443\"";
        text.parse().map(Self::At).map_err(|_| serde::de::Error::custom(wrong))
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            http: loopback(8080),
            tls: Door::At(loopback(8443)),
            plain: Door::Off,
            certificate: None,
            certificate_key: None,
            management: loopback(8081),
            trusted_proxies: Vec::new(),
            workers: 0,
        }
    }
}

impl Server {
    /// Any free ports of the loopback interface, one worker.
    pub fn for_testing() -> Self {
        let plain = Door::At(loopback(0));
        Self { http: loopback(0), tls: Door::Off, plain, management: loopback(0), workers: 1, ..Self::default() }
    }

    pub(crate) fn validate(&self, profile: Profile, problems: &mut Problems) {
        let mut taken = vec![("server.http", self.http)];
        let doors = [
            ("server.management", Some(self.management)),
            ("server.tls", self.tls.address()),
            ("server.plain", self.plain.address()),
        ];
        for (key, address) in doors {
            let Some(address) = address else { continue };
            if let Some((other, _)) = taken.iter().find(|(_, other)| *other == address && address.port() != 0) {
                problems.add(key, format!("must differ from {other}"));
            }
            taken.push((key, address));
        }
        match (&self.certificate, &self.certificate_key) {
            (Some(_), None) => problems.add("server.certificate_key", "required with server.certificate"),
            (None, Some(_)) => problems.add("server.certificate", "required with server.certificate_key"),
            (None, None) if profile == Profile::Production && self.tls != Door::Off => {
                let what = "required in production with server.tls; without TLS of our own, set server.tls = \"off\"";
                problems.add("server.certificate", what);
            }
            _ => {}
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
    fn a_door_is_an_address_or_off() {
        let server = Config::parse("[server]\ntls = \"off\"\nplain = \"127.0.0.1:9\"").unwrap().server;
        assert_eq!((server.tls.shown().as_str(), server.plain.shown().as_str()), ("off", "127.0.0.1:9"));
        let error = Config::parse("[server]\ntls = \"on\"").unwrap_err().to_string();
        assert!(error.starts_with("server.tls: expected \"off\", or an address"), "{error}");
        let error = Config::parse("[server]\nplain = \"127.0.0.1:8443\"").unwrap_err().to_string();
        assert_eq!(error, "server.plain: must differ from server.tls (the text)");
    }

    #[test]
    fn a_certificate_has_a_key_and_production_has_both() {
        let error = |toml: &str| Config::parse(toml).unwrap_err().to_string();
        assert_eq!(
            error("[server]\ncertificate = \"a.pem\""),
            "server.certificate_key: required with server.certificate"
        );
        assert_eq!(
            error("[server]\ncertificate_key = \"a.pem\""),
            "server.certificate: required with server.certificate_key"
        );
        let required = "server.certificate: required in production";
        assert!(error("profile = \"production\"").contains(required));
        assert!(!error("profile = \"production\"\nserver.tls = \"off\"").contains(required));
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
