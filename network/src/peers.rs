//! Who is known, who is connected, and which of two connections to the same validator stays.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ledger::PublicKey;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::Peer;
use crate::inbox::Live;
use crate::refusal::{Parting, Refusal};
use crate::session::Session;

/// How many connections of a peer may break off within [`BREACH_WINDOW`] before it is shut out: who crashes, restarts or
/// has a slow line does not come to so many.
const BREACHES: usize = 5;
/// For how long a connection that broke off counts.
const BREACH_WINDOW: Duration = Duration::from_secs(60);
/// How many doublings there are from the first delay to the longest.
const BREACH_DOUBLINGS: u32 = 4;

/// The other validators.
#[derive(Debug)]
pub(crate) struct Peers {
    me: PublicKey,
    guests: usize,
    /// Who takes no guest's place although it is on no list.
    seated: Mutex<BTreeSet<PublicKey>>,
    members: Mutex<BTreeMap<PublicKey, Member>>,
    live: watch::Sender<Live>,
}

/// One of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Member {
    /// Where it is called; empty for a guest, who calls.
    pub(crate) address: String,
    pub(crate) session: Option<Arc<Session>>,
    pub(crate) shut_out_until: Option<Instant>,
    /// When connections with it broke off, of late.
    breaches: VecDeque<Instant>,
    /// How the last connection or attempt ended.
    pub(crate) last: Option<Parting>,
    /// The day since 1970 on which the last warning of a certificate near its end was given.
    pub(crate) warned_on: Option<u64>,
}

/// A session that is on the list of live ones until this is dropped.
#[derive(Debug)]
pub(crate) struct Registered {
    peers: Arc<Peers>,
    pub(crate) session: Arc<Session>,
}

/// What decides between two connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ends {
    called: bool,
    run: u64,
}

impl Ends {
    const fn of(session: &Session) -> Ends {
        Ends { called: session.called, run: session.run }
    }
}

/// Whether the newer of two connections between `me` and `peer` takes the place of the older one. Both ends come to the
/// same answer, in whatever order they learn of the two: of connections made at the same moment, that one stays which
/// the smaller key called. A caller knows of no other connection, so a second call says that the first connection is
/// dead; and so does another run of the peer's program.
fn newer_stays(me: PublicKey, peer: PublicKey, older: Ends, newer: Ends) -> bool {
    let smaller_called = |ends: Ends| ends.called == (me < peer);
    older.run != newer.run || smaller_called(newer) || !smaller_called(older)
}

impl Member {
    fn is_guest(&self) -> bool {
        self.address.is_empty()
    }

    /// Keeps it out as long as `parting` asks for: who misbehaved for `shut_out`, and whose connections break off again and
    /// again for a part of it that doubles each time.
    pub(crate) fn part(&mut self, parting: Parting, shut_out: Duration) {
        self.last = Some(parting);
        let now = Instant::now();
        let delay = match parting {
            Parting::Refused(refusal) if refusal.is_misconduct() => shut_out,
            Parting::Refused(refusal) if refusal.is_breach() => self.breach(now, shut_out),
            _ => return,
        };
        self.shut_out_until = self.shut_out_until.max(Some(now + delay));
    }

    fn breach(&mut self, now: Instant, longest: Duration) -> Duration {
        while self.breaches.front().is_some_and(|at| now.duration_since(*at) >= BREACH_WINDOW) {
            self.breaches.pop_front();
        }
        self.breaches.push_back(now);
        let Some(beyond) = self.breaches.len().checked_sub(BREACHES) else { return Duration::ZERO };
        if self.breaches.len() > BREACHES + BREACH_DOUBLINGS as usize {
            self.breaches.pop_front();
        }
        let doublings = u32::try_from(beyond).map_or(BREACH_DOUBLINGS, |beyond| beyond.min(BREACH_DOUBLINGS));
        longest / 2_u32.pow(BREACH_DOUBLINGS - doublings)
    }

    fn is_shut_out(&self) -> bool {
        self.shut_out_until.is_some_and(|until| until > Instant::now())
    }
}

impl Peers {
    pub(crate) fn new(me: PublicKey, guests: usize) -> Peers {
        Peers {
            me,
            guests,
            seated: Mutex::default(),
            members: Mutex::default(),
            live: watch::Sender::default(),
        }
    }

    pub(crate) fn live(&self) -> watch::Receiver<Live> {
        self.live.subscribe()
    }

    pub(crate) fn members(&self) -> MutexGuard<'_, BTreeMap<PublicKey, Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the list of those who are known. Connections to those who are not any more end, but for guests; whoever is
    /// new or has moved is returned.
    pub(crate) fn set(&self, peers: Vec<Peer>) -> Vec<Peer> {
        let mut members = self.members();
        let listed: BTreeMap<PublicKey, String> = peers
            .into_iter()
            .filter(|peer| peer.key != self.me)
            .map(|peer| (peer.key, peer.address))
            .collect();
        members.retain(|key, member| {
            let stays = listed.contains_key(key) || member.is_guest();
            if let (false, Some(session)) = (stays, &member.session) {
                session.refuse(Refusal::UnknownValidator { key: *key });
            }
            stays
        });
        let mut changed = Vec::new();
        for (key, address) in listed {
            if members.get(&key).is_some_and(|member| member.address == address) {
                continue;
            }
            changed.push(Peer { key, address: address.clone() });
            members.entry(key).or_default().address = address;
        }
        drop(members);
        self.publish();
        changed
    }

    /// Says who takes no guest's place although it is on no list.
    pub(crate) fn seat(&self, keys: BTreeSet<PublicKey>) {
        *self.seated() = keys;
    }

