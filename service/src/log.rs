//! What is written to the log: what the operator asks for, of us; of libraries what is INFO or worse, whatever is asked for.
//!
//! Libraries know no secrets, only bytes: at DEBUG and TRACE they print headers, request bodies, rows and frames as they come,
//! with whatever a client put into them. Nobody can promise what the next version of one prints there, so none of it is
//! written. Our own targets are written as low as is asked for; that they hold no secret is what `tests/it/canary` is for.
//!
//! Invariant: no filter makes a library's line below INFO appear, and no filter hides that from the operator: `log.filter` is
//! documented with it.

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, ParseError, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

/// All targets of ours begin so.
const OURS: &str = "signet";

/// A log of what `filter` lets through, as far as it may be written at all.
///
/// # Errors
/// If `filter` is not the text of an `EnvFilter`.
pub fn to<W>(writer: W, filter: &str, colours: bool) -> Result<impl Subscriber + Send + Sync + use<W>, ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let asked = EnvFilter::try_new(filter)?;
    let allowed = Targets::new().with_default(LevelFilter::INFO).with_target(OURS, LevelFilter::TRACE);
    let lines = tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(writer);
    Ok(tracing_subscriber::registry().with(lines.with_filter(asked.and(allowed))))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What a filter lets through of five lines.
    fn written(filter: &str) -> Vec<&'static str> {
        let kept = Kept::default();
        let writer = kept.clone();
        let log = to(move || writer.clone(), filter, false).expect("a filter");
        tracing::subscriber::with_default(log, || {
            tracing::trace!(target: "signet::tunnel", "ours-deep");
            tracing::info!(target: "signet_storage", "ours");
            tracing::trace!(target: "hyper::proto", "theirs-deep");
            tracing::debug!(target: "aws_smithy_runtime", "theirs-debug");
            tracing::info!(target: "rustls", "theirs");
        });
        let text = String::from_utf8(kept.0.lock().expect("no panic").clone()).expect("text");
        let all = ["ours-deep", "ours", "theirs-deep", "theirs-debug", "theirs"];
        all.into_iter().filter(|said| text.lines().any(|line| line.ends_with(&format!(": {said}")))).collect()
    }

    #[test]
    fn libraries_are_not_heard_below_info() {
        for (filter, expected) in [
            ("info", &["ours", "theirs"][..]),
            ("trace", &["ours-deep", "ours", "theirs"]),
            ("hyper=trace,aws_smithy_runtime=debug", &[]),
            ("warn,signet=trace", &["ours-deep", "ours"]),
            ("trace,hyper::proto=trace", &["ours-deep", "ours", "theirs"]),
            ("off", &[]),
        ] {
            assert_eq!(written(filter), expected, "{filter}");
        }
        assert!(to(std::io::sink, "[", false).is_err());
    }
}
