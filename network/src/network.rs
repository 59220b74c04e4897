//! The network of one node: it listens, calls, watches over certificates, and hands frames in and out.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ledger::{PublicKey, SubChain, Timestamp};
use quinn::{
    ClientConfig, Connection, Endpoint, EndpointConfig, IdleTimeout, Incoming, ServerConfig, TokioRuntime,
    TransportConfig, VarInt,
};
use rustls::sign::SingleCertAndKey;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout, timeout_at};
use tracing::{debug, info, warn};

use crate::config::{Config, Lane, Limits, Outside, Peer, Timing};
use crate::hello::{Hello, VERSION};
use crate::identity::Identity;
use crate::inbox::{Arrivals, Inbox};
use crate::pace::{Backoff, Bucket};
use crate::peers::{Peers, Registered};
use crate::refusal::{Parting, Refusal};
use crate::session::{Control, Session, greet};
use crate::status::{ConnectionStatus, PeerStatus, Status};
use crate::tls::Gate;
use crate::trust::{Trust, TrustError};

/// The connections of one node to all other validators. Dropping it ends them.
#[derive(Debug)]
pub struct Network {
    shared: Arc<Shared>,
    tasks: Mutex<Tasks>,
}

#[derive(Debug)]
struct Tasks {
    set: JoinSet<()>,
    callers: BTreeMap<PublicKey, AbortHandle>,
}

