//! Excludes saves and collections of unused chunks from each other.
//!
//! A save relies on chunks that exist before its snapshot refers to them. It first writes an object to `saves`, and then waits
//! until `collections` is empty. A collection first writes an object to `collections`, and gives up unless `saves` is empty.
//! A written object is listed at once, so at least one of two that begin at the same time finds the other.
//!
//! An object that was not renewed for the time of a lease belongs to a process that has ended, and is deleted by the others. A
//! save or collection whose object was deleted fails: a save looks after it has written its snapshot, a collection before each
//! deletion if an eighth of the lease has passed. Only a collection that is suspended for the rest of the lease between a look
//! and the deletion that follows can delete a chunk of a save. All ages are differences between times of the object store.
//!
//! A thread renews the object of a save, because the upload of a chunk can take longer than a lease. A collection renews its
//! object itself: it must not delete anything if it was suspended. Its deletions have a short deadline
//! ([`SHORT_TIMEOUT`]), and begin only while its object is young, so that none is executed after the lease.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::{Duration, Instant, SystemTime};

use super::objects::Objects;
use crate::snapshot::identity;
use crate::snapshot::{StoreError, StoreErrorKind};

#[cfg(doc)]
use super::objects::SHORT_TIMEOUT;

pub(super) const SAVES: &str = "saves";
pub(super) const COLLECTIONS: &str = "collections";

/// The waits of saves and collections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// The time after which the object of a process is ignored.
    pub(super) lease: Duration,
    /// The age of the object of a collection from which on it deletes nothing. With the deadline of a deletion, it is less than
    /// a lease.
    pub(super) fresh: Duration,
    /// The longest wait for a collection.
    pub(super) patience: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { lease: Duration::from_secs(20), fresh: Duration::from_secs(5), patience: Duration::from_secs(600) }
    }
}

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// An object that excludes others. Dropping it deletes it.
#[derive(Debug)]
struct Mark {
    objects: Arc<dyn Objects>,
    key: String,
    written: Instant,
    /// The time of the object store at which it was written.
    date: SystemTime,
}

impl Mark {
    fn new(objects: Arc<dyn Objects>, folder: &str) -> Result<Self, StoreError> {
        let written = Instant::now();
        let key = format!("{folder}/{}", identity::random());
        objects.put(&key, format!("{}\n", std::process::id()).into_bytes())?;
        let mut mark = Self { objects, key, written, date: SystemTime::UNIX_EPOCH };
        mark.date = date(&*mark.objects, &mark.key)?.ok_or_else(was_ignored)?;
        Ok(mark)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        // Otherwise it is ignored after the time of a lease.
        let _ = self.objects.delete(&self.key);
    }
}

/// Returns the time at which an object was written, or `None` if it does not exist.
fn date(objects: &dyn Objects, key: &str) -> Result<Option<SystemTime>, StoreError> {
    Ok(objects.head(key)?.map(|(_, date)| date))
}

fn was_ignored() -> StoreError {
    let message = "this process was suspended for so long that others have ignored it; try again";
    StoreError::new(StoreErrorKind::Io, message)
}

/// The current object of a save or collection.
#[derive(Debug)]
struct Current {
    mark: Mutex<Mark>,
    folder: &'static str,
}

impl Current {
    fn lock(&self) -> MutexGuard<'_, Mark> {
        self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the time since the object was written.
    fn age(&self) -> Duration {
        self.lock().written.elapsed()
    }

    /// Replaces the object by another one, because the old one could be deleted between a look and a write.
    fn renew(&self) -> Result<(), StoreError> {
        let (objects, key) = {
            let mark = self.lock();
            (mark.objects.clone(), mark.key.clone())
        };
        let renewed = Mark::new(objects.clone(), self.folder)?;
        date(&*objects, &key)?.ok_or_else(was_ignored)?;
        let old = std::mem::replace(&mut *self.lock(), renewed);
        // Without the lock: it is a request.
        drop(old);
        Ok(())
    }

