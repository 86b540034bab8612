//! Until when a call must be answered: as long as any endpoint may take, or less if the client says so (`grpc-timeout`).

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

use super::status::Refusal;
use crate::error::ApiError;
use crate::routes::PATIENCE;

#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    pub at: Instant,
    is_the_clients: bool,
}

impl Deadline {
    #[allow(clippy::disallowed_methods, reason = "how long our own work takes is not the registry's time")]
    pub fn of(metadata: &HeaderMap) -> Self {
        let wanted = metadata.get("grpc-timeout").and_then(|value| read(value.to_str().ok()?));
        let wanted = wanted.filter(|wanted| *wanted < PATIENCE);
        Self { at: Instant::now() + wanted.unwrap_or(PATIENCE), is_the_clients: wanted.is_some() }
    }

    /// What is said when it has passed.
    pub fn refusal(self) -> Refusal {
        if self.is_the_clients {
            return Refusal::DeadlineExceeded;
        }
        Refusal::Api(ApiError::Unavailable("the method took too long".to_owned()))
    }
}

/// Up to eight digits and a unit. What is nothing of the kind is as if it were not there.
fn read(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_in_their_units() {
        for (text, expected) in [
            ("1S", Some(Duration::from_secs(1))),
            ("2M", Some(Duration::from_secs(120))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
            ("20m", Some(Duration::from_millis(20))),
            ("7u", Some(Duration::from_micros(7))),
            ("0n", Some(Duration::ZERO)),
            ("123456789S", None),
            ("S", None),
            ("", None),
            ("5", None),
            ("-1S", None),
            ("+1S", None),
            ("1s", None),
            ("1ä", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
