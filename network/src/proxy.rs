//! Bad weather for tests: a relay of datagrams between a caller and one node that delays, loses and cuts off.
//!
//! A caller that is told the relay's address instead of the node's talks through it; one relay for each pair that a test
//! wants to disturb. It knows nothing of what it carries.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How many datagrams may be under way at once; more are lost, as in a router whose queue is full.
const UNDER_WAY: usize = 1 << 14;
/// How many callers a relay serves.
const CALLERS: usize = 64;

/// What happens to datagrams, in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// Each one takes at least this long.
    pub delay: Duration,
    /// And by chance up to this much longer, so that they overtake each other.
    pub jitter: Duration,
    /// How many of a thousand are lost, by chance.
    pub lost_per_mille: u16,
    /// Whether all are lost.
    pub cut: bool,
}

/// A relay. Dropping it closes its sockets.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    sky: Arc<Sky>,
    _relay: JoinSet<()>,
}

#[derive(Debug)]
struct Sky {
    weather: Mutex<Weather>,
    random: AtomicU64,
    places: Arc<Semaphore>,
    passed: AtomicU64,
}

impl Proxy {
    /// A relay that listens on `listen` and passes on to `target`, in fair weather. `seed` decides what chance does, as
    /// far as the order of datagrams is the same.
    ///
    /// # Errors
    /// The socket cannot be bound.
    pub async fn start(listen: SocketAddr, target: SocketAddr, seed: u64) -> io::Result<Proxy> {
        let front = Arc::new(UdpSocket::bind(listen).await?);
        let address = front.local_addr()?;
        let sky = Arc::new(Sky {
            weather: Mutex::default(),
            random: AtomicU64::new(seed),
            places: Arc::new(Semaphore::new(UNDER_WAY)),
            passed: AtomicU64::new(0),
        });
        let mut relay = JoinSet::new();
        relay.spawn(relay_from(front, target, Arc::clone(&sky)));
        Ok(Proxy { address, sky, _relay: relay })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the weather for all datagrams from now on.
    pub fn set(&self, weather: Weather) {
        *self.sky.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
    }

    /// How many datagrams got through so far.
    #[must_use]
    pub fn passed(&self) -> u64 {
        self.sky.passed.load(Ordering::Relaxed)
    }
}

/// Passes on what callers send, each over a socket of its own, and the answers.
async fn relay_from(front: Arc<UdpSocket>, target: SocketAddr, sky: Arc<Sky>) {
    let mut callers: BTreeMap<SocketAddr, Arc<UdpSocket>> = BTreeMap::new();
    let mut answers = JoinSet::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        // A refused datagram shows up as an error of the next call, and is no reason to stop.
        let Ok((size, caller)) = front.recv_from(&mut buffer).await else { continue };
        if !callers.contains_key(&caller) {
            let any: SocketAddr = if target.is_ipv6() { ([0u16; 8], 0).into() } else { ([0u8; 4], 0).into() };
            let Ok(back) = UdpSocket::bind(any).await else { continue };
            if callers.len() == CALLERS || back.connect(target).await.is_err() {
                continue;
            }
            let back = Arc::new(back);
            answers.spawn(answer(Arc::clone(&back), Arc::clone(&front), caller, Arc::clone(&sky)));
            callers.insert(caller, back);
        }
        let back = Arc::clone(&callers[&caller]);
        sky.pass(buffer[..size].to_vec(), move |bytes| async move {
            let _ = back.send(&bytes).await;
        });
    }
}

async fn answer(back: Arc<UdpSocket>, front: Arc<UdpSocket>, caller: SocketAddr, sky: Arc<Sky>) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let Ok(size) = back.recv(&mut buffer).await else { continue };
        let front = Arc::clone(&front);
        sky.pass(buffer[..size].to_vec(), move |bytes| async move {
            let _ = front.send_to(&bytes, caller).await;
        });
    }
}

impl Sky {
    /// Lets a datagram through, later or never.
    fn pass<F: Future<Output = ()> + Send + 'static>(
        self: &Arc<Sky>,
        bytes: Vec<u8>,
        deliver: impl FnOnce(Vec<u8>) -> F + Send + 'static,
    ) {
        let weather = *self.weather.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = self.random(1000) < u64::from(weather.lost_per_mille);
        let nanos = u64::try_from(weather.jitter.as_nanos()).unwrap_or(u64::MAX);
        let delay = weather.delay + Duration::from_nanos(self.random(nanos.saturating_add(1)));
        if weather.cut || lost {
            return;
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let sky = Arc::clone(self);
        tokio::spawn(async move {
            if !delay.is_zero() {
                sleep(delay).await;
            }
            deliver(bytes).await;
            sky.passed.fetch_add(1, Ordering::Relaxed);
            drop(place);
        });
    }

    /// A number below `end`: SplitMix64 (Steele, Lea and Flood 2014), which needs no more state than a counter.
    fn random(&self, end: u64) -> u64 {
        let mut z = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }
}
