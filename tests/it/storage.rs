//! One suite for everything that is kept, on every engine: the embedded one, the same behind its own HTTP server (the SDK's
//! real wire path) and, if `SIGNET_TEST_ENDPOINT` names one, whatever answers there. `it storage::` runs just this.

#![allow(clippy::unwrap_used, reason = "tests")]

/// Runs each test once per engine. A test gets an engine that has no tables yet.
macro_rules! on_each_engine {
    ($($test:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(signet_tests::Engine::embedded()).await;
            })+
        }

        mod over_http {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(signet_tests::Engine::over_http().await).await;
            })+
        }

        mod at_endpoint {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                match signet_tests::Engine::at_endpoint() {
                    Some(engine) => super::$test(engine).await,
                    None => eprintln!("SIGNET_TEST_ENDPOINT is not set: nothing was tested"),
                }
            })+
        }
    };
}

mod accounts;
mod bootstrap;
mod codec;
mod commits;
mod devices;
mod numbers;
mod prekeys;
mod races;
mod sessions;
mod usernames;
