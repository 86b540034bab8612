//! Redis that is not there, hangs, forgets, or refuses: callers hear so at once, and nobody has to be called when it is
//! back (field.md S1).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use signet_storage::cache::{Cache, CacheConfigError, CacheDown, Like, Taken, Window};
use signet_tests::redis::RedisServer;

use super::{HOUR, PIN, becomes, connected, manual_clock, text};

/// Every method gives up within the time that callers are promised.
async fn all_fail_quickly(cache: &Cache) {
    async fn quickly<T: std::fmt::Debug + PartialEq>(call: impl Future<Output = Result<T, CacheDown>>) {
        let answer = tokio::time::timeout(Duration::from_millis(300), call).await.expect("an answer in time");
        assert_eq!(answer, Err(CacheDown));
    }
    quickly(cache.get(SECRET)).await;
    quickly(cache.put_newer(SECRET, 1, text("v"), HOUR)).await;
    quickly(cache.forget(SECRET, 1, HOUR)).await;
    quickly(cache.take(&PIN, SECRET, 1)).await;
    quickly(cache.peek(&PIN, SECRET, 1)).await;
    quickly(cache.clear(&PIN, SECRET)).await;
    quickly(cache.look(&PIN, SECRET)).await;
    quickly(cache.keys(&PIN, Like::Begins(SECRET))).await;
    let window = Window { id: "codes", size: 1, span: HOUR };
    quickly(cache.take_window(&window, SECRET, 1)).await;
    quickly(cache.untake_window(&window, SECRET)).await;
    quickly(cache.look_window(&window, SECRET)).await;
    quickly(cache.clear_window(&window, SECRET)).await;
    quickly(cache.count(SECRET, 1, HOUR)).await;
    quickly(cache.counted(SECRET)).await;
    quickly(cache.remove(SECRET)).await;
    quickly(cache.keep(SECRET, text("v"), HOUR)).await;
    quickly(cache.kept(SECRET)).await;
    quickly(cache.publish(SECRET, text("v"))).await;
    quickly(async { cache.subscribe(SECRET).await.map(drop) }).await;
}

/// A key that nobody may find in a log.
const SECRET: &str = "+491511234567";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines_with(&self, part: &str) -> usize {
        String::from_utf8_lossy(&self.0.lock().unwrap()).lines().filter(|line| line.contains(part)).count()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// On one thread, so that the log and the metrics of this test are those of its cache.
#[tokio::test]
async fn redis_may_go_and_come_back() {
    // Somebody listens on every thread, lest another test's thread teaches the log's call sites that nobody does.
    let everywhere = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(std::io::sink);
    let _ = tracing::subscriber::set_global_default(everywhere.finish());
    let log = Log::default();
    let writer = log.clone();
    let logger = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(move || writer.clone());
    let _logged = tracing::subscriber::set_default(logger.finish());
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _measured = metrics::set_default_local_recorder(&recorder);
    let gauge = |value: u8| recorder.handle().render().contains(&format!("\nsignet_cache_up {value}\n"));

    let (mut server, clock) = (RedisServer::start(), manual_clock());
    let cache = connected(&server, &clock).await;
    assert_eq!(cache.take(&PIN, SECRET, 5).await, Ok(Taken::Granted));
    assert_eq!((log.lines_with("the Redis cache answers"), gauge(1)), (1, true));

    server.stop();
    all_fail_quickly(&cache).await;
    becomes(&cache, false).await;
    for _ in 0..100 {
        all_fail_quickly(&cache).await;
    }
    tokio::time::sleep(Duration::from_millis(700)).await; // Time for more than one look.
    assert_eq!((log.lines_with("the Redis cache does not answer"), gauge(0)), (1, true));

    server.start_again();
    becomes(&cache, true).await;
    assert_eq!(
        cache.take(&PIN, SECRET, 5).await,
        Ok(Taken::Granted),
        "the scripts are sent again; the levels are lost"
    );
    assert_eq!(cache.put_newer(SECRET, 1, text("v"), HOUR).await, Ok(true));
    assert_eq!(cache.get(SECRET).await, Ok(Some(text("v"))));
    assert_eq!((log.lines_with("the Redis cache answers"), gauge(1)), (2, true));
    assert_eq!(log.lines_with(SECRET), 0);
}

#[tokio::test]
async fn redis_may_be_down_at_the_start() {
    let (mut server, clock) = (RedisServer::start(), manual_clock());
    server.stop();
    let cache = Cache::redis(&server.url(), clock.clock()).unwrap();
    all_fail_quickly(&cache).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    all_fail_quickly(&cache).await;
    server.start_again();
    becomes(&cache, true).await;
    assert_eq!(cache.get("k").await, Ok(None));
}

/// Redis is there but says nothing: the connection stands, and every answer takes longer than anybody waits.
#[tokio::test]
async fn redis_may_hang() {
    let (server, clock) = (RedisServer::start(), manual_clock());
    let cache = connected(&server, &clock).await;
    server.ask(&["CLIENT", "PAUSE", "3000", "ALL"]);
    all_fail_quickly(&cache).await;
    becomes(&cache, false).await;
    all_fail_quickly(&cache).await;
    becomes(&cache, true).await;
    assert_eq!(cache.get("k").await, Ok(None));
}

#[tokio::test]
async fn redis_that_lost_its_scripts_gets_them_again() {
    let (server, clock) = (RedisServer::start(), manual_clock());
    let cache = connected(&server, &clock).await;
    for round in 1..3 {
        server.ask(&["SCRIPT", "FLUSH"]);
        assert_eq!(cache.take(&PIN, "k", 1).await, Ok(Taken::Granted));
        assert_eq!(cache.put_newer("k", round, text("v"), HOUR).await, Ok(true));
        server.ask(&["SCRIPT", "FLUSH"]);
        cache.forget("k", round, HOUR).await.unwrap();
    }
}

/// A Redis that answers but refuses to store is of no use, and is reported as what it is to us: down.
#[tokio::test]
async fn redis_that_refuses_writes_is_down() {
    let (server, clock) = (RedisServer::start(), manual_clock());
    let cache = connected(&server, &clock).await;
    server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    becomes(&cache, false).await;
    all_fail_quickly(&cache).await;
    server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    becomes(&cache, true).await;
}

#[tokio::test]
async fn the_connection_ends_with_the_last_clone() {
    let (server, clock) = (RedisServer::start(), manual_clock());
    let cache = connected(&server, &clock).await;
    let clients = || server.ask(&["CLIENT", "LIST"]).lines().count();
    let become_so_many = async |expected| {
        for _ in 0..500 {
            if clients() == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} connections instead of {expected}", clients());
    };
    // The one that asks, and two of the cache: for calls and for channels.
    become_so_many(3).await;
    drop(cache.clone());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(clients(), 3);
    drop(cache);
    become_so_many(1).await;
}

#[tokio::test]
async fn a_url_is_refused_without_being_shown() {
    for (url, error) in [
        ("redis://user:hunter2@host/not-a-number", CacheConfigError::Parts),
        ("https://user:hunter2@host", CacheConfigError::Scheme),
        ("hunter2", CacheConfigError::NotAUrl),
    ] {
        let refused = Cache::redis(url, manual_clock().clock()).unwrap_err();
        assert_eq!(refused, error);
        assert!(!format!("{refused} {refused:?}").contains("hunter2"));
    }
}
