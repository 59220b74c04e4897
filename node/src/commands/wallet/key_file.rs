//! A secret key in a file, sealed with a password: the format that the portal's pages write as a backup, so that
//! one file works in a browser and here.
//!
//! JSON. `data` is AES-256-GCM over the key in PKCS#8 (RFC 8410 §7, 48 bytes), with the public key in lower-case
//! hexadecimal as associated data. The sealing key comes from the password (in Unicode NFKC) by Argon2id
//! (RFC 9106), or by PBKDF2-HMAC-SHA256 (RFC 8018), the only one that browsers have built in.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ledger::{Address, KeyPair, PublicKey};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// The format and its version.
const FORMAT: &str = "permuta-key/1";
const CIPHER: &str = "AES-256-GCM";
/// The most bytes that a key file may have.
const MAX_FILE_BYTES: u64 = 16 << 10;
/// The fewest characters of a password for a new file.
pub(super) const MIN_PASSWORD: usize = 12;
/// What stands in front of the 32-byte seed in PKCS#8 (RFC 8410 §7, version 1, no attributes).
const PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Why a key file cannot be read or opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyFileError {
    /// Not the format.
    #[error("this is no key file: {0}")]
    Format(&'static str),
    /// Costs that nobody would choose, or that this machine could not bear.
    #[error("the key file asks for costs outside of what is safe and bearable")]
    Costs,
    /// Wrong password, or changed bytes.
    #[error("the password does not open this key file, or the file is damaged")]
    Sealed,
}

/// How a password becomes a sealing key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name")]
pub(super) enum Derivation {
    /// RFC 9106; memory-hard.
    #[serde(rename = "argon2id")]
    Argon2id {
        /// Memory in KiB, 8 MiB to 1 GiB.
        memory_kib: u32,
        /// Passes over it, 1 to 16.
        passes: u32,
        /// Lanes, 1 to 16.
        lanes: u32,
        /// 8 to 64 random bytes, in base64.
        salt: String,
    },
    /// RFC 8018; what browsers can do.
    #[serde(rename = "PBKDF2-SHA256")]
    Pbkdf2 {
        /// 100 000 to 10 000 000.
        iterations: u32,
        /// 8 to 64 random bytes, in base64.
        salt: String,
    },
}

/// How the data is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cipher {
    name: String,
    iv: String,
}

/// A key file as it stands in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyFile {
    format: String,
    /// The public key, 64 hexadecimal digits.
    pub(super) public_key: String,
    /// The account that it signs for.
    pub(super) account: String,
    /// What its owner calls it.
    pub(super) label: String,
    pub(super) kdf: Derivation,
    cipher: Cipher,
    data: String,
}

impl KeyFile {
    /// Seals `key`. `random` is fresh randomness: 16 bytes of salt, 12 of nonce.
    pub(super) fn seal(
        key: &KeyPair,
        account: Address,
        label: &str,
        password: &str,
        for_browser: bool,
        random: &[u8; 28],
    ) -> Result<KeyFile, KeyFileError> {
        let (salt, nonce) = random.split_at(16);
        let salt = BASE64.encode(salt);
        let kdf = if for_browser {
            Derivation::Pbkdf2 { iterations: 600_000, salt }
        } else {
            Derivation::Argon2id { memory_kib: 64 << 10, passes: 3, lanes: 1, salt }
        };
        let public_key = key.public().to_string();
        let plain = Zeroizing::new([PKCS8.as_slice(), &key.seed()].concat());
        let sealing = Aes256Gcm::new(&(*kdf.derive(password)?).into());
        let nonce: [u8; 12] = nonce.try_into().expect("28 bytes are 16 and 12");
        let payload = Payload { msg: plain.as_slice(), aad: public_key.as_bytes() };
        let data = sealing.encrypt(&nonce.into(), payload).map_err(|_| KeyFileError::Sealed)?;
        let cipher = Cipher { name: CIPHER.to_owned(), iv: BASE64.encode(nonce) };
        let (account, label) = (account.to_string(), label.to_owned());
        Ok(KeyFile {
            format: FORMAT.to_owned(),
            public_key,
            account,
            label,
            kdf,
            cipher,
            data: BASE64.encode(data),
        })
    }

    /// Reads a key file without opening it.
    pub(super) fn parse(bytes: &[u8]) -> Result<KeyFile, KeyFileError> {
        let file: KeyFile = serde_json::from_slice(bytes)
            .map_err(|_| KeyFileError::Format("not its JSON, or a field is missing"))?;
        if file.format != FORMAT {
            return Err(KeyFileError::Format("its format is not permuta-key/1"));
        }
        if file.cipher.name != CIPHER {
            return Err(KeyFileError::Format("its cipher is not AES-256-GCM"));
        }
        file.public()?;
        file.account()?;
        Ok(file)
    }

