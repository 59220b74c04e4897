//! One connection to one validator, from the greeting to its end.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ledger::{PublicKey, SubChain, Timestamp};
use quinn::{Connection, RecvStream, SendStream};
use rustls::pki_types::CertificateDer;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout, timeout_at};

use crate::config::{FRAME_COST, Lane, LaneLimits, Limits, Timing};
use crate::frame::{Decoder, encode};
use crate::hello::{CONTROL_BYTES, Carries, Hello};
use crate::inbox::Arrivals;
use crate::pace::Bucket;
use crate::queue::Queue;
use crate::refusal::{Parting, Refusal};
use crate::trust::Trust;

/// How much is read from a stream at once.
const PIECE: usize = 64 << 10;

/// A live connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) peer: PublicKey,
    /// No other connection of this node ever has this number.
    pub(crate) number: u64,
    /// Whether we called.
    pub(crate) called: bool,
    /// The run of the node at the other end.
    pub(crate) run: u64,
    pub(crate) since: Timestamp,
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    /// When the peer's certificate expires.
    pub(crate) expires: Option<Timestamp>,
    pub(crate) connection: Connection,
    lines: Vec<Line>,
    refusal: OnceLock<Refusal>,
}

/// One lane of one chain.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) chain: SubChain,
    pub(crate) lane: Lane,
    pub(crate) queue: Queue,
    pub(crate) counts: Counts,
    arrivals: Arrivals,
}

/// What went through a line.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) sent_frames: AtomicU64,
    pub(crate) sent_bytes: AtomicU64,
    pub(crate) received_frames: AtomicU64,
    pub(crate) received_bytes: AtomicU64,
    pub(crate) pushed_out: AtomicU64,
}

/// The control streams of a connection that was greeted.
pub(crate) struct Control {
    out: SendStream,
    incoming: Frames,
    hello: Hello,
}

/// Greets the other end and hears its greeting, by `deadline` at the latest.
pub(crate) async fn greet(
    connection: &Connection,
    ours: &Hello,
    deadline: Instant,
) -> Result<Control, Parting> {
    let mut out = connection.open_uni().await.map_err(|error| Parting::of(&error))?;
    let greeted = timeout_at(deadline, greeting(connection, &mut out, ours)).await;
    match greeted.unwrap_or(Err(Parting::Refused(Refusal::Silent))) {
        Ok((incoming, hello)) => Ok(Control { out, incoming, hello }),
        Err(parting) => {
            // Before the stream ends, so that the peer learns of the reason first.
            if let Parting::Refused(refusal) = parting {
                connection.close(refusal.close_code(), refusal.name().as_bytes());
            }
            Err(parting)
        }
    }
}

async fn greeting(
    connection: &Connection,
    out: &mut SendStream,
    ours: &Hello,
) -> Result<(Frames, Hello), Parting> {
    let hello = Bytes::from(ledger::hash::encode(ours));
    let sent = async {
        out.set_priority(PRIORITY_OF_CONTROL)?;
        out.write_all(&Carries::Control.encode()).await?;
        out.write_all_chunks(&mut encode(hello)).await
    };
    sent.await.map_err(|_| torn(connection))?;
    let mut stream = connection.accept_uni().await.map_err(|error| Parting::of(&error))?;
    let refused = |ended: Ended| ended.parting(connection);
    if head(&mut stream).await.map_err(refused)? != Carries::Control {
        return Err(Parting::Refused(Refusal::Malformed));
    }
    let mut incoming = Frames::new(stream, CONTROL_BYTES);
    let theirs = incoming.next(None).await.map_err(refused)?;
    let hello = ours.check(&theirs).map_err(Parting::Refused)?;
    Ok((incoming, hello))
}

const PRIORITY_OF_CONTROL: i32 = 3;

/// All lanes take turns, a packet each: an urgent frame waits for a packet of every other lane at most. If units always
/// went first, a narrow line full of them would never carry the bodies that they are about.
const PRIORITY_OF_LANES: i32 = 2;

impl Session {
    pub(crate) fn new(
        (peer, number, called): (PublicKey, u64, bool),
        since: Timestamp,
        trust: &Trust,
        connection: Connection,
        control: &Control,
        limits: &Limits,
        arrivals: &[(SubChain, Arrivals)],
    ) -> Session {
        let certificates = connection
            .peer_identity()
            .and_then(|identity| identity.downcast::<Vec<CertificateDer<'static>>>().ok())
            .map_or_else(Vec::new, |certificates| *certificates);
        let lines = arrivals
            .iter()
            .flat_map(|(chain, arrivals)| {
                Lane::ALL.map(|lane| Line {
                    chain: *chain,
                    lane,
                    queue: Queue::new(limits.of(lane).outgoing),
                    counts: Counts::default(),
                    arrivals: arrivals.clone(),
                })
            })
            .collect();
        Session {
            peer,
            number,
            called,
            run: control.hello.run,
            since,
            expires: trust.expires(&certificates, since),
            certificates,
            connection,
            lines,
            refusal: OnceLock::new(),
        }
    }

    /// Ends the connection. Only the first reason counts.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        let first = *self.refusal.get_or_init(|| refusal);
        self.connection.close(first.close_code(), first.name().as_bytes());
    }

