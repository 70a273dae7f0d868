//! The binaries: built by the cargo that runs us, into the folder that we run from.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use web::Env;

/// What a zip adds to its one file `bootstrap`: the local header, the entry of the directory, and its end.
const ZIP_FRAME: u64 = 30 + 46 + 22 + 2 * "bootstrap".len() as u64;

/// The package of the bare functions, and its binaries.
const BARE: &str = "bare";
pub(super) const EMPTY: &str = "bare";
pub(super) const CALLS: &str = "bare-calls";

/// How large a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// The binary, in bytes.
    pub(super) binary: u64,
    /// The zip that is deployed, in bytes.
    pub(super) zip: u64,
}

/// The folder of the binaries.
#[derive(Clone, Debug)]
pub(super) struct Artefacts(PathBuf);

impl Artefacts {
    /// Builds all that is measured, with the profile that this program was built with.
    pub(super) fn build(functions: impl Iterator<Item = &'static str>) -> anyhow::Result<Self> {
        let us = std::env::current_exe()?;
        let folder = us.parent().context("this program lies nowhere")?;
        ensure!(
            folder.ends_with("release"),
            "figures need an optimised build: cargo run --release -p local -- lambda-bench"
        );
        let cargo = Env::process().optional("CARGO").unwrap_or_else(|| "cargo".to_owned());
        let mut command = Command::new(cargo);
        command.args(["build", "--release", "--quiet", "--package", BARE]);
        command.args(functions.flat_map(|function| ["--package", function]));
        ensure!(command.status()?.success(), "the functions cannot be built");
        Ok(Self(folder.to_owned()))
    }

    /// A function's binary.
    pub(super) fn path(&self, function: &str) -> PathBuf {
        self.0.join(function)
    }

    /// How large it is, and how large deployed.
    pub(super) fn size(&self, function: &str) -> anyhow::Result<Size> {
        let path = self.path(function);
        size_of(&path).with_context(|| path.display().to_string())
    }
}

fn size_of(path: &Path) -> anyhow::Result<Size> {
    let bytes = fs::read(path)?;
    // The level at which zip, sam and cargo-lambda deflate.
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
    deflated.write_all(&bytes)?;
    let zip = ZIP_FRAME.saturating_add(deflated.finish()?.len().try_into()?);
    Ok(Size { binary: bytes.len().try_into()?, zip })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_is_its_deflated_file_and_a_frame() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bootstrap");
        fs::write(&path, vec![b'a'; 100_000]).unwrap();
        let Size { binary, zip } = size_of(&path).unwrap();
        assert_eq!(binary, 100_000);
        assert!((ZIP_FRAME..ZIP_FRAME + 200).contains(&zip), "{zip}");
    }
}
