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

use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use super::objects::Objects;
use crate::snapshot::identity;
use crate::snapshot::{StoreError, StoreErrorKind};

const SAVES: &str = "saves";
const COLLECTIONS: &str = "collections";

/// The waits of saves and collections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// The time after which the object of a process is ignored.
    pub(super) lease: Duration,
    /// The longest wait for a collection.
    pub(super) patience: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { lease: Duration::from_secs(300), patience: Duration::from_secs(600) }
    }
}

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// An object that excludes others. Dropping it deletes it.
#[derive(Debug)]
struct Mark<'o> {
    objects: &'o dyn Objects,
    key: String,
    written: Instant,
    /// The time of the object store at which it was written.
    date: SystemTime,
}

impl<'o> Mark<'o> {
    fn new(objects: &'o dyn Objects, folder: &str) -> Result<Self, StoreError> {
        let written = Instant::now();
        let key = format!("{folder}/{}", identity::random());
        objects.put(&key, format!("{}\n", std::process::id()).into_bytes())?;
        let mut mark = Self { objects, key, written, date: SystemTime::UNIX_EPOCH };
        mark.date = mark.date()?;
        Ok(mark)
    }

    /// Returns its date, or an error if another process has deleted it.
    fn date(&self) -> Result<SystemTime, StoreError> {
        let found = self.objects.head(&self.key)?;
        found.map(|(_, date)| date).ok_or_else(|| {
            let message = "this process was suspended for so long that others have ignored it; try again";
            StoreError::new(StoreErrorKind::Io, message)
        })
    }

    /// Deletes the objects of processes that have ended. Returns whether others exist.
    fn finds_others(&self, folder: &str, lease: Duration) -> Result<bool, StoreError> {
        let mut others = false;
        for key in self.objects.list(folder)? {
            let is_expired = |date| self.date.duration_since(date).is_ok_and(|age| age > lease);
            match self.objects.head(&key)? {
                Some((_, date)) if is_expired(date) => self.objects.delete(&key)?,
                // An object that was deleted meanwhile may have been renewed under a name that is not in the list.
                _ => others = true,
            }
        }
        Ok(others)
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        // Otherwise it is ignored after the time of a lease.
        let _ = self.objects.delete(&self.key);
    }
}

/// A save, during which no chunk is deleted, or a collection of unused chunks, during which no snapshot is saved.
#[derive(Debug)]
pub(super) struct Lease<'o> {
    mark: Mark<'o>,
    folder: &'static str,
    duration: Duration,
}

impl<'o> Lease<'o> {
    /// Begins a save, after collections have ended.
    pub(super) fn of_save(objects: &'o dyn Objects, times: Times) -> Result<Self, StoreError> {
        let (mark, start) = (Mark::new(objects, SAVES)?, Instant::now());
        let mut lease = Self { mark, folder: SAVES, duration: times.lease };
        while lease.mark.finds_others(COLLECTIONS, times.lease)? {
            if start.elapsed() > times.patience {
                let message = "another process deletes unused chunks; save again later";
                return Err(StoreError::new(StoreErrorKind::Io, message));
            }
            sleep(PAUSE);
            lease.proceed()?;
        }
        Ok(lease)
    }

    /// Begins a collection, or returns `None` if a save is in progress.
    pub(super) fn of_collection(objects: &'o dyn Objects, times: Times) -> Result<Option<Self>, StoreError> {
        let mark = Mark::new(objects, COLLECTIONS)?;
        // Collections at the same time are harmless; the objects of killed ones are deleted.
        mark.finds_others(COLLECTIONS, times.lease)?;
        let saves = mark.finds_others(SAVES, times.lease)?;
        Ok((!saves).then_some(Self { mark, folder: COLLECTIONS, duration: times.lease }))
    }

    /// Renews the lease if a part of it has passed.
    pub(super) fn proceed(&mut self) -> Result<(), StoreError> {
        if self.mark.written.elapsed() < self.duration / 8 {
            return Ok(());
        }
        // Another object, because the old one could be deleted between a look and a write.
        let renewed = Mark::new(self.mark.objects, self.folder)?;
        self.mark.date()?;
        self.mark = renewed;
        Ok(())
    }

    /// Checks that no other process has given up this one.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.mark.date().map(drop)
    }
}
