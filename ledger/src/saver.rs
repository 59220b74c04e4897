//! Keeps the store up to date behind the log, on a thread of its own, so that blocks do not wait for it.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};

use crate::moment::Height;
use crate::store::{Changes, Store, StoreError};

/// What is not in the store yet, and the way there. At most one batch is on its way; what comes meanwhile is merged
/// into the next, so the memory it takes is bounded by the size of the state.
pub(crate) struct Saver {
    unsaved: Changes,
    saved: Height,
    line: Option<Line>,
    fault: Option<StoreError>,
}

struct Line {
    batches: Sender<(Height, Changes)>,
    answers: Receiver<Result<Height, StoreError>>,
    busy: bool,
    thread: JoinHandle<()>,
}

impl Saver {
    /// Saves into `store`, which holds the state of `saved`; `unsaved` came since. Without a store, forgets.
    pub(crate) fn new(store: Option<Box<dyn Store>>, saved: Height, unsaved: Changes) -> Saver {
        let line = store.map(|mut store| {
            let (batches, work) = channel::<(Height, Changes)>();
            let (reply, answers) = channel();
            let thread = thread::spawn(move || {
                for (height, changes) in work {
                    if reply.send(store.save(height, &changes).map(|()| height)).is_err() {
                        return;
                    }
                }
            });
            Line { batches, answers, busy: false, thread }
        });
        let unsaved = if line.is_some() { unsaved } else { Changes::new() };
        Saver { unsaved, saved, line, fault: None }
    }

    /// Takes what the block at `height` changed; sends it on its way once `every` blocks are waiting.
    pub(crate) fn take(&mut self, height: Height, changes: Changes, every: u64) {
        if self.line.is_none() {
            return;
        }
        self.unsaved.extend(changes);
        if height.0.saturating_sub(self.saved.0) < every {
            return;
        }
        if let Some(line) = self.line.as_ref().filter(|line| line.busy) {
            match line.answers.try_recv() {
                Ok(answer) => self.answered(answer),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => self.answered(Err(StoreError::Panicked)),
            }
        }
        if self.line.as_ref().is_some_and(|line| !line.busy) {
            self.send(height);
        }
    }

    /// Returns once the state of `height` is in the store.
    pub(crate) fn flush(&mut self, height: Height) {
        self.wait();
        if self.saved != height || !self.unsaved.is_empty() {
            self.send(height);
            self.wait();
        }
    }

    /// Why nothing is saved any more, if so. The log has everything all the same.
    pub(crate) fn fault(&self) -> Option<&StoreError> {
        self.fault.as_ref()
    }

    fn send(&mut self, height: Height) {
        let Some(line) = &mut self.line else { return };
        let changes = std::mem::take(&mut self.unsaved);
        line.busy = line.batches.send((height, changes)).is_ok();
        if !line.busy {
            self.answered(Err(StoreError::Panicked));
        }
    }

    fn wait(&mut self) {
        if let Some(line) = self.line.as_ref().filter(|line| line.busy) {
            let answer = line.answers.recv().unwrap_or(Err(StoreError::Panicked));
            self.answered(answer);
        }
    }

    fn answered(&mut self, answer: Result<Height, StoreError>) {
        match answer {
            Ok(height) => {
                self.saved = height;
                if let Some(line) = &mut self.line {
                    line.busy = false;
                }
            }
            Err(error) => {
                self.line = None;
                self.unsaved.clear();
                self.fault = Some(error);
            }
        }
    }
}

impl Drop for Saver {
    /// Lets the thread finish, so that the store is closed when its ledger is.
    fn drop(&mut self) {
        if let Some(Line { batches, answers, thread, .. }) = self.line.take() {
            drop((batches, answers));
            let _ = thread.join();
        }
    }
}
