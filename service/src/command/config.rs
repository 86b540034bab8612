//! `signet config check`

use std::io::Write as _;

use signet_config::Config;

use super::CommandResult;

/// The configuration has been validated by being loaded; this shows what it came to.
pub fn check(config: &Config) -> CommandResult {
    std::io::stdout().write_all(config.effective().as_bytes())?;
    Ok(())
}
