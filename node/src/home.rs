//! The folder of a node: who owns it, what lies where, and what is secret.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The file that a node locks while it runs.
const LOCK: &str = "lock";
/// The file that says that a folder is ours, with this text in it.
const MARKER: &str = "PERMUTA";
const MARKER_TEXT: &str = "permuta demo folder, format 1\n";

/// A node's folder, locked against a second process for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Home {
    dir: PathBuf,
    _lock: File,
}

impl Home {
    /// Opens the folder, or makes it. A folder that holds other people's files is refused.
    ///
    /// # Errors
    /// It is in use by another process, is not ours, or cannot be written.
    pub(crate) fn open(dir: &Path) -> Result<Home> {
        Home::open_with(dir, &[LOCK])
    }

    /// Like [`Home::open`], also where nothing lies but the genesis and the settings of a network that a newcomer joins.
    ///
    /// # Errors
    /// Like [`Home::open`].
    pub(crate) fn join(dir: &Path) -> Result<Home> {
        Home::open_with(dir, &[LOCK, "genesis", "settings"])
    }

    fn open_with(dir: &Path, brought: &[&str]) -> Result<Home> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
        let marker = dir.join(MARKER);
        if !is_ours(dir)? && !holds_only(dir, brought)? {
            bail!(
                "{} holds files but is no permuta folder: name an empty or a new one with --dir",
                dir.display()
            );
        }
        let home = Home { dir: dir.to_owned(), _lock: lock(dir)? };
        if !marker.exists() {
            write_durably(&marker, MARKER_TEXT.as_bytes(), false)?;
        }
        Ok(home)
    }

    /// Opens a folder that must be there already.
    ///
    /// # Errors
    /// It is not there, is in use by another process, or is not ours.
    pub(crate) fn open_existing(dir: &Path) -> Result<Home> {
        if !dir.is_dir() {
            bail!("there is no folder {}: `permuta demo` makes one, --dir names another", dir.display());
        }
        if !is_ours(dir)? {
            bail!("{} is no permuta folder: name one with --dir", dir.display());
        }
        Home::open(dir)
    }

    /// Deletes all that a node wrote here, so that it starts afresh.
    ///
    /// # Errors
    /// The folder is in use, is not ours, or cannot be emptied. What is not ours is never deleted.
    pub(crate) fn reset(dir: &Path) -> Result<()> {
        if !dir.exists() {
            return Ok(());
        }
        if !is_ours(dir)? {
            if holds_only(dir, &[LOCK])? {
                return Ok(());
            }
            bail!(
                "{} is no permuta folder (no file {MARKER} in it), so --reset leaves it as it is",
                dir.display()
            );
        }
        let lock = lock(dir)?;
        for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
            let path = entry?.path();
            // The marker goes last: a reset that was cut short can be done again.
            if path.file_name().is_some_and(|name| name == MARKER || name == LOCK) {
                continue;
            }
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.with_context(|| format!("cannot delete {}", path.display()))?;
        }
        fs::remove_file(dir.join(MARKER)).context("cannot delete the folder's marker")?;
        drop(lock);
        Ok(())
    }

    /// A path inside the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Reads a file, `None` if there is none.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Writes a whole file or none: beside it first, flushed, then renamed. A secret one is readable by its owner only.
///
/// # Errors
/// It cannot be written, for instance because the disk is full.
pub(crate) fn write_durably(path: &Path, bytes: &[u8], secret: bool) -> Result<()> {
    let beside = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        if secret {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let mut file = options.open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(folder_of(path))?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// The folder that a file is in: a name alone is in the one where the program was started.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn is_ours(dir: &Path) -> Result<bool> {
    Ok(read_if_there(&dir.join(MARKER))?.is_some_and(|text| text == MARKER_TEXT.as_bytes()))
}

/// Whether a folder holds nothing but, perhaps, these files.
fn holds_only(dir: &Path, files: &[&str]) -> Result<bool> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read the folder {}", dir.display()))?;
    for entry in entries {
        let name = entry?.file_name();
        if !files.iter().any(|known| name == *known) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Keeps other processes out of a folder for as long as the file is open.
///
/// # Errors
/// Another one has it, or it cannot be written.
pub(crate) fn lock(dir: &Path) -> Result<File> {
    let path = dir.join(LOCK);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(|| format!("cannot write in {}", dir.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "{} is in use by another permuta: stop that one first, or name another folder with --dir",
            dir.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_other_peoples_files_is_neither_used_nor_emptied() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "ten years of work").unwrap();
        for refused in [Home::open(dir.path()).map(drop), Home::reset(dir.path())] {
            let told = format!("{:#}", refused.unwrap_err());
            assert!(told.contains("no permuta folder"), "{told}");
        }
        assert!(dir.path().join("thesis.txt").exists());
    }

    #[test]
    fn a_newcomer_starts_from_the_two_files_of_the_network() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["genesis", "settings"] {
            fs::write(dir.path().join(file), file).unwrap();
        }
        assert!(Home::open(dir.path()).is_err(), "a demo would write over them");
        drop(Home::join(dir.path()).unwrap());
        assert!(is_ours(dir.path()).unwrap() && dir.path().join("genesis").exists());
    }

    #[test]
    fn a_folder_in_use_is_left_alone_until_its_owner_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let owner = Home::open(dir.path()).unwrap();
        fs::write(owner.path("genesis"), "g").unwrap();
        for refused in [Home::open(dir.path()).map(drop), Home::reset(dir.path())] {
            let told = format!("{:#}", refused.unwrap_err());
            assert!(told.contains("in use by another permuta"), "{told}");
        }
        drop(owner);
        Home::reset(dir.path()).unwrap();
        assert!(holds_only(dir.path(), &[LOCK]).unwrap());
        Home::open(dir.path()).unwrap();
    }

    #[test]
    fn secrets_are_readable_by_their_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.json");
        write_durably(&path, b"{}", true).unwrap();
        assert_eq!(read_if_there(&path).unwrap().as_deref(), Some(b"{}".as_slice()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_name_alone_is_a_file_of_the_folder_where_the_program_was_started() {
        for (path, folder) in
            [("proof.bin", "."), ("./proof.bin", "."), ("a/proof.bin", "a"), ("/proof.bin", "/")]
        {
            assert_eq!(folder_of(Path::new(path)), Path::new(folder));
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_made_by_looking() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("gone");
        let told = format!("{:#}", Home::open_existing(&gone).unwrap_err());
        assert!(told.contains("permuta demo"), "{told}");
        assert!(!gone.exists());
    }
}