    /// The line for a lane of a chain, if the chain is carried.
    pub(crate) fn line(&self, chain: SubChain, lane: Lane) -> Option<&Line> {
        self.lines.iter().find(|line| line.chain == chain && line.lane == lane)
    }

    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(crate) fn remote(&self) -> SocketAddr {
        self.connection.remote_address()
    }

    /// Carries frames both ways until the connection ends.
    pub(crate) async fn run(self: Arc<Session>, control: Control, limits: Limits, timing: Timing) -> Parting {
        let mut tasks = JoinSet::new();
        tasks.spawn(say(control.out, timing.heartbeat));
        tasks.spawn(hear(control.incoming, timing.silence));
        for index in 0..self.lines.len() {
            tasks.spawn(Arc::clone(&self).write(index, limits));
        }
        let opened = Arc::new(Mutex::default());
        let end = loop {
            tokio::select! {
                stream = self.connection.accept_uni() => match stream {
                    Ok(stream) => {
                        tasks.spawn(Arc::clone(&self).read(stream, Arc::clone(&opened), limits, timing));
                    }
                    Err(error) => break error,
                },
                Some(Ok(ended)) = tasks.join_next() => match ended {
                    Ended::Refused(refusal) => self.refuse(refusal),
                    // What follows from the end of the connection says nothing: that comes next.
                    _ if self.connection.close_reason().is_none() => self.refuse(Refusal::Torn),
                    _ => {}
                },
            }
        };
        self.refusal.get().map_or_else(|| Parting::of(&end), |refusal| Parting::Refused(*refusal))
    }

    /// Sends what waits in a line, at three quarters of the rate that the other end allows.
    async fn write(self: Arc<Session>, index: usize, limits: Limits) -> Ended {
        let line = &self.lines[index];
        let mut bucket = Bucket::new(limits.of(line.lane).bytes_per_s / 4 * 3);
        let mut stream = None;
        loop {
            let frame = line.queue.pop().await;
            let size = frame.len() as u64;
            let sent = async {
                if stream.is_none() {
                    let opened = self.connection.open_uni().await?;
                    opened.set_priority(PRIORITY_OF_LANES)?;
                    let opened = stream.insert(opened);
                    opened.write_all(&Carries::Frames(line.chain, line.lane).encode()).await?;
                }
                let stream = stream.as_mut().expect("it was opened just now");
                stream.write_all_chunks(&mut encode(frame)).await
            };
            if sent.await.is_err() {
                return Ended::Torn;
            }
            line.counts.sent_frames.fetch_add(1, Ordering::Relaxed);
            line.counts.sent_bytes.fetch_add(size, Ordering::Relaxed);
            pause(bucket.book(size + FRAME_COST, Instant::now().into_std())).await;
        }
    }

    /// Reads one stream of the peer, no faster than its limits allow.
    async fn read(
        self: Arc<Session>,
        mut stream: RecvStream,
        opened: Arc<Mutex<BTreeSet<(SubChain, Lane)>>>,
        limits: Limits,
        timing: Timing,
    ) -> Ended {
        let line = match timeout(timing.frame, head(&mut stream)).await {
            Ok(Ok(Carries::Frames(chain, lane))) => self.line(chain, lane),
            Ok(Err(ended)) => return ended,
            Ok(Ok(Carries::Control)) => None,
            Err(_) => return Ended::Torn,
        };
        let Some(line) = line else { return Ended::Refused(Refusal::Malformed) };
        let is_first = opened.lock().unwrap_or_else(PoisonError::into_inner).insert((line.chain, line.lane));
        if !is_first {
            return Ended::Refused(Refusal::Malformed);
        }
        let Err(ended) = self.receive(line, stream, limits.of(line.lane), timing).await;
        ended
    }

