//! What this node keeps of cleared batches so that anybody concerned can prove them again: the frozen book, the rings, and
//! the certificate whose name stands on the chain; and why each offer that was left out was left out.
//!
//! A solver of this node leaves its files here before it hands its clearing in. A folder counts only while the chain names
//! its certificate, so what was not taken is never shown.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use barter_engine::{Missing, Reason, Unfilled};
use clearing::{Amount, AssetKey, Certificate, DUAL_WHOLE, OfferKey, Ring, UsdValue};
use ledger::{Address, Hash};
use payment_chain::certificate_hash;
use payment_chain::model::BatchId;
use payment_chain::view::OpenBatch;

/// The files that prove a clearing, in the order in which one reads them.
pub const FILES: [&str; 5] = ["summary.json", "assets.csv", "offers.csv", "rings.csv", "duals.csv"];
/// The file that says why offers were left out.
const REASONS: &str = "unfilled.csv";
/// How the names of folders begin that are being written.
const UNFINISHED: &str = ".tmp";
/// How many batches are kept; older ones go.
const KEPT: usize = 500;

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

    /// Keeps what a solver publishes, on disk when this returns; of more than five hundred batches the oldest go. What is
    /// already kept of a batch under the certificate's name stays as it is.
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
        for (file, text) in files(published) {
            let mut file = File::create(fresh.path().join(file))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
        }
        File::open(fresh.path())?.sync_all()?;
        fs::rename(fresh.path(), place)?;
        File::open(&self.dir)?.sync_all()?;
        self.forget()
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

    /// Removes the oldest batches beyond those that are kept.
    fn forget(&self) -> io::Result<()> {
        let mut found: Vec<(u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok());
            found.extend(number.map(|number| (number, entry.path())));
        }
        found.sort_unstable();
        let old = found.len().saturating_sub(KEPT);
        found.drain(..old).try_for_each(|(_, path)| fs::remove_dir_all(path))
    }

    /// One of the [`FILES`] of a batch; `None` when it is not kept here.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn file(&self, batch: BatchId, certificate: Hash, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.dir.join(self::name(batch, certificate)).join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a batch is kept here.
    pub(crate) fn has(&self, batch: BatchId, certificate: Hash) -> bool {
        self.dir.join(name(batch, certificate)).exists()
    }

    /// The [`FILES`] of a batch as one tar archive; `None` when it is not kept here.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn archive(&self, batch: BatchId, certificate: Hash) -> io::Result<Option<Vec<u8>>> {
        let mut archive = tar::Builder::new(Vec::new());
        for name in FILES {
            let Some(bytes) = self.file(batch, certificate, name)? else { return Ok(None) };
            let mut header = tar::Header::new_ustar();
            header.set_mode(0o644);
            header.set_uid(0);
            header.set_gid(0);
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, format!("batch-{batch}/{name}"), bytes.as_slice())?;
        }
        archive.into_inner().map(Some)
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
        let bytes = self.file(batch, certificate, REASONS)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.lines().skip(1).filter_map(read_reason).map(|reason| (reason.offer, reason)).collect())
    }
}

/// The folder of a batch.
fn name(batch: BatchId, certificate: Hash) -> String {
    format!("{batch}-{certificate}")
}