    /// The public key.
    pub(super) fn public(&self) -> Result<PublicKey, KeyFileError> {
        self.public_key.parse().map_err(|_| KeyFileError::Format("public_key is not 64 hexadecimal digits"))
    }

    /// The account; that of the key itself where the file names none.
    pub(super) fn account(&self) -> Result<Address, KeyFileError> {
        match self.account.as_str() {
            "" => Ok(self.public()?.address()),
            account => account
                .parse()
                .map_err(|_| KeyFileError::Format("account is not 0x and 40 hexadecimal digits")),
        }
    }

    /// Opens the file with its password.
    pub(super) fn open(&self, password: &str) -> Result<KeyPair, KeyFileError> {
        let bytes = |text: &str| BASE64.decode(text).map_err(|_| KeyFileError::Format("not base64"));
        let nonce: [u8; 12] =
            bytes(&self.cipher.iv)?.try_into().map_err(|_| KeyFileError::Format("iv is not 12 bytes"))?;
        let data = bytes(&self.data)?;
        let sealing = Aes256Gcm::new(&(*self.kdf.derive(password)?).into());
        let payload = Payload { msg: &data, aad: self.public_key.as_bytes() };
        let plain = sealing.decrypt(&nonce.into(), payload).map_err(|_| KeyFileError::Sealed)?;
        let plain = Zeroizing::new(plain);
        let seed: [u8; 32] = plain
            .strip_prefix(&PKCS8)
            .and_then(|seed| seed.try_into().ok())
            .ok_or(KeyFileError::Format("it holds no Ed25519 key in PKCS#8"))?;
        let key = KeyPair::from_seed(seed);
        if key.public() != self.public()? {
            return Err(KeyFileError::Format("the key inside is another than public_key"));
        }
        Ok(key)
    }

    /// Writes a new file that only its owner may read; never over an old one.
    pub(super) fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        let json = serde_json::to_vec_pretty(self).map_err(std::io::Error::other)?;
        file.write_all(&json)?;
        file.write_all(b"\n")?;
        file.sync_all()
    }

    /// The bytes of a file at `path`, as many as a key file may have.
    pub(super) fn load(path: &Path) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Derivation {
    fn derive(&self, password: &str) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
        let password: Zeroizing<String> = Zeroizing::new(password.nfkc().collect());
        let salt = |text: &str| {
            let salt = BASE64.decode(text).map_err(|_| KeyFileError::Format("salt is not base64"))?;
            if (8..=64).contains(&salt.len()) { Ok(salt) } else { Err(KeyFileError::Costs) }
        };
        let within = |holds: bool| if holds { Ok(()) } else { Err(KeyFileError::Costs) };
        let mut key = Zeroizing::new([0; 32]);
        match self {
            Derivation::Argon2id { memory_kib, passes, lanes, salt: text } => {
                within((8 << 10..=1 << 20).contains(memory_kib))?;
                within((1..=16).contains(passes) && (1..=16).contains(lanes))?;
                let params =
                    Params::new(*memory_kib, *passes, *lanes, Some(32)).map_err(|_| KeyFileError::Costs)?;
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                    .hash_password_into(password.as_bytes(), &salt(text)?, key.as_mut_slice())
                    .map_err(|_| KeyFileError::Costs)?;
            }
            Derivation::Pbkdf2 { iterations, salt: text } => {
                within((100_000..=10_000_000).contains(iterations))?;
                pbkdf2::pbkdf2_hmac::<Sha256>(
                    password.as_bytes(),
                    &salt(text)?,
                    *iterations,
                    key.as_mut_slice(),
                );
            }
        }
        Ok(key)
    }
}

