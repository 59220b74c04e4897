//! What carries frames between validators: connections of the consortium, or memory where all run in one process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use ledger::{PublicKey, SubChain};
use network::Lane;

/// How many frames of one chain wait to be taken before the network holds back.
const WAITING: usize = 1024;

/// What arrives for one chain of one validator.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// Another validator is connected.
    Up(PublicKey),
    /// It sent this over a connection, where it takes up room until it is dropped.
    Received(network::Received),
    /// It sent this.
    Frame {
        /// Who, as the transport proved.
        from: PublicKey,
        /// In which lane.
        lane: Lane,
        /// What.
        bytes: Vec<u8>,
    },
}

/// Carries frames to the other validators. Nothing is promised: what is lost is asked for again.
pub(crate) trait Wire: Send + Sync {
    /// Sends a frame to one of them, or to all.
    fn send(&self, to: Option<PublicKey>, chain: SubChain, lane: Lane, bytes: Vec<u8>);

    /// Ends the connection with one that said what no honest validator says, and keeps it out for a while; tells whether
    /// there was a connection to end.
    fn shut_out(&self, peer: PublicKey) -> bool;

    /// Says who decides on the chains now or soon: they keep their places, on whatever list they are.
    fn seat(&self, deciders: BTreeSet<PublicKey>) {
        let _ = deciders;
    }
}

/// What arrives for the chains of one validator, in the order of [`SubChain::ALL`].
pub(crate) type Inboxes = [Receiver<Arrival>; 3];

/// Channels for the arrivals of one validator.
pub(crate) fn inboxes() -> ([SyncSender<Arrival>; 3], Inboxes) {
    let [a, b, c] = SubChain::ALL.map(|_| sync_channel(WAITING));
    ([a.0, b.0, c.0], [a.1, b.1, c.1])
}

/// Where validators of one process meet.
struct Table {
    seats: Vec<(PublicKey, [SyncSender<Arrival>; 3])>,
}

/// A validator's place at it.
struct Seat {
    own: PublicKey,
    table: Arc<Table>,
}

/// Connects validators within this process: for each, what it sends with and where it receives.
pub(crate) fn in_process(validators: &[PublicKey]) -> Vec<(Arc<dyn Wire>, Inboxes)> {
    let (senders, receivers): (Vec<_>, Vec<_>) = validators.iter().map(|_| inboxes()).unzip();
    let table = Arc::new(Table { seats: validators.iter().copied().zip(senders).collect() });
    for (key, senders) in &table.seats {
        for peer in validators.iter().filter(|peer| *peer != key) {
            for sender in senders {
                // The channels are empty and have room for so many.
                let _ = sender.try_send(Arrival::Up(*peer));
            }
        }
    }
    let seat = |own: &PublicKey| Arc::new(Seat { own: *own, table: table.clone() }) as Arc<dyn Wire>;
    validators.iter().map(seat).zip(receivers).collect()
}

impl Wire for Seat {
    fn send(&self, to: Option<PublicKey>, chain: SubChain, lane: Lane, bytes: Vec<u8>) {
        for (key, senders) in &self.table.seats {
            if *key == self.own || to.is_some_and(|to| to != *key) {
                continue;
            }
            let frame = Arrival::Frame { from: self.own, lane, bytes: bytes.clone() };
            // A validator that does not keep up catches up later.
            if let Err(TrySendError::Full(_)) = senders[chain as usize].try_send(frame) {
                tracing::debug!(%chain, "a frame found no room");
            }
        }
    }
    fn shut_out(&self, _: PublicKey) -> bool {
        // Validators of one process are of one owner, and cannot leave.
        false
    }
}