    /// Deletes the objects of processes that have ended. Returns whether others exist.
    fn finds_others(&self, folder: &str, lease: Duration) -> Result<bool, StoreError> {
        let (objects, now) = {
            let mark = self.lock();
            (mark.objects.clone(), mark.date)
        };
        let mut others = false;
        for key in objects.list(folder)? {
            let is_expired = |date| now.duration_since(date).is_ok_and(|age| age > lease);
            match objects.head(&key)? {
                Some((_, date)) if is_expired(date) => objects.delete(&key)?,
                // An object that was deleted meanwhile may have been renewed under a name that is not in the list.
                _ => others = true,
            }
        }
        Ok(others)
    }

    /// Checks that no other process has deleted the object.
    fn check(&self) -> Result<(), StoreError> {
        loop {
            let (objects, key) = {
                let mark = self.lock();
                (mark.objects.clone(), mark.key.clone())
            };
            let found = date(&*objects, &key)?;
            // Otherwise it was renewed meanwhile.
            if self.lock().key == key {
                return found.map(drop).ok_or_else(was_ignored);
            }
        }
    }
}

/// The thread that renews the object of a save. Dropping it waits for its last request.
#[derive(Debug)]
struct Renewal {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Renewal {
    fn start(current: Arc<Current>, lease: Duration) -> Result<Self, StoreError> {
        let (stop, stopped) = channel::<()>();
        let renew = move || {
            while stopped.recv_timeout((lease / 4).max(PAUSE)) == Err(RecvTimeoutError::Timeout) {
                // After an error the next attempt follows. The save looks at the object at its end.
                let _ = current.renew();
            }
        };
        let thread = Builder::new().name("lease".to_owned()).spawn(renew).map_err(|error| {
            let message = "cannot start a thread for a save; raise the limit of threads";
            StoreError::new(StoreErrorKind::Io, message).with_source(error)
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic has been reported.
            let _ = thread.join();
        }
    }
}

/// A save, during which no chunk is deleted, or a collection of unused chunks, during which no snapshot is saved.
#[derive(Debug)]
pub(super) struct Lease {
    /// Ends before the object is deleted.
    renewal: Option<Renewal>,
    current: Arc<Current>,
    times: Times,
}

impl Lease {
    fn new(objects: &Arc<dyn Objects>, folder: &'static str, times: Times) -> Result<Self, StoreError> {
        let mark = Mutex::new(Mark::new(objects.clone(), folder)?);
        Ok(Self { renewal: None, current: Arc::new(Current { mark, folder }), times })
    }

    /// Begins a save, after collections have ended.
    pub(super) fn of_save(objects: &Arc<dyn Objects>, times: Times) -> Result<Self, StoreError> {
        let (mut lease, start) = (Self::new(objects, SAVES, times)?, Instant::now());
        lease.renewal = Some(Renewal::start(lease.current.clone(), times.lease)?);
        while lease.finds(COLLECTIONS)? {
            if start.elapsed() > times.patience {
                let message = "another process deletes unused chunks; save again later";
                return Err(StoreError::new(StoreErrorKind::Io, message));
            }
            sleep(PAUSE);
        }
        Ok(lease)
    }

    /// Begins a collection, or returns `None` if a save is in progress.
    pub(super) fn of_collection(objects: &Arc<dyn Objects>, times: Times) -> Result<Option<Self>, StoreError> {
        let lease = Self::new(objects, COLLECTIONS, times)?;
        // Collections at the same time are harmless; the objects of killed ones are deleted.
        lease.finds(COLLECTIONS)?;
        let saves = lease.finds(SAVES)?;
        Ok((!saves).then_some(lease))
    }

    /// Deletes the objects of processes that have ended. Returns whether others exist.
    fn finds(&self, folder: &str) -> Result<bool, StoreError> {
        self.current.finds_others(folder, self.times.lease)
    }

    /// Renews the lease of a collection if a part of it has passed.
    ///
    /// # Errors
    /// Returns an error if another process has given up this one, or will soon.
    pub(super) fn proceed(&self) -> Result<(), StoreError> {
        if self.current.age() < self.times.lease / 8 {
            return Ok(());
        }
        self.current.renew()?;
        match self.current.age() > self.times.fresh {
            true => Err(StoreError::new(StoreErrorKind::Io, "the object store answers too slowly; try again")),
            false => Ok(()),
        }
    }

    /// Checks that no other process has given up this one.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.current.check()
    }
}
