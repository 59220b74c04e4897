//! A thread that does nothing but hash passwords. A hash takes 19 MiB for a moment, and the system's allocator keeps such
//! memory for each thread that ever asked for it; the pool of the web server has dozens of threads.

use std::sync::{LazyLock, Mutex, PoisonError, mpsc};
use std::thread;

type Job = Box<dyn FnOnce() + Send>;

static JOBS: LazyLock<Mutex<mpsc::Sender<Job>>> = LazyLock::new(|| {
    let (sender, jobs) = mpsc::channel::<Job>();
    // Without the thread the channel closes, and callers hear that.
    let _ =
        thread::Builder::new().name("hashing".to_owned()).spawn(move || jobs.iter().for_each(|job| job()));
    Mutex::new(sender)
});

/// Does `work` on the thread and waits for it. `None` when it is gone.
pub(crate) fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (answer, answered) = mpsc::channel();
    let job: Job = Box::new(move || {
        // Whoever asked may have gone.
        let _ = answer.send(work());
    });
    JOBS.lock().unwrap_or_else(PoisonError::into_inner).send(job).ok()?;
    answered.recv().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_gets_the_answer_to_his_own_question() {
        let asked: Vec<_> = (0..20).map(|number| thread::spawn(move || apart(move || number * 2))).collect();
        let answers: Vec<_> = asked.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(answers, (0..20).map(|number| Some(number * 2)).collect::<Vec<_>>());
    }
}
