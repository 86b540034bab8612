//! The pair in force, and a look at whether its files have changed.
//!
//! A change is taken up whole or not at all. Files are often replaced one after the other, so what does not fit together at one look
//! is told only if it is still so at the next one, and once.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use signet_storage::clock::{Clock, Timestamp};

use super::TlsError;
use super::pair::{Files, Pair};

const DAY: Duration = Duration::from_secs(86_400);
/// A leaf with less left than this is spoken of, daily.
const RUNS_OUT: Duration = DAY.saturating_mul(14);

pub struct Watched {
    files: Files,
    provider: Arc<CryptoProvider>,
    clock: Clock,
    in_force: RwLock<Arc<CertifiedKey>>,
    seen: Mutex<Seen>,
}

/// What the files were at the last look.
struct Seen {
    stamps: [Option<Stamp>; 2],
    /// Of the contents in force.
    digest: [u8; 32],
    ends: Option<Timestamp>,
    warned: Option<Timestamp>,
    /// What was wrong at the last look, until it is told.
    untold: Option<TlsError>,
}

/// When to tell of what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    AtOnce,
    /// If it was so at the last look already.
    WhenSettled,
}

/// What a look came to.
#[derive(Debug)]
pub enum Look {
    /// As before, also if that is something wrong of which was told.
    Same,
    /// New connections see another certificate.
    Replaced,
    /// Something does not fit, which may be half a change.
    Unsettled,
    /// The pair before stays in force.
    Refused(TlsError),
}

impl Watched {
    pub fn open(files: Files, provider: Arc<CryptoProvider>, clock: Clock) -> Result<Self, TlsError> {
        let stamps = stamps(&files);
        let contents = files.read()?;
        let pair = Pair::of(&contents, &files, &provider)?;
        let seen = Seen { stamps, digest: contents.digest(), ends: pair.ends, warned: None, untold: None };
        let (in_force, seen) = (RwLock::new(pair.certified), Mutex::new(seen));
        let watched = Self { files, provider, clock, in_force, seen };
        watched.look(Told::WhenSettled);
        Ok(watched)
    }

    pub fn look(&self, told: Told) -> Look {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let look = match self.compare(&mut seen, told) {
            Ok(look) => look,
            Err(error) if told == Told::AtOnce => Look::Refused(error),
            Err(error) => {
                seen.untold = Some(error);
                Look::Unsettled
            }
        };
        match &look {
            Look::Same | Look::Unsettled => {}
            Look::Replaced => {
                tracing::info!(certificate = %self.files.certificate.display(), "the certificate was replaced")
            }
            Look::Refused(error) => {
                tracing::error!(%error, "the certificate is refused, the one before stays in force")
            }
        }
        seen.warn_of_the_end(self.clock.now());
        look
    }

    /// The stamps are taken before the files are read: what is written in between is a change to the next look.
    fn compare(&self, seen: &mut Seen, told: Told) -> Result<Look, TlsError> {
        let stamps = stamps(&self.files);
        if stamps == seen.stamps && told == Told::WhenSettled {
            return Ok(seen.untold.take().map_or(Look::Same, Look::Refused));
        }
        (seen.stamps, seen.untold) = (stamps, None);
        let contents = self.files.read()?;
        let digest = contents.digest();
        if digest == seen.digest {
            return Ok(Look::Same);
        }
        let pair = Pair::of(&contents, &self.files, &self.provider)?;
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = pair.certified;
        (seen.digest, seen.ends, seen.warned) = (digest, pair.ends, None);
        Ok(Look::Replaced)
    }
}

impl Seen {
    fn warn_of_the_end(&mut self, now: Timestamp) {
        let Some(ends) = self.ends else { return };
        let left = ends.remaining(now);
        if left >= RUNS_OUT || self.warned.is_some_and(|warned| warned.plus(DAY) > now) {
            return;
        }
        self.warned = Some(now);
        match left.as_secs() / DAY.as_secs() {
            _ if left.is_zero() => tracing::error!("the certificate has run out: clients refuse it"),
            days => tracing::warn!(days, "the certificate runs out soon"),
        }
    }
}

/// What tells a changed file from an unchanged one without reading it. A file that is put in another's place is another.
type Stamp = (u64, u64, Option<SystemTime>);

fn stamps(files: &Files) -> [Option<Stamp>; 2] {
    [stamp(&files.certificate), stamp(&files.key)]
}

fn stamp(path: &Path) -> Option<Stamp> {
    let about = fs::metadata(path).ok()?;
    Some((about.ino(), about.len(), about.modified().ok()))
}

impl ResolvesServerCert for Watched {
    /// Whatever name was asked for: there is one certificate, and who wanted another one sees what it is.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("certificate", &self.files.certificate).finish_non_exhaustive()
    }
}
