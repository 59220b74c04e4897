//! Nodes that find each other, lose each other and turn each other away.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use ledger::{Genesis, Hash, SubChain, Timestamp};
use network::proxy::{Proxy, Weather};
use network::status::LineStatus;
use network::{
    Authority, Config, Event, Identity, Lane, Network, Outside, Parting, Peer, Refusal, SendError,
    StartError, Timing, To, Trust, Validity,
};

use crate::common::{
    Consortium, DAY, Node, TODAY, YEAR, identity, key, peer, quick, serial, socket, soon, until,
};

#[tokio::test]
async fn four_validators_meet_and_everybody_hears_everybody_on_every_chain() {
    let mut nodes = Consortium::of(4).start_all();
    for a in 0..4 {
        for b in 0..a {
            nodes[a].meets(&nodes[b]).await;
        }
    }
    for node in &nodes {
        for chain in SubChain::ALL {
            let sent = node.network.send(To::All, chain, Lane::Units, chain.name().as_bytes()).unwrap();
            assert_eq!((sent.taken, sent.full), (3, 0));
        }
    }
    let keys: Vec<_> = nodes.iter().map(|node| node.key).collect();
    for node in &mut nodes {
        for chain in SubChain::ALL {
            let mut heard = Vec::new();
            for _ in 0..3 {
                let received = node.frame(chain).await;
                assert_eq!((received.lane, &received.bytes[..]), (Lane::Units, chain.name().as_bytes()));
                heard.push(received.from);
            }
            heard.sort_unstable();
            let others: Vec<_> = keys.iter().copied().filter(|key| *key != node.key).collect();
            assert_eq!(heard, others);
        }
    }
}

#[tokio::test]
async fn a_lane_keeps_its_order_and_its_bytes() {
    let [a, mut b] = two().await;
    let to = b.key;
    let frames: Vec<Vec<u8>> = (0..200u8).map(|i| vec![i; (usize::from(i) * 997) % 60_000]).collect();
    // More of them than all the queues on the way hold.
    let sends = async {
        for frame in &frames {
            a.network.send_waiting(to, SubChain::Payment, Lane::Bulk, frame.clone()).await.unwrap();
        }
    };
    let hears = async {
        for frame in &frames {
            assert_eq!(b.payment().await, (a.key, Lane::Bulk, frame.clone()));
        }
    };
    tokio::join!(sends, hears);
}

#[tokio::test]
async fn urgent_frames_overtake_bulk_that_nobody_takes() {
    let [a, mut b] = two().await;
    let body = vec![7; 1 << 20];
    // More than the inbox, the transport and the queue hold together, so the lane is stuck.
    while a.network.send(To::One(b.key), SubChain::Payment, Lane::Bulk, body.clone()).unwrap().taken == 1
        || b.status().waiting.iter().all(|(_, _, room)| room.bytes < (32 << 20) - body.len())
    {
        tokio::task::yield_now().await;
    }
    a.network.send(To::All, SubChain::Payment, Lane::Transactions, &b"pay"[..]).unwrap();
    a.network.send(To::All, SubChain::Payment, Lane::Units, &b"unit"[..]).unwrap();
    a.network.send(To::All, SubChain::Identity, Lane::Bulk, &b"body"[..]).unwrap();
    until("the others to arrive", || {
        let waiting = b.status().waiting;
        waiting.iter().filter(|(_, _, room)| room.frames > 0).count() == 4
    })
    .await;
    assert_eq!(b.payment().await, (a.key, Lane::Units, b"unit".to_vec()));
    assert_eq!(b.payment().await, (a.key, Lane::Transactions, b"pay".to_vec()));
    assert_eq!(b.payment().await, (a.key, Lane::Bulk, body));
    assert_eq!(b.frame(SubChain::Identity).await.bytes, b"body");
}

