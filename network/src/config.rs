//! What a network is told at its start: whom it belongs to, whom it knows, and its limits.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ledger::transaction::MAX_TRANSACTION_BYTES;
use ledger::{Genesis, Hash, PublicKey, SubChain, Timestamp};

/// What travels apart from what. Each chain has each lane, and each lane is a stream of its own, so neither a lost packet
/// nor a slow reader of one delays another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Lane {
    /// Units of consensus: small, urgent, soon worthless. What finds no room pushes out the oldest.
    Units = 0,
    /// Transactions on their way to producers. What finds no room is refused, and the sender learns of it.
    Transactions = 1,
    /// Bodies of blocks, catch-up. What finds no room waits.
    Bulk = 2,
}

impl Lane {
    /// All three, most urgent first.
    pub const ALL: [Lane; 3] = [Lane::Units, Lane::Transactions, Lane::Bulk];

    /// Its name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Lane::Units => "units",
            Lane::Transactions => "transactions",
            Lane::Bulk => "bulk",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Frames.
    pub frames: usize,
    /// Bytes; at least as many as the lane's largest frame has.
    pub bytes: usize,
}

/// The limits of one lane of one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneLimits {
    /// The largest frame. A peer that announces a larger one loses its connection.
    pub frame_bytes: usize,
    /// The most bytes per second from one peer, each frame counted as [`FRAME_COST`] more than it has. We read no faster,
    /// and send at most three quarters of it, so only a peer that ignores the limit ever stays above it.
    pub bytes_per_s: u64,
    /// What may wait to be sent to one peer.
    pub outgoing: Room,
    /// What may wait to be taken out of the [`Inbox`](crate::Inbox), from all peers together.
    pub incoming: Room,
}

/// What a frame costs beside its bytes: the work of handling it.
pub const FRAME_COST: u64 = 256;

/// The limits of all lanes, in the order of [`Lane::ALL`], the same for every chain. All validators of a network have to
/// agree on the frame sizes and rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// By lane.
    pub lanes: [LaneLimits; 3],
    /// How many bytes of one stream may be on their way or unread. One connection may hold as much for each of its
    /// streams at either end.
    pub stream_window_bytes: u32,
    /// How many handshakes may be under way at once.
    pub handshakes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        const KIB: usize = 1 << 10;
        const MIB: usize = 1 << 20;
        let room = |frames, bytes| Room { frames, bytes };
        Limits {
            lanes: [
                // A unit of 150 validators has some 5 KiB.
                LaneLimits {
                    frame_bytes: 64 * KIB,
                    bytes_per_s: 4 << 20,
                    outgoing: room(1024, 2 * MIB),
                    incoming: room(8192, 16 * MIB),
                },
                LaneLimits {
                    frame_bytes: MAX_TRANSACTION_BYTES + 4 * KIB,
                    bytes_per_s: 8 << 20,
                    outgoing: room(4096, 4 * MIB),
                    incoming: room(8192, 16 * MIB),
                },
                // A block, with something around it.
                LaneLimits {
                    frame_bytes: ledger::block::MAX_BLOCK_BYTES + 64 * KIB,
                    bytes_per_s: 32 << 20,
                    outgoing: room(64, 16 * MIB),
                    incoming: room(64, 32 * MIB),
                },
            ],
            stream_window_bytes: 512 << 10,
            handshakes: 32,
        }
    }
}

impl Limits {
    /// The limits of a lane.
    #[must_use]
    pub const fn of(&self, lane: Lane) -> &LaneLimits {
        &self.lanes[lane as usize]
    }

    /// The same limits, with those of one lane changed.
    #[must_use]
    pub fn with(mut self, lane: Lane, change: impl FnOnce(&mut LaneLimits)) -> Limits {
        change(&mut self.lanes[lane as usize]);
        self
    }
}

/// How long things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// A handshake has to be done within this.
    pub handshake: Duration,
    /// A sign of life is sent this often.
    pub heartbeat: Duration,
    /// A peer that gives no sign of life for so long is gone. Several heartbeats.
    pub silence: Duration,
    /// A frame that was begun has to end within this.
    pub frame: Duration,
    /// How long a peer may stay above its share before it loses its connection.
    pub patience: Duration,
    /// How long a peer that misbehaved is shut out.
    pub shut_out: Duration,
    /// How long the larger of two keys leaves it to the smaller one to call, before it calls itself. Longer than a
    /// handshake, so that the two seldom call each other at once, which costs one of the connections and what is under
    /// way on it.
    pub defer: Duration,
    /// The first wait before connecting again; it doubles with every failure.
    pub retry_first: Duration,
    /// The longest wait.
    pub retry_most: Duration,
    /// How often certificates of live connections and the file of revocations are looked at again.
    pub recheck: Duration,
    /// Certificates that expire within this many milliseconds are warned of.
    pub warn_before_ms: u64,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            handshake: Duration::from_secs(5),
            heartbeat: Duration::from_secs(1),
            silence: Duration::from_secs(6),
            frame: Duration::from_secs(60),
            patience: Duration::from_secs(30),
            shut_out: Duration::from_secs(60),
            defer: Duration::from_secs(1),
            retry_first: Duration::from_millis(100),
            retry_most: Duration::from_secs(30),
            recheck: Duration::from_secs(5),
            warn_before_ms: 30 * Timestamp::DAY_MS,
        }
    }
}

/// Another validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its key.
    pub key: PublicKey,
    /// Where it listens: host and port. A name is looked up at every attempt.
    pub address: String,
}

/// All that a network is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The hash of the genesis, which peers have to share.
    pub genesis: Hash,
    /// The chains that are carried, with their names in this network, which peers have to share, too.
    pub chains: Vec<(SubChain, Hash)>,
    /// The other validators.
    pub peers: Vec<Peer>,
    /// How many others may be connected at once, or be remembered for what they did: whoever shows a certificate of the
    /// authorities and calls. One that is about to become a validator catches up this way.
    pub guests: usize,
    /// The file with the lists of revocations, if there is one; it is read again at every recheck.
    pub revocations: Option<PathBuf>,
    /// Limits.
    pub limits: Limits,
    /// Timing.
    pub timing: Timing,
}

impl Config {
    /// All chains of `genesis` between its validators, with the usual limits.
    #[must_use]
    pub fn new(genesis: &Genesis, peers: Vec<Peer>) -> Config {
        Config {
            genesis: genesis.hash(),
            chains: SubChain::ALL.map(|chain| (chain, genesis.chain_id(chain))).to_vec(),
            peers,
            guests: 0,
            revocations: None,
            limits: Limits::default(),
            timing: Timing::default(),
        }
    }
}

/// What a network takes from outside of it, besides sockets.
#[derive(Clone)]
pub struct Outside {
    /// Reads the wall clock: certificates are checked against it.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Gives a random number, each of the 2^64 equally likely: for the spread of retries and the name of this run.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outside")
    }
}