    async fn receive(
        &self,
        line: &Line,
        stream: RecvStream,
        limits: &LaneLimits,
        timing: Timing,
    ) -> Result<Infallible, Ended> {
        let mut frames = Frames::new(stream, limits.frame_bytes);
        let mut bucket = Bucket::new(limits.bytes_per_s);
        let mut above_since = None;
        loop {
            let frame = frames.next(Some(timing.frame)).await.map_err(|ended| ended.within(line.lane))?;
            let size = frame.len() as u64;
            line.counts.received_frames.fetch_add(1, Ordering::Relaxed);
            line.counts.received_bytes.fetch_add(size, Ordering::Relaxed);
            let now = Instant::now();
            let wait = bucket.book(size + FRAME_COST, now.into_std());
            if wait.is_zero() {
                above_since = None;
            } else if now - *above_since.get_or_insert(now) >= timing.patience {
                return Err(Ended::Refused(Refusal::Flood(line.lane)));
            }
            pause(wait).await;
            if !line.arrivals.deliver(self.peer, line.lane, frame).await {
                // Nobody takes frames of this chain any more. The stream stays as it is, so that the peer waits.
                return std::future::pending().await;
            }
        }
    }
}

/// A timer for nothing would cost a turn of the clock.
async fn pause(wait: Duration) {
    if !wait.is_zero() {
        sleep(wait).await;
    }
}

/// Says that we are there.
async fn say(mut out: SendStream, every: Duration) -> Ended {
    let mut ticks = interval(every);
    loop {
        ticks.tick().await;
        if out.write_all_chunks(&mut encode(Bytes::new())).await.is_err() {
            return Ended::Torn;
        }
    }
}

/// Hears that the other end is there.
async fn hear(mut incoming: Frames, silence: Duration) -> Ended {
    loop {
        match timeout(silence, incoming.next(None)).await {
            Ok(Ok(frame)) if frame.is_empty() => {}
            Ok(Err(Ended::Torn)) => return Ended::Torn,
            Ok(_) => return Ended::Refused(Refusal::Malformed),
            Err(_) => return Ended::Refused(Refusal::Silent),
        }
    }
}

/// Why a stream came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// It broke off, with the connection or before it. A peer that dies may look so for a moment, and is no liar.
    Torn,
    /// By a frame above the limit, of so many bytes.
    Oversized(u32),
    /// By a frame that took too long.
    Unfinished,
    /// By something else that the peer did.
    Refused(Refusal),
}

impl Ended {
    fn within(self, lane: Lane) -> Ended {
        match self {
            Ended::Oversized(bytes) => Ended::Refused(Refusal::Oversized { lane, bytes }),
            Ended::Unfinished => Ended::Refused(Refusal::Unfinished(lane)),
            Ended::Torn | Ended::Refused(_) => self,
        }
    }

    fn parting(self, connection: &Connection) -> Parting {
        match self {
            Ended::Torn => torn(connection),
            Ended::Refused(refusal) => Parting::Refused(refusal),
            Ended::Oversized(_) | Ended::Unfinished => Parting::Refused(Refusal::Malformed),
        }
    }
}

/// How a connection ends of which a stream broke off.
fn torn(connection: &Connection) -> Parting {
    connection.close_reason().map_or(Parting::Refused(Refusal::Torn), |error| Parting::of(&error))
}

/// The frames of a stream.
struct Frames {
    stream: RecvStream,
    decoder: Decoder,
    piece: Bytes,
    /// When the frame that is under way began.
    began: Option<Instant>,
}

impl Frames {
    fn new(stream: RecvStream, limit: usize) -> Frames {
        Frames { stream, decoder: Decoder::new(limit), piece: Bytes::new(), began: None }
    }

    /// The next frame, which has to end within `limit` from its first byte on. Nothing is lost if the future is dropped.
    async fn next(&mut self, limit: Option<Duration>) -> Result<Vec<u8>, Ended> {
        loop {
            match self.decoder.take(&mut self.piece) {
                Err(oversized) => return Err(Ended::Oversized(oversized.bytes)),
                Ok(Some(frame)) => {
                    self.began = None;
                    return Ok(frame);
                }
                Ok(None) => {}
            }
            let deadline = match limit {
                Some(limit) if self.decoder.is_within_a_frame() => {
                    Some(*self.began.get_or_insert_with(Instant::now) + limit)
                }
                _ => None,
            };
            let read = self.stream.read_chunk(PIECE, true);
            let piece = match deadline {
                Some(deadline) => timeout_at(deadline, read).await.map_err(|_| Ended::Unfinished)?,
                None => read.await,
            };
            self.piece = piece.ok().flatten().ok_or(Ended::Torn)?.bytes;
        }
    }
}

/// The first two bytes of a stream.
async fn head(stream: &mut RecvStream) -> Result<Carries, Ended> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.map_err(|_| Ended::Torn)?;
    Carries::decode(head).map_err(Ended::Refused)
}
