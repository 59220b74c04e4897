//! How often one may try to get in: by origin first, then by name, each in a bounded table in memory; and how many
//! may have a password hashed at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::HttpRequest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Attempts of one name within a window.
pub const MAX_ATTEMPTS: u32 = 10;
/// The window.
pub const WINDOW_MS: u64 = 5 * 60_000;
/// The most names that are remembered at once.
const MAX_NAMES: usize = 20_000;
/// How many passwords of one door are hashed at once: each takes 19 MiB.
const AT_ONCE: usize = 2;
/// How many more may wait for that: about a second's worth.
const QUEUE: usize = 30;

/// Counts attempts by name (a login, an internet address).
#[derive(Debug)]
pub struct Limiter {
    most: u32,
    seen: Mutex<HashMap<String, Attempts>>,
}

/// What is remembered of a name.
#[derive(Clone, Copy, Debug)]
struct Attempts {
    since_ms: u64,
    count: u32,
}

impl Limiter {
    /// Lets `most` attempts of each name through in a window.
    #[must_use]
    pub fn new(most: u32) -> Limiter {
        Limiter { most, seen: Mutex::default() }
    }

    /// Counts an attempt of `name` at `now_ms`.
    ///
    /// # Errors
    /// How many milliseconds to wait, when there were too many.
    pub fn attempt(&self, name: &str, now_ms: u64) -> Result<(), u64> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX_NAMES && !seen.contains_key(name) {
            make_room(&mut seen, now_ms);
        }
        let fresh = Attempts { since_ms: now_ms, count: 0 };
        let entry = seen.entry(name.to_owned()).or_insert(fresh);
        if now_ms.saturating_sub(entry.since_ms) >= WINDOW_MS {
            *entry = fresh;
        }
        if entry.count >= self.most {
            return Err((entry.since_ms + WINDOW_MS).saturating_sub(now_ms));
        }
        entry.count += 1;
        Ok(())
    }

    /// Takes back one attempt of `name`: it got in.
    pub fn forgive(&self, name: &str) {
        if let Some(entry) = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get_mut(name) {
            entry.count = entry.count.saturating_sub(1);
        }
    }

    /// Forgets the attempts of `name`: it got in.
    pub fn clear(&self, name: &str) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

/// Forgets whose window is over and, if that is not enough, an eighth of the names: those with the fewest attempts, so
/// that invented names push out each other and not one that is being guessed at.
fn make_room(seen: &mut HashMap<String, Attempts>, now_ms: u64) {
    seen.retain(|_, attempts| now_ms.saturating_sub(attempts.since_ms) < WINDOW_MS);
    let Some(surplus) = (seen.len() + MAX_NAMES / 8).checked_sub(MAX_NAMES).filter(|surplus| *surplus > 0)
    else {
        return;
    };
    let mut names: Vec<(u32, u64, String)> =
        seen.iter().map(|(name, attempts)| (attempts.count, attempts.since_ms, name.clone())).collect();
    names.sort_unstable();
    for (_, _, name) in names.into_iter().take(surplus) {
        seen.remove(&name);
    }
}

/// A way in that asks for a password or a secret. Each door has tables and a queue of its own, so that a crowd at one
/// of them keeps nobody from the other.
#[derive(Debug)]
pub struct Door {
    origins: Limiter,
    names: Limiter,
    places: Arc<Semaphore>,
    hashing: Arc<Semaphore>,
}

/// Leave to have a password hashed. It goes with the work, not with the request, which may be broken off.
#[derive(Debug)]
pub struct Turn {
    _place: OwnedSemaphorePermit,
    _hashing: OwnedSemaphorePermit,
}

