//! What both ends say first: which network they belong to and which chains they carry. And what each stream says of
//! itself.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Hash, SubChain};

use crate::config::Lane;
use crate::refusal::Refusal;

/// The version of this protocol.
pub(crate) const VERSION: u16 = 1;
/// The largest frame of the control stream: a greeting of all chains has some 150 bytes.
pub(crate) const CONTROL_BYTES: usize = 1 << 10;

/// The first frame of the control stream; all later ones are empty and mean "I am here".
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Hello {
    /// [`VERSION`]. In every version the first two bytes, little-endian.
    pub(crate) version: u16,
    /// The hash of the genesis.
    pub(crate) genesis: Hash,
    /// The chains, with their names in this network.
    pub(crate) chains: Vec<(SubChain, Hash)>,
    /// Another number for each run of a node, so that a peer can tell a restarted node from a second connection.
    pub(crate) run: u64,
}

impl Hello {
    /// Reads a peer's greeting and compares it with ours.
    ///
    /// # Errors
    /// The first [`Refusal`] of: malformed, version, genesis, chains.
    pub(crate) fn check(&self, theirs: &[u8]) -> Result<Hello, Refusal> {
        let version = u16::from_le_bytes(*theirs.first_chunk().ok_or(Refusal::Malformed)?);
        if version != self.version {
            return Err(Refusal::Version { theirs: version });
        }
        let theirs = Hello::try_from_slice(theirs).map_err(|_| Refusal::Malformed)?;
        if theirs.genesis != self.genesis {
            return Err(Refusal::Genesis { theirs: theirs.genesis });
        }
        if theirs.chains != self.chains {
            return Err(Refusal::Chains);
        }
        Ok(theirs)
    }
}

/// What a stream carries; its first two bytes say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    /// The greeting and signs of life.
    Control,
    /// One lane of one chain.
    Frames(SubChain, Lane),
}

impl Carries {
    pub(crate) fn encode(self) -> [u8; 2] {
        match self {
            Carries::Control => [0, 0],
            Carries::Frames(chain, lane) => [1 + lane as u8, chain as u8],
        }
    }

    pub(crate) fn decode([kind, chain]: [u8; 2]) -> Result<Carries, Refusal> {
        if [kind, chain] == [0, 0] {
            return Ok(Carries::Control);
        }
        let lane = Lane::ALL.into_iter().find(|lane| 1 + *lane as u8 == kind);
        let chain = SubChain::ALL.into_iter().find(|known| *known as u8 == chain);
        Ok(Carries::Frames(chain.ok_or(Refusal::Malformed)?, lane.ok_or(Refusal::Malformed)?))
    }
}

/// Reads the greeting of a peer and the head of a stream from arbitrary bytes.
pub fn fuzz_hello(bytes: &[u8]) {
    let ours = Hello { version: VERSION, genesis: Hash::ZERO, chains: vec![], run: 0 };
    if let Ok(theirs) = ours.check(bytes) {
        assert_eq!(ledger::hash::encode(&theirs), bytes);
    }
    if let Some(head) = bytes.first_chunk()
        && let Ok(carries) = Carries::decode(*head)
    {
        assert_eq!(carries.encode(), *head);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Hello {
        let chains = SubChain::ALL.map(|chain| (chain, Hash([chain as u8; 32]))).to_vec();
        Hello { version: VERSION, genesis: Hash([7; 32]), chains, run: 1 }
    }

    fn check(change: impl FnOnce(&mut Hello)) -> Result<u64, Refusal> {
        let mut theirs = Hello { run: 2, ..ours() };
        change(&mut theirs);
        ours().check(&ledger::hash::encode(&theirs)).map(|hello| hello.run)
    }

    #[test]
    fn a_greeting_of_another_version_network_or_chain_is_refused_in_this_order() {
        assert_eq!(check(|_| ()), Ok(2));
        assert_eq!(check(|theirs| theirs.chains[1].1 = Hash::ZERO), Err(Refusal::Chains));
        assert_eq!(check(|theirs| theirs.chains.truncate(2)), Err(Refusal::Chains));
        let other = |theirs: &mut Hello| {
            theirs.chains.clear();
            theirs.genesis = Hash([8; 32]);
        };
        assert_eq!(check(other), Err(Refusal::Genesis { theirs: Hash([8; 32]) }));
        let newer = |theirs: &mut Hello| {
            other(theirs);
            theirs.version = 2;
        };
        assert_eq!(check(newer), Err(Refusal::Version { theirs: 2 }));
    }

    #[test]
    fn a_greeting_of_a_version_to_come_is_told_from_garbage() {
        assert_eq!(ours().check(&[2, 0, 1, 2, 3]), Err(Refusal::Version { theirs: 2 }));
        assert_eq!(ours().check(&[1, 0, 1, 2, 3]), Err(Refusal::Malformed));
        assert_eq!(ours().check(&[1]), Err(Refusal::Malformed));
    }

    #[test]
    fn the_bytes_of_a_greeting_stay_as_they_are() {
        let hello = Hello {
            version: 1,
            genesis: Hash([0xaa; 32]),
            chains: vec![(SubChain::Payment, Hash([0xbb; 32]))],
            run: 0x0102_0304_0506_0708,
        };
        let expected =
            [&[1, 0][..], &[0xaa; 32], &[1, 0, 0, 0, 2], &[0xbb; 32], &[8, 7, 6, 5, 4, 3, 2, 1]].concat();
        assert_eq!(ledger::hash::encode(&hello), expected);
        assert_eq!(Carries::Frames(SubChain::Payment, Lane::Bulk).encode(), [3, 2]);
    }
}
