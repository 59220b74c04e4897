//! Peers with good certificates that misbehave: each loses its connection, for the right reason, and the others go on.

use std::time::Duration;

use ledger::{Hash, SubChain};
use network::{Config, Lane, Limits, Refusal, Timing, To};

use crate::common::{Consortium, Node, key, quick, until};
use crate::rogue::{Greeting, Papers, Rogue, certificate, connect, frame, greeting};

/// Units of the payment chain.
const UNITS: [u8; 2] = [1, 2];

/// Two honest nodes that have met, and a third validator that is a rogue.
struct Story {
    consortium: Consortium,
    a: Node,
    b: Node,
}

impl Story {
    async fn new() -> Story {
        Story::with(|config| config).await
    }

    async fn with(change: impl Fn(Config) -> Config) -> Story {
        let consortium = Consortium::of(3);
        let (sockets, peers) = consortium.sockets();
        let mut sockets = sockets.into_iter();
        let mut start = |index| {
            let config = change(consortium.config(peers.clone()));
            consortium.start(index, sockets.next().unwrap(), config)
        };
        let (a, b) = (start(0), start(1));
        a.meets(&b).await;
        Story { consortium, a, b }
    }

    async fn rogue(&self) -> Rogue {
        Rogue::greeted(&self.consortium, 2, &self.a).await
    }

    /// A rogue that only connects, with these papers, in this protocol.
    async fn connected(&self, papers: Papers) -> Rogue {
        connect(papers, self.a.address(), b"permuta").await.unwrap()
    }

    /// The rogue is out for this reason, and its memory is free again; the honest two go on.
    async fn ends(mut self, rogue: Rogue, refusal: Refusal) {
        assert_eq!(rogue.thrown_out().await, refusal.name());
        self.a.refuses(refusal).await;
        self.goes_on().await;
    }

    /// The third validator, whatever it looked like before, may connect again at once.
    async fn welcomes_back(self) {
        assert_eq!(self.a.refused("shut_out"), 0);
        let mut again = self.rogue().await;
        again.stays_alive();
        let _stream = again.stream(UNITS, &frame(b"back again")).await;
        let Story { mut a, consortium, .. } = self;
        loop {
            let (from, lane, bytes) = a.payment().await;
            if bytes == b"back again" {
                assert_eq!((from, lane), (consortium.keys[2].public(), Lane::Units));
                break;
            }
        }
        assert_eq!(a.refused("shut_out"), 0);
    }

