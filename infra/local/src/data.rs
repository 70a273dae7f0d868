//! Where the cloud's data lives, and what of it is not in the table: the lock of its folder, and how far the clock was
//! moved.

use std::fs::File;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use dynoxide::Database;
use jiff::SignedDuration;
use web::Clock;

/// Where the data lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataPlace {
    /// Nowhere: it goes with the process.
    Memory,
    /// In files of this folder, which survive the process however it ends.
    Folder(PathBuf),
}

impl DataPlace {
    /// A file of the folder; none in memory.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        match self {
            Self::Memory => None,
            Self::Folder(folder) => Some(folder.join(name)),
        }
    }

    /// Makes the folder and takes it for this process alone.
    ///
    /// # Errors
    /// If it cannot be written, or another local cloud has it.
    pub fn take(&self) -> anyhow::Result<Folder> {
        let Self::Folder(folder) = self else { return Ok(Folder { place: Self::Memory, lock: None }) };
        let unwritable = || format!("{} cannot be written", folder.display());
        std::fs::create_dir_all(folder).with_context(unwritable)?;
        let lock = File::create(folder.join("lock")).with_context(unwritable)?;
        if lock.try_lock().is_err() {
            bail!("{} is in use by another local cloud; choose another folder with --data", folder.display());
        }
        Ok(Folder { place: self.clone(), lock: Some(Arc::new(lock)) })
    }
}

/// A data place that this process has; it is free again when the last clone is gone, or the process.
#[derive(Clone, Debug)]
pub struct Folder {
    place: DataPlace,
    lock: Option<Arc<File>>,
}

impl Folder {
    /// Frees the folder as the end of the process would.
    ///
    /// # Errors
    /// If the lock cannot be given back.
    pub fn free(&self) -> anyhow::Result<()> {
        self.lock.as_ref().map_or(Ok(()), |lock| lock.unlock()).context("the data folder's lock cannot be given back")
    }

    /// Opens the database.
    ///
    /// # Errors
    /// If its file cannot be opened.
    pub fn database(&self) -> anyhow::Result<Database> {
        let Some(file) = self.place.file("dynamodb.sqlite") else { return Ok(Database::memory()?) };
        let path = file.to_str().context("the data folder's name is not text")?;
        Database::new(path).with_context(|| format!("{} cannot be opened", file.display()))
    }

    /// Moves the clock as far as it was moved before.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn restore(&self, clock: &Clock) -> anyhow::Result<()> {
        let Some(file) = self.place.file("clock-ahead-seconds") else { return Ok(()) };
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                let seconds = text.trim().parse().with_context(|| format!("{} is not a number", file.display()))?;
                clock.advance(SignedDuration::from_secs(seconds));
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
        }
    }

    /// Remembers how far the clock was moved.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn keep(&self, clock: &Clock) -> anyhow::Result<()> {
        let Some(file) = self.place.file("clock-ahead-seconds") else { return Ok(()) };
        let ahead = clock.now().duration_since(clock.issuer_now()).as_secs();
        std::fs::write(&file, ahead.to_string()).with_context(|| format!("{} cannot be written", file.display()))
    }
}
