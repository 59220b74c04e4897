//! Decoders meet arbitrary bytes.

use network::frame::{Decoder, Oversized};
use proptest::prelude::*;

proptest! {
    #[test]
    fn the_frame_decoder_is_total_and_does_not_care_how_a_stream_is_cut(bytes: Vec<u8>) {
        network::frame::fuzz_frame(&bytes);
    }

    #[test]
    fn frames_come_out_as_they_went_in(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20), cut in 1usize..300
    ) {
        let stream: Vec<u8> =
            frames.iter().flat_map(|frame| [&u32::try_from(frame.len()).unwrap().to_le_bytes()[..], frame].concat()).collect();
        network::frame::fuzz_frame(&[&[200, u8::try_from(cut.min(255)).unwrap()], &stream[..]].concat());
        let mut decoder = Decoder::new(200);
        let mut read = Vec::new();
        for mut piece in stream.chunks(cut) {
            while let Some(frame) = decoder.take(&mut piece).unwrap() {
                read.push(frame);
            }
        }
        prop_assert_eq!(read, frames);
        prop_assert!(!decoder.is_within_a_frame());
    }

    #[test]
    fn a_greeting_is_read_from_arbitrary_bytes(bytes: Vec<u8>, versioned: bool) {
        network::fuzz_hello(&bytes);
        if versioned {
            network::fuzz_hello(&[&[1, 0], &[0; 32][..], &bytes].concat());
        }
    }
}

#[test]
fn a_frame_above_the_limit_is_refused_before_any_of_it_is_kept() {
    let mut decoder = Decoder::new(100);
    assert_eq!(decoder.take(&mut &[100, 0, 0][..]), Ok(None));
    assert!(decoder.is_within_a_frame());
    assert_eq!(decoder.take(&mut &[0, 1][..]), Ok(None));
    let mut decoder = Decoder::new(100);
    assert_eq!(decoder.take(&mut &[101, 0, 0, 0][..]), Err(Oversized { bytes: 101, limit: 100 }));
    let mut decoder = Decoder::new(100);
    assert_eq!(decoder.take(&mut &[0xff; 4][..]), Err(Oversized { bytes: u32::MAX, limit: 100 }));
}
