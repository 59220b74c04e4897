//! The block log: the truth of a chain. Append-only segment files of framed records, one record a height, on disk
//! before anything is acknowledged.
//!
//! A segment `NNNNNNNNNNNNNNNNNNNN.log` is named after its first height in decimal. Its bytes, integers
//! little-endian:
//!
//! ```text
//! head    "PERMLOG" 0x01 (8) | chain (32) | first height (8) | crc32c of those 48 (4)
//! frame   "PMTR" (4) | length of the payload (4) | height (8) | crc32c of the payload (4)
//!         | crc32c of those 20 (4) | payload
//! ```
//!
//! A frame is written only once the one before it is on disk. So after a crash only the last frame may be torn,
//! and it was never acknowledged: [`Log::open`] cuts it off. Damage anywhere else is a [`LogError::Damaged`] that
//! names segment and offset, for whoever fetches the segment from a peer or a copy.
//!
//! Opening reads every byte once (a gigabyte or so a second); the index takes 24 bytes a block in memory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::hash::Hash;
use crate::moment::Height;
use crate::record::MAX_RECORD_BYTES;

const MAGIC: [u8; 8] = *b"PERMLOG\x01";
const HEAD_BYTES: usize = 52;
const MARK: [u8; 4] = *b"PMTR";
const FRAME_BYTES: usize = 24;
/// A segment that has this many bytes takes no further record.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// What can go wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk refuses.
    #[error("{path}: {source}")]
    Disk {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Bytes that were once acknowledged are not what they were.
    #[error("segment {segment} is damaged at byte {offset}: {reason}")]
    Damaged {
        /// The file.
        segment: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// How it shows.
        reason: Damage,
    },
    /// A segment is missing, or is there twice under different heights.
    #[error("segment {segment} should begin at height {expected}")]
    Gap {
        /// The file found.
        segment: PathBuf,
        /// The height that should come next.
        expected: Height,
    },
    /// The log belongs to another chain.
    #[error("segment {segment} belongs to chain {found}")]
    OtherChain {
        /// The file.
        segment: PathBuf,
        /// Whose it is.
        found: Hash,
    },
    /// A record has more than [`MAX_RECORD_BYTES`] bytes.
    #[error("a record has at most {MAX_RECORD_BYTES} bytes, this has {0}")]
    TooLong(usize),
    /// A write failed before; what is on disk is not known until the log is opened again.
    #[error("the log failed to write before: open it again")]
    Broken,
}

/// How damage shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The head of the segment does not hold.
    #[error("the head of the segment does not hold")]
    Head,
    /// The head of a frame does not hold.
    #[error("the head of a record does not hold")]
    Frame,
    /// A payload does not have its checksum.
    #[error("a record does not have its checksum")]
    Payload,
    /// A record of another height than the next.
    #[error("a record of another height than the next")]
    Height,
    /// The segment ends within a record, though another segment follows.
    #[error("the segment ends too early")]
    Short,
    /// A payload with the right checksum is no record.
    #[error("a record cannot be read")]
    Record,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    segment: usize,
    offset: u64,
    length: usize,
}

#[derive(Debug)]
struct Segment {
    path: PathBuf,
}

/// An open log. Reading is for anyone; appending for the one who holds it mutably.
#[derive(Debug)]
pub struct Log {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Memory(Vec<Vec<u8>>),
    Files(Files),
}

#[derive(Debug)]
struct Files {
    dir: PathBuf,
    chain: Hash,
    segments: Vec<Segment>,
    places: Vec<Place>,
    tail: Option<(File, u64)>,
    segment_bytes: u64,
    broken: bool,
}

/// What opening a log found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Torn {
    /// How many bytes of a torn, never acknowledged record were cut off.
    pub bytes: u64,
}

fn disk<T>(path: &Path, result: io::Result<T>) -> Result<T, LogError> {
    result.map_err(|source| LogError::Disk { path: path.to_owned(), source })
}

/// Makes `dir` and what is missing above it, each on disk in the directory that holds it: what is then written and
/// synced inside cannot vanish with its folder when the power fails.
pub(crate) fn make_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let above = dir.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_dir(above)?;
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !dir.is_dir() => Err(error),
        _ => File::open(above)?.sync_all(),
    }
}

fn sync_dir(dir: &Path) -> Result<(), LogError> {
    disk(dir, File::open(dir).and_then(|dir| dir.sync_all()))
}

