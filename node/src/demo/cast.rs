//! Who plays in the demo, and with which keys. One secret gives them all, so that a second start knows them again.

use std::path::Path;

use anyhow::{Context, Result, bail};
use ledger::{Address, Hasher, KeyPair, Tag};

use crate::home;

/// Letters and digits that nobody mistakes for one another.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// The secret behind every key and password of one demo. Whoever reads it can act for everyone in it.
pub(crate) struct Cast {
    secret: [u8; 32],
}

impl Cast {
    /// Reads the secret of a folder, or draws one from the operating system and keeps it there, readable by its owner
    /// only.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds something else.
    pub(crate) fn open(path: &Path) -> Result<Cast> {
        if let Some(bytes) = home::read_if_there(path)? {
            let Ok(secret) = <[u8; 32]>::try_from(bytes) else {
                bail!(
                    "{} holds no secret of 32 bytes: restore it, or start afresh with --reset",
                    path.display()
                );
            };
            return Ok(Cast { secret });
        }
        let secret = random()?;
        home::write_durably(path, &secret, true)?;
        Ok(Cast { secret })
    }

    /// The key of somebody, by a name such as `gateway/2`.
    pub(crate) fn key(&self, who: &str) -> KeyPair {
        KeyPair::from_seed(self.derive("key", who))
    }

    /// The account that the key of `who` opens.
    pub(crate) fn address(&self, who: &str) -> Address {
        self.key(who).public().address()
    }

    /// Thirty-two secret bytes for a purpose other than a key on a chain.
    pub(crate) fn bytes(&self, purpose: &str) -> [u8; 32] {
        self.derive("bytes", purpose)
    }

    /// A password of 60 bits that people can type.
    pub(crate) fn password(&self, login: &str) -> String {
        spell(&self.derive("password", login), 12)
    }

    /// A one-time code of 80 bits.
    pub(crate) fn code(&self, purpose: &str) -> String {
        spell(&self.derive("code", purpose), 16).to_ascii_uppercase()
    }

    fn derive(&self, kind: &str, name: &str) -> [u8; 32] {
        Hasher::new(Tag::Content)
            .chain(b"demo cast")
            .chain(&self.secret)
            .chain(kind.as_bytes())
            .chain(b"/")
            .chain(name.as_bytes())
            .finish()
            .0
    }
}

/// Thirty-two bytes from the operating system.
///
/// # Errors
/// The operating system has none to give.
fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("the operating system gives no randomness")?;
    Ok(bytes)
}

/// The first `count` (at most 32) bytes as letters and digits, five bits each, in groups of four.
fn spell(bytes: &[u8; 32], count: usize) -> String {
    let mut text = String::new();
    for (at, byte) in bytes.iter().take(count).enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_knows_everyone_again_and_a_new_demo_knows_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let (here, there) = (dir.path().join("here"), dir.path().join("there"));
        let first = Cast::open(&here).unwrap();
        let again = Cast::open(&here).unwrap();
        let other = Cast::open(&there).unwrap();
        assert_eq!(first.address("company/3"), again.address("company/3"));
        assert_eq!(first.password("dhaka"), again.password("dhaka"));
        assert_ne!(first.address("company/3"), first.address("company/4"));
        assert_ne!(first.address("company/3"), other.address("company/3"));
        assert_ne!(first.password("dhaka"), first.password("accra"));
    }

    #[test]
    fn passwords_and_codes_can_be_read_aloud() {
        let dir = tempfile::tempdir().unwrap();
        let cast = Cast::open(&dir.path().join("secret")).unwrap();
        let code = cast.code("dhaka/7");
        assert_eq!(code.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4, 4], "{code}");
        assert!(code.chars().all(|c| c == '-' || c.is_ascii_digit() || c.is_ascii_uppercase()), "{code}");
        assert!(!code.contains(['O', 'I', 'L', '1']), "{code}");
        assert_eq!(cast.password("dhaka").len(), 14);
        assert_ne!(code, cast.code("dhaka/8"));
    }

    #[test]
    fn a_damaged_secret_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "short").unwrap();
        let told = format!("{:#}", Cast::open(&path).err().unwrap());
        assert!(told.contains("--reset"), "{told}");
    }
}
