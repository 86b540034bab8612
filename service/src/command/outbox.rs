//! `signet outbox NUMBER`: asks the configured management address and prints the code, nothing else, so that scripts can use
//! it.

use std::io::Write as _;

use signet_config::Config;

use super::CommandResult;
use crate::demo::http::Http;

pub fn run(config: &Config, number: &str) -> CommandResult {
    let management = Http::at(format!("http://{}", config.server.management));
    let answer = management.get(&format!("/outbox/{number}"), None)?;
    let code = match answer.status {
        200 => answer.body["code"].as_str().map(str::to_owned),
        404 => None,
        status => return Err(format!("the management port answered {status}").into()),
    };
    let code = code.ok_or("no code has been sent to that number")?;
    writeln!(std::io::stdout(), "{code}")?;
    Ok(())
}