    async fn goes_on(&mut self) {
        let number = self.a.status().peers.iter().filter(|peer| peer.connection.is_some()).count();
        assert_eq!(number, 1);
        self.a.network.send(To::All, SubChain::Payment, Lane::Units, &b"on we go"[..]).unwrap();
        assert_eq!(self.b.payment().await, (self.a.key, Lane::Units, b"on we go".to_vec()));
        self.b.network.send(To::All, SubChain::Payment, Lane::Units, &b"so do we"[..]).unwrap();
        loop {
            let (from, _, bytes) = self.a.payment().await;
            if from == self.b.key {
                assert_eq!(bytes, b"so do we");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_frame_above_the_limit_is_not_even_waited_for() {
    let story = Story::new().await;
    let rogue = story.rogue().await;
    let stream = rogue.stream(UNITS, &65_537u32.to_le_bytes()).await;
    story.ends(rogue, Refusal::Oversized { lane: Lane::Units, bytes: 65_537 }).await;
    drop(stream);
}

#[tokio::test]
async fn who_misbehaved_is_shut_out_for_a_while() {
    let story = Story::new().await;
    let rogue = story.rogue().await;
    let _stream = rogue.stream(UNITS, &[0xff; 4]).await;
    assert_eq!(rogue.thrown_out().await, "oversized");
    story.a.refuses(Refusal::Oversized { lane: Lane::Units, bytes: u32::MAX }).await;
    until("the rogue to be shut out", || !story.a.is_connected_to(story.consortium.keys[2].public())).await;
    let again = connect(Papers::of(&story.consortium, 2), story.a.address(), b"permuta").await;
    // TLS tells the client of it only after its own side of the handshake is done.
    if let Ok(again) = again {
        again.thrown_out().await;
    }
    story.a.refuses(Refusal::ShutOut).await;
}

#[tokio::test]
async fn who_says_what_no_honest_validator_says_is_shut_out_by_whoever_reads_it() {
    let story = Story::new().await;
    let rogue = story.rogue().await;
    let key = story.consortium.keys[2].public();
    assert!(story.a.network.shut_out(key), "it was connected");
    assert!(!story.a.network.shut_out(key), "its connection ends once");
    assert_eq!(rogue.thrown_out().await, "misbehaved");
    until("the rogue to be shut out", || !story.a.is_connected_to(key)).await;
    let again = connect(Papers::of(&story.consortium, 2), story.a.address(), b"permuta").await;
    if let Ok(again) = again {
        again.thrown_out().await;
    }
    story.a.refuses(Refusal::ShutOut).await;
}

#[tokio::test]
async fn a_stream_of_no_known_kind_or_chain_is_refused() {
    for head in [[9, 0], [1, 3], [0, 1], [4, 0], [0, 0]] {
        let story = Story::new().await;
        let rogue = story.rogue().await;
        let _stream = rogue.stream(head, b"whatever").await;
        story.ends(rogue, Refusal::Malformed).await;
    }
}

#[tokio::test]
async fn a_second_stream_for_the_same_lane_is_refused() {
    let story = Story::new().await;
    let rogue = story.rogue().await;
    let _first = rogue.stream(UNITS, &frame(b"unit")).await;
    let _second = rogue.stream(UNITS, &frame(b"unit")).await;
    story.ends(rogue, Refusal::Malformed).await;
}

/// The ways in which a stream breaks off while its connection lasts: at the end of a program, in a crash, under load.
#[derive(Clone, Copy, Debug)]
enum Tear {
    Ends,
    IsReset,
}

impl Tear {
    fn apply(self, stream: &mut quinn::SendStream) {
        match self {
            Tear::Ends => stream.finish().unwrap(),
            Tear::IsReset => stream.reset(0u32.into()).unwrap(),
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_anywhere_ends_the_connection_and_shuts_nobody_out() {
    // Nothing yet, half of what a stream says of itself, all of it, within a length, within a frame, between two.
    let units = [&UNITS[..], &frame(b"unit")].concat();
    for cut in 0..=units.len() {
        for tear in [Tear::Ends, Tear::IsReset] {
            let story = Story::new().await;
            let rogue = story.rogue().await;
            let mut stream = rogue.connection.open_uni().await.unwrap();
            stream.write_all(&units[..cut]).await.unwrap();
            tear.apply(&mut stream);
            assert_eq!(rogue.thrown_out().await, "torn", "{tear:?} after {cut} bytes");
            story.welcomes_back().await;
        }
    }
}

#[tokio::test]
async fn a_greeting_that_breaks_off_anywhere_ends_the_connection_and_shuts_nobody_out() {
    for part in 0..8 {
        let story = Story::new().await;
        let hello = frame(&borsh::to_vec(&greeting(&story.consortium)).unwrap());
        let control = [&[0, 0][..], &hello].concat();
        let cut = [0, 1, 2, 5, 6, control.len() / 2, control.len() - 1, control.len()][part];
        for tear in [Tear::Ends, Tear::IsReset] {
            let rogue = story.connected(Papers::of(&story.consortium, 2)).await;
            let mut stream = rogue.connection.open_uni().await.unwrap();
            stream.write_all(&control[..cut]).await.unwrap();
            tear.apply(&mut stream);
            assert_eq!(rogue.thrown_out().await, "torn", "{tear:?} after {cut} bytes");
        }
        assert_eq!(story.a.refused("malformed"), 0);
        story.welcomes_back().await;
    }
}

#[tokio::test]
async fn who_tears_one_stream_after_the_other_is_shut_out_for_a_while() {
    let story = Story::new().await;
    for turn in 0..5 {
        let rogue = story.connected(Papers::of(&story.consortium, 2)).await;
        let mut stream = rogue.connection.open_uni().await.unwrap();
        Tear::IsReset.apply(&mut stream);
        assert_eq!(rogue.thrown_out().await, "torn", "time {turn}");
    }
    until("it to be counted", || story.a.refused("torn") == 5).await;
    let again = connect(Papers::of(&story.consortium, 2), story.a.address(), b"permuta").await;
    if let Ok(again) = again {
        again.thrown_out().await;
    }
    story.a.refuses(Refusal::ShutOut).await;
}

#[tokio::test]
async fn a_peer_that_stops_reading_is_given_up_and_not_shut_out() {
    let story = Story::new().await;
    let rogue = story.rogue().await;
    let control = rogue.connection.accept_uni().await.unwrap();
    story.a.network.send(To::All, SubChain::Payment, Lane::Units, &b"unit"[..]).unwrap();
    let mut units = rogue.connection.accept_uni().await.unwrap();
    units.stop(0u32.into()).unwrap();
    // It shows with the next frame.
    let sends = async {
        loop {
            story.a.network.send(To::All, SubChain::Payment, Lane::Units, &b"unit"[..]).unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = sends => {}
        reason = rogue.thrown_out() => assert_eq!(reason, "torn"),
    }
    drop(control);
    story.welcomes_back().await;
}

#[tokio::test]
async fn who_dies_within_a_frame_is_missed_and_not_shut_out() {
    let timing = Timing { frame: Duration::from_millis(300), ..quick() };
    let story = Story::with(|config| Config { timing, ..config }).await;
    let rogue = story.rogue().await;
    let _stream = rogue.stream([3, 2], &[&100u32.to_le_bytes()[..], b"no more than th"].concat()).await;
    assert_eq!(rogue.thrown_out().await, "unfinished");
    story.welcomes_back().await;
}

#[tokio::test]
async fn a_node_whose_chain_takes_no_more_frames_tears_no_stream() {
    // As a node does that is stopping: its chains end first, its connections last.
    let mut story = Story::new().await;
    drop(story.a.inboxes.drain(..).collect::<Vec<_>>());
    for _ in 0..20 {
        story.b.network.send(To::All, SubChain::Payment, Lane::Units, &b"unit"[..]).unwrap();
        story.a.network.send(To::All, SubChain::Payment, Lane::Units, &b"unit"[..]).unwrap();
        assert_eq!(story.b.payment().await.2, b"unit");
    }
    assert!(story.b.is_connected_to(story.a.key));
    story.a.network.stop().await;
    until("the goodbye", || story.b.refused_by_peers("stopping") == 1).await;
    assert_eq!(story.b.refused("malformed") + story.b.refused("torn"), 0);
}

#[tokio::test]
async fn who_shows_a_certificate_without_its_key_shuts_its_owner_out_of_nothing() {
    let story = Story::new().await;
    let stolen = || Papers {
        certificate: Some(certificate(&story.consortium.authority, &story.consortium.keys[2], 2)),
        key: key(99),
    };
    // The client's signature is checked after the client has finished its side.
    if let Ok(impostor) = connect(stolen(), story.a.address(), b"permuta").await {
        impostor.thrown_out().await;
    }
    until("the impostor to be refused", || story.a.refused("malformed") == 1).await;
    story.welcomes_back().await;
}

#[tokio::test]
async fn bytes_on_the_control_stream_are_refused() {
    let story = Story::new().await;
    let mut rogue = story.rogue().await;
    rogue.says(&frame(b"psst")).await;
    story.ends(rogue, Refusal::Malformed).await;
}

#[tokio::test]
async fn a_frame_that_never_ends_is_given_up() {
    let timing = Timing { frame: Duration::from_millis(300), ..quick() };
    let story = Story::with(|config| Config { timing, ..config }).await;
    let rogue = story.rogue().await;
    let mut stream = rogue.stream([3, 0], &8_000_000u32.to_le_bytes()).await;
    let drip = async { while stream.write_all(&[0]).await.is_ok() {} };
    drip.await;
    story.ends(rogue, Refusal::Unfinished(Lane::Bulk)).await;
}

#[tokio::test]
async fn a_peer_that_falls_silent_is_given_up() {
    let timing = Timing { silence: Duration::from_secs(1), ..quick() };
    let story = Story::with(|config| Config { timing, ..config }).await;
    let mut rogue = story.rogue().await;
    rogue.says(&frame(&[])).await;
    // Its transport goes on acknowledging; it has nothing to say itself.
    story.ends(rogue, Refusal::Silent).await;
}

#[tokio::test]
async fn a_peer_that_never_greets_is_given_up() {
    let timing = Timing { handshake: Duration::from_millis(500), ..quick() };
    let mut story = Story::with(|config| Config { timing, ..config }).await;
    let rogue = story.connected(Papers::of(&story.consortium, 2)).await;
    story.a.refuses(Refusal::Silent).await;
    rogue.thrown_out().await;
    story.goes_on().await;
}

#[tokio::test]
async fn a_greeting_of_another_version_or_network_is_answered_with_the_reason() {
    let story = Story::new().await;
    let ours = || greeting(&story.consortium);
    for (greeting, refusal) in [
        (Greeting { version: 2, ..ours() }, Refusal::Version { theirs: 2 }),
        (Greeting { genesis: Hash::ZERO, ..ours() }, Refusal::Genesis { theirs: Hash::ZERO }),
        (Greeting { chains: vec![], ..ours() }, Refusal::Chains),
    ] {
        let mut rogue = story.connected(Papers::of(&story.consortium, 2)).await;
        rogue.greet(&greeting).await;
        assert_eq!(rogue.thrown_out().await, refusal.name());
        story.a.refuses(refusal).await;
    }
}

#[tokio::test]
async fn garbage_instead_of_a_greeting_is_refused() {
    for (head, bytes) in
        [([0, 0], frame(b"GET / HTTP/1.1")), ([0, 0], vec![0xff; 100]), ([71, 69], frame(b""))]
    {
        let story = Story::new().await;
        let rogue = story.connected(Papers::of(&story.consortium, 2)).await;
        let _stream = rogue.stream(head, &bytes).await;
        rogue.thrown_out().await;
        // The first two letters of the first one are read as a version.
        until("a refusal", || story.a.refused("malformed") + story.a.refused("version") == 1).await;
    }
}

#[tokio::test]
async fn a_certificate_without_its_key_is_worth_nothing() {
    let mut story = Story::new().await;
    let stolen = Papers {
        certificate: Some(certificate(&story.consortium.authority, &story.consortium.keys[2], 2)),
        key: key(99),
    };
    // The client's signature is checked after the client has finished its side.
    if let Ok(rogue) = connect(stolen, story.a.address(), b"permuta").await {
        rogue.thrown_out().await;
    }
    story.goes_on().await;
    assert!(!story.a.is_connected_to(story.consortium.keys[2].public()));
}

#[tokio::test]
async fn no_certificate_and_no_common_protocol_are_refused() {
    let mut story = Story::new().await;
    let nobody = Papers { certificate: None, key: key(99) };
    if let Ok(rogue) = connect(nobody, story.a.address(), b"permuta").await {
        rogue.thrown_out().await;
    }
    assert!(connect(Papers::of(&story.consortium, 2), story.a.address(), b"h3").await.is_err());
    story.goes_on().await;
}

#[tokio::test]
async fn a_flood_costs_its_sender_the_connection_and_nobody_else_anything() {
    let limits = Limits::default().with(Lane::Units, |units| {
        units.bytes_per_s = 100_000;
        units.incoming.frames = 50;
    });
    let timing = Timing { patience: Duration::from_millis(300), ..quick() };
    let story = Story::with(|config| Config { limits, timing, ..config }).await;
    let mut rogue = story.rogue().await;
    rogue.stays_alive();
    let mut stream = rogue.stream(UNITS, &[]).await;
    let flood = async {
        let unit = frame(&[0; 1000]);
        while stream.write_all(&unit).await.is_ok() {}
    };
    let mut story = story;
    let takes = async {
        // An engine that keeps up takes what comes, and never has more before it than its inbox holds.
        let mut taken = 0u64;
        loop {
            let received = story.a.frame(SubChain::Payment).await;
            taken += received.bytes.len() as u64;
            let waiting = story.a.status().waiting;
            assert!(waiting.iter().all(|(_, _, room)| room.frames <= 50));
            if story.a.refused("flood") > 0 {
                return taken;
            }
        }
    };
    tokio::select! {
        _ = async { tokio::join!(flood, takes) } => {}
        reason = rogue.thrown_out() => assert_eq!(reason, "flood"),
    }
    story.ends(rogue, Refusal::Flood(Lane::Units)).await;
}

#[tokio::test]
async fn a_flood_into_an_inbox_that_nobody_empties_is_held_back_and_costs_no_memory() {
    let limits = Limits::default().with(Lane::Units, |units| units.incoming.bytes = 100_000);
    let mut story = Story::with(|config| Config { limits, ..config }).await;
    let mut rogue = story.rogue().await;
    rogue.stays_alive();
    let mut stream = rogue.stream(UNITS, &[]).await;
    let unit = frame(&[0; 10_000]);
    let mut written = 0usize;
    // The transport takes no more once the inbox and the stream's window are full: the write does not come back.
    while let Ok(Ok(())) = tokio::time::timeout(Duration::from_millis(500), stream.write_all(&unit)).await {
        written += unit.len();
    }
    let window = Limits::default().stream_window_bytes as usize;
    assert!(written <= 100_000 + window + 3 * unit.len(), "{written}");
    let waiting = story.a.status().waiting;
    assert!(waiting.iter().all(|(_, _, room)| room.bytes <= 100_000));
    // Other lanes and chains of the same peer, and other peers, are not held back.
    let _data = rogue.stream([1, 1], &frame(b"data")).await;
    assert_eq!(story.a.frame(SubChain::Data).await.bytes, b"data");
    story.b.network.send(To::All, SubChain::Identity, Lane::Units, &b"id"[..]).unwrap();
    assert_eq!(story.a.frame(SubChain::Identity).await.bytes, b"id");
}

#[tokio::test]
async fn a_peer_that_connects_twice_keeps_the_newer_connection() {
    let mut story = Story::new().await;
    let first = story.rogue().await;
    let mut second = story.connected(Papers::of(&story.consortium, 2)).await;
    second.greet(&greeting(&story.consortium)).await;
    assert_eq!(first.thrown_out().await, "replaced");
    let _stream = second.stream(UNITS, &frame(b"second")).await;
    let third = story.consortium.keys[2].public();
    assert_eq!(story.a.payment().await, (third, Lane::Units, b"second".to_vec()));
}
