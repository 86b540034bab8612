//! `signet limits show KEY` and `signet limits reset KEY`: asks the configured management address and prints a line for each
//! limiter of a number, an account or an address.

use std::io::Write as _;

use signet_config::Config;

use super::{CommandResult, LimitsCommand};
use crate::demo::http::Http;
use crate::limits::subject::{Overview, Row, Subject};

pub fn run(config: &Config, command: &LimitsCommand) -> CommandResult {
    let (LimitsCommand::Show { key } | LimitsCommand::Reset { key }) = command;
    if Subject::parse(key).is_none() {
        return Err("KEY is to be a number, an ACI or an address".into());
    }
    let management = Http::at(format!("http://{}", config.server.management));
    let path = format!("/limits/{key}");
    let answer = match command {
        LimitsCommand::Show { .. } => management.get(&path, None)?,
        LimitsCommand::Reset { .. } => management.delete(&path)?,
    };
    match answer.status {
        200 => print(&serde_json::from_value(answer.body)?),
        503 => Err("what keeps the limits, or the accounts, does not answer".into()),
        status => Err(format!("the management port answered {status}").into()),
    }
}

fn print(overview: &Overview) -> CommandResult {
    let mut out = std::io::stdout().lock();
    let width = |text: fn(&Row) -> &str| overview.limiters.iter().map(|row| text(row).len()).max().unwrap_or(0);
    let (limiters, keys) = (width(|row| &row.limiter), width(|row| &row.key));
    for row in &overview.limiters {
        let Row { limiter, key, left, size, next_in_millis, full_in_millis } = row;
        write!(out, "{limiter:limiters$}  {key:keys$}  {left}/{size} left")?;
        if *full_in_millis > 0 {
            write!(out, ", next permit in {} s, full in {} s", seconds(*next_in_millis), seconds(*full_in_millis))?;
        }
        writeln!(out)?;
    }
    for limiter in &overview.unlisted {
        writeln!(out, "{limiter:limiters$}  its keys cannot be listed here")?;
    }
    Ok(())
}

/// Rounded up: after so long it is there.
const fn seconds(millis: u64) -> u64 {
    millis.div_ceil(1_000)
}
