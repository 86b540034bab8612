//! Why libraries are not heard below INFO: what they would say.

use std::io::Write;
use std::sync::{Arc, Mutex};

use signet_tests::canary::{Kind, Search};
use signet_tests::{Engine, Registrant};
use tracing::dispatcher::Dispatch;

const NUMBER: &str = "+12025550178";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn writer(&self) -> impl Fn() -> Self + Send + Sync + 'static {
        let log = self.clone();
        move || log.clone()
    }

    fn text(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

/// On one thread, so that each log hears what is done under it. The same is done twice: the search sees the number in one log, so it
/// would in the other.
#[tokio::test]
async fn at_trace_libraries_tell_numbers_and_the_log_does_not() {
    let (all, kept) = (Log::default(), Log::default());
    let unkept = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(all.writer());
    let loggers =
        [Dispatch::new(unkept.finish()), Dispatch::new(signet::log::to(kept.writer(), "trace", false).unwrap())];
    let mut search = Search::default();
    search.mark("a number", Kind::Number, NUMBER);
    for logger in &loggers {
        let _logged = tracing::dispatcher::set_default(logger);
        let store = Engine::embedded().open().await;
        let me = Registrant::generate();
        let account = me.register(&store, NUMBER).await.unwrap();
        assert!(store.accounts().get(account.aci).await.unwrap().is_some());
        tracing::trace!(target: "signet", "registered");
    }
    assert!(!search.hits(&all.text()).is_empty(), "the SDK prints what it reads");
    let text = kept.text();
    assert!(text.ends_with(b": registered\n"), "{}", String::from_utf8_lossy(&text));
    assert_eq!(search.hits(&text), []);
}
