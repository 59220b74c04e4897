//! The folder of a consortium's authority: its key, its certificate, a register of all it has issued, and the list of what
//! it took back.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use ledger::{PublicKey, Timestamp};
use network::{Authority, Serial, Validity};
use serde::{Deserialize, Serialize};

use crate::{home, secret};

/// The authority's key. It signs certificates and nothing else.
const KEY: &str = "authority.key";
/// Its certificate: what every validator is told to trust.
pub(crate) const CERTIFICATE: &str = "authority.pem";
/// The list of revocations: what every validator is told to look at.
pub(crate) const REVOKED: &str = "revoked.pem";
/// What was issued.
const REGISTER: &str = "register.json";
/// A certificate holds from so long before it is made, since clocks differ.
const BACKDATED_MS: u64 = 3_600_000;
/// For how long a list of revocations promises to be the latest; validators go on with an old one.
const LIST_DAYS: u64 = 30;
/// The most days that a certificate holds.
pub(crate) const MAX_DAYS: u64 = 36_500;

/// A certificate that was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Issued {
    /// Its number, 32 hexadecimal digits.
    pub(crate) serial: String,
    /// The key that it is about, 64 hexadecimal digits.
    pub(crate) validator: String,
    /// Until when it holds, in milliseconds since 1970.
    pub(crate) until_ms: u64,
    /// When it was revoked, in milliseconds since 1970.
    pub(crate) revoked_ms: Option<u64>,
}

/// What stands on disk.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Register {
    /// How many lists of revocations were made.
    lists: u64,
    issued: Vec<Issued>,
}

/// Which certificates to take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// All of one validator.
    Validator(PublicKey),
    /// One, by its number.
    Serial(Serial),
}

/// An authority with its folder, which nobody else changes meanwhile.
pub(crate) struct Consortium {
    dir: PathBuf,
    authority: Authority,
    register: Register,
    _lock: fs::File,
}

impl Consortium {
    /// Makes an authority in a folder of its own, whose certificate holds for `days`.
    ///
    /// # Errors
    /// There is one already, or the folder cannot be written.
    pub(crate) fn found(dir: &Path, days: u64, now: Timestamp) -> Result<Consortium> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
        let lock = home::lock(dir)?;
        ensure!(
            !dir.join(KEY).exists(),
            "{} holds an authority already: name another folder with --dir",
            dir.display()
        );
        let key = secret::fresh()?;
        let authority = Authority::new(key.clone());
        let certificate = authority.certificate(validity(days, now)?)?;
        let mut consortium =
            Consortium { dir: dir.to_owned(), authority, register: Register::default(), _lock: lock };
        home::write_durably(&dir.join(CERTIFICATE), certificate.as_bytes(), false)?;
        consortium.list(now)?;
        // The key comes last: without it there is no authority, and this can be done again.
        secret::write(&dir.join(KEY), &key)?;
        Ok(consortium)
    }

    /// Opens the folder of an authority.
    ///
    /// # Errors
    /// There is none, it is in use, or a file does not hold what it should.
    pub(crate) fn open(dir: &Path) -> Result<Consortium> {
        ensure!(
            dir.join(KEY).exists(),
            "{} holds no authority: `permuta ca new` makes one, --dir names another folder",
            dir.display()
        );
        let lock = home::lock(dir)?;
        let authority = Authority::new(secret::read(&dir.join(KEY))?);
        let path = dir.join(REGISTER);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let register = serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is damaged: take it from a copy", path.display()))?;
        Ok(Consortium { dir: dir.to_owned(), authority, register, _lock: lock })
    }

    /// Issues a certificate in PEM that a key is a validator's, for `days`.
    ///
    /// # Errors
    /// No Ed25519 signature can be by this key, the days are too many, or the register cannot be written.
    pub(crate) fn issue(&mut self, validator: PublicKey, days: u64, now: Timestamp) -> Result<String> {
        ensure!(validator.can_sign(), "{validator} is no key that can sign: copy it from `permuta keygen`");
        let mut random = [0; 16];
        getrandom::fill(&mut random).context("this machine gives no randomness")?;
        let serial = Serial::new(random);
        let validity = validity(days, now)?;
        let pem = self.authority.issue(validator, serial, validity)?;
        self.register.issued.push(Issued {
            serial: hex::encode(serial.bytes()),
            validator: validator.to_string(),
            until_ms: validity.until.0,
            revoked_ms: None,
        });
        // What is not in the register can never be revoked, so it is there before anybody has the certificate.
        self.keep()?;
        Ok(pem)
    }

    /// Takes certificates back and writes the list anew; returns how many more are on it.
    ///
    /// # Errors
    /// None was issued, all of them are revoked already, or the folder cannot be written.
    pub(crate) fn revoke(&mut self, which: Which, now: Timestamp) -> Result<usize> {
        let meant = |issued: &Issued| match which {
            Which::Validator(key) => issued.validator == key.to_string(),
            Which::Serial(serial) => issued.serial == hex::encode(serial.bytes()),
        };
        let mut found: Vec<&mut Issued> =
            self.register.issued.iter_mut().filter(|issued| meant(issued)).collect();
        if found.is_empty() {
            bail!("this authority has issued no such certificate: `permuta ca list` shows what it has");
        }
        found.retain(|issued| issued.revoked_ms.is_none());
        ensure!(!found.is_empty(), "it is revoked already: give the validators the file {REVOKED}");
        let count = found.len();
        found.into_iter().for_each(|issued| issued.revoked_ms = Some(now.0));
        self.list(now)?;
        Ok(count)
    }

    /// Writes the list of revocations anew.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn list(&mut self, now: Timestamp) -> Result<()> {
        self.register.lists += 1;
        self.keep()?;
        let revoked = self.register.issued.iter().filter_map(|issued| Some((issued, issued.revoked_ms?)));
        let revoked = revoked.map(|(issued, at)| Ok((serial(&issued.serial)?, Timestamp(at))));
        let revoked = revoked.collect::<Result<Vec<_>>>()?;
        let pem = self.authority.revoke(&revoked, self.register.lists, validity(LIST_DAYS, now)?)?;
        home::write_durably(&self.dir.join(REVOKED), pem.as_bytes(), false)
    }

    /// What was issued, in order.
    pub(crate) fn issued(&self) -> &[Issued] {
        &self.register.issued
    }

    fn keep(&self) -> Result<()> {
        let json = serde_json::to_vec_pretty(&self.register).context("the register is plain data")?;
        home::write_durably(&self.dir.join(REGISTER), &json, false)
    }
}

