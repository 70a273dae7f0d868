//! The file that a simulator's state lives in, so that it survives a killed process.
//!
//! The whole state is written to a sibling file which then takes the old one's name, so a reader finds the state
//! before a change or after it, never half of one. It is not flushed to the platter: it outlives the process, not
//! the power.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a simulator could not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data file is there and cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The data file is not what this version writes.
    #[error("{path} does not hold a simulator's state")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where it stops to make sense.
        source: serde_json::Error,
    },
    /// The HTTP client for webhooks could not be built.
    #[error("cannot build the webhook client")]
    Client(#[from] reqwest::Error),
}

/// A data file, or memory only.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    file: Option<PathBuf>,
}

impl Disk {
    pub(crate) const fn new(file: Option<PathBuf>) -> Self {
        Self { file }
    }

    /// What was saved last, or the empty state.
    pub(crate) fn load<T: DeserializeOwned + Default>(&self) -> Result<T, OpenError> {
        let Some(path) = &self.file else { return Ok(T::default()) };
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(T::default()),
            Err(source) => return Err(OpenError::Read { path: path.clone(), source }),
        };
        serde_json::from_slice(&bytes).map_err(|source| OpenError::Parse { path: path.clone(), source })
    }

    /// Saves `state`. A failure is logged: the simulator then goes on in memory.
    pub(crate) fn save<T: Serialize>(&self, state: &T) {
        let Some(path) = &self.file else { return };
        if let Err(error) = write(path, state) {
            tracing::error!(path = %path.display(), %error, "simulator state was not saved");
        }
    }
}

fn write<T: Serialize>(path: &Path, state: &T) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let fresh = PathBuf::from(name);
    fs::write(&fresh, serde_json::to_vec(state)?)?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::super::ids::random_hex;
    use super::*;

    #[test]
    fn a_saved_state_is_loaded_and_a_broken_file_is_named() {
        let path = std::env::temp_dir().join(format!("bursar-disk-{}", random_hex(8))).join("state.json");
        let disk = Disk::new(Some(path.clone()));
        assert_eq!(disk.load::<Vec<u32>>().unwrap(), Vec::<u32>::new());
        disk.save(&vec![1, 2]);
        assert_eq!(disk.load::<Vec<u32>>().unwrap(), vec![1, 2]);
        fs::write(&path, "[1,").unwrap();
        let said = disk.load::<Vec<u32>>().unwrap_err().to_string();
        assert_eq!(said, format!("{} does not hold a simulator's state", path.display()));
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}