/// Why a network does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The socket cannot be used.
    #[error("the socket cannot be used")]
    Socket(#[source] io::Error),
    /// Nobody would accept this node's own certificate.
    #[error("this node's own certificate would be refused")]
    Certificate(#[source] Refusal),
    /// The file of revocations cannot be read.
    #[error("the file of revocations cannot be read")]
    RevocationFile(#[source] io::Error),
    /// The file of revocations is none.
    #[error("the file of revocations cannot be used")]
    Revocations(#[source] TrustError),
    /// A limit contradicts another.
    #[error(
        "lane {0}: there must be room for at least one frame of the largest size, and at most 2^31 bytes"
    )]
    Limits(Lane),
}

/// To whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// One validator.
    One(PublicKey),
    /// All that are connected.
    All,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// How many connections took it.
    pub taken: usize,
    /// How many had no room for it.
    pub full: usize,
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The frame is above the lane's limit.
    #[error("a frame of {bytes} bytes, where at most {limit} are allowed")]
    TooLarge {
        /// What it has.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// This network does not carry the chain.
    #[error("this network does not carry the {0} chain")]
    UnknownChain(SubChain),
    /// The validator is not connected, or not any more.
    #[error("validator {0} is not connected")]
    NotConnected(PublicKey),
}

/// What all tasks of a network share.
#[derive(Debug)]
struct Shared {
    me: PublicKey,
    endpoint: Endpoint,
    server: ServerConfig,
    transport: Arc<TransportConfig>,
    /// When our own certificate expires.
    expires: Option<Timestamp>,
    resolver: Arc<SingleCertAndKey>,
    trust: Trust,
    peers: Arc<Peers>,
    hello: Hello,
    limits: Limits,
    timing: Timing,
    outside: Outside,
    arrivals: Vec<(SubChain, Arrivals)>,
    numbers: AtomicU64,
    tally: Mutex<Tally>,
}

#[derive(Debug)]
struct Tally {
    refused: BTreeMap<&'static str, u64>,
    refused_by_peers: BTreeMap<&'static str, u64>,
    /// A refusal that repeats must not fill the disk: so many lines per second.
    lines: Bucket,
}

/// How many refusals per second are told in warnings; the rest are only counted.
const WARNINGS_PER_S: u64 = 5;

impl Network {
    /// Starts to listen on `socket` and to call all peers. Needs a tokio runtime, in which its tasks then live.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(
        socket: UdpSocket,
        config: Config,
        identity: &Identity,
        trust: Trust,
        outside: Outside,
    ) -> Result<(Network, Vec<Inbox>), StartError> {
        let Config { genesis, chains, peers: listed, guests, revocations, limits, timing } = config;
        check(&limits)?;
        if let Some(path) = &revocations {
            let lists = std::fs::read(path).map_err(StartError::RevocationFile)?;
            trust.set_revocations(&lists).map_err(StartError::Revocations)?;
        }
        let now = (outside.clock)();
        trust.check(identity.chain(), now).map_err(StartError::Certificate)?;
        let expires = trust.expires(identity.chain(), now);

        let peers = Arc::new(Peers::new(identity.public(), guests));
        let (arrivals, inboxes): (Vec<_>, Vec<_>) = chains
            .iter()
            .map(|(chain, _)| {
                let (arrivals, inbox) = Inbox::new(*chain, &limits, peers.live());
                ((*chain, arrivals), inbox)
            })
            .unzip();
        let transport = Arc::new(transport(&limits, &timing, chains.len()));
        let resolver = identity.resolver();
        // Every connection gets a gate of its own later; this one lets nobody in.
        let nobody = Gate::new(Box::new(|_| Err(Refusal::Unfit)));
        let mut server = ServerConfig::with_crypto(nobody.server(Arc::clone(&resolver)));
        server.transport_config(Arc::clone(&transport));
        let endpoint =
            Endpoint::new(EndpointConfig::default(), Some(server.clone()), socket, Arc::new(TokioRuntime))
                .map_err(StartError::Socket)?;
        let shared = Arc::new(Shared {
            me: identity.public(),
            endpoint,
            server,
            transport,
            expires,
            resolver,
            trust,
            peers,
            hello: Hello { version: VERSION, genesis, chains, run: (outside.random)() },
            limits,
            timing,
            outside,
            arrivals,
            numbers: AtomicU64::new(1),
            tally: Mutex::new(Tally {
                refused: BTreeMap::new(),
                refused_by_peers: BTreeMap::new(),
                lines: Bucket::new(WARNINGS_PER_S),
            }),
        });
        let mut set = JoinSet::new();
        set.spawn(Arc::clone(&shared).listen());
        set.spawn(Arc::clone(&shared).watch_over(revocations));
        let network = Network { shared, tasks: Mutex::new(Tasks { set, callers: BTreeMap::new() }) };
        network.set_peers(listed);
        Ok((network, inboxes))
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.shared.endpoint.local_addr()
    }

    /// Replaces the list of the other validators. Connections to those who are not on it any more end at once.
    pub fn set_peers(&self, peers: Vec<Peer>) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = self.shared.peers.set(peers);
        let members = self.shared.peers.members();
        tasks.callers.retain(|key, caller| {
            let stays = members.contains_key(key) && changed.iter().all(|peer| peer.key != *key);
            if !stays {
                caller.abort();
            }
            stays
        });
        drop(members);
        for peer in changed {
            let key = peer.key;
            let caller = tasks.set.spawn(Arc::clone(&self.shared).call(peer));
            tasks.callers.insert(key, caller);
        }
        while tasks.set.try_join_next().is_some() {}
    }

    /// Says who takes no guest's place, although nobody listed it here: those whom the members made validators since. They
    /// call; and like all who come they need a certificate.
    pub fn seat(&self, keys: BTreeSet<PublicKey>) {
        self.shared.peers.seat(keys);
    }

    /// Puts a frame into the queues of those to whom it goes, at once. Without room there, a unit pushes out the oldest
    /// ones, and what is in another lane is not taken. Nobody who is not connected gets it later.
    ///
    /// # Errors
    /// [`SendError::TooLarge`] and [`SendError::UnknownChain`].
    pub fn send(
        &self,
        to: To,
        chain: SubChain,
        lane: Lane,
        frame: impl Into<Bytes>,
    ) -> Result<Sent, SendError> {
        let frame = frame.into();
        self.check(chain, lane, &frame)?;
        let sessions = match to {
            To::One(key) => self.shared.peers.session(key).into_iter().collect(),
            To::All => self.shared.peers.sessions(),
        };
        let mut sent = Sent::default();
        for session in sessions {
            let Some(line) = session.line(chain, lane) else { continue };
            if lane == Lane::Units {
                let pushed_out = line.queue.push_out(frame.clone());
                line.counts.pushed_out.fetch_add(pushed_out, Ordering::Relaxed);
                sent.taken += 1;
            } else if line.queue.push(frame.clone()).is_ok() {
                sent.taken += 1;
            } else {
                sent.full += 1;
            }
        }
        Ok(sent)
    }

    /// Puts a frame into the queue to one validator, as soon as there is room.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send_waiting(
        &self,
        to: PublicKey,
        chain: SubChain,
        lane: Lane,
        frame: impl Into<Bytes>,
    ) -> Result<(), SendError> {
        let frame = frame.into();
        self.check(chain, lane, &frame)?;
        let session = self.shared.peers.session(to).ok_or(SendError::NotConnected(to))?;
        let line = session.line(chain, lane).ok_or(SendError::UnknownChain(chain))?;
        tokio::select! {
            biased;
            _ = session.connection.closed() => Err(SendError::NotConnected(to)),
            () = line.queue.push_waiting(frame) => Ok(()),
        }
    }

    /// Ends the connection with this peer and keeps it out for a while, because of what it said in its frames; tells whether
    /// there was a connection to end.
    pub fn shut_out(&self, peer: PublicKey) -> bool {
        let Some(session) = self.shared.peers.session(peer) else { return false };
        let open = session.connection.close_reason().is_none();
        session.refuse(Refusal::Misbehaved);
        open
    }

    /// What the network tells about itself.
    #[must_use]
    pub fn status(&self) -> Status {
        let shared = &self.shared;
        let members = shared.peers.members().clone();
        let peers = members
            .into_iter()
            .map(|(key, member)| PeerStatus {
                key,
                address: member.address,
                connection: member.session.map(|session| ConnectionStatus::of(&session)),
                last: member.last,
            })
            .collect();
        let waiting = shared
            .arrivals
            .iter()
            .flat_map(|(chain, arrivals)| Lane::ALL.map(|lane| (*chain, lane, arrivals.waiting(lane))))
            .collect();
        let tally = shared.tally();
        Status {
            peers,
            refused: tally.refused.clone(),
            refused_by_peers: tally.refused_by_peers.clone(),
            waiting,
            expires: shared.expires,
        }
    }

    /// Ends all connections and waits a moment for the others to learn of it.
    pub async fn stop(self) {
        self.say_goodbye().await;
    }

    /// The same, for those who share it with others: nothing can be sent from now on.
    pub async fn say_goodbye(&self) {
        self.shared.endpoint.close(Refusal::Stopping.close_code(), Refusal::Stopping.name().as_bytes());
        // Whoever has not heard by then will miss the heartbeats.
        let _ = timeout(Duration::from_secs(1), self.shared.endpoint.wait_idle()).await;
    }

    fn check(&self, chain: SubChain, lane: Lane, frame: &Bytes) -> Result<(), SendError> {
        let limit = self.shared.limits.of(lane).frame_bytes;
        if frame.len() > limit {
            return Err(SendError::TooLarge { bytes: frame.len(), limit });
        }
        let carried = self.shared.arrivals.iter().any(|(carried, _)| *carried == chain);
        if carried { Ok(()) } else { Err(SendError::UnknownChain(chain)) }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.shared.endpoint.close(Refusal::Stopping.close_code(), Refusal::Stopping.name().as_bytes());
    }
}

