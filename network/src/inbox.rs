//! What has arrived for one chain, and who is there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ledger::{PublicKey, SubChain};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use crate::config::{Lane, Limits, Room};

/// Who is connected, and the number of the connection, which no other ever has.
pub(crate) type Live = Arc<BTreeMap<PublicKey, u64>>;

/// What a chain learns from the network.
#[derive(Debug)]
pub enum Event {
    /// This validator is connected now. Comes before anything that it sent over this connection.
    Up(PublicKey),
    /// The connection to this validator has ended; frames under way in either direction may be lost. Those that had
    /// arrived may still follow.
    Down(PublicKey),
    /// A frame has arrived.
    Received(Received),
}

/// A frame from another validator. It counts against the room of its lane until it is dropped.
#[derive(Debug)]
pub struct Received {
    /// Who sent it, as the handshake proved.
    pub from: PublicKey,
    /// In which lane.
    pub lane: Lane,
    /// What: nothing is known of it but that its size is within the lane's limit.
    pub bytes: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

/// Everything that the network has for one chain. The lanes wait apart, and the most urgent one is served first.
///
/// An inbox that is not emptied stops the peers of its chain from sending, and no one else.
#[derive(Debug)]
pub struct Inbox {
    chain: SubChain,
    lanes: [mpsc::Receiver<Received>; 3],
    live: watch::Receiver<Live>,
    known: Live,
    news: VecDeque<Event>,
}

/// The other end, one for all peers.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals([Arrival; 3]);

#[derive(Clone, Debug)]
struct Arrival {
    lane: Lane,
    frames: mpsc::Sender<Received>,
    bytes: Arc<Semaphore>,
    room: Room,
}

impl Inbox {
    pub(crate) fn new(chain: SubChain, limits: &Limits, live: watch::Receiver<Live>) -> (Arrivals, Inbox) {
        let (arrivals, lanes): (Vec<_>, Vec<_>) = Lane::ALL
            .into_iter()
            .map(|lane| {
                let room = limits.of(lane).incoming;
                let (frames, receiver) = mpsc::channel(room.frames);
                (Arrival { lane, frames, bytes: Arc::new(Semaphore::new(room.bytes)), room }, receiver)
            })
            .unzip();
        let arrivals = Arrivals(arrivals.try_into().expect("there are three lanes"));
        let lanes = lanes.try_into().expect("there are three lanes");
        (arrivals, Inbox { chain, lanes, live, known: Live::default(), news: VecDeque::new() })
    }

    /// The chain that it is for.
    #[must_use]
    pub const fn chain(&self) -> SubChain {
        self.chain
    }

    /// The next event, as soon as there is one; `None` once the network has stopped. Nothing is lost if the future is
    /// dropped.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.news.pop_front() {
                return Some(event);
            }
            let [units, transactions, bulk] = &mut self.lanes;
            tokio::select! {
                biased;
                changed = self.live.changed() => {
                    changed.ok()?;
                    let now = Arc::clone(&self.live.borrow_and_update());
                    self.compare(now);
                }
                Some(frame) = units.recv() => return Some(Event::Received(frame)),
                Some(frame) = transactions.recv() => return Some(Event::Received(frame)),
                Some(frame) = bulk.recv() => return Some(Event::Received(frame)),
                else => return None,
            }
        }
    }

    /// Who came and went since the last look.
    fn compare(&mut self, now: Live) {
        for (peer, connection) in self.known.iter() {
            if now.get(peer) != Some(connection) {
                self.news.push_back(Event::Down(*peer));
            }
        }
        for (peer, connection) in now.iter() {
            if self.known.get(peer) != Some(connection) {
                self.news.push_back(Event::Up(*peer));
            }
        }
        self.known = now;
    }
}

impl Arrivals {
    /// Hands over a frame as soon as there is room. Whoever waited longest comes first, so one peer cannot keep out
    /// another. `false` once nobody takes frames any more.
    pub(crate) async fn deliver(&self, from: PublicKey, lane: Lane, bytes: Vec<u8>) -> bool {
        let arrival = &self.0[lane as usize];
        let size = u32::try_from(bytes.len().min(arrival.room.bytes)).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&arrival.bytes).acquire_many_owned(size).await else { return false };
        arrival.frames.send(Received { from, lane: arrival.lane, bytes, _room: room }).await.is_ok()
    }

    /// How much waits in a lane.
    pub(crate) fn waiting(&self, lane: Lane) -> Room {
        let arrival = &self.0[lane as usize];
        Room {
            frames: arrival.room.frames - arrival.frames.capacity(),
            bytes: arrival.room.bytes - arrival.bytes.available_permits(),
        }
    }
}
