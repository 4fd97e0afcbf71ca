//! The queue of a data channel, with a deadline for a place in it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Creates a queue with one place.
pub(super) fn queue<T>() -> (Sender<T>, Receiver<T>) {
    let queue = Arc::new(Queue { state: Mutex::new(State { task: None, has_ended: false }), changed: Condvar::new() });
    (Sender(Arc::clone(&queue)), Receiver(queue))
}

/// The end of a queue at which tasks are added. Dropping it lets the other end take the last task.
pub(super) struct Sender<T>(Arc<Queue<T>>);

/// The end of a queue at which tasks are taken.
pub(super) struct Receiver<T>(Arc<Queue<T>>);

/// The reason why a task was not added.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotSent {
    /// The queue was full for too long.
    Full,
    /// Nothing takes tasks anymore.
    Ended,
}

struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    task: Option<T>,
    /// Set when one end was dropped.
    has_ended: bool,
}

impl<T> Queue<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        self.lock().has_ended = true;
        self.changed.notify_all();
    }
}

impl<T> Sender<T> {
    /// Adds a task. Waits for a place, but not longer than `timeout`.
    pub(super) fn send(&self, task: T, timeout: Duration) -> Result<(), NotSent> {
        let is_full = |state: &mut State<T>| state.task.is_some() && !state.has_ended;
        let waited = self.0.changed.wait_timeout_while(self.0.lock(), timeout, is_full);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        match (state.has_ended, &state.task) {
            (true, _) => Err(NotSent::Ended),
            (false, Some(_)) => Err(NotSent::Full),
            (false, None) => {
                state.task = Some(task);
                self.0.changed.notify_all();
                Ok(())
            }
        }
    }
}

impl<T> Receiver<T> {
    /// Takes a task; `None` after the last one.
    pub(super) fn receive(&self) -> Option<T> {
        let is_empty = |state: &mut State<T>| state.task.is_none() && !state.has_ended;
        let waited = self.0.changed.wait_while(self.0.lock(), is_empty);
        let task = waited.unwrap_or_else(PoisonError::into_inner).task.take();
        self.0.changed.notify_all();
        task
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn tasks_are_taken_in_order_up_to_the_last() {
        let (sender, receiver) = queue();
        let taken = std::thread::spawn(move || std::iter::from_fn(|| receiver.receive()).collect::<Vec<_>>());
        (0..100).for_each(|task| sender.send(task, LONG).unwrap());
        drop(sender);
        assert!(taken.join().unwrap().into_iter().eq(0..100));
    }

    #[test]
    fn full_queue_is_not_waited_for_without_end() {
        let (sender, _receiver) = queue();
        sender.send(1, LONG).unwrap();
        assert_eq!(sender.send(2, Duration::from_millis(10)), Err(NotSent::Full));
    }

    #[test]
    fn dropped_receiver_ends_the_wait() {
        let (sender, receiver) = queue();
        sender.send(1, LONG).unwrap();
        let waiting = std::thread::spawn(move || sender.send(2, LONG));
        drop(receiver);
        assert_eq!(waiting.join().unwrap(), Err(NotSent::Ended));
    }
}