/// A number as people copy it.
///
/// # Errors
/// It is not 32 hexadecimal digits of a number that an authority gives.
pub(crate) fn serial(text: &str) -> Result<Serial> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(text.trim(), &mut bytes)
        .ok()
        .map(|()| Serial::new(bytes))
        .filter(|serial| serial.bytes() == bytes)
        .with_context(|| {
            format!("{text:?} is no number of a certificate: 32 hexadecimal digits from `permuta ca list`")
        })
}

fn validity(days: u64, now: Timestamp) -> Result<Validity> {
    ensure!((1..=MAX_DAYS).contains(&days), "a certificate holds for 1 to {MAX_DAYS} days, not {days}");
    Ok(Validity {
        from: Timestamp(now.0.saturating_sub(BACKDATED_MS)),
        until: now.plus_ms(days * Timestamp::DAY_MS),
    })
}

/// A public key as people copy it.
///
/// # Errors
/// It is not 64 hexadecimal digits.
pub(crate) fn public_key(text: &str) -> Result<PublicKey> {
    PublicKey::from_str(text.trim())
        .ok()
        .with_context(|| format!("{text:?} is no public key: 64 hexadecimal digits from `permuta keygen`"))
}

#[cfg(test)]
mod tests {
    use ledger::KeyPair;
    use network::{Identity, Trust};

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn an_authority_outlives_its_process_and_revokes_what_it_issued_before() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("consortium");
        let validator = KeyPair::from_seed([7; 32]);
        let mut first = Consortium::found(&dir, 3650, NOW).unwrap();
        let old = first.issue(validator.public(), 365, NOW).unwrap();
        drop(first);
        Identity::new(validator.clone(), old.as_bytes()).unwrap();
        Trust::new(&fs::read(dir.join(CERTIFICATE)).unwrap()).unwrap();

        let mut again = Consortium::open(&dir).unwrap();
        assert_eq!(again.issued().len(), 1);
        assert_eq!(again.revoke(Which::Validator(validator.public()), NOW).unwrap(), 1);
        let told = again.revoke(Which::Validator(validator.public()), NOW).unwrap_err().to_string();
        assert!(told.contains("revoked already"), "{told}");
        let number = again.issue(validator.public(), 365, NOW).map(|_| again.issued()[1].serial.clone());
        let number = serial(&number.unwrap()).unwrap();
        assert_eq!(
            again.revoke(Which::Serial(number), NOW).unwrap(),
            1,
            "a renewed certificate has a number of its own"
        );
    }

    #[test]
    fn an_authority_is_never_made_over_another() {
        let dir = tempfile::tempdir().unwrap();
        let told = |outcome: Result<Consortium>| format!("{:#}", outcome.map(drop).unwrap_err());
        assert!(told(Consortium::open(dir.path())).contains("permuta ca new"));
        drop(Consortium::found(dir.path(), 3650, NOW).unwrap());
        assert!(told(Consortium::found(dir.path(), 3650, NOW)).contains("already"));
        let held = Consortium::open(dir.path()).unwrap();
        assert!(told(Consortium::open(dir.path())).contains("in use"));
        drop(held);
    }

    #[test]
    fn what_cannot_be_issued_or_revoked_is_refused_with_what_would_help() {
        let dir = tempfile::tempdir().unwrap();
        let mut authority = Consortium::found(dir.path(), 3650, NOW).unwrap();
        let key = KeyPair::from_seed([7; 32]).public();
        let told = |error: anyhow::Error| format!("{error:#}");
        assert!(told(authority.issue(key, 0, NOW).unwrap_err()).contains("1 to 36500 days"));
        assert!(told(authority.issue(PublicKey([0; 32]), 1, NOW).unwrap_err()).contains("permuta keygen"));
        assert!(told(authority.revoke(Which::Validator(key), NOW).unwrap_err()).contains("permuta ca list"));
        assert!(told(serial("zz").unwrap_err()).contains("32 hexadecimal digits"));
        assert!(told(public_key("zz").unwrap_err()).contains("64 hexadecimal digits"));
        assert!(authority.issued().is_empty());
    }
}