/// What is published, as the files that `permuta audit-clearing` reads. Assets and offers go by their numbers on the chain,
/// parties by their accounts.
fn files(published: &Published<'_>) -> [(&'static str, String); 6] {
    let Published { batch, rings, value, certificate, unfilled } = published;
    let (book, rules) = (&batch.book, &batch.rules);
    let mut assets = "asset_id,decimals,ref_usd\n".to_owned();
    for asset in book.assets() {
        line(&mut assets, format_args!("{},{},{}", asset.key, asset.decimals, asset.reference));
    }
    let mut offers =
        "offer_id,party,give_asset,give_qty,want_asset,want_qty,divisible,min_fill,valid_from,valid_until\n"
            .to_owned();
    for offer in book.offers() {
        let party = Address(offer.party.0);
        let divisible = u8::from(offer.divisible);
        line(
            &mut offers,
            format_args!(
                "{},{party},{},{},{},{},{divisible},{},{},{}",
                offer.key,
                offer.give,
                offer.give_qty,
                offer.want,
                offer.want_qty,
                offer.min_fill,
                offer.valid_from,
                offer.valid_until
            ),
        );
    }
    let mut ring_rows = "ring_id,pos,offer_id,give_qty\n".to_owned();
    for (number, ring) in rings.iter().enumerate() {
        for (pos, leg) in ring.legs.iter().enumerate() {
            line(&mut ring_rows, format_args!("{number},{pos},{},{}", leg.offer, leg.give));
        }
    }
    let mut duals = "asset_id,dual\n".to_owned();
    for (asset, dual) in certificate.duals() {
        line(&mut duals, format_args!("{asset},{}.{:09}", dual / DUAL_WHOLE, dual % DUAL_WHOLE));
    }
    let filled = rings.iter().flat_map(|ring| &ring.legs).map(|leg| leg.offer);
    let filled = filled.collect::<std::collections::BTreeSet<_>>().len();
    let share = rules.band.ppm();
    let bound = certificate.bound_micro_usd();
    let summary = format!(
        "{{\n  \"batch\": {},\n  \"certificate\": \"{}\",\n  \"mode\": \"{}\",\n  \"band\": {}.{:06},\n  \
         \"max_assets\": {},\n  \"now\": {},\n  \"value_usd\": {},\n  \"bound_usd\": {}.{:06},\n  \
         \"rings\": {},\n  \"offers\": {},\n  \"offers_filled\": {filled},\n  \"every_ring_seen\": false\n}}\n",
        batch.batch,
        certificate_hash(certificate),
        rules.mode,
        share / 1_000_000,
        share % 1_000_000,
        rules.max_assets,
        batch.now,
        value.display(6),
        bound / 1_000_000,
        bound % 1_000_000,
        rings.len(),
        book.offers().len(),
    );
    let mut reasons = "offer_id,reason,too_dear_ppm,bearable_want_qty,nearest_give,nearest_want,\
                       nearest_give_qty,nearest_want_qty\n"
        .to_owned();
    for Unfilled { offer, reason, nearest, bearable } in *unfilled {
        let ppm = match reason {
            Reason::LimitTooFar { ppm } => ppm.to_string(),
            _ => String::new(),
        };
        let bearable = bearable.map(|units| units.to_string()).unwrap_or_default();
        let Missing { give, give_qty, want, want_qty } = nearest;
        line(
            &mut reasons,
            format_args!("{offer},{},{ppm},{bearable},{give},{want},{give_qty},{want_qty}", reason.name()),
        );
    }
    let [summary_name, assets_name, offers_name, rings_name, duals_name] = FILES;
    [
        (summary_name, summary),
        (assets_name, assets),
        (offers_name, offers),
        (rings_name, ring_rows),
        (duals_name, duals),
        (REASONS, reasons),
    ]
}

fn line(text: &mut String, row: std::fmt::Arguments<'_>) {
    writeln!(text, "{row}").expect("writing to memory does not fail");
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
    use clearing::{Asset, Book, Offer, PartyKey, Proof, Rules};
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
        }
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
        let file = |name: &str| clearings.file(BatchId(7), hash, name).unwrap().unwrap();
        let (assets, offers) = (file("assets.csv"), file("offers.csv"));
        let book = read_book(
            Source::bytes("assets.csv", &assets).unwrap(),
            Source::bytes("offers.csv", &offers).unwrap(),
        )
        .unwrap();
        let claims = read_summary(Source::bytes("summary.json", &file("summary.json")).unwrap()).unwrap();
        let (_, rings) = read_rings(&book, Source::bytes("rings.csv", &file("rings.csv")).unwrap()).unwrap();
        let duals = read_duals(&book, Source::bytes("duals.csv", &file("duals.csv")).unwrap()).unwrap();
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
    fn what_was_handed_in_is_not_replaced_and_what_was_half_written_goes() {
        let dir = tempfile::tempdir().unwrap();
        let clearings = Clearings::beside(dir.path());
        clearings.tidy().unwrap();
        let (hash, ..) = cleared(&clearings, &batch(7));
        let folder = dir.path().join("clearings");
        fs::write(folder.join(name(BatchId(7), hash)).join(REASONS), "as it was\n").unwrap();
        cleared(&clearings, &batch(7));
        let kept = clearings.file(BatchId(7), hash, REASONS).unwrap().unwrap();
        assert_eq!(kept, b"as it was\n");
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
        let archive = || clearings.archive(BatchId(7), hash).unwrap().unwrap();
        let (bytes, unpacked) = (archive(), tempfile::tempdir().unwrap());
        tar::Archive::new(bytes.as_slice()).unpack(unpacked.path()).unwrap();
        let folder = unpacked.path().join("batch-7");
        // Why offers were left out is their owners'.
        assert_eq!(fs::read_dir(&folder).unwrap().count(), FILES.len());
        for name in FILES {
            let kept = clearings.file(BatchId(7), hash, name).unwrap();
            assert_eq!(fs::read(folder.join(name)).ok(), kept, "{name}");
        }
        assert_eq!(archive(), bytes);
    }

    #[test]
    fn a_clearing_is_found_by_batch_and_certificate_only_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let clearings = Clearings::beside(dir.path());
        let (hash, ..) = cleared(&clearings, &batch(1));
        assert!(clearings.has(BatchId(1), hash));
        assert_eq!(clearings.file(BatchId(1), Hash::ZERO, "rings.csv").unwrap(), None);
        assert!(clearings.reasons(BatchId(2), hash).unwrap().is_empty());
        for number in 2..2 + KEPT as u64 {
            fs::create_dir(dir.path().join("clearings").join(name(BatchId(number), hash))).unwrap();
        }
        clearings.forget().unwrap();
        assert!(!clearings.has(BatchId(1), hash) && clearings.has(BatchId(2), hash));
    }
}