impl Log {
    /// A log that forgets everything when dropped.
    #[must_use]
    pub fn memory() -> Log {
        Log { kind: Kind::Memory(Vec::new()) }
    }

    /// Opens or begins the log of `chain` in `dir`, cutting off a torn tail. Segments end after `segment_bytes`.
    ///
    /// # Errors
    /// [`LogError`] when the disk refuses, or anything but the tail is damaged or missing.
    pub fn open(dir: &Path, chain: Hash, segment_bytes: u64) -> Result<(Log, Torn), LogError> {
        disk(dir, make_dir(dir))?;
        let mut names = Vec::new();
        for entry in disk(dir, fs::read_dir(dir))? {
            let path = disk(dir, entry)?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                names.push(path);
            }
        }
        names.sort_unstable();
        let mut files = Files {
            dir: dir.to_owned(),
            chain,
            segments: Vec::new(),
            places: Vec::new(),
            tail: None,
            segment_bytes,
            broken: false,
        };
        let mut torn = Torn::default();
        let last = names.len().saturating_sub(1);
        for (number, path) in names.into_iter().enumerate() {
            files.take_segment(path, number == last, &mut torn)?;
        }
        Ok((Log { kind: Kind::Files(files) }, torn))
    }

    /// How many records there are: one more than the highest height.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.kind {
            Kind::Memory(records) => records.len() as u64,
            Kind::Files(files) => files.places.len() as u64,
        }
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the record of the next height and returns once it is on disk.
    ///
    /// # Errors
    /// [`LogError`]; after [`LogError::Disk`] the log takes nothing more until it is opened again.
    pub fn append(&mut self, payload: &[u8]) -> Result<(), LogError> {
        if payload.len() > MAX_RECORD_BYTES {
            return Err(LogError::TooLong(payload.len()));
        }
        match &mut self.kind {
            Kind::Memory(records) => {
                records.push(payload.to_vec());
                Ok(())
            }
            Kind::Files(files) => files.append(payload),
        }
    }

    /// The record of `height`, checked against its checksum; `None` when there is none.
    ///
    /// # Errors
    /// [`LogError`] when the disk refuses or the record is damaged.
    pub fn read(&self, height: Height) -> Result<Option<Vec<u8>>, LogError> {
        let Ok(index) = usize::try_from(height.0) else { return Ok(None) };
        match &self.kind {
            Kind::Memory(records) => Ok(records.get(index).cloned()),
            Kind::Files(files) => files.places.get(index).map(|place| files.read(height, *place)).transpose(),
        }
    }

    /// The first `N` bytes of the record of `height`, without a look at its checksum; `None` when there are none.
    ///
    /// # Errors
    /// [`LogError`] when the disk refuses.
    pub(crate) fn peek<const N: usize>(&self, height: Height) -> Result<Option<[u8; N]>, LogError> {
        let Ok(index) = usize::try_from(height.0) else { return Ok(None) };
        match &self.kind {
            Kind::Memory(records) => Ok(records.get(index).and_then(|bytes| bytes.first_chunk().copied())),
            Kind::Files(files) => {
                let Some(place) = files.places.get(index).filter(|place| place.length >= N) else {
                    return Ok(None);
                };
                let path = &files.segments[place.segment].path;
                let mut bytes = [0; N];
                disk(path, File::open(path).and_then(|file| file.read_exact_at(&mut bytes, place.offset)))?;
                Ok(Some(bytes))
            }
        }
    }

    /// The error to give when the record of `height` has its checksum but cannot be read.
    #[must_use]
    pub fn unreadable(&self, height: Height) -> LogError {
        let place = match &self.kind {
            Kind::Memory(_) => None,
            Kind::Files(files) => usize::try_from(height.0)
                .ok()
                .and_then(|index| files.places.get(index))
                .map(|place| (files.segments[place.segment].path.clone(), place.offset)),
        };
        let (segment, offset) = place.unwrap_or_default();
        LogError::Damaged { segment, offset, reason: Damage::Record }
    }
}