impl Shared {
    /// Answers calls.
    async fn listen(self: Arc<Shared>) {
        let mut tasks = JoinSet::new();
        let places = Arc::new(Semaphore::new(self.limits.handshakes));
        loop {
            tokio::select! {
                incoming = self.endpoint.accept() => {
                    let Some(incoming) = incoming else { return };
                    let place = Arc::clone(&places).try_acquire_owned();
                    // Under pressure, whoever calls first proves that it can be called back.
                    let pressed = places.available_permits() < self.limits.handshakes / 2;
                    match place {
                        Err(_) => incoming.refuse(),
                        Ok(_) if pressed && !incoming.remote_address_validated() => {
                            // It may only fail where the address is validated.
                            let _ = incoming.retry();
                        }
                        Ok(place) => {
                            tasks.spawn(Arc::clone(&self).answer(incoming, place));
                        }
                    }
                }
                Some(_) = tasks.join_next() => {}
            }
        }
    }

    async fn answer(self: Arc<Shared>, incoming: Incoming, place: OwnedSemaphorePermit) {
        let remote = incoming.remote_address();
        let gate = self.gate(None);
        let mut server = self.server.clone();
        server.crypto = gate.server(Arc::clone(&self.resolver));
        let (key, parting) = match incoming.accept_with(Arc::new(server)) {
            Ok(connecting) => self.hold(connecting, &gate, Some(place)).await,
            Err(error) => (None, Parting::of(&error)),
        };
        self.note(key, remote, parting);
    }

