//! How bytes become frames: four bytes of length, little-endian, and as many bytes.

use bytes::{Buf, Bytes};

/// How much room is made for a frame on its sender's word alone.
const ON_TRUST: usize = 64 << 10;

/// A frame above the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {bytes} bytes, where at most {limit} are allowed")]
pub struct Oversized {
    /// How large it said that it is.
    pub bytes: u32,
    /// The limit.
    pub limit: usize,
}

/// Puts frames together from pieces of a stream, cut anywhere.
///
/// It holds one frame at most, in as much memory as has arrived of it, doubled, or 64 KiB.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    header: [u8; 4],
    /// How many bytes of the header have arrived; with all four, the body is under way.
    header_has: usize,
    body: Vec<u8>,
}

impl Decoder {
    /// A decoder of frames of at most `limit` bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Decoder {
        Decoder { limit, header: [0; 4], header_has: 0, body: Vec::new() }
    }

    /// Takes from `input` what belongs to the next frame; the frame, if it is complete now. Without one, all of `input`
    /// was taken.
    ///
    /// # Errors
    /// [`Oversized`], as soon as the length is known. The stream is of no use any more.
    pub fn take(&mut self, input: &mut impl Buf) -> Result<Option<Vec<u8>>, Oversized> {
        while self.header_has < self.header.len() {
            if !input.has_remaining() {
                return Ok(None);
            }
            self.header[self.header_has] = input.get_u8();
            self.header_has += 1;
        }
        let announced = u32::from_le_bytes(self.header);
        let bytes = usize::try_from(announced).unwrap_or(usize::MAX);
        if bytes > self.limit {
            return Err(Oversized { bytes: announced, limit: self.limit });
        }
        while self.body.len() < bytes && input.has_remaining() {
            let piece = input.chunk();
            let piece = &piece[..piece.len().min(bytes - self.body.len())];
            if self.body.capacity() < self.body.len() + piece.len() {
                let room = bytes.min((2 * (self.body.len() + piece.len())).max(ON_TRUST));
                self.body.reserve_exact(room - self.body.len());
            }
            self.body.extend_from_slice(piece);
            let taken = piece.len();
            input.advance(taken);
        }
        if self.body.len() < bytes {
            return Ok(None);
        }
        self.header_has = 0;
        Ok(Some(std::mem::take(&mut self.body)))
    }

    /// Whether a frame has begun that has not ended.
    #[must_use]
    pub const fn is_within_a_frame(&self) -> bool {
        self.header_has > 0
    }
}

/// A frame as it goes onto a stream, its body not copied.
///
/// # Panics
/// Never: bodies are checked against limits far below 2^32 before they get here.
pub(crate) fn encode(body: Bytes) -> [Bytes; 2] {
    let length = u32::try_from(body.len()).expect("limits of frames are below 2^32");
    [Bytes::copy_from_slice(&length.to_le_bytes()), body]
}

/// Reads a stream from arbitrary bytes: the first is the lane's limit, the second says how the rest is cut into pieces.
/// However it is cut, the same frames come out, the same refusal, and no more memory is used than promised.
pub fn fuzz_frame(bytes: &[u8]) {
    let [limit, cut, stream @ ..] = bytes else { return };
    let read = |piece: usize| {
        let mut decoder = Decoder::new(usize::from(*limit));
        let mut frames = Vec::new();
        for mut piece in stream.chunks(piece) {
            loop {
                match decoder.take(&mut piece) {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => break,
                    Err(oversized) => return (frames, Some(oversized), false),
                }
            }
            assert!(piece.is_empty());
            assert!(decoder.body.capacity() <= usize::from(*limit));
        }
        (frames, None, decoder.is_within_a_frame())
    };
    let whole = read(stream.len().max(1));
    assert_eq!(read(usize::from(*cut).max(1)), whole);
    let (frames, refused, within) = whole;
    let mut written: Vec<u8> = Vec::new();
    for frame in &frames {
        assert!(frame.len() <= usize::from(*limit));
        encode(Bytes::copy_from_slice(frame)).iter().for_each(|part| written.extend_from_slice(part));
    }
    assert!(stream.starts_with(&written));
    assert_eq!(refused.is_none() && !within, written.len() == stream.len());
}
