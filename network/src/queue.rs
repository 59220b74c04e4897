//! What waits to be sent to one peer in one lane.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::config::Room;

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

#[derive(Debug)]
pub(crate) struct Queue {
    room: Room,
    state: Mutex<State>,
    filled: Notify,
    drained: Notify,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Bytes>,
    bytes: usize,
}

impl Queue {
    pub(crate) fn new(room: Room) -> Queue {
        Queue { room, state: Mutex::default(), filled: Notify::new(), drained: Notify::new() }
    }

    /// Adds a frame if there is room.
    pub(crate) fn push(&self, frame: Bytes) -> Result<(), Full> {
        let mut state = self.state();
        if !self.has_room(&state, frame.len()) {
            return Err(Full);
        }
        state.push(frame);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Adds a frame, at the cost of the oldest ones if there is no room; how many of them.
    pub(crate) fn push_out(&self, frame: Bytes) -> u64 {
        let mut pushed_out = 0;
        let mut state = self.state();
        while !self.has_room(&state, frame.len()) && state.pop().is_some() {
            pushed_out += 1;
        }
        state.push(frame);
        drop(state);
        self.filled.notify_one();
        pushed_out
    }

    /// Adds a frame as soon as there is room.
    pub(crate) async fn push_waiting(&self, frame: Bytes) {
        loop {
            let drained = self.drained.notified();
            if self.push(frame.clone()).is_ok() {
                // Where one found room, the next may, too.
                self.drained.notify_one();
                return;
            }
            drained.await;
        }
    }

    /// Takes the oldest frame as soon as there is one. One caller at a time.
    pub(crate) async fn pop(&self) -> Bytes {
        loop {
            if let Some(frame) = self.state().pop() {
                self.drained.notify_one();
                return frame;
            }
            self.filled.notified().await;
        }
    }

    /// How many frames and bytes wait.
    pub(crate) fn waiting(&self) -> Room {
        let state = self.state();
        Room { frames: state.frames.len(), bytes: state.bytes }
    }

    /// A frame above all limits still goes through an empty queue: limits of frames are checked elsewhere.
    fn has_room(&self, state: &State, bytes: usize) -> bool {
        state.frames.is_empty()
            || (state.frames.len() < self.room.frames && state.bytes.saturating_add(bytes) <= self.room.bytes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    fn pop(&mut self) -> Option<Bytes> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue {
        Queue::new(Room { frames: 3, bytes: 10 })
    }

    fn frame(bytes: &'static [u8]) -> Bytes {
        Bytes::from_static(bytes)
    }

    #[test]
    fn a_queue_is_full_by_frames_or_by_bytes() {
        let queue = queue();
        assert_eq!(queue.push(frame(b"12345")), Ok(()));
        assert_eq!(queue.push(frame(b"123456")), Err(Full));
        assert_eq!(queue.push(frame(b"1")), Ok(()));
        assert_eq!(queue.push(frame(b"1")), Ok(()));
        assert_eq!(queue.push(frame(b"1")), Err(Full));
        assert_eq!(queue.waiting(), Room { frames: 3, bytes: 7 });
    }

    #[tokio::test]
    async fn a_fresh_unit_pushes_out_the_stalest() {
        let queue = queue();
        assert_eq!(queue.push_out(frame(b"1111")), 0);
        assert_eq!(queue.push_out(frame(b"2222")), 0);
        assert_eq!(queue.push_out(frame(b"3333")), 1);
        assert_eq!(queue.push_out(frame(b"4444444444")), 2);
        assert_eq!(queue.pop().await, frame(b"4444444444"));
        assert_eq!(queue.waiting(), Room { frames: 0, bytes: 0 });
    }

    #[tokio::test]
    async fn bulk_waits_until_there_is_room_and_keeps_its_order() {
        let queue = std::sync::Arc::new(queue());
        let sender = {
            let queue = std::sync::Arc::clone(&queue);
            tokio::spawn(async move {
                for byte in 0..100u8 {
                    queue.push_waiting(Bytes::from(vec![byte; 7])).await;
                }
            })
        };
        for byte in 0..100u8 {
            assert_eq!(queue.pop().await, vec![byte; 7]);
            assert!(queue.waiting().bytes <= 10);
        }
        sender.await.unwrap();
    }
}
