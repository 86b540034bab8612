//! `signet audit verify [FILE]`

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::PathBuf;

use signet_config::Config;

use super::CommandResult;
use crate::audit;

/// Of the given file, or of the one that the configuration names.
pub fn verify(config: &Config, file: Option<PathBuf>) -> CommandResult {
    let path = file.or_else(|| config.audit.file(&config.storage));
    let path = path.ok_or("audit.path is \"off\"; name a file")?;
    let fail = |error| format!("{}: {error}", path.display());
    let opened = File::open(&path).map_err(fail)?;
    let verified = audit::verify(BufReader::new(opened)).map_err(fail)?;
    let verified = verified.map_err(|broken| format!("{}: {broken}", path.display()))?;
    writeln!(std::io::stdout(), "{} lines, unbroken; the last has the hash {}", verified.lines, verified.hash)?;
    Ok(())
}
