//! Keys that the registry makes for itself on a laptop and keeps in its data directory. A production configuration names its
//! keys instead, since every node has to have the same.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use signet_config::Secret;
use zeroize::Zeroizing;

use crate::chance::Chance;

/// The configured key, or else the one kept under this name.
pub fn configured_or_kept(
    configured: Option<&Secret<[u8; 32]>>,
    directory: &Path,
    name: &str,
    chance: &Chance,
) -> io::Result<Secret<[u8; 32]>> {
    match configured {
        Some(key) => Ok(key.clone()),
        None => keep_or_make(directory, name, chance).map(|key| Secret::new(*key)),
    }
}

/// The 32 bytes kept under this name, drawn and written (readable by the owner only) if there are none yet.
fn keep_or_make(directory: &Path, name: &str, chance: &Chance) -> io::Result<Zeroizing<[u8; 32]>> {
    let folder = directory.join("secrets");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{name}.key"));
    if !path.exists() {
        make(&folder, &path, &chance.bytes())?;
    }
    let text = Zeroizing::new(fs::read_to_string(&path)?);
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim(), &mut key[..]).map_err(|_| {
        let why = format!("{} does not hold 64 hex digits", path.display());
        io::Error::new(io::ErrorKind::InvalidData, why)
    })?;
    Ok(key)
}

/// Written aside and then linked into place: a crash leaves no half key, and of two processes the first one's key stays.
fn make(folder: &Path, path: &Path, key: &[u8; 32]) -> io::Result<()> {
    let aside = folder.join(format!(".{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(hex::encode(key).as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&aside, path);
    fs::remove_file(&aside)?;
    match linked {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => fs::File::open(folder)?.sync_all(),
    }
}
