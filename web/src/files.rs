//! Files kept off chain, by the hash of their contents. The data chain knows their hashes alone.
//!
//! A file that its owner has not put on record yet lies apart, among the few that wait for a signature of the same
//! owner, so an upload that is never signed is soon replaced by a later one and disks do not fill up.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ledger::{Address, Hash, Hasher, Tag};
use tempfile::NamedTempFile;

/// How many files of one owner may wait for a signature; one more drops the oldest.
pub(crate) const MAX_WAITING: usize = 8;

/// A folder of files named by the hash of their contents.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    dir: PathBuf,
}

impl Files {
    /// The files in `dir`, which is made when the first one comes.
    pub(crate) fn new(dir: &Path) -> Files {
        Files { dir: dir.to_owned() }
    }

    /// Where uploads under way lie: on the same disk, so that keeping one is a rename.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn incoming(&self) -> io::Result<PathBuf> {
        let dir = self.dir.join("incoming");
        fs::create_dir_all(&dir)?;
        Ok(dir)
    }

    fn waiting_dir(&self, owner: Address) -> PathBuf {
        self.dir.join("waiting").join(owner.to_string())
    }

    /// Where a file on record lies: spread over 256 folders.
    fn kept_path(&self, hash: Hash) -> PathBuf {
        let name = hash.to_string();
        self.dir.join("kept").join(&name[..2]).join(name)
    }

    /// Keeps an upload of `owner` until it is on record, on disk when this returns.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn wait(&self, owner: Address, upload: NamedTempFile, hash: Hash) -> io::Result<()> {
        let dir = self.waiting_dir(owner);
        fs::create_dir_all(&dir)?;
        let mut waiting = self.waiting(owner)?;
        while waiting.len() >= MAX_WAITING {
            fs::remove_file(dir.join(waiting.remove(0).to_string()))?;
        }
        place(upload.path(), &dir.join(hash.to_string()))
    }

    /// The files of `owner` that wait for a signature, oldest first.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn waiting(&self, owner: Address) -> io::Result<Vec<Hash>> {
        let entries = match fs::read_dir(self.waiting_dir(owner)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            if let Some(hash) = entry.file_name().to_str().and_then(|name| name.parse::<Hash>().ok()) {
                found.push((entry.metadata()?.modified()?, hash));
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(_, hash)| hash).collect())
    }

    /// Keeps a waiting file of `owner` for good: its hash is on record.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn keep(&self, owner: Address, hash: Hash) -> io::Result<()> {
        let waiting = self.waiting_dir(owner).join(hash.to_string());
        if !waiting.exists() {
            return Ok(());
        }
        let kept = self.kept_path(hash);
        fs::create_dir_all(kept.parent().expect("a kept file lies in a folder"))?;
        place(&waiting, &kept)
    }

    /// Whether the file of `hash` is kept.
    pub(crate) fn has(&self, hash: Hash) -> bool {
        self.kept_path(hash).exists()
    }

    /// The contents of `hash`; `None` when they are not kept here, or are no longer what was put on record.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn read(&self, hash: Hash) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.kept_path(hash)) {
            Ok(contents) if Hash::of(Tag::Document, &contents) == hash => Ok(Some(contents)),
            Ok(_) => {
                tracing::error!(%hash, "a kept file no longer has the contents that were put on record");
                Ok(None)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Moves a file to its name, and does not come back before both are on disk.
fn place(from: &Path, to: &Path) -> io::Result<()> {
    fs::File::open(from)?.sync_all()?;
    fs::rename(from, to)?;
    fs::File::open(to.parent().expect("a file lies in a folder"))?.sync_all()
}

/// The hash and size of a file's contents, read piece by piece.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn measure(mut file: impl Read) -> io::Result<(Hash, u64)> {
    let mut hasher = Hasher::new(Tag::Document);
    let mut piece = vec![0; 64 << 10];
    let mut size_bytes = 0;
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok((hasher.finish(), size_bytes));
        }
        hasher = hasher.chain(&piece[..read]);
        size_bytes += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const MILLS: Address = Address([7; 20]);

    fn upload(files: &Files, contents: &[u8]) -> Hash {
        let mut file = NamedTempFile::new_in(files.incoming().unwrap()).unwrap();
        file.write_all(contents).unwrap();
        let (hash, size_bytes) = measure(fs::File::open(file.path()).unwrap()).unwrap();
        assert_eq!((hash, size_bytes), (Hash::of(Tag::Document, contents), contents.len() as u64));
        files.wait(MILLS, file, hash).unwrap();
        hash
    }

    #[test]
    fn a_certificate_is_read_back_once_it_is_on_record() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::new(dir.path());
        let hash = upload(&files, b"phytosanitary certificate");
        assert_eq!(files.read(hash).unwrap(), None);
        files.keep(MILLS, hash).unwrap();
        files.keep(MILLS, hash).unwrap();
        assert_eq!(files.read(hash).unwrap().unwrap(), b"phytosanitary certificate");
        assert_eq!(files.waiting(MILLS).unwrap(), []);
    }

    #[test]
    fn a_file_that_was_tampered_with_is_not_handed_out() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::new(dir.path());
        let hash = upload(&files, b"grade A");
        files.keep(MILLS, hash).unwrap();
        fs::write(files.kept_path(hash), b"grade B").unwrap();
        assert_eq!(files.read(hash).unwrap(), None);
    }

    #[test]
    fn uploads_that_nobody_signs_for_do_not_pile_up() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::new(dir.path());
        for n in 0..20u8 {
            upload(&files, &[n]);
        }
        assert_eq!(files.waiting(MILLS).unwrap().len(), MAX_WAITING);
    }
}
