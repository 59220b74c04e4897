//! What this node keeps of cleared batches so that anybody concerned can prove them again: the frozen book, the rings, and
//! the certificate whose name stands on the chain; and why each offer that was left out was left out.
//!
//! A solver of this node leaves its files here before it hands its clearing in. A folder counts only while the chain names
//! its certificate, so what was not taken is never shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek};
use std::path::{Path, PathBuf};

use barter_engine::files::{self, FileError};
use barter_engine::{Missing, Reason, Unfilled};
use clearing::{Amount, AssetKey, Certificate, OfferKey, Ring, UsdValue};
use ledger::Hash;
use payment_chain::model::BatchId;
use payment_chain::view::OpenBatch;
use payment_chain::{Numbers, certificate_hash};
use serde::Serialize;
use serde_json::value::RawValue;

/// The files that prove a clearing, in the order in which one reads them.
pub const FILES: [&str; 5] = ["summary.json", "assets.csv", "offers.csv", "rings.csv", "duals.csv"];
/// The file that says why offers were left out.
const REASONS: &str = "unfilled.csv";
/// How the names of folders begin that are being written.
const UNFINISHED: &str = ".tmp";
/// How many batches are kept; older ones go.
const KEPT: usize = 500;
/// How many bytes they have together; older ones go. The newest stays whatever it weighs.
const KEPT_BYTES: u64 = 2 << 30;

/// A clearing as its solver publishes it.
#[derive(Clone, Copy, Debug)]
pub struct Published<'a> {
    /// The frozen book and the rules.
    pub batch: &'a OpenBatch,
    /// The rings, in the order in which they are submitted.
    pub rings: &'a [Ring],
    /// What they are worth.
    pub value: UsdValue,
    /// What proves how near the best that is.
    pub certificate: &'a Certificate,
    /// Why offers were left out.
    pub unfilled: &'a [Unfilled],
}

/// A folder of cleared batches.
#[derive(Clone, Debug)]
pub struct Clearings {
    dir: PathBuf,
}

impl Clearings {
    /// The clearings beside the files kept in `files_dir`; the folder is made when the first one comes.
    #[must_use]
    pub fn beside(files_dir: &Path) -> Clearings {
        Clearings { dir: files_dir.join("clearings") }
    }

    /// Keeps what a solver publishes, on disk when this returns; of more than five hundred batches, or two gibibytes, the
    /// oldest go. What is already kept of a batch under the certificate's name stays as it is.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep(&self, published: &Published<'_>) -> io::Result<()> {
        let (batch, hash) = (published.batch.batch, certificate_hash(published.certificate));
        let place = self.dir.join(name(batch, hash));
        if place.exists() {
            return Ok(());
        }
        fs::create_dir_all(&self.dir)?;
        let fresh = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(&self.dir)?;
        write(published, fresh.path()).map_err(io::Error::other)?;
        for file in FILES.into_iter().chain([REASONS]) {
            File::open(fresh.path().join(file))?.sync_all()?;
        }
        File::open(fresh.path())?.sync_all()?;
        fs::rename(fresh.path(), place)?;
        File::open(&self.dir)?.sync_all()?;
        self.forget(KEPT_BYTES)
    }

    /// Removes what a program that was ended left half written. For the start, when nothing is being kept.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn tidy(&self) -> io::Result<()> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// Removes the oldest batches beyond those that are kept, and beyond `most_bytes`.
    fn forget(&self, most_bytes: u64) -> io::Result<()> {
        let mut found: Vec<(u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok());
            found.extend(number.map(|number| (number, entry.path())));
        }
        found.sort_unstable();
        let mut bytes = 0;
        for (age, (_, path)) in found.into_iter().rev().enumerate() {
            for file in fs::read_dir(&path)? {
                bytes += file?.metadata()?.len();
            }
            if age > 0 && (age >= KEPT || bytes > most_bytes) {
                fs::remove_dir_all(path)?;
            }
        }
        Ok(())
    }

    /// One of the [`FILES`] of a batch; `None` when it is not kept here.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn file(&self, batch: BatchId, certificate: Hash, name: &str) -> io::Result<Option<File>> {
        match File::open(self.dir.join(self::name(batch, certificate)).join(name)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a batch is kept here.
    pub(crate) fn has(&self, batch: BatchId, certificate: Hash) -> bool {
        self.dir.join(name(batch, certificate)).exists()
    }

    /// The [`FILES`] of a batch as one tar archive, a file without a name that is gone once it is closed; `None` when the
    /// batch is not kept here.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn archive(&self, batch: BatchId, certificate: Hash) -> io::Result<Option<File>> {
        if !self.has(batch, certificate) {
            return Ok(None);
        }
        let mut archive = tar::Builder::new(BufWriter::new(tempfile::tempfile_in(&self.dir)?));
        for name in FILES {
            let Some(file) = self.file(batch, certificate, name)? else { return Ok(None) };
            let mut header = tar::Header::new_ustar();
            header.set_mode(0o644);
            header.set_uid(0);
            header.set_gid(0);
            header.set_size(file.metadata()?.len());
            archive.append_data(&mut header, format!("batch-{batch}/{name}"), file)?;
        }
        let mut file = archive.into_inner()?.into_inner()?;
        file.rewind()?;
        Ok(Some(file))
    }

    /// Why offers were left out of a batch, by offer; empty when it is not kept here.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn reasons(
        &self,
        batch: BatchId,
        certificate: Hash,
    ) -> io::Result<BTreeMap<OfferKey, Unfilled>> {
        let mut text = String::new();
        if let Some(mut file) = self.file(batch, certificate, REASONS)? {
            file.read_to_string(&mut text)?;
        }
        Ok(text.lines().skip(1).filter_map(read_reason).map(|reason| (reason.offer, reason)).collect())
    }
}