    fn seated(&self) -> MutexGuard<'_, BTreeSet<PublicKey>> {
        self.seated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this validator, or this guest, may be connected now.
    ///
    /// # Errors
    /// It is unknown and there is no room for another guest, or it is shut out.
    pub(crate) fn admit(&self, key: PublicKey) -> Result<(), Refusal> {
        self.may_come(&self.members(), key)
    }

    fn may_come(&self, members: &BTreeMap<PublicKey, Member>, key: PublicKey) -> Result<(), Refusal> {
        match members.get(&key) {
            Some(member) if member.is_shut_out() => Err(Refusal::ShutOut),
            Some(_) => Ok(()),
            None => {
                let seated = self.seated();
                if seated.contains(&key) {
                    return Ok(());
                }
                let stays = |member: &Member| member.session.is_some() || member.is_shut_out();
                let guest = |(key, member): &(&PublicKey, &Member)| {
                    member.is_guest() && stays(member) && !seated.contains(*key)
                };
                let guests = members.iter().filter(guest).count();
                if guests < self.guests { Ok(()) } else { Err(Refusal::UnknownValidator { key }) }
            }
        }
    }

    /// Puts a session on the list, in place of an older one if need be.
    ///
    /// # Errors
    /// The peer is unknown or shut out, or the older connection stays.
    pub(crate) fn register(self: &Arc<Peers>, session: Arc<Session>) -> Result<Registered, Refusal> {
        let mut members = self.members();
        self.may_come(&members, session.peer)?;
        // Guests that went make room.
        members.retain(|_, member| !member.is_guest() || member.session.is_some() || member.is_shut_out());
        let member = members.entry(session.peer).or_default();
        if let Some(older) = &member.session {
            if !newer_stays(self.me, session.peer, Ends::of(older), Ends::of(&session)) {
                return Err(Refusal::Duplicate);
            }
            older.refuse(Refusal::Replaced);
        }
        member.session = Some(Arc::clone(&session));
        drop(members);
        self.publish();
        Ok(Registered { peers: Arc::clone(self), session })
    }

    /// The live session with this validator.
    pub(crate) fn session(&self, key: PublicKey) -> Option<Arc<Session>> {
        self.members().get(&key)?.session.clone()
    }

    /// All live sessions.
    pub(crate) fn sessions(&self) -> Vec<Arc<Session>> {
        self.members().values().filter_map(|member| member.session.clone()).collect()
    }

    /// Tells everybody who is connected now.
    fn publish(&self) {
        // Under the lock, so that a later state is never overwritten by an earlier one.
        let members = self.members();
        let live = members
            .iter()
            .filter_map(|(key, member)| Some((*key, member.session.as_ref()?.number)))
            .collect::<BTreeMap<_, _>>();
        self.live.send_replace(Arc::new(live));
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut members = self.peers.members();
        if let Some(member) = members.get_mut(&self.session.peer)
            && member.session.as_ref().is_some_and(|session| session.number == self.session.number)
        {
            member.session = None;
        }
        drop(members);
        self.peers.publish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: PublicKey = PublicKey([1; 32]);
    const LARGE: PublicKey = PublicKey([2; 32]);

    /// Both ends learn of two connections in either order; which one is left at each end?
    fn left(first_at: [usize; 2], connections: [(bool, [u64; 2]); 2]) -> [usize; 2] {
        [0, 1].map(|end| {
            let [me, peer] = if end == 0 { [SMALL, LARGE] } else { [LARGE, SMALL] };
            let ends = connections
                .map(|(small_calls, runs)| Ends { called: small_calls == (end == 0), run: runs[1 - end] });
            let (older, newer) = (first_at[end], 1 - first_at[end]);
            if newer_stays(me, peer, ends[older], ends[newer]) { newer } else { older }
        })
    }

    #[test]
    fn of_two_calls_at_once_both_ends_keep_that_of_the_smaller_key() {
        for first_at in [[0, 0], [0, 1], [1, 0], [1, 1]] {
            assert_eq!(left(first_at, [(true, [7, 8]), (false, [7, 8])]), [0, 0]);
            assert_eq!(left(first_at, [(false, [7, 8]), (true, [7, 8])]), [1, 1]);
        }
    }

    #[test]
    fn whose_connections_break_off_again_and_again_stays_out_longer_and_longer_but_no_crash_does_that() {
        let (start, longest) = (Instant::now(), Duration::from_secs(60));
        let delays = |every_s: u64, times: u64| {
            let mut member = Member::default();
            let at = |turn| start + Duration::from_secs(every_s * turn);
            (0..times).map(|turn| member.breach(at(turn), longest).as_millis()).collect::<Vec<_>>()
        };
        assert_eq!(delays(2, 10), [0, 0, 0, 0, 3_750, 7_500, 15_000, 30_000, 60_000, 60_000]);
        assert_eq!(delays(15, 100), [0; 100], "who starts again every quarter of a minute is welcome");
    }

    #[test]
    fn a_second_call_in_the_same_direction_replaces_the_first() {
        assert_eq!(left([0, 0], [(true, [7, 8]), (true, [7, 8])]), [1, 1]);
        assert_eq!(left([0, 0], [(false, [7, 8]), (false, [7, 8])]), [1, 1]);
    }

    #[test]
    fn a_call_of_a_restarted_node_replaces_the_connection_of_its_last_run() {
        // The larger key restarts and calls; the smaller one had called the run before, and has not yet missed it.
        assert!(newer_stays(SMALL, LARGE, Ends { called: true, run: 8 }, Ends { called: false, run: 9 }));
    }
}
