//! A small consortium on 127.0.0.1, with a clock of its own.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger::{Genesis, KeyPair, PublicKey, SubChain, Timestamp};
use network::{
    Authority, Config, Event, Identity, Inbox, Lane, Network, Outside, Parting, Peer, Received, Refusal,
    Serial, Status, Timing, Trust, Validity,
};

pub(crate) const DAY: u64 = Timestamp::DAY_MS;
pub(crate) const YEAR: u64 = 365 * DAY;
/// Some day in 2026.
pub(crate) const TODAY: Timestamp = Timestamp(20_600 * DAY);

/// How long a test waits for what must happen; reached only if it does not.
const AT_MOST: Duration = Duration::from_secs(60);

/// Short waits, so that tests are done soon, except for silence: the machine may be busy.
pub(crate) fn quick() -> Timing {
    let ms = Duration::from_millis;
    Timing {
        heartbeat: ms(20),
        silence: Duration::from_secs(20),
        // Nobody but the smaller key calls, unless a test says otherwise.
        defer: Duration::from_secs(3600),
        retry_first: ms(5),
        retry_most: ms(50),
        recheck: ms(10),
        shut_out: Duration::from_secs(3600),
        ..Timing::default()
    }
}

/// Validators, the authority that vouches for them, and a clock that stands still until it is moved.
pub(crate) struct Consortium {
    pub(crate) authority: Authority,
    pub(crate) keys: Vec<KeyPair>,
    pub(crate) genesis: Genesis,
    now: Arc<AtomicU64>,
    random: Arc<AtomicU64>,
}

/// A running node.
pub(crate) struct Node {
    pub(crate) network: Network,
    pub(crate) inboxes: Vec<Inbox>,
    pub(crate) key: PublicKey,
}

pub(crate) fn key(number: u8) -> KeyPair {
    KeyPair::from_seed([number; 32])
}

pub(crate) fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

pub(crate) fn peer(key: PublicKey, address: SocketAddr) -> Peer {
    Peer { key, address: address.to_string() }
}

impl Consortium {
    /// `size` validators, in ascending order of key.
    pub(crate) fn of(size: u8) -> Consortium {
        let mut keys: Vec<KeyPair> = (1..=size).map(key).collect();
        keys.sort_by_key(KeyPair::public);
        let validators = keys.iter().map(|key| (key.public(), 1)).collect();
        Consortium {
            authority: Authority::new(key(200)),
            keys,
            genesis: Genesis::new(TODAY, validators, [b"", b"", b""]).unwrap(),
            now: Arc::new(AtomicU64::new(TODAY.0)),
            random: Arc::new(AtomicU64::new(1)),
        }
    }