/// Reads `bytes` as a key file. Never panics.
#[cfg(test)]
fn fuzz_key_file(bytes: &[u8]) {
    if let Ok(file) = KeyFile::parse(bytes) {
        assert!(file.public().is_ok() && file.account().is_ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PASSWORD: &str = "a long walk to Chittagong";

    fn sealed(for_browser: bool) -> (KeyPair, KeyFile) {
        let key = KeyPair::from_seed([7; 32]);
        let account = key.public().address();
        let file = KeyFile::seal(&key, account, "Amina's desk", PASSWORD, for_browser, &[9; 28]);
        (key, file.expect("it can be sealed"))
    }

    #[test]
    fn a_key_comes_out_as_it_went_in() {
        for for_browser in [false, true] {
            let (key, file) = sealed(for_browser);
            let json = serde_json::to_vec(&file).unwrap();
            let read = KeyFile::parse(&json).unwrap();
            assert_eq!(read, file);
            assert_eq!(read.open(PASSWORD).unwrap().seed(), key.seed());
            assert_eq!(read.open("a long walk to Chattogram").unwrap_err(), KeyFileError::Sealed);
            assert!(!String::from_utf8(json).unwrap().contains(&hex::encode(key.seed())));
        }
    }

    /// Written by the portal's own page (WebCrypto), with a password that is not in NFKC.
    #[test]
    fn a_backup_from_a_browser_opens_here() {
        let backup = r#"{
            "format": "permuta-key/1",
            "public_key": "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c",
            "account": "0x1111111111111111111111111111111111111111",
            "label": "Firefox on Ámina’s desk",
            "kdf": {"name": "PBKDF2-SHA256", "iterations": 600000, "salt": "DICjbR4IrIgelOaTaJdCZQ=="},
            "cipher": {"name": "AES-256-GCM", "iv": "AzIyp3Ppg64RDBqj"},
            "data": "NhRiHrCLA8uETe4uMCCfZ/Mw+3R5B8c3w9DBE0crI9LWx7XAbZw9TGVk9Gsl1rrwBrquawUDbbauuesA0H9usg=="
        }"#;
        let file = KeyFile::parse(backup.as_bytes()).unwrap();
        assert_eq!(file.open("kopfüber-１２３４５").unwrap().seed(), [7; 32]);
        assert_eq!(file.open("kopfüber-12345").unwrap().seed(), [7; 32]);
        assert_eq!(file.account().unwrap(), Address([0x11; 20]));
    }

    #[test]
    fn a_file_that_was_changed_does_not_open() {
        let (_, good) = sealed(true);
        let other = KeyPair::from_seed([8; 32]).public().to_string();
        let cases = [
            (KeyFile { public_key: other, ..good.clone() }, KeyFileError::Sealed),
            (KeyFile { data: BASE64.encode([0; 64]), ..good.clone() }, KeyFileError::Sealed),
            (KeyFile { data: "!".to_owned(), ..good.clone() }, KeyFileError::Format("not base64")),
            (
                KeyFile {
                    kdf: Derivation::Pbkdf2 { iterations: 1, salt: BASE64.encode([1; 16]) },
                    ..good.clone()
                },
                KeyFileError::Costs,
            ),
            (
                KeyFile {
                    kdf: Derivation::Argon2id {
                        memory_kib: u32::MAX,
                        passes: 1,
                        lanes: 1,
                        salt: BASE64.encode([1; 16]),
                    },
                    ..good.clone()
                },
                KeyFileError::Costs,
            ),
            (
                KeyFile {
                    kdf: Derivation::Pbkdf2 { iterations: 600_000, salt: String::new() },
                    ..good.clone()
                },
                KeyFileError::Costs,
            ),
        ];
        for (file, error) in cases {
            assert_eq!(file.open(PASSWORD).unwrap_err(), error);
        }
        let check = |file: KeyFile| KeyFile::parse(&serde_json::to_vec(&file).unwrap()).unwrap_err();
        assert!(matches!(
            check(KeyFile { format: "permuta-key/2".to_owned(), ..good.clone() }),
            KeyFileError::Format(_)
        ));
        assert!(matches!(
            check(KeyFile { public_key: "ea".to_owned(), ..good.clone() }),
            KeyFileError::Format(_)
        ));
        assert!(matches!(check(KeyFile { account: "0x1".to_owned(), ..good }), KeyFileError::Format(_)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), noise in any::<Vec<u8>>()) {
            let (_, file) = {
                let key = KeyPair::from_seed([7; 32]);
                let kdf = Derivation::Pbkdf2 { iterations: 600_000, salt: String::new() };
                let cipher = Cipher { name: CIPHER.to_owned(), iv: String::new() };
                let public_key = key.public().to_string();
                (key, KeyFile { format: FORMAT.to_owned(), public_key, account: String::new(), label: String::new(), kdf, cipher, data: String::new() })
            };
            let mut json = serde_json::to_vec(&file).unwrap();
            let at = at.index(json.len());
            json[at] = byte;
            fuzz_key_file(&json);
            fuzz_key_file(&json[..at]);
            fuzz_key_file(&noise);
        }
    }
}