    /// Calls a peer whenever there is no connection to it.
    async fn call(self: Arc<Shared>, peer: Peer) {
        let mut backoff = Backoff::new(self.timing.retry_first, self.timing.retry_most);
        let mut live = self.peers.live();
        loop {
            let waited_since = Instant::now();
            if live.wait_for(|live| !live.contains_key(&peer.key)).await.is_err() {
                return;
            }
            if waited_since.elapsed() >= self.timing.silence {
                backoff.reset();
            }
            let until = self.peers.members().get(&peer.key).and_then(|member| member.shut_out_until);
            if let Some(until) = until {
                sleep_until(until).await;
            }
            if self.me > peer.key {
                let called = live.wait_for(|live| live.contains_key(&peer.key));
                if timeout(self.timing.defer, called).await.is_ok() {
                    continue;
                }
            }
            if let Some(remote) = self.find(&peer.address).await {
                let began = Instant::now();
                let (key, parting) = self.try_once(&peer, remote).await;
                if key.is_some() && began.elapsed() >= self.timing.silence {
                    backoff.reset();
                }
                self.note(Some(peer.key), remote, parting);
            } else {
                debug!(validator = %peer.key, address = peer.address, "no such address");
            }
            sleep(backoff.next((self.outside.random)())).await;
        }
    }

    async fn try_once(self: &Arc<Shared>, peer: &Peer, remote: SocketAddr) -> (Option<PublicKey>, Parting) {
        let gate = self.gate(Some(peer.key));
        let mut client = ClientConfig::new(gate.client(Arc::clone(&self.resolver)));
        client.transport_config(Arc::clone(&self.transport));
        // The name is not sent and not compared: validators are known by their keys.
        match self.endpoint.connect_with(client, remote, "validator.invalid") {
            Ok(connecting) => self.hold(connecting, &gate, None).await,
            Err(_) => (None, Parting::Lost),
        }
    }

    /// Completes the handshake, greets the other end and carries frames until the connection ends. Says who it was, once
    /// that is proven: anybody can show a certificate, and whoever cannot sign with its key does not spoil the owner's
    /// name. Without a `place` among those who call, this node calls.
    async fn hold(
        self: &Arc<Shared>,
        connecting: quinn::Connecting,
        gate: &Gate,
        place: Option<OwnedSemaphorePermit>,
    ) -> (Option<PublicKey>, Parting) {
        let called = place.is_none();
        let deadline = Instant::now() + self.timing.handshake;
        let (connection, peer) = match self.shake_hands(connecting, gate, called, deadline).await {
            Ok(done) => done,
            Err(parting) => return (None, parting),
        };
        let greeted = self.greet(connection, peer, called, deadline).await;
        drop(place);
        let parting = match greeted {
            Ok((registered, control)) => self.carry(&registered, control).await,
            Err(parting) => parting,
        };
        (Some(peer), parting)
    }