impl Door {
    /// A door at which one origin may fail `per_origin` times in a window.
    #[must_use]
    pub fn new(per_origin: u32) -> Door {
        Door {
            origins: Limiter::new(per_origin),
            names: Limiter::new(MAX_ATTEMPTS),
            places: Arc::new(Semaphore::new(AT_ONCE + QUEUE)),
            hashing: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Counts an attempt from `origin`, where origins tell visitors apart, and then of `name`, where there is one.
    ///
    /// # Errors
    /// How many milliseconds to wait, when there were too many of either.
    pub fn attempt(&self, origin: Option<&str>, name: Option<&str>, now_ms: u64) -> Result<(), u64> {
        origin.map_or(Ok(()), |origin| self.origins.attempt(origin, now_ms))?;
        name.map_or(Ok(()), |name| self.names.attempt(name, now_ms))
    }

    /// Forgets what a name that got in has failed before, and that this attempt came from `origin`.
    pub fn entered(&self, origin: Option<&str>, name: &str) {
        self.names.clear(name);
        if let Some(origin) = origin {
            self.origins.forgive(origin);
        }
    }

    /// Waits for leave to have a password hashed; `None` at once when too many wait already.
    pub async fn turn(&self) -> Option<Turn> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let hashing = self.hashing.clone().acquire_owned().await.ok()?;
        Some(Turn { _place: place, _hashing: hashing })
    }
}

/// Where a request comes from, as far as attempts are counted.
pub(crate) fn origin(request: &HttpRequest) -> String {
    match request.peer_addr().map(|peer| peer.ip()) {
        // One customer has a /64 of IPv6 addresses.
        Some(IpAddr::V6(ip)) => format!("{:?}", &ip.segments()[..4]),
        Some(IpAddr::V4(ip)) => ip.to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_attempt_waits_for_the_window_to_end() {
        let limiter = Limiter::new(MAX_ATTEMPTS);
        for at in 0..u64::from(MAX_ATTEMPTS) {
            assert_eq!(limiter.attempt("amina", at), Ok(()));
        }
        assert_eq!(limiter.attempt("amina", 10), Err(WINDOW_MS - 10));
        assert_eq!(limiter.attempt("bao", 10), Ok(()));
        assert_eq!(limiter.attempt("amina", WINDOW_MS), Ok(()));
    }

    #[test]
    fn whoever_gets_in_starts_anew() {
        let limiter = Limiter::new(MAX_ATTEMPTS);
        for _ in 0..MAX_ATTEMPTS {
            assert_eq!(limiter.attempt("amina", 0), Ok(()));
        }
        limiter.clear("amina");
        assert_eq!(limiter.attempt("amina", 1), Ok(()));
    }

    #[test]
    fn a_flood_of_names_neither_fills_the_memory_nor_shuts_anybody_out() {
        let limiter = Limiter::new(MAX_ATTEMPTS);
        for _ in 0..MAX_ATTEMPTS {
            assert_eq!(limiter.attempt("amina", 0), Ok(()));
        }
        for n in 0..2 * MAX_NAMES {
            assert_eq!(limiter.attempt(&n.to_string(), 1), Ok(()));
        }
        assert!(limiter.seen.lock().unwrap().len() <= MAX_NAMES);
        assert_eq!(limiter.attempt("amina", 2), Err(WINDOW_MS - 2), "she is still being guessed at");
    }

    #[test]
    fn an_office_signs_in_behind_one_address_and_a_guesser_does_not() {
        let door = Door::new(3);
        for n in 0..100 {
            let name = format!("clerk {n}");
            assert_eq!(door.attempt(Some("office"), Some(&name), 0), Ok(()));
            door.entered(Some("office"), &name);
        }
        for n in 0..3 {
            assert_eq!(door.attempt(Some("cellar"), Some(&format!("guess {n}")), 0), Ok(()));
        }
        assert_eq!(door.attempt(Some("cellar"), Some("clerk 1"), 1), Err(WINDOW_MS - 1));
        assert_eq!(door.attempt(Some("office"), Some("clerk 1"), 1), Ok(()));
    }

    #[test]
    fn no_more_wait_at_a_door_than_there_are_places() {
        actix_web::rt::System::new().block_on(async {
            let door = Door::new(1);
            let places: Vec<_> =
                (0..AT_ONCE + QUEUE).map(|_| door.places.clone().try_acquire_owned().unwrap()).collect();
            assert!(door.turn().await.is_none());
            drop(places);
            assert!(door.turn().await.is_some());
        });
    }
}
