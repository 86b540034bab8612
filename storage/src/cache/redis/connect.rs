//! How connections to Redis are made: from its URL, with the patience and the persistence that the cache wants.
//!
//! Not here: when they are made, and whether Redis is up (`watch.rs`, `wire.rs`).

use std::time::Duration;

use fred::prelude::{
    Builder, Client, Config, ConnectionConfig, ErrorKind, Options, PerformanceConfig, ReconnectPolicy,
};

use super::ANSWER_WITHIN;
use crate::cache::CacheConfigError;

/// For a new connection, and for each of the commands that open it.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// Messages that have arrived and not been handed on yet. Beyond, all subscribers are told that they missed some.
const ARRIVED: usize = 4_096;
/// Milliseconds before the first and before every later attempt to connect.
const RECONNECT_AFTER: (u32, u32) = (100, 2_000);

const SCHEMES: [&str; 6] = ["redis", "rediss", "redis-cluster", "rediss-cluster", "redis-sentinel", "rediss-sentinel"];

/// While there is no connection a command is refused and not queued; a command that was sent is not sent again.
pub(super) fn options() -> Options {
    Options { fail_fast: true, max_attempts: Some(1), timeout: Some(ANSWER_WITHIN), ..Options::default() }
}

pub(super) fn client(url: &str) -> Result<Client, CacheConfigError> {
    let scheme = url.split_once(':').ok_or(CacheConfigError::NotAUrl)?.0;
    if !SCHEMES.contains(&scheme) {
        return Err(CacheConfigError::Scheme);
    }
    let mut config = Config::from_url(url).map_err(|error| match error.kind() {
        ErrorKind::Url => CacheConfigError::NotAUrl,
        ErrorKind::Tls => CacheConfigError::Tls,
        _ => CacheConfigError::Parts,
    })?;
    config.fail_fast = false; // Redis may be down when we start.
    let policy = ReconnectPolicy::new_exponential(0, RECONNECT_AFTER.0, RECONNECT_AFTER.1, 2);
    let performance = PerformanceConfig {
        default_command_timeout: ANSWER_WITHIN,
        broadcast_channel_capacity: ARRIVED,
        ..PerformanceConfig::default()
    };
    let connection = ConnectionConfig {
        connection_timeout: CONNECT_WITHIN,
        internal_command_timeout: CONNECT_WITHIN,
        max_command_attempts: 1,
        reconnect_on_auth_error: true,
        ..ConnectionConfig::default()
    };
    Builder::from_config(config)
        .set_policy(policy)
        .set_performance_config(performance)
        .set_connection_config(connection)
        .build()
        .map_err(|_| CacheConfigError::Parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_refused_with_a_reason_and_without_their_text() {
        let reason = |url| client(url).err();
        assert_eq!(reason("cache.example"), Some(CacheConfigError::NotAUrl));
        assert_eq!(reason("http://u:secret@cache.example"), Some(CacheConfigError::Scheme));
        assert_eq!(reason("redis://u:secret@cache.example:port"), Some(CacheConfigError::NotAUrl));
        assert_eq!(reason("redis://u:secret@cache.example/first"), Some(CacheConfigError::Parts));
        assert_eq!(reason("redis-sentinel://u:secret@cache.example"), Some(CacheConfigError::Parts));
    }

    #[test]
    fn every_kind_of_redis_can_be_named() {
        for url in [
            "redis://cache.example",
            "redis://user:password@cache.example:6380/1",
            "redis-cluster://cache.example:30001?node=other.example:30002",
            "redis-sentinel://cache.example:26379/0?sentinelServiceName=main&sentinelUsername=u&sentinelPassword=p",
        ] {
            assert!(client(url).is_ok());
        }
    }
}