impl Files {
    fn take_segment(&mut self, path: PathBuf, last: bool, torn: &mut Torn) -> Result<(), LogError> {
        let mut bytes = Vec::new();
        disk(&path, File::open(&path).and_then(|mut file| file.read_to_end(&mut bytes)))?;
        let expected = Height(self.places.len() as u64);
        match read_head(&bytes) {
            Some((chain, first)) if chain == self.chain && first == expected => {}
            Some((found, _)) if found != self.chain => {
                return Err(LogError::OtherChain { segment: path, found });
            }
            Some(_) => return Err(LogError::Gap { segment: path, expected }),
            // A segment that was begun and not finished holds nothing that anyone was told of.
            None if last && bytes.len() <= HEAD_BYTES => {
                torn.bytes += bytes.len() as u64;
                disk(&path, fs::remove_file(&path))?;
                sync_dir(&self.dir)?;
                return self.open_tail();
            }
            None => return Err(LogError::Damaged { segment: path, offset: 0, reason: Damage::Head }),
        }
        let segment = self.segments.len();
        let mut offset = HEAD_BYTES;
        let damaged = |offset: usize, reason| {
            Err(LogError::Damaged { segment: path.clone(), offset: offset as u64, reason })
        };
        while offset < bytes.len() {
            let height = Height(self.places.len() as u64);
            match scan_frame(&bytes[offset..], height) {
                Frame::Whole(length) => {
                    let start = offset + FRAME_BYTES;
                    self.places.push(Place { segment, offset: start as u64, length });
                    offset = start + length;
                }
                Frame::Torn(_) if last => break,
                Frame::Torn(reason) | Frame::Damaged(reason) => return damaged(offset, reason),
            }
        }
        if offset < bytes.len() {
            torn.bytes += (bytes.len() - offset) as u64;
            let cut = OpenOptions::new().write(true).open(&path).and_then(|file| {
                file.set_len(offset as u64)?;
                file.sync_all()
            });
            disk(&path, cut)?;
        }
        self.segments.push(Segment { path });
        if last { self.open_tail() } else { Ok(()) }
    }

    fn open_tail(&mut self) -> Result<(), LogError> {
        let Some(segment) = self.segments.last() else { return Ok(()) };
        let file = disk(&segment.path, OpenOptions::new().append(true).open(&segment.path))?;
        let length = disk(&segment.path, file.metadata())?.len();
        self.tail = Some((file, length));
        Ok(())
    }

    fn append(&mut self, payload: &[u8]) -> Result<(), LogError> {
        if self.broken {
            return Err(LogError::Broken);
        }
        let height = Height(self.places.len() as u64);
        self.broken = true; // until everything below went well
        let (mut file, length) = match self.tail.take() {
            // A segment without a record takes one in any case: the next would have the same name.
            Some((file, length)) if length < self.segment_bytes || length <= HEAD_BYTES as u64 => {
                (file, length)
            }
            _ => self.begin_segment(height)?,
        };
        let segment = self.segments.len() - 1;
        let path = &self.segments[segment].path;
        let mut frame = Vec::with_capacity(FRAME_BYTES + payload.len());
        frame.extend_from_slice(&frame_head(height, payload));
        frame.extend_from_slice(payload);
        disk(path, file.write_all(&frame).and_then(|()| file.sync_data()))?;
        self.places.push(Place { segment, offset: length + FRAME_BYTES as u64, length: payload.len() });
        self.tail = Some((file, length + frame.len() as u64));
        self.broken = false;
        Ok(())
    }

    fn begin_segment(&mut self, first: Height) -> Result<(File, u64), LogError> {
        let path = self.dir.join(format!("{:020}.log", first.0));
        let begin = || {
            let mut file = OpenOptions::new().create_new(true).append(true).open(&path)?;
            file.write_all(&segment_head(self.chain, first))?;
            file.sync_all()?;
            Ok(file)
        };
        let file = disk(&path, begin())?;
        sync_dir(&self.dir)?;
        self.segments.push(Segment { path });
        Ok((file, HEAD_BYTES as u64))
    }

    fn read(&self, height: Height, place: Place) -> Result<Vec<u8>, LogError> {
        let path = &self.segments[place.segment].path;
        let start = place.offset - FRAME_BYTES as u64;
        let mut bytes = vec![0; FRAME_BYTES + place.length];
        disk(path, File::open(path).and_then(|file| file.read_exact_at(&mut bytes, start)))?;
        match scan_frame(&bytes, height) {
            Frame::Whole(_) => Ok(bytes.split_off(FRAME_BYTES)),
            Frame::Torn(reason) | Frame::Damaged(reason) => {
                Err(LogError::Damaged { segment: path.clone(), offset: start, reason })
            }
        }
    }
}

