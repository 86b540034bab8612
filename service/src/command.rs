//! The command line. Each command lies in a file of its own.

mod audit;
mod config;
mod inspect;
mod limits;
mod outbox;
mod serve;
#[cfg(feature = "sim")]
mod sim;
mod sweep;
mod tables;
mod told;

use std::error::Error;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use signet_config::Config;

use crate::demo;

/// An account registry for secure messengers.
#[derive(Debug, Parser)]
#[command(name = "signet", version, about)]
pub struct Arguments {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Where the configuration comes from. Flags win over the environment (`SIGNET__SECTION__KEY`), that over the file.
#[derive(Debug, Args)]
struct Settings {
    /// A configuration file (TOML).
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Any setting, as in `--set limits.registration.size=10`. Can be given again.
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_and_value)]
    set: Vec<(String, String)>,
    /// Where clients are served [server.http].
    #[arg(long, global = true, value_name = "ADDRESS")]
    http: Option<String>,
    /// Where operators are served [server.management].
    #[arg(long, global = true, value_name = "ADDRESS")]
    management: Option<String>,
    /// The data directory of the embedded engine [storage.path].
    #[arg(long, global = true, value_name = "DIRECTORY")]
    data: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the registry (this is the default).
    Serve,
    /// Play a client that registers, and show what happens.
    Demo(demo::Options),
    /// Print the last code that the development sender sent to a number.
    Outbox {
        /// In international form, as in +12025550123.
        number: String,
    },
    /// Print the tables as JSON.
    Tables {
        /// Create what is missing instead.
        #[arg(long)]
        create: bool,
    },
    /// Simulate a registry with a bad day, by seed, and check what it promises.
    #[cfg(feature = "sim")]
    Sim(sim::Options),
    /// Look at, or reset, the limits of a running registry.
    #[command(subcommand)]
    Limits(LimitsCommand),
    /// Look at every row of every table, and say what does not fit together; or work with the audit's file.
    Audit(AuditOptions),
    /// Tell what has run out or is used by nobody, and take it away.
    Sweep(sweep::Options),
    /// Work with the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Validate the configuration and print what it comes to, without secrets.
    Check,
}

#[derive(Debug, Subcommand)]
enum LimitsCommand {
    /// Print how each limiter stands for a number, an ACI or an address.
    Show { key: String },
    /// Forget what was taken, and print how each limiter stands then.
    Reset { key: String },
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
struct AuditOptions {
    /// Mend what other rows prove, and say of the rest why not.
    #[arg(long)]
    repair: bool,
    #[command(subcommand)]
    command: Option<AuditCommand>,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Tell whether every line is as it was written, and where it was.
    Verify {
        /// The configured one if none is given.
        file: Option<PathBuf>,
    },
}

pub type CommandResult = Result<(), Box<dyn Error>>;

impl Arguments {
    pub fn run(self) -> CommandResult {
        let config = self.settings.load()?;
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::run(&config, Box::new(move || self.settings.load())),
            Command::Demo(options) => demo::run(&options),
            Command::Outbox { number } => outbox::run(&config, &number),
            Command::Limits(command) => limits::run(&config, &command),
            Command::Tables { create } => tables::run(&config, create),
            #[cfg(feature = "sim")]
            Command::Sim(options) => sim::run(&options),
            Command::Audit(AuditOptions { repair, command: None }) => inspect::run(&config, repair),
            Command::Audit(AuditOptions { command: Some(AuditCommand::Verify { file }), .. }) => {
                audit::verify(&config, file)
            }
            Command::Sweep(options) => sweep::run(&config, &options),
            Command::Config(ConfigCommand::Check) => config::check(&config),
        }
    }
}

impl Settings {
    fn load(&self) -> Result<Config, signet_config::ConfigError> {
        let named =
            [("server.http", &self.http), ("server.management", &self.management), ("storage.path", &self.data)];
        let mut flags = self.set.clone();
        flags.extend(named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?))));
        Config::load(self.config.as_deref(), environment(), &flags)
    }
}

/// Our own variables. Others need not be UTF-8; ours that are not name no setting and are refused as unknown.
fn environment() -> impl Iterator<Item = (String, String)> {
    let ours = std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"SIGNET__"));
    ours.map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        super::Arguments::command().debug_assert();
    }
}