#[tokio::test]
async fn a_queue_that_is_full_sheds_stale_units_refuses_transactions_and_keeps_bulk_waiting() {
    let consortium = Consortium::of(2);
    // The second node's inbox holds one frame, and nobody takes it.
    let limits = [Lane::Units, Lane::Transactions, Lane::Bulk].into_iter().fold(
        network::Limits::default(),
        |limits, lane| {
            limits.with(lane, |lane| {
                lane.incoming.frames = 1;
                lane.outgoing.frames = 4;
            })
        },
    );
    let nodes = consortium.start_all_with(|config| Config { limits, ..config });
    let [a, b] = &nodes[..] else { unreachable!() };
    a.meets(b).await;
    let frame = vec![1; 60_000];
    let sent = |lane| a.network.send(To::One(b.key), SubChain::Data, lane, frame.clone()).unwrap();
    until("transactions to find no room", || sent(Lane::Transactions).full == 1).await;
    let pushed_out = || {
        let status = a.status();
        let lines = &status.peers[0].connection.as_ref().unwrap().lines;
        lines.iter().map(|line| line.pushed_out).sum::<u64>()
    };
    until("units to be pushed out", || {
        assert_eq!(sent(Lane::Units).full, 0);
        pushed_out() > 10
    })
    .await;
    until("bulk to find no room", || sent(Lane::Bulk).full == 1).await;
}

#[tokio::test]
async fn whoever_waits_for_a_peer_that_goes_away_is_told() {
    let [a, b] = two().await;
    let b_key = b.key;
    let waits = async {
        let mut sent = Ok(());
        while sent.is_ok() {
            sent = a.network.send_waiting(b_key, SubChain::Data, Lane::Bulk, vec![1; 1 << 20]).await;
        }
        sent
    };
    let (told, ()) = tokio::join!(soon("the sender to be told", waits), b.network.stop());
    assert_eq!(told, Err(SendError::NotConnected(b_key)));
}

#[tokio::test]
async fn a_frame_above_the_limit_or_of_an_unknown_chain_is_not_sent() {
    let consortium = Consortium::of(2);
    let (socket, _) = socket();
    let config = consortium.config(vec![]);
    let config = Config { chains: config.chains[..2].to_vec(), ..config };
    let node = consortium.start(0, socket, config);
    let send = |chain, size| node.network.send(To::All, chain, Lane::Units, vec![0; size]);
    assert_eq!(send(SubChain::Data, 65_536), Ok(network::Sent::default()));
    let too_large = SendError::TooLarge { bytes: 65_537, limit: 65_536 };
    assert_eq!(send(SubChain::Data, 65_537), Err(too_large));
    assert_eq!(send(SubChain::Payment, 1), Err(SendError::UnknownChain(SubChain::Payment)));
}

#[tokio::test]
async fn a_restarted_validator_is_back_and_every_chain_is_told() {
    let consortium = Consortium::of(2);
    let (mut sockets, peers) = consortium.sockets();
    let second = sockets.pop().unwrap();
    let address = second.local_addr().unwrap();
    let mut a = consortium.start(0, sockets.pop().unwrap(), consortium.config(peers.clone()));
    let mut socket = Some(second);
    for run in 0..3u8 {
        let b = consortium.start(1, socket.take().unwrap(), consortium.config(peers.clone()));
        a.meets(&b).await;
        b.network.send(To::One(a.key), SubChain::Payment, Lane::Units, vec![run]).unwrap();
        assert!(matches!(a.event(SubChain::Payment).await, Event::Up(peer) if peer == b.key));
        assert_eq!(a.payment().await, (b.key, Lane::Units, vec![run]));
        let key = b.key;
        b.network.stop().await;
        assert!(matches!(a.event(SubChain::Payment).await, Event::Down(peer) if peer == key));
        until("the goodbye to be heard", || a.refused_by_peers("stopping") == u64::from(run) + 1).await;
        until("the port to be free again", || {
            socket = UdpSocket::bind(address).ok();
            socket.is_some()
        })
        .await;
    }
}

#[tokio::test]
async fn a_validator_that_was_cut_off_is_missed_and_found_again() {
    let consortium = Consortium::of(2);
    let (mut sockets, peers) = consortium.sockets();
    let target = sockets[1].local_addr().unwrap();
    let proxy = Proxy::start(([127, 0, 0, 1], 0).into(), target, 7).await.unwrap();
    // Only the first one calls, and only through the proxy.
    let timing = Timing { silence: Duration::from_millis(500), handshake: Duration::from_secs(2), ..quick() };
    let through = vec![peer(peers[1].key, proxy.address())];
    let deaf = vec![peers[0].clone()];
    let config = |peers| Config { timing, ..consortium.config(peers) };
    let b = consortium.start(1, sockets.pop().unwrap(), config(deaf));
    let a = consortium.start(0, sockets.pop().unwrap(), config(through));
    a.meets(&b).await;
    proxy.set(Weather { cut: true, ..Weather::default() });
    until("both to miss each other", || !a.is_connected_to(b.key) && !b.is_connected_to(a.key)).await;
    let before = proxy.passed();
    proxy.set(Weather { delay: Duration::from_millis(5), ..Weather::default() });
    a.meets(&b).await;
    assert!(proxy.passed() > before);
}