/// The folder of a batch.
fn name(batch: BatchId, certificate: Hash) -> String {
    format!("{batch}-{certificate}")
}

/// What `summary.json` says: what `permuta audit-clearing` reads of it, and what people ask first.
#[derive(Serialize)]
struct Summary {
    batch: u64,
    certificate: String,
    mode: &'static str,
    band: Box<RawValue>,
    max_assets: u8,
    now: u64,
    value_usd: Box<RawValue>,
    bound_usd: Box<RawValue>,
    rings: usize,
    offers: usize,
    offers_filled: usize,
    every_ring_seen: bool,
}

/// Writes what is published as the files that `permuta audit-clearing` reads.
fn write(published: &Published<'_>, dir: &Path) -> Result<(), FileError> {
    let Published { batch, rings, value, certificate, unfilled } = *published;
    let (book, rules) = (&batch.book, &batch.rules);
    let filled: BTreeSet<OfferKey> = rings.iter().flat_map(|ring| &ring.legs).map(|leg| leg.offer).collect();
    let summary = Summary {
        batch: batch.batch.0,
        certificate: certificate_hash(certificate).to_string(),
        mode: rules.mode.name(),
        band: files::share(rules.band),
        max_assets: rules.max_assets,
        now: batch.now,
        value_usd: files::micro(value.floor_to(6).unwrap_or(u128::MAX)),
        bound_usd: files::micro(certificate.bound_micro_usd()),
        rings: rings.len(),
        offers: book.offers().len(),
        offers_filled: filled.len(),
        every_ring_seen: false,
    };
    let [summary_file, assets, offers, rings_file, duals] = FILES.map(|name| dir.join(name));
    files::write_json(&summary_file, &summary)?;
    files::write_assets(&assets, &Numbers, book)?;
    files::write_offers(&offers, &Numbers, book)?;
    files::write_rings(&rings_file, &Numbers, rings, |at| at.to_string())?;
    files::write_duals(&duals, certificate.duals())?;
    files::write_unfilled(&dir.join(REASONS), &Numbers, unfilled)
}

