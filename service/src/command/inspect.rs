//! `signet audit [--repair]`: looks at every row of every table, prints what does not fit together, and mends what other rows prove.

use std::io::Write as _;

use signet_config::Config;
use signet_storage::{Storage, World};

use super::CommandResult;
use super::told::Progress;
use crate::inspection::{Inspection, Repaired, Said};

/// What is mended may bring to light what could not be told before.
const ROUNDS: usize = 4;

#[derive(Default)]
struct Sums {
    violations: u64,
    mended: u64,
    rubbish: u64,
}

/// # Errors
/// If there are violations that are not mended.
pub fn run(config: &Config, repair: bool) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let storage = Storage::open(config, World::real()).await?;
        let inspection = Inspection::of(&storage).with_repair(repair);
        let mut sums = look(&inspection).await?;
        for _ in 1..ROUNDS {
            if sums.mended == 0 {
                break;
            }
            writeln!(std::io::stdout(), "looking again")?;
            sums = look(&inspection).await?;
        }
        match sums.violations - sums.mended {
            0 => Ok(()),
            left => Err(format!("{left} violations").into()),
        }
    })
}

async fn look(inspection: &Inspection) -> Result<Sums, Box<dyn std::error::Error>> {
    let (mut sums, mut progress, mut said) = (Sums::default(), Progress::start(), Ok(()));
    let hear = |heard| {
        let told = sums.hear(heard, &mut progress);
        if said.is_ok() {
            said = told;
        }
    };
    inspection.run(hear).await?;
    said?;
    let Sums { violations, mended, rubbish } = &sums;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", progress.finish()?)?;
    write!(out, "{violations} violations")?;
    if *mended > 0 {
        write!(out, ", {mended} of them mended")?;
    }
    writeln!(out, "; {rubbish} rows are rubbish, which `signet sweep` takes away")?;
    Ok(sums)
}

impl Sums {
    fn hear(&mut self, said: Said, progress: &mut Progress) -> std::io::Result<()> {
        match said {
            Said::Seen { table, rows, rubbish } => {
                self.rubbish += rubbish;
                progress.add(table.spec().name, rows)
            }
            Said::Indexed { rows } => progress.add("phoneNumberIndex", rows),
            Said::Violation { finding, repaired } => {
                self.violations += 1;
                let mut out = std::io::stdout().lock();
                writeln!(out, "VIOLATION {finding}")?;
                match repaired {
                    Some(Repaired::Done(what)) => {
                        self.mended += 1;
                        writeln!(out, "  mended: {what}")
                    }
                    Some(Repaired::Refused(why)) => writeln!(out, "  not mended: {why}"),
                    None => Ok(()),
                }
            }
        }
    }
}