#[tokio::test]
async fn two_nodes_that_call_each_other_at_once_settle_on_one_connection() {
    for _ in 0..10 {
        let timing = Timing { defer: Duration::ZERO, ..quick() };
        let mut nodes = Consortium::of(2).start_all_with(|config| Config { timing, ..config });
        let keys = [nodes[0].key, nodes[1].key];
        for (from, to) in [(0, 1), (1, 0)] {
            let [a, b] = &mut nodes[..] else { unreachable!() };
            let (sender, receiver) = if from < to { (a, b) } else { (b, a) };
            // What is under way on a connection that is given up is lost, so it is said until it is heard.
            let says = async {
                loop {
                    sender.network.send(To::All, SubChain::Payment, Lane::Units, &b"hello"[..]).unwrap();
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                () = says => {}
                (heard_from, _, _) = receiver.payment() => assert_eq!(heard_from, keys[from]),
            }
        }
        let called = |node: &Node| Some(node.status().peers[0].connection.as_ref()?.called);
        until("both to agree who called", || {
            let ends = [called(&nodes[0]), called(&nodes[1])];
            ends == [Some(true), Some(false)] || ends == [Some(false), Some(true)]
        })
        .await;
    }
}

#[tokio::test]
async fn a_validator_that_crashed_and_came_back_does_not_wait_until_it_is_missed() {
    let consortium = Consortium::of(2);
    let (mut sockets, peers) = consortium.sockets();
    let b_socket = sockets.pop().unwrap();
    // The first node is reached through a line that goes dead when the second one crashes, so nobody says goodbye.
    let a_address = sockets[0].local_addr().unwrap();
    let proxy = Proxy::start(([127, 0, 0, 1], 0).into(), a_address, 7).await.unwrap();
    let through = vec![peer(peers[0].key, proxy.address())];
    let elsewhere = vec![Peer { key: peers[1].key, address: "127.0.0.1:1".to_owned() }];
    let timing = Timing { defer: Duration::ZERO, silence: Duration::from_secs(3600), ..quick() };
    let config = |peers| Config { timing, ..consortium.config(peers) };
    let mut a = consortium.start(0, sockets.pop().unwrap(), config(elsewhere));
    let b = consortium.start(1, b_socket, config(through));
    let key = b.key;
    assert!(matches!(a.event(SubChain::Payment).await, Event::Up(peer) if peer == key));
    proxy.set(Weather { cut: true, ..Weather::default() });
    b.network.stop().await;
    let second = Proxy::start(([127, 0, 0, 1], 0).into(), a_address, 8).await.unwrap();
    assert!(a.is_connected_to(key));
    let through = vec![peer(peers[0].key, second.address())];
    let _b = consortium.start(1, socket().0, config(through));
    assert!(matches!(a.event(SubChain::Payment).await, Event::Down(peer) if peer == key));
    assert!(matches!(a.event(SubChain::Payment).await, Event::Up(peer) if peer == key));
    assert_eq!(a.refused("replaced"), 1);
}

#[tokio::test]
async fn frames_arrive_once_and_in_order_over_a_line_that_loses_and_shuffles() {
    let consortium = Consortium::of(2);
    let (mut sockets, peers) = consortium.sockets();
    let target = sockets[1].local_addr().unwrap();
    let proxy = Proxy::start(([127, 0, 0, 1], 0).into(), target, 7).await.unwrap();
    let ms = Duration::from_millis;
    proxy.set(Weather { delay: ms(2), jitter: ms(6), lost_per_mille: 50, cut: false });
    let mut b = consortium.start(1, sockets.pop().unwrap(), consortium.config(vec![peers[0].clone()]));
    let through = vec![peer(peers[1].key, proxy.address())];
    let a = consortium.start(0, sockets.pop().unwrap(), consortium.config(through));
    a.meets(&b).await;
    for number in 0..300u16 {
        let frame = number.to_le_bytes().repeat(100);
        a.network.send_waiting(b.key, SubChain::Payment, Lane::Transactions, frame).await.unwrap();
    }
    for number in 0..300u16 {
        let frame = number.to_le_bytes().repeat(100);
        assert_eq!(b.payment().await, (a.key, Lane::Transactions, frame));
    }
}

#[tokio::test]
async fn statistics_tell_what_went_through() {
    let [a, mut b] = two().await;
    for _ in 0..3 {
        a.network.send(To::All, SubChain::Payment, Lane::Units, vec![0; 100]).unwrap();
        b.payment().await;
    }
    let line = |node: &Node| {
        let connection = node.status().peers[0].connection.clone().unwrap();
        assert!(connection.round_trip > Duration::ZERO);
        let is_ours = |line: &&LineStatus| line.chain == SubChain::Payment && line.lane == Lane::Units;
        *connection.lines.iter().find(is_ours).unwrap()
    };
    until("the count", || line(&a).sent_frames == 3).await;
    assert_eq!(line(&a).sent_bytes, 300);
    assert_eq!((line(&b).received_frames, line(&b).received_bytes), (3, 300));
    let total: usize = b.status().waiting.iter().map(|(_, _, room)| room.bytes).sum();
    assert_eq!(total, 0);
}

#[tokio::test]
async fn a_node_with_another_genesis_is_turned_away_by_name() {
    let consortium = Consortium::of(2);
    let (mut sockets, peers) = consortium.sockets();
    let other = Genesis { time: TODAY.plus_ms(1), ..consortium.genesis.clone() };
    let config = Config { timing: quick(), ..Config::new(&other, peers.clone()) };
    let b = consortium.start(1, sockets.pop().unwrap(), config);
    let a = consortium.start(0, sockets.pop().unwrap(), consortium.config(peers));
    refuse_each_other(&a, Refusal::Genesis { theirs: other.hash() }, &b).await;
    assert!(!a.is_connected_to(b.key) && !b.is_connected_to(a.key));
}

#[tokio::test]
async fn a_node_that_names_a_chain_differently_is_turned_away_by_name() {
    let consortium = Consortium::of(2);
    let (mut sockets, peers) = consortium.sockets();
    let mut config = consortium.config(peers.clone());
    config.chains[2].1 = Hash::ZERO;
    let b = consortium.start(1, sockets.pop().unwrap(), config);
    let a = consortium.start(0, sockets.pop().unwrap(), consortium.config(peers));
    refuse_each_other(&a, Refusal::Chains, &b).await;
}

/// One node's certificate is bad. Whether it calls or is called, the other refuses it, and it learns why.
async fn turned_away(
    consortium: &Consortium,
    bad: impl Fn(usize) -> Identity,
    refusal: Refusal,
    told: &'static str,
) {
    // The bad one trusts whoever signed its own certificate, and lives on the day of its issue, or it would not start.
    let authorities = [200, 201].map(|number| {
        let validity = Validity { from: Timestamp(0), until: TODAY.plus_ms(YEAR) };
        Authority::new(key(number)).certificate(validity).unwrap()
    });
    let outside = Outside { clock: Arc::new(|| TODAY), ..consortium.outside() };
    // The first node is the one that calls.
    for index in [0, 1] {
        let (mut sockets, peers) = consortium.sockets();
        let identity = bad(index);
        let (network, inboxes) = Network::start(
            sockets.remove(index),
            consortium.config(peers.clone()),
            &identity,
            Trust::new(authorities.concat().as_bytes()).unwrap(),
            outside.clone(),
        )
        .unwrap();
        let bad = Node { network, inboxes, key: identity.public() };
        let good = consortium.start(1 - index, sockets.remove(0), consortium.config(peers));
        good.refuses(refusal).await;
        until("the bad one to learn why", || bad.refused_by_peers(told) > 0).await;
        assert!(!good.is_connected_to(bad.key) && !bad.is_connected_to(good.key));
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_turned_away() {
    let consortium = Consortium::of(2);
    let validity = Validity { from: TODAY, until: TODAY.plus_ms(YEAR) };
    let theirs = |index: usize| identity(&Authority::new(key(201)), &consortium.keys[index], index, validity);
    turned_away(&consortium, theirs, Refusal::UnknownIssuer, "unknown_issuer").await;
}

#[tokio::test]
async fn an_expired_certificate_is_turned_away() {
    let consortium = Consortium::of(2);
    let at = TODAY.plus_ms(DAY);
    let theirs = |index| consortium.identity_until(index, at);
    consortium.let_pass(2 * DAY);
    turned_away(&consortium, theirs, Refusal::Expired { at }, "expired_or_not_yet_valid").await;
}

#[tokio::test]
async fn another_validator_in_the_place_of_the_expected_one_is_turned_away() {
    let consortium = Consortium::of(3);
    let (mut sockets, mut peers) = consortium.sockets();
    let third = consortium.start(2, sockets.pop().unwrap(), consortium.config(vec![]));
    // The first one looks for the second where the third one is.
    peers[1].address = third.address().to_string();
    let first = consortium.start(0, sockets.remove(0), consortium.config(vec![peers[1].clone()]));
    first.refuses(Refusal::WrongKey { found: third.key }).await;
    until("the reason", || first.last(peers[1].key).is_some()).await;
    assert_eq!(first.last(peers[1].key), Some(Parting::Refused(Refusal::WrongKey { found: third.key })));
}

#[tokio::test]
async fn a_good_certificate_of_somebody_who_is_no_validator_is_turned_away() {
    let consortium = Consortium::of(2);
    let (mut sockets, peers) = consortium.sockets();
    let b = consortium.start(1, sockets.pop().unwrap(), consortium.config(vec![]));
    let a = consortium.start(0, sockets.pop().unwrap(), consortium.config(peers));
    b.refuses(Refusal::UnknownValidator { key: a.key }).await;
    until("the other to learn why", || a.refused_by_peers("unknown_validator_or_shut_out") > 0).await;
}

#[tokio::test]
async fn whoever_is_to_become_a_validator_comes_as_a_guest_as_long_as_there_is_room() {
    let consortium = Consortium::of(4);
    let (mut sockets, peers) = consortium.sockets();
    let hosts = |config| Config { guests: 1, ..config };
    let host = consortium.start(0, sockets.remove(0), hosts(consortium.config(vec![])));
    // Nobody calls a guest, whatever its key: it calls itself.
    let timing = Timing { defer: Duration::from_millis(1), ..quick() };
    let knows_host = || Config { timing, ..consortium.config(vec![peers[0].clone()]) };
    let mut guest = consortium.start(1, sockets.remove(0), knows_host());
    host.meets(&guest).await;
    host.network.send(To::All, SubChain::Payment, Lane::Bulk, &b"a block"[..]).unwrap();
    assert_eq!(guest.payment().await, (host.key, Lane::Bulk, b"a block".to_vec()));
    let second = consortium.start(2, sockets.remove(0), knows_host());
    host.refuses(Refusal::UnknownValidator { key: second.key }).await;
    // Whom the members voted in needs no guest's room.
    host.network.seat([consortium.keys[3].public()].into());
    let elected = consortium.start(3, sockets.remove(0), knows_host());
    host.meets(&elected).await;
    assert!(!host.is_connected_to(second.key));
    // A list of validators leaves guests alone, and once one is gone there is room for the next.
    host.network.set_peers(vec![]);
    assert!(host.is_connected_to(guest.key));
    guest.network.stop().await;
    host.meets(&second).await;
}

#[tokio::test]
async fn a_certificate_that_expires_ends_the_connection_at_once() {
    let consortium = Consortium::of(2);
    let (mut sockets, peers) = consortium.sockets();
    let until_then = TODAY.plus_ms(3 * DAY);
    let b_config = consortium.config(peers.clone());
    let b = consortium.start_as(&consortium.identity_until(1, until_then), sockets.pop().unwrap(), b_config);
    let mut a = consortium.start(0, sockets.pop().unwrap(), consortium.config(peers));
    a.meets(&b).await;
    assert!(matches!(a.event(SubChain::Payment).await, Event::Up(_)));
    let connection = a.status().peers[0].connection.clone().unwrap();
    assert_eq!(connection.expires, Some(until_then));
    assert_eq!(b.status().expires, Some(until_then));
    assert_eq!(a.status().expires, Some(TODAY.plus_ms(YEAR)));
    consortium.let_pass(4 * DAY);
    assert!(matches!(a.event(SubChain::Payment).await, Event::Down(peer) if peer == b.key));
    a.refuses(Refusal::Expired { at: until_then }).await;
    assert!(!a.is_connected_to(b.key));
}

#[tokio::test]
async fn a_certificate_that_is_revoked_ends_the_connection_and_no_other() {
    let consortium = Consortium::of(3);
    let list = tempfile::NamedTempFile::new().unwrap();
    let revoke = |revoked: &[_], number| {
        let validity = Validity { from: TODAY, until: TODAY.plus_ms(DAY) };
        // Written beside and renamed, so that nobody ever reads half of it.
        let beside = list.path().with_extension("new");
        std::fs::write(&beside, consortium.authority.revoke(revoked, number, validity).unwrap()).unwrap();
        std::fs::rename(beside, list.path()).unwrap();
    };
    revoke(&[], 1);
    let nodes =
        consortium.start_all_with(|config| Config { revocations: Some(list.path().to_owned()), ..config });
    let [a, b, c] = &nodes[..] else { unreachable!() };
    a.meets(b).await;
    a.meets(c).await;
    b.meets(c).await;
    let number = |node: &Node, peer| {
        let status = node.status();
        status.peers.iter().find(|status| status.key == peer).unwrap().connection.clone().unwrap().since
    };
    let before = number(a, c.key);
    revoke(&[(serial(1), TODAY)], 2);
    a.refuses(Refusal::Revoked).await;
    c.refuses(Refusal::Revoked).await;
    until("the revoked one to be alone", || !a.is_connected_to(b.key) && !c.is_connected_to(b.key)).await;
    assert_eq!(number(a, c.key), before);
    a.network.send(To::One(c.key), SubChain::Data, Lane::Units, &b"still here"[..]).unwrap();
    // It comes no further than the handshake from now on.
    until("the revoked one to be told", || b.refused_by_peers("revoked") > 1).await;
}

#[tokio::test]
async fn a_validator_that_leaves_the_set_is_disconnected_and_a_new_one_is_called() {
    let consortium = Consortium::of(3);
    let (sockets, peers) = consortium.sockets();
    let mut sockets = sockets.into_iter();
    let a = consortium.start(0, sockets.next().unwrap(), consortium.config(vec![peers[1].clone()]));
    let b = consortium.start(1, sockets.next().unwrap(), consortium.config(vec![peers[0].clone()]));
    let c = consortium.start(2, sockets.next().unwrap(), consortium.config(vec![peers[0].clone()]));
    a.meets(&b).await;
    a.network.set_peers(vec![peers[2].clone()]);
    a.meets(&c).await;
    until("the one that left to be told", || b.refused_by_peers("unknown_validator") > 0).await;
    assert!(!b.is_connected_to(a.key));
}

#[tokio::test]
async fn a_node_does_not_start_with_a_certificate_that_nobody_would_accept() {
    let consortium = Consortium::of(1);
    let start = |identity: &Identity, config| {
        let started = Network::start(socket().0, config, identity, consortium.trust(), consortium.outside());
        started.map(|_| ()).unwrap_err()
    };
    let expired = consortium.identity_until(0, TODAY.plus_ms(0));
    consortium.let_pass(DAY);
    let error = start(&expired, consortium.config(vec![]));
    assert!(matches!(error, StartError::Certificate(Refusal::Expired { .. })), "{error:?}");
    let missing = Config { revocations: Some("no/such/file".into()), ..consortium.config(vec![]) };
    let error = start(&consortium.identity(0), missing);
    assert!(matches!(error, StartError::RevocationFile(_)), "{error:?}");
    let limits = network::Limits::default().with(Lane::Bulk, |bulk| bulk.incoming.bytes = 1);
    let error = start(&consortium.identity(0), Config { limits, ..consortium.config(vec![]) });
    assert!(matches!(error, StartError::Limits(Lane::Bulk)), "{error:?}");
}

/// Whichever of two nodes hears the other's greeting first refuses it and says why.
async fn refuse_each_other(a: &Node, refusal: Refusal, b: &Node) {
    let name = refusal.name();
    until(name, || a.refused(name) + b.refused(name) > 0).await;
    until("the other one to learn why", || a.refused_by_peers(name) + b.refused_by_peers(name) > 0).await;
}

/// Two validators that have met.
async fn two() -> [Node; 2] {
    let nodes = Consortium::of(2).start_all();
    nodes[0].meets(&nodes[1]).await;
    nodes.try_into().unwrap_or_else(|_| unreachable!())
}
