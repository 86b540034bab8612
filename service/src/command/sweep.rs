//! `signet sweep`: tells what has run out or is used by nobody, and with `--apply` takes it away.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use signet_config::{Config, SweepKind};
use signet_keys::KeysManager;
use signet_storage::{AccountsManager, Storage, World};

use super::CommandResult;
use super::told::Progress;
use crate::audit;
use crate::events::Events;
use crate::sweep::{Counts, Cursor, Fate, Piece, Plan, Sweeper};

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Take it away. Otherwise it is only told what would be.
    #[arg(long)]
    apply: bool,
    /// Look for this alone: tokens, sessions, recovery, usernames, pages, linked, accounts or primaries. Can be given again.
    /// `primaries` are taken away only if they are named here.
    #[arg(long, value_name = "KIND", value_parser = kind)]
    only: Vec<SweepKind>,
    /// Rows a second; 0 for as many as can be read.
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// Name each that is found.
    #[arg(long)]
    list: bool,
    /// Keep here how far it is, and go on from there. The file may hold a number: it is made for you alone.
    #[arg(long, value_name = "FILE")]
    cursor: Option<PathBuf>,
}

fn kind(text: &str) -> Result<SweepKind, String> {
    let known = || SweepKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
    SweepKind::ALL
        .iter()
        .copied()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| format!("expected one of {}", known()))
}

pub fn run(config: &Config, options: &Options) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let storage = Storage::open(config, World::real()).await?;
        // Whose device or account was removed is written down, as it is when they do it themselves.
        let audit = config.audit.file(&config.storage).filter(|_| options.apply);
        let audit = audit.map(|file| audit::start(&file, &storage.clock)).transpose()?;
        let events = Events::with_lossless(storage.clock.clone(), audit);
        let (accounts, keys) = (AccountsManager::new(&storage), KeysManager::new(&storage));
        let sweeper = Sweeper::new(&storage, accounts, keys, events.clone(), config.sweep.clone());
        let swept = sweep(&sweeper, options).await;
        tokio::task::spawn_blocking(move || events.settle()).await?;
        swept
    })
}

async fn sweep(sweeper: &Sweeper, options: &Options) -> CommandResult {
    let kinds = if options.only.is_empty() { SweepKind::ALL.to_vec() } else { options.only.clone() };
    let ends_primaries = options.only.contains(&SweepKind::Primaries);
    let plan = Plan { kinds, apply: options.apply, ends_primaries, rate: options.rate };
    let mut cursor = match &options.cursor {
        Some(file) if file.exists() => {
            let text = fs::read_to_string(file)?;
            Some(Cursor::parse(&text).ok_or_else(|| format!("{} is no file of a sweep", file.display()))?)
        }
        _ => plan.begin(),
    };
    let (mut counts, mut progress) = (Counts::new(), Progress::start());
    let mut stop = std::pin::pin!(tokio::signal::ctrl_c());
    while let Some(here) = cursor {
        // A piece that has been begun is finished.
        let piece = sweeper.step(&plan, here).await?;
        progress.add(piece.table.spec().name, piece.rows)?;
        tell(&piece, options.list, &mut counts)?;
        cursor = piece.next;
        if let (Some(file), Some(cursor)) = (&options.cursor, &cursor) {
            keep(file, cursor)?;
        }
        if cursor.is_some() && futures::poll!(stop.as_mut()).is_ready() {
            let how = if options.cursor.is_some() { "; the same command goes on" } else { "" };
            writeln!(std::io::stdout(), "{}; stopped on the way{how}", progress.finish()?)?;
            return sum_up(&counts, options.apply);
        }
    }
    if let Some(file) = options.cursor.as_ref().filter(|file| file.exists()) {
        fs::remove_file(file)?;
    }
    writeln!(std::io::stdout(), "{}", progress.finish()?)?;
    sum_up(&counts, options.apply)
}

fn tell(piece: &Piece, list: bool, counts: &mut Counts) -> CommandResult {
    let mut out = std::io::stdout().lock();
    for found in &piece.found {
        *counts.entry((found.what.kind(), found.fate)).or_default() += 1;
        if list {
            writeln!(out, "{}: {} {}", found.what.kind().as_str(), found.what, said(found.fate))?;
        }
    }
    Ok(())
}

fn sum_up(counts: &Counts, apply: bool) -> CommandResult {
    let mut out = std::io::stdout().lock();
    for ((kind, fate), count) in counts {
        writeln!(out, "  {:<10} {count:>10} {}", kind.as_str(), said(*fate))?;
    }
    if counts.is_empty() {
        writeln!(out, "nothing is to be taken away")?;
    } else if !apply {
        writeln!(out, "nothing was taken away; --apply does")?;
    }
    Ok(())
}

const fn said(fate: Fate) -> &'static str {
    match fate {
        Fate::Would => "would be taken away",
        Fate::Removed => "taken away",
        Fate::Stays => "changed meanwhile, and left",
        Fate::Told => "left, unless asked for by name: --only primaries",
    }
}

/// Whole or not at all: a file that is cut in the middle is none.
fn keep(file: &Path, cursor: &Cursor) -> std::io::Result<()> {
    let new = file.with_extension("new");
    let mut written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    written.write_all(cursor.text().as_bytes())?;
    fs::rename(new, file)
}
