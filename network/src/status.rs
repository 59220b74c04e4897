//! What a network tells about itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger::{PublicKey, SubChain, Timestamp};

use crate::config::{Lane, Room};
use crate::refusal::Parting;
use crate::session::{Line, Session};

/// The state of a network at one moment.
#[derive(Clone, Debug)]
pub struct Status {
    /// All validators that are known, in order of key.
    pub peers: Vec<PeerStatus>,
    /// How often peers were refused, by [`Refusal::name`](crate::Refusal::name).
    pub refused: BTreeMap<&'static str, u64>,
    /// How often peers refused us, by the same names as far as they are known.
    pub refused_by_peers: BTreeMap<&'static str, u64>,
    /// What waits to be taken out of each chain's inbox.
    pub waiting: Vec<(SubChain, Lane, Room)>,
    /// When our own certificate expires; `None` if not within a hundred years.
    pub expires: Option<Timestamp>,
}

/// What is known about one validator.
#[derive(Clone, Debug)]
pub struct PeerStatus {
    /// Its key.
    pub key: PublicKey,
    /// Where it should be.
    pub address: String,
    /// The connection, if there is one.
    pub connection: Option<ConnectionStatus>,
    /// How the last connection or attempt ended.
    pub last: Option<Parting>,
}

/// What is known about a connection.
#[derive(Clone, Debug)]
pub struct ConnectionStatus {
    /// Since when, by our clock.
    pub since: Timestamp,
    /// Where it comes from or goes to.
    pub remote: SocketAddr,
    /// Whether we called.
    pub called: bool,
    /// The transport's current estimate of the time there and back.
    pub round_trip: Duration,
    /// When its certificate expires; `None` if not within a hundred years.
    pub expires: Option<Timestamp>,
    /// What went through each lane of each chain, and what waits to be sent.
    pub lines: Vec<LineStatus>,
}

/// One lane of one chain of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineStatus {
    /// The chain.
    pub chain: SubChain,
    /// The lane.
    pub lane: Lane,
    /// Frames that were handed to the transport.
    pub sent_frames: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Frames that arrived.
    pub received_frames: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Stale frames that were pushed out by fresh ones before they were sent.
    pub pushed_out: u64,
    /// What waits to be sent.
    pub waiting: Room,
}

impl ConnectionStatus {
    pub(crate) fn of(session: &Session) -> ConnectionStatus {
        ConnectionStatus {
            since: session.since,
            remote: session.remote(),
            called: session.called,
            round_trip: session.connection.rtt(),
            expires: session.expires,
            lines: session.lines().iter().map(LineStatus::of).collect(),
        }
    }
}

impl LineStatus {
    fn of(line: &Line) -> LineStatus {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        LineStatus {
            chain: line.chain,
            lane: line.lane,
            sent_frames: read(&line.counts.sent_frames),
            sent_bytes: read(&line.counts.sent_bytes),
            received_frames: read(&line.counts.received_frames),
            received_bytes: read(&line.counts.received_bytes),
            pushed_out: read(&line.counts.pushed_out),
            waiting: line.queue.waiting(),
        }
    }
}