/// A line of [`REASONS`]; `None` for one that this program did not write.
fn read_reason(line: &str) -> Option<Unfilled> {
    let fields: Vec<&str> = line.split(',').collect();
    let [offer, reason, ppm, bearable, give, want, give_qty, want_qty] = fields[..] else { return None };
    let amount = |text: &str| text.parse::<Amount>().ok();
    let reason = [
        Reason::NoCounterOffer,
        Reason::LimitTooFar { ppm: ppm.parse().unwrap_or(0) },
        Reason::OutOfCompetition,
        Reason::SeventhAsset,
        Reason::MinimumNotReached,
    ]
    .into_iter()
    .find(|known| known.name() == reason)?;
    Some(Unfilled {
        offer: OfferKey(offer.parse().ok()?),
        reason,
        nearest: Missing {
            give: AssetKey(give.parse().ok()?),
            give_qty: amount(give_qty)?,
            want: AssetKey(want.parse().ok()?),
            want_qty: amount(want_qty)?,
        },
        bearable: amount(bearable),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use barter_engine::files::{Source, read_book, read_duals, read_rings, read_summary};
    use barter_engine::{Options, clear, unfilled_beside};
    use clearing::{Asset, Book, Duals, Leg, Offer, PartyKey, Proof, Rules};
    use ledger::{Height, Timestamp};

    fn amount(quantity: u128) -> Amount {
        Amount::new(quantity).unwrap()
    }

    fn offer(key: u64, give: u64, want: u64, quantity: u128) -> Offer {
        Offer {
            key: OfferKey(key),
            party: PartyKey([u8::try_from(key).unwrap(); 20]),
            give: AssetKey(give),
            give_qty: amount(quantity),
            want: AssetKey(want),
            want_qty: amount(quantity),
            divisible: true,
            min_fill: Amount::ZERO,
            valid_from: 0,
            valid_until: 1_000,
        }
    }

    /// Jute for diesel against diesel for jute, and tea that nobody wants.
    fn batch(number: u64) -> OpenBatch {
        let asset = |key| Asset { key: AssetKey(key), decimals: 0, reference: "10.5".parse().unwrap() };
        let offers = vec![offer(9, 2, 10, 900), offer(10, 10, 2, 500), offer(11, 4, 2, 70)];
        OpenBatch {
            batch: BatchId(number),
            ends: Height(30),
            closed_at: Timestamp(5_000),
            now: 5,
            rules: Rules::default(),
            book: Book::new([2, 4, 10].map(asset).to_vec(), offers).unwrap(),
            indicative: std::collections::BTreeSet::new(),
            apart: std::collections::BTreeSet::new(),
            standings: Vec::new(),
        }
    }

    fn bytes(mut file: File) -> Vec<u8> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// A file that is kept of batch 7.
    fn kept(clearings: &Clearings, certificate: Hash, name: &str) -> Vec<u8> {
        bytes(clearings.file(BatchId(7), certificate, name).unwrap().unwrap())
    }

    /// Clears the batch and keeps what is published of it; the certificate's name.
    fn cleared(clearings: &Clearings, batch: &OpenBatch) -> (Hash, UsdValue, Vec<Unfilled>) {
        let found = clear(&batch.book, &batch.rules, batch.now, &Options::default());
        let bound =
            clearing::bound(&batch.book, &batch.rules, batch.now, &clearing::Prices::default(), &found.duals);
        let proof = Proof { bound_micro_usd: bound.floor_to(6).unwrap() + 1, duals: found.duals };
        let certificate = payment_chain::certificate(batch, &found.answer.rings, &proof);
        let unfilled = unfilled_beside(&batch.book, &batch.rules, batch.now, &found.answer.rings);
        let (rings, value) = (&found.answer.rings[..], found.report.value);
        let published = Published { batch, rings, value, certificate: &certificate, unfilled: &unfilled };
        clearings.keep(&published).unwrap();
        (certificate_hash(&certificate), value, unfilled)
    }

    #[test]
    fn whoever_has_the_files_proves_value_bound_and_certificate_again() {
        let dir = tempfile::tempdir().unwrap();
        let clearings = Clearings::beside(dir.path());
        let batch = batch(7);
        let (hash, value, unfilled) = cleared(&clearings, &batch);
        let file = |name: &str| kept(&clearings, hash, name);
        let (assets, offers) = (file("assets.csv"), file("offers.csv"));
        let book = read_book(
            Source::bytes("assets.csv", &assets).unwrap(),
            Source::bytes("offers.csv", &offers).unwrap(),
        )
        .unwrap();
        let claims = read_summary(Source::bytes("summary.json", &file("summary.json")).unwrap()).unwrap();
        let (_, rings) = read_rings(&book, Source::bytes("rings.csv", &file("rings.csv")).unwrap()).unwrap();
        let duals = read_duals(&book, Source::bytes("duals.csv", &file("duals.csv")).unwrap()).unwrap();
        let duals = Duals { assets: duals, ..Duals::default() };
        assert_eq!((claims.rules, claims.now), (batch.rules, batch.now));
        assert_eq!(claims.value_micro_usd, value.floor_to(6).unwrap());
        let answer = clearing::Answer { rings, ..clearing::Answer::default() };
        let report = clearing::check(&book.book, &claims.rules, claims.now, &answer).unwrap();
        assert_eq!(report.value, value);
        let bound =
            clearing::bound(&book.book, &claims.rules, claims.now, &clearing::Prices::default(), &duals);
        assert!(bound.floor_to(6).unwrap() < claims.bound_micro_usd);
        // Assets and offers are numbered otherwise in the files ("10" before "2"), and the name is the same.
        let proof = clearing::Proof { bound_micro_usd: claims.bound_micro_usd, duals };
        let again = Certificate::new(&book, &book.book, &claims.rules, claims.now, &answer, &proof);
        assert_eq!(certificate_hash(&again), hash);
        let reasons = clearings.reasons(BatchId(7), hash).unwrap();
        assert_eq!(reasons.into_values().collect::<Vec<_>>(), unfilled);
        assert_eq!(unfilled.len(), 1, "the tea");
    }

    #[test]
    fn what_is_published_is_written_as_ever() {
        let dir = tempfile::tempdir().unwrap();
        let clearings = Clearings::beside(dir.path());
        // Duals and reasons as they were found once: what the engine finds may change.
        let batch = batch(7);
        let legs = [9, 10].map(|key| Leg { offer: OfferKey(key), give: amount(500) });
        let rings = [Ring { legs: legs.to_vec() }];
        let duals = vec![1_151_217_592, 77_113_132, 2_151_217_592];
        let duals = Duals { assets: duals, ..Duals::default() };
        let proof = Proof { bound_micro_usd: 10_500_000_001, duals };
        let certificate = payment_chain::certificate(&batch, &rings, &proof);
        let answer = clearing::Answer { rings: rings.to_vec(), ..clearing::Answer::default() };
        let report = clearing::check(&batch.book, &batch.rules, batch.now, &answer).unwrap();
        let nearest =
            Missing { give: AssetKey(2), give_qty: amount(70), want: AssetKey(4), want_qty: amount(70) };
        let unfilled =
            [Unfilled { offer: OfferKey(11), reason: Reason::NoCounterOffer, nearest, bearable: None }];
        let (certificate, unfilled) = (&certificate, &unfilled[..]);
        let value = report.value;
        clearings.keep(&Published { batch: &batch, rings: &rings, value, certificate, unfilled }).unwrap();
        let hash = certificate_hash(certificate);
        let mut all = String::new();
        for name in FILES.into_iter().chain([REASONS]) {
            let text = kept(&clearings, hash, name);
            all += &format!("== {name}\n{}", String::from_utf8(text).unwrap());
        }
        assert_eq!(all, include_str!("clearings/golden.txt"));
    }

    #[test]
    fn what_was_handed_in_is_not_replaced_and_what_was_half_written_goes() {
        let dir = tempfile::tempdir().unwrap();
        let clearings = Clearings::beside(dir.path());
        clearings.tidy().unwrap();
        let (hash, ..) = cleared(&clearings, &batch(7));
        let folder = dir.path().join("clearings");
        fs::write(folder.join(name(BatchId(7), hash)).join(REASONS), "as it was\n").unwrap();
        cleared(&clearings, &batch(7));
        assert_eq!(kept(&clearings, hash, REASONS), b"as it was\n");
        fs::create_dir(folder.join(".tmpX")).unwrap();
        clearings.tidy().unwrap();
        let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(left, [name(BatchId(7), hash).as_str()]);
    }

    #[test]
    fn an_archive_unpacks_to_the_files_and_is_the_same_whenever_it_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let clearings = Clearings::beside(dir.path());
        let (hash, ..) = cleared(&clearings, &batch(7));
        let archive = || bytes(clearings.archive(BatchId(7), hash).unwrap().unwrap());
        let (bytes, unpacked) = (archive(), tempfile::tempdir().unwrap());
        tar::Archive::new(bytes.as_slice()).unpack(unpacked.path()).unwrap();
        let folder = unpacked.path().join("batch-7");
        // Why offers were left out is their owners'.
        assert_eq!(fs::read_dir(&folder).unwrap().count(), FILES.len());
        for name in FILES {
            assert_eq!(fs::read(folder.join(name)).unwrap(), kept(&clearings, hash, name), "{name}");
        }
        assert_eq!(archive(), bytes);
    }

    #[test]
    fn a_clearing_is_found_by_batch_and_certificate_only_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let clearings = Clearings::beside(dir.path());
        let (hash, ..) = cleared(&clearings, &batch(1));
        assert!(clearings.has(BatchId(1), hash));
        assert!(clearings.file(BatchId(1), Hash::ZERO, "rings.csv").unwrap().is_none());
        assert!(clearings.archive(BatchId(1), Hash::ZERO).unwrap().is_none());
        assert!(clearings.reasons(BatchId(2), hash).unwrap().is_empty());
        for number in 2..2 + KEPT as u64 {
            fs::create_dir(dir.path().join("clearings").join(name(BatchId(number), hash))).unwrap();
        }
        clearings.forget(KEPT_BYTES).unwrap();
        assert!(!clearings.has(BatchId(1), hash) && clearings.has(BatchId(2), hash));
    }

    #[test]
    fn large_batches_push_older_ones_out_sooner_and_the_newest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let clearings = Clearings::beside(dir.path());
        let hashes = [1, 2, 3].map(|number| cleared(&clearings, &batch(number)).0);
        let left =
            || (1..).zip(hashes).filter(|(number, hash)| clearings.has(BatchId(*number), *hash)).count();
        let files = FILES.into_iter().chain([REASONS]);
        let newest = dir.path().join("clearings").join(name(BatchId(3), hashes[2]));
        let one: u64 = files.map(|file| fs::metadata(newest.join(file)).unwrap().len()).sum();
        for (most_bytes, expected) in [(4 * one, 3), (5 * one / 2, 2), (1, 1)] {
            clearings.forget(most_bytes).unwrap();
            assert_eq!(left(), expected, "{most_bytes}");
        }
        assert!(newest.exists());
    }
}