    pub(crate) fn let_pass(&self, ms: u64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    /// The clock, and numbers that differ.
    pub(crate) fn outside(&self) -> Outside {
        let (now, random) = (Arc::clone(&self.now), Arc::clone(&self.random));
        Outside {
            clock: Arc::new(move || Timestamp(now.load(Ordering::SeqCst))),
            random: Arc::new(move || {
                random.fetch_add(1, Ordering::SeqCst).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            }),
        }
    }

    pub(crate) fn trust(&self) -> Trust {
        trust_in(&self.authority)
    }

    /// The identity of a validator for a year from today.
    pub(crate) fn identity(&self, index: usize) -> Identity {
        self.identity_until(index, TODAY.plus_ms(YEAR))
    }

    pub(crate) fn identity_until(&self, index: usize, until: Timestamp) -> Identity {
        let validity = Validity { from: Timestamp(TODAY.0 - DAY), until };
        identity(&self.authority, &self.keys[index], index, validity)
    }

    pub(crate) fn config(&self, peers: Vec<Peer>) -> Config {
        Config { timing: quick(), ..Config::new(&self.genesis, peers) }
    }

    pub(crate) fn start(&self, index: usize, socket: UdpSocket, config: Config) -> Node {
        self.start_as(&self.identity(index), socket, config)
    }

    pub(crate) fn start_as(&self, identity: &Identity, socket: UdpSocket, config: Config) -> Node {
        let (network, inboxes) =
            Network::start(socket, config, identity, self.trust(), self.outside()).unwrap();
        Node { network, inboxes, key: identity.public() }
    }

    /// All validators, each told of all others.
    pub(crate) fn start_all(&self) -> Vec<Node> {
        self.start_all_with(|config| config)
    }

    pub(crate) fn start_all_with(&self, change: impl Fn(Config) -> Config) -> Vec<Node> {
        let (sockets, peers) = self.sockets();
        sockets
            .into_iter()
            .enumerate()
            .map(|(index, socket)| self.start(index, socket, change(self.config(peers.clone()))))
            .collect()
    }

    /// A socket for each validator, and where all of them are.
    pub(crate) fn sockets(&self) -> (Vec<UdpSocket>, Vec<Peer>) {
        self.keys
            .iter()
            .map(|key| {
                let (socket, address) = socket();
                (socket, peer(key.public(), address))
            })
            .unzip()
    }
}

pub(crate) fn trust_in(authority: &Authority) -> Trust {
    let validity = Validity { from: Timestamp(TODAY.0 - DAY), until: TODAY.plus_ms(10 * YEAR) };
    Trust::new(authority.certificate(validity).unwrap().as_bytes()).unwrap()
}

pub(crate) fn serial(index: usize) -> Serial {
    Serial::new([u8::try_from(index).unwrap(); 16])
}

pub(crate) fn identity(authority: &Authority, key: &KeyPair, index: usize, validity: Validity) -> Identity {
    let certificate = authority.issue(key.public(), serial(index), validity).unwrap();
    Identity::new(key.clone(), certificate.as_bytes()).unwrap()
}

/// Waits for something that must come.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(AT_MOST, future).await.expect(what)
}

/// Waits until something that must come true is true.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    soon(what, async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

impl Node {
    pub(crate) fn address(&self) -> SocketAddr {
        self.network.local_address().unwrap()
    }

    pub(crate) fn status(&self) -> Status {
        self.network.status()
    }

    pub(crate) fn is_connected_to(&self, peer: PublicKey) -> bool {
        self.status().peers.iter().any(|status| status.key == peer && status.connection.is_some())
    }

    pub(crate) fn refused(&self, refusal: &str) -> u64 {
        self.status().refused.get(refusal).copied().unwrap_or(0)
    }

    pub(crate) fn refused_by_peers(&self, refusal: &str) -> u64 {
        self.status().refused_by_peers.get(refusal).copied().unwrap_or(0)
    }

    /// How the last connection to a peer ended.
    pub(crate) fn last(&self, peer: PublicKey) -> Option<Parting> {
        self.status().peers.iter().find(|status| status.key == peer)?.last
    }

    pub(crate) async fn meets(&self, peer: &Node) {
        until("two nodes to meet", || self.is_connected_to(peer.key) && peer.is_connected_to(self.key)).await;
    }

    pub(crate) async fn refuses(&self, refusal: Refusal) {
        until(refusal.name(), || self.refused(refusal.name()) > 0).await;
    }

    /// The next event of a chain.
    pub(crate) async fn event(&mut self, chain: SubChain) -> Event {
        let inbox = self.inboxes.iter_mut().find(|inbox| inbox.chain() == chain).unwrap();
        soon("an event", inbox.next()).await.expect("the network runs")
    }

    /// The next frame of a chain.
    pub(crate) async fn frame(&mut self, chain: SubChain) -> Received {
        loop {
            if let Event::Received(received) = self.event(chain).await {
                return received;
            }
        }
    }

    /// The next frame of the payment chain: from whom, in which lane, what.
    pub(crate) async fn payment(&mut self) -> (PublicKey, Lane, Vec<u8>) {
        let received = self.frame(SubChain::Payment).await;
        (received.from, received.lane, received.bytes)
    }
}
