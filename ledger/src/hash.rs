//! SHA-256 with domain separation: a hash always says what kind of thing it is of.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest, Sha256};

/// What a hash or a signature is over. The tag goes in front of the bytes, zero-padded to 32 bytes, so that
/// bytes of one kind can never be taken for another (RFC 9162 §2.1.1 gives the reason for Merkle leaves).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// A genesis file.
    Genesis,
    /// The name of one chain of one genesis.
    Chain,
    /// An account, from its first public key.
    Address,
    /// What the owner of a key signs to act.
    Transaction,
    /// A signed transaction, as an identifier.
    TransactionId,
    /// English terms that a signer has read.
    Terms,
    /// A block header.
    Header,
    /// What validators sign once a block is final and executed.
    Seal,
    /// A leaf of an ordered Merkle tree.
    Leaf,
    /// An inner node of an ordered Merkle tree.
    Node,
    /// The path of a key in the state tree.
    StateKey,
    /// A value in the state.
    StateValue,
    /// A leaf of the state tree.
    StateLeaf,
    /// An inner node of the state tree.
    StateNode,
    /// The contents of a file kept off chain.
    Document,
    /// The seed behind a one-time code.
    EnrolCode,
    /// Anything a chain names by its content: an offer, a ring, a certificate.
    Content,
    /// A consensus unit, as other units cite it.
    Unit,
    /// What the creator of a consensus unit signs.
    UnitSignature,
    /// The draw of a round's leader.
    Leader,
    /// What a validator's key signs to say that its holder lets an organisation bring it in.
    Possession,
}

impl Tag {
    /// The 32 bytes that go in front.
    #[must_use]
    pub const fn bytes(self) -> [u8; 32] {
        let text: &[u8] = match self {
            Tag::Genesis => b"permuta/1/genesis",
            Tag::Chain => b"permuta/1/chain",
            Tag::Address => b"permuta/1/address",
            Tag::Transaction => b"permuta/1/transaction",
            Tag::TransactionId => b"permuta/1/transaction-id",
            Tag::Terms => b"permuta/1/terms",
            Tag::Header => b"permuta/1/header",
            Tag::Seal => b"permuta/1/seal",
            Tag::Leaf => b"permuta/1/leaf",
            Tag::Node => b"permuta/1/node",
            Tag::StateKey => b"permuta/1/state-key",
            Tag::StateValue => b"permuta/1/state-value",
            Tag::StateLeaf => b"permuta/1/state-leaf",
            Tag::StateNode => b"permuta/1/state-node",
            Tag::Document => b"permuta/1/document",
            Tag::EnrolCode => b"permuta/1/enrol-code",
            Tag::Content => b"permuta/1/content",
            Tag::Unit => b"permuta/1/unit",
            Tag::UnitSignature => b"permuta/1/unit-signature",
            Tag::Leader => b"permuta/1/leader",
            Tag::Possession => b"permuta/1/possession",
        };
        let mut padded = [0; 32];
        let mut i = 0;
        while i < text.len() {
            padded[i] = text[i];
            i += 1;
        }
        padded
    }
}

/// A SHA-256 digest over tagged bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// All zeroes: the parent of a genesis block, the root of nothing.
    pub const ZERO: Hash = Hash([0; 32]);

    /// Hashes `bytes` as a thing of kind `tag`.
    #[must_use]
    pub fn of(tag: Tag, bytes: &[u8]) -> Hash {
        Hasher::new(tag).chain(bytes).finish()
    }

    /// Hashes the canonical (borsh) bytes of `value` as a thing of kind `tag`.
    #[must_use]
    pub fn of_value<T: BorshSerialize>(tag: Tag, value: &T) -> Hash {
        Hash::of(tag, &encode(value))
    }
}

/// Canonical bytes of a value that is hashed, signed or stored, in exactly as much memory as they need: states hold
/// millions of them.
#[must_use]
pub fn encode<T: BorshSerialize + ?Sized>(value: &T) -> Vec<u8> {
    thread_local! {
        static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    let mut scratch = SCRATCH.take();
    scratch.clear();
    borsh::to_writer(&mut scratch, value).expect("writing to memory does not fail");
    let bytes = scratch.as_slice().to_vec();
    if scratch.capacity() <= 1 << 20 {
        SCRATCH.set(scratch);
    }
    bytes
}

/// A SHA-256 computation that began with a tag.
#[derive(Clone)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Starts with `tag`.
    #[must_use]
    pub fn new(tag: Tag) -> Hasher {
        let mut inner = Sha256::new();
        inner.update(tag.bytes());
        Hasher(inner)
    }

    /// Takes more bytes. Callers keep parts of variable length apart by prefixing their length.
    #[must_use]
    pub fn chain(mut self, bytes: &[u8]) -> Hasher {
        self.0.update(bytes);
        self
    }

    /// The digest.
    #[must_use]
    pub fn finish(self) -> Hash {
        Hash(self.0.finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0[..4])?;
        f.write_str("…")
    }
}

/// Hexadecimal text that does not name the expected number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} hexadecimal digits")]
pub struct HexError {
    /// How many digits there should be.
    pub expected: usize,
}

impl FromStr for Hash {
    type Err = HexError;
    fn from_str(text: &str) -> Result<Hash, HexError> {
        parse_hex(text).map(Hash)
    }
}

pub(crate) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.chunks(32).try_for_each(|chunk| {
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(chunk) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text[..2 * chunk.len()]).expect("the digits are ASCII"))
    })
}

/// Reads exactly `N` bytes of hexadecimal, upper or lower case, without prefix.
///
/// # Errors
/// [`HexError`] when the text has another length or another character.
pub fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let error = HexError { expected: 2 * N };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return Err(error);
    }
    let digit = |c: u8| match c {
        b'0'..=b'9' => Ok(c - b'0'),
        b'a'..=b'f' => Ok(c - b'a' + 10),
        b'A'..=b'F' => Ok(c - b'A' + 10),
        _ => Err(error),
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(bytes)
}