fn segment_head(chain: Hash, first: Height) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(&MAGIC);
    head[8..40].copy_from_slice(&chain.0);
    head[40..48].copy_from_slice(&first.0.to_le_bytes());
    let crc = crc32c::crc32c(&head[..48]);
    head[48..].copy_from_slice(&crc.to_le_bytes());
    head
}

fn read_head(bytes: &[u8]) -> Option<(Hash, Height)> {
    let head: &[u8; HEAD_BYTES] = bytes.first_chunk()?;
    let chain = Hash(*head[8..].first_chunk()?);
    let first = Height(u64::from_le_bytes(*head[40..].first_chunk()?));
    (segment_head(chain, first) == *head).then_some((chain, first))
}

fn frame_head(height: Height, payload: &[u8]) -> [u8; FRAME_BYTES] {
    let length = u32::try_from(payload.len()).expect("a record is shorter than 4 GiB");
    head_of(length, height, crc32c::crc32c(payload))
}

fn head_of(length: u32, height: Height, crc: u32) -> [u8; FRAME_BYTES] {
    let mut head = [0; FRAME_BYTES];
    head[..4].copy_from_slice(&MARK);
    head[4..8].copy_from_slice(&length.to_le_bytes());
    head[8..16].copy_from_slice(&height.0.to_le_bytes());
    head[16..20].copy_from_slice(&crc.to_le_bytes());
    let own = crc32c::crc32c(&head[..20]);
    head[20..].copy_from_slice(&own.to_le_bytes());
    head
}

/// Length, height and checksum that a frame's head tells, if the head holds.
fn read_frame_head(bytes: &[u8]) -> Option<(usize, Height, u32)> {
    let head: &[u8; FRAME_BYTES] = bytes.first_chunk()?;
    let length = u32::from_le_bytes(*head[4..].first_chunk()?);
    let height = Height(u64::from_le_bytes(*head[8..].first_chunk()?));
    let crc = u32::from_le_bytes(*head[16..].first_chunk()?);
    let small = length as usize <= MAX_RECORD_BYTES;
    (small && head_of(length, height, crc) == *head).then_some((length as usize, height, crc))
}

enum Frame {
    /// A whole frame with a payload of this length.
    Whole(usize),
    /// Bytes that a crash may have left at the end of the log; how it shows.
    Torn(Damage),
    /// Bytes that no crash leaves: something acknowledged follows.
    Damaged(Damage),
}

/// Looks at the frame in front of `bytes`, which go to the end of the segment.
fn scan_frame(bytes: &[u8], expected: Height) -> Frame {
    let Some((length, height, crc)) = read_frame_head(bytes) else {
        let reason = if bytes.len() < FRAME_BYTES { Damage::Short } else { Damage::Frame };
        return if later_record(bytes, expected) { Frame::Damaged(reason) } else { Frame::Torn(reason) };
    };
    if height != expected {
        return Frame::Damaged(Damage::Height);
    }
    let Some(payload) = bytes[FRAME_BYTES..].get(..length) else { return Frame::Torn(Damage::Short) };
    if crc32c::crc32c(payload) == crc {
        return Frame::Whole(length);
    }
    // The next frame begins only after this one was on disk, so it vouches for it.
    match read_frame_head(&bytes[FRAME_BYTES + length..]) {
        Some((_, next, _)) if next == expected.next() => Frame::Damaged(Damage::Payload),
        _ => Frame::Torn(Damage::Payload),
    }
}

/// Whether a whole record of a later height stands somewhere in `bytes`, whose first frame has no readable head. A
/// few candidates are enough: an honest log has at most one torn frame.
fn later_record(bytes: &[u8], expected: Height) -> bool {
    let candidates = bytes.windows(FRAME_BYTES).enumerate().skip(1).filter(|(_, window)| window[..4] == MARK);
    candidates.take(64).any(|(at, window)| {
        read_frame_head(window).is_some_and(|(length, height, crc)| {
            let payload = bytes[at + FRAME_BYTES..].get(..length);
            height > expected && payload.is_some_and(|payload| crc32c::crc32c(payload) == crc)
        })
    })
}

/// Scans arbitrary bytes as the frames of a segment.
pub fn fuzz_segment(bytes: &[u8]) {
    let _ = read_head(bytes);
    let (mut rest, mut height) = (bytes, Height(0));
    while !rest.is_empty() {
        match scan_frame(rest, height) {
            Frame::Whole(length) => rest = &rest[FRAME_BYTES + length..],
            Frame::Torn(_) | Frame::Damaged(_) => return,
        }
        height = height.next();
    }
}
