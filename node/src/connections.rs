//! The connections of a validator to the others of its consortium, as something that carries frames.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use ledger::{PublicKey, SubChain};
use network::{Event, Inbox, Lane, To};
use serde::Serialize;

use crate::wire::{self, Arrival, Inboxes, Wire};

/// How long a full chain is left in peace before it is offered a frame again.
const PAUSE: Duration = Duration::from_millis(2);

/// The connections.
pub(crate) struct Connections {
    network: network::Network,
}

/// What a connection looks like to those who watch over the node.
#[derive(Debug, Serialize)]
pub(crate) struct PeerHealth {
    key: String,
    address: String,
    connected: bool,
    round_trip_us: Option<u128>,
    certificate_until_ms: Option<u64>,
    last_refusal: Option<String>,
}

impl Connections {
    /// Takes over a network that was started, with the inboxes of its chains. Needs a tokio runtime.
    pub(crate) fn new(network: network::Network, inboxes: Vec<Inbox>) -> (Arc<Connections>, Inboxes) {
        let (senders, receivers) = wire::inboxes();
        for inbox in inboxes {
            tokio::spawn(pump(senders[inbox.chain() as usize].clone(), inbox));
        }
        (Arc::new(Connections { network }), receivers)
    }

    /// Ends all of them, so that nobody has to miss this node first.
    pub(crate) async fn stop(&self) {
        self.network.say_goodbye().await;
    }

    /// How the connections are.
    pub(crate) fn peers(&self) -> Vec<PeerHealth> {
        let peers = self.network.status().peers.into_iter();
        let health = |peer: network::status::PeerStatus| PeerHealth {
            key: peer.key.to_string(),
            address: peer.address,
            connected: peer.connection.is_some(),
            round_trip_us: peer.connection.as_ref().map(|connection| connection.round_trip.as_micros()),
            certificate_until_ms: peer
                .connection
                .as_ref()
                .and_then(|connection| connection.expires)
                .map(|until| until.0),
            last_refusal: peer.last.map(|last| last.to_string()),
        };
        peers.map(health).collect()
    }

    /// How many connections were refused, by reason: by this node, and by others.
    pub(crate) fn refused(&self) -> [BTreeMap<&'static str, u64>; 2] {
        let status = self.network.status();
        [status.refused, status.refused_by_peers]
    }
}

impl Wire for Connections {
    fn send(&self, to: Option<PublicKey>, chain: SubChain, lane: Lane, bytes: Vec<u8>) {
        let to = to.map_or(To::All, To::One);
        if let Err(error) = self.network.send(to, chain, lane, bytes) {
            tracing::warn!(%chain, "a frame was not sent: {error}");
        }
    }

    fn shut_out(&self, peer: PublicKey) -> bool {
        self.network.shut_out(peer)
    }

    fn seat(&self, deciders: BTreeSet<PublicKey>) {
        self.network.seat(deciders);
    }
}

/// Brings a chain what arrives for it. While it has no room, nothing more is taken from its peers.
async fn pump(chain: SyncSender<Arrival>, mut inbox: Inbox) {
    while let Some(event) = inbox.next().await {
        let mut arrival = match event {
            Event::Up(peer) => Arrival::Up(peer),
            Event::Down(_) => continue,
            Event::Received(frame) => Arrival::Received(frame),
        };
        loop {
            arrival = match chain.try_send(arrival) {
                Ok(()) => break,
                Err(TrySendError::Full(arrival)) => arrival,
                Err(TrySendError::Disconnected(_)) => return,
            };
            tokio::time::sleep(PAUSE).await;
        }
    }
}