    /// The handshake, in which both ends prove who they are.
    async fn shake_hands(
        &self,
        connecting: quinn::Connecting,
        gate: &Gate,
        called: bool,
        deadline: Instant,
    ) -> Result<(Connection, PublicKey), Parting> {
        let done = timeout_at(deadline, connecting).await;
        match (done, gate.verdict()) {
            (Ok(Ok(connection)), Some(Ok(peer))) => Ok((connection, peer)),
            (_, Some(Err(refusal))) => Err(Parting::Refused(refusal)),
            (Ok(Ok(_)), None) => Err(Parting::Refused(Refusal::Unfit)),
            // The other end did not answer, or not with TLS as we know it.
            (
                Err(_)
                | Ok(Err(quinn::ConnectionError::TimedOut | quinn::ConnectionError::TransportError(_))),
                _,
            ) if called => Err(Parting::Lost),
            (Ok(Err(error)), _) => Err(Parting::of(&error)),
            (Err(_), _) => Err(Parting::Refused(Refusal::Silent)),
        }
    }

    /// Exchanges greetings, and puts the connection on the list.
    async fn greet(
        self: &Arc<Shared>,
        connection: Connection,
        peer: PublicKey,
        called: bool,
        deadline: Instant,
    ) -> Result<(Registered, Control), Parting> {
        let control = greet(&connection, &self.hello, deadline).await?;
        let session = Arc::new(Session::new(
            (peer, self.numbers.fetch_add(1, Ordering::Relaxed), called),
            (self.outside.clock)(),
            &self.trust,
            connection,
            &control,
            &self.limits,
            &self.arrivals,
        ));
        match self.peers.register(Arc::clone(&session)) {
            Ok(registered) => Ok((registered, control)),
            Err(refusal) => {
                session.refuse(refusal);
                Err(Parting::Refused(refusal))
            }
        }
    }

    async fn carry(self: &Arc<Shared>, registered: &Registered, control: Control) -> Parting {
        let session = &registered.session;
        info!(validator = %session.peer, address = %session.remote(), "connected");
        self.warn_of_expiry(session, (self.outside.clock)());
        Arc::clone(session).run(control, self.limits, self.timing).await
    }

    /// Counts, tells and remembers how a connection or an attempt ended.
    fn note(&self, key: Option<PublicKey>, remote: SocketAddr, parting: Parting) {
        let mut tally = self.tally();
        let loud = match parting {
            Parting::Refused(refusal) => {
                *tally.refused.entry(refusal.name()).or_default() += 1;
                !refusal.is_ordinary()
            }
            Parting::RefusedByPeer(name) => {
                const ORDINARY: [&str; 4] = ["busy", "duplicate", "replaced", "stopping"];
                *tally.refused_by_peers.entry(name).or_default() += 1;
                !ORDINARY.contains(&name)
            }
            Parting::Lost => false,
        };
        let told = loud && tally.lines.book(1, Instant::now().into_std()).is_zero();
        drop(tally);
        let validator = key.map(|key| key.to_string());
        if told {
            warn!(validator, address = %remote, reason = %parting, "connection refused");
        } else {
            debug!(validator, address = %remote, reason = %parting, "connection ended");
        }
        let Some(key) = key else { return };
        if let Some(member) = self.peers.members().get_mut(&key) {
            member.part(parting, self.timing.shut_out);
        }
    }

