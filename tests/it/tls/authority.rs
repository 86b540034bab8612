//! A certificate authority, played by OpenSSL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

pub const P256: &str = "ecparam -name prime256v1 -genkey -noout";

/// What OpenSSL prints; the test fails if OpenSSL does.
pub fn openssl(arguments: &str) -> String {
    let (succeeded, said) = try_openssl(arguments);
    assert!(succeeded, "openssl {arguments}: {said}");
    said
}

pub fn try_openssl(arguments: &str) -> (bool, String) {
    let output = Command::new("openssl").args(arguments.split_whitespace()).stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

pub struct Authority {
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let authority = Self { folder: tempfile::tempdir().unwrap() };
        let (key, root) = (authority.key("root", P256), authority.root());
        let constraints = "-addext keyUsage=critical,keyCertSign";
        openssl(&format!(
            "req -x509 -new -key {key} -subj /CN=root -days 30 {constraints} -out {root}",
            key = key.display(),
            root = root.display()
        ));
        authority
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn root(&self) -> PathBuf {
        self.path("root.pem")
    }

    /// A key as this command of OpenSSL makes it.
    pub fn key(&self, name: &str, command: &str) -> PathBuf {
        let path = self.path(&format!("{name}.key"));
        openssl(&format!("{command} -out {}", path.display()));
        path
    }

    /// A leaf for localhost, with its key, which lives so many days.
    pub fn issue(&self, name: &str, command: &str, days: u32) -> [PathBuf; 2] {
        self.issue_for(name, command, days, "localhost")
    }

    pub fn issue_for(&self, name: &str, command: &str, days: u32, host: &str) -> [PathBuf; 2] {
        let key = self.key(name, command);
        let [request, leaf, names] = ["csr", "pem", "ext"].map(|kind| self.path(&format!("{name}.{kind}")));
        fs::write(&names, format!("subjectAltName=DNS:{host}\nbasicConstraints=CA:FALSE\n")).unwrap();
        let [key_at, request, leaf_at, names, root, root_key] =
            [&key, &request, &leaf, &names, &self.root(), &self.path("root.key")]
                .map(|path| path.display().to_string());
        openssl(&format!("req -new -key {key_at} -subj /CN={name} -out {request}"));
        openssl(&format!(
            "x509 -req -in {request} -CA {root} -CAkey {root_key} -CAcreateserial -days {days} -extfile {names} -out {leaf_at}"
        ));
        [leaf, key]
    }
}

/// Puts what is in one file into another's place, as a tool that renews certificates does.
pub fn replace(old: &Path, new: &Path) {
    let aside = old.with_extension("new");
    fs::copy(new, &aside).unwrap();
    fs::rename(aside, old).unwrap();
}
