//! A secret key in a file: PKCS#8 in PEM (RFC 7468, RFC 8410), as other programs write Ed25519 keys too. The file is not
//! sealed, since a validator starts without anybody there; only its owner may read it.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ledger::KeyPair;
use zeroize::Zeroizing;

/// RFC 8410 §7: the private key of Ed25519 is these bytes and the seed.
const PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// The most bytes that are read of a file.
const MAX_FILE_BYTES: u64 = 4096;

/// A key that nobody has had before.
///
/// # Errors
/// The machine gives no randomness.
pub(crate) fn fresh() -> Result<KeyPair> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).context("this machine gives no randomness")?;
    Ok(KeyPair::from_seed(*seed))
}

/// Writes `key` into a new file that only its owner may read.
///
/// # Errors
/// The file is there already, or cannot be written.
pub(crate) fn write(path: &Path, key: &KeyPair) -> Result<()> {
    ensure!(
        !path.exists(),
        "{} exists already; a key is never overwritten: choose another name",
        path.display()
    );
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let der = Zeroizing::new([PKCS8.as_slice(), &key.seed()].concat());
    let pem = Zeroizing::new(format!("{BEGIN}\n{}\n{END}\n", *Zeroizing::new(BASE64.encode(&*der))));
    let written = options.open(path).and_then(|mut file| {
        file.write_all(pem.as_bytes())?;
        file.sync_all()
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Reads the key of a file.
///
/// # Errors
/// It cannot be read, others may read it too, or it holds no Ed25519 key in PKCS#8.
pub(crate) fn read(path: &Path) -> Result<KeyPair> {
    let mut pem = Zeroizing::new(String::new());
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode =
            file.metadata().with_context(|| format!("cannot read {}", path.display()))?.permissions().mode();
        ensure!(
            mode & 0o077 == 0,
            "{0} can be read by others on this machine: `chmod 600 {0}`, and make a new key if somebody may have",
            path.display()
        );
    }
    file.take(MAX_FILE_BYTES)
        .read_to_string(&mut pem)
        .with_context(|| format!("cannot read {} as text", path.display()))?;
    parse(&pem).with_context(|| {
        format!("{} holds no Ed25519 key in PKCS#8 PEM: `permuta keygen` makes one", path.display())
    })
}

fn parse(pem: &str) -> Option<KeyPair> {
    let body = pem.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    let der = Zeroizing::new(BASE64.decode(body.as_bytes()).ok()?);
    let seed = Zeroizing::new(<[u8; 32]>::try_from(der.strip_prefix(&PKCS8)?).ok()?);
    Some(KeyPair::from_seed(*seed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_comes_back_as_it_was_written_and_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("validator.key");
        let key = KeyPair::from_seed([7; 32]);
        write(&path, &key).unwrap();
        assert_eq!(read(&path).unwrap().seed(), key.seed());
        let told = write(&path, &KeyPair::from_seed([8; 32])).unwrap_err().to_string();
        assert!(told.contains("never overwritten"), "{told}");
        assert_eq!(read(&path).unwrap().seed(), key.seed());
    }

    /// The private key of RFC 8032 §7.1, test 1, as `openssl pkey` writes it.
    #[test]
    fn a_key_of_another_program_is_read() {
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                   -----END PRIVATE KEY-----\n";
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(parse(pem).unwrap().public().to_string(), public);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("validator.key");
        write(&path, &KeyPair::from_seed([7; 32])).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let told = read(&path).unwrap_err().to_string();
        assert!(told.contains("chmod 600"), "{told}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), body in "[A-Za-z0-9+/=\n]{0,80}") {
            prop_assert!(parse(&text).is_none());
            let _ = parse(&format!("{BEGIN}\n{body}\n{END}"));
        }
    }
}