    /// Looks at all certificates again and again: what was good at the handshake may have expired or been revoked.
    async fn watch_over(self: Arc<Shared>, revocations: Option<std::path::PathBuf>) {
        let mut ticks = interval(self.timing.recheck);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut warned_on = None;
        loop {
            ticks.tick().await;
            if let Some(path) = &revocations {
                self.read_revocations(path);
            }
            let now = (self.outside.clock)();
            if warned_on != Some(now.day()) && self.is_soon(self.expires, now) {
                warned_on = Some(now.day());
                warn!(
                    expires_s = self.expires.map(Timestamp::seconds),
                    "this node's own certificate expires soon"
                );
            }
            for session in self.peers.sessions() {
                match self.trust.check(&session.certificates, now) {
                    Ok(_) => self.warn_of_expiry(&session, now),
                    Err(refusal) => session.refuse(refusal),
                }
            }
        }
    }

    fn read_revocations(&self, path: &Path) {
        // A small local file, read every few seconds: not worth a thread.
        match std::fs::read(path) {
            Ok(lists) => {
                if let Err(error) = self.trust.set_revocations(&lists) {
                    warn!(path = %path.display(), %error, "the earlier revocations stay in force");
                }
            }
            Err(error) => {
                warn!(path = %path.display(), %error, "the earlier revocations stay in force");
            }
        }
    }

    /// Warns of a certificate near its end, once a day.
    fn warn_of_expiry(&self, session: &Session, now: Timestamp) {
        if !self.is_soon(session.expires, now) {
            return;
        }
        let mut members = self.peers.members();
        let Some(member) = members.get_mut(&session.peer) else { return };
        if member.warned_on.replace(now.day()) != Some(now.day()) {
            drop(members);
            warn!(validator = %session.peer, expires_s = session.expires.map(Timestamp::seconds), "a validator's certificate expires soon");
        }
    }

    fn is_soon(&self, expires: Option<Timestamp>, now: Timestamp) -> bool {
        expires.is_some_and(|at| at <= now.plus_ms(self.timing.warn_before_ms))
    }

    /// What checks the peer of the next connection, which has to be `expected` if we call it.
    fn gate(self: &Arc<Shared>, expected: Option<PublicKey>) -> Arc<Gate> {
        let shared = Arc::clone(self);
        Gate::new(Box::new(move |certificates| {
            let found = shared.trust.check(certificates, (shared.outside.clock)())?;
            if expected.is_some_and(|expected| expected != found) {
                return Err(Refusal::WrongKey { found });
            }
            shared.peers.admit(found)?;
            Ok(found)
        }))
    }

    /// Looks up where a peer is, preferring what our socket can reach.
    async fn find(&self, address: &str) -> Option<SocketAddr> {
        let found: Vec<SocketAddr> = tokio::net::lookup_host(address).await.ok()?.collect();
        let is_ipv6 = self.endpoint.local_addr().is_ok_and(|local| local.is_ipv6());
        found.iter().find(|found| found.is_ipv6() == is_ipv6).or(found.first()).copied()
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The transport below: as many streams as there are lines and one for control, each with a window of its own, so that a
/// stream that nobody reads stops itself and no other.
fn transport(limits: &Limits, timing: &Timing, chains: usize) -> TransportConfig {
    let streams = u32::try_from(1 + Lane::ALL.len() * chains).unwrap_or(u32::MAX);
    let window = u64::from(limits.stream_window_bytes) * u64::from(streams);
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_uni_streams(streams.into())
        .max_concurrent_bidi_streams(0u32.into())
        .stream_receive_window(limits.stream_window_bytes.into())
        .receive_window(VarInt::from_u64(window).unwrap_or(VarInt::MAX))
        .send_window(window)
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(IdleTimeout::try_from(timing.silence.max(timing.handshake)).ok());
    transport
}

/// What [`Limits`] say has to fit together.
fn check(limits: &Limits) -> Result<(), StartError> {
    for lane in Lane::ALL {
        let of = limits.of(lane);
        let fits = |room: crate::config::Room| {
            room.frames >= 1 && room.bytes >= of.frame_bytes && room.bytes <= 1 << 31
        };
        if !fits(of.outgoing) || !fits(of.incoming) {
            return Err(StartError::Limits(lane));
        }
    }
    Ok(())
}
