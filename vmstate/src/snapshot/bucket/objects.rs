//! Requests to an object store. Each has a deadline.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::TryStreamExt;
use object_store::path::{Path, PathPart};
use object_store::{Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use tokio::runtime::{Builder, Runtime};

use crate::snapshot::{StoreError, StoreErrorKind};

/// The longest wait for a request that transfers nothing: a fraction of a lease.
pub(super) const SHORT_TIMEOUT: Duration = Duration::from_secs(10);

/// Advice for rejected requests.
const CREDENTIALS: &str = "; check the credentials and their permissions";
const BUCKET: &str = "; check the name of the bucket";

/// The objects of a store, by keys that begin below its prefix.
pub(super) trait Objects: fmt::Debug + Send + Sync {
    /// Writes an object, or replaces it.
    fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), StoreError>;

    /// Writes an object that does not exist. Returns `false` if it exists.
    fn create(&self, key: &str, bytes: Vec<u8>) -> Result<bool, StoreError>;

    /// Reads an object of at most `most` bytes. Returns `None` if it does not exist.
    fn get(&self, key: &str, most: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Returns the size of an object, and the time at which it was written. Returns `None` if it does not exist.
    fn head(&self, key: &str) -> Result<Option<(u64, SystemTime)>, StoreError>;

    /// Deletes an object. Success, if it does not exist.
    fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// Lists the keys of all objects that begin with `folder` and a slash.
    fn list(&self, folder: &str) -> Result<Vec<String>, StoreError>;
}

/// The objects of an object store.
pub(super) struct Remote {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    timeout: Duration,
    /// The requests run on its thread, so that callers may be in another runtime. It is present until this is dropped.
    runtime: Option<Runtime>,
}

impl Remote {
    pub(super) fn new(store: Arc<dyn ObjectStore>, prefix: &str, timeout: Duration) -> Result<Self, StoreError> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("object store").enable_all().build();
        let runtime = runtime.map_err(|error| {
            let message = "cannot start a thread for an object store; raise the limit of threads";
            StoreError::new(StoreErrorKind::Io, message).with_source(error)
        })?;
        Ok(Self { store, prefix: Path::from(prefix), timeout, runtime: Some(runtime) })
    }

    fn short_timeout(&self) -> Duration {
        self.timeout.min(SHORT_TIMEOUT)
    }

    fn path(&self, key: &str) -> Path {
        // Part by part: the parts of the prefix are encoded already.
        let parts = key.split('/').filter(|part| !part.is_empty()).map(PathPart::from);
        Path::from_iter(self.prefix.parts().chain(parts))
    }

    /// Runs a request. Returns `None` if it has failed with an error for which `is_answer` returns `true`.
    fn run<T: Send + 'static>(
        &self,
        (operation, timeout): (&str, Duration),
        key: &str,
        is_answer: fn(&Error) -> bool,
        request: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let failed = |reason: &str| {
            let place = self.path(key);
            StoreError::new(StoreErrorKind::Io, format!("{operation} `{place}` in `{}`{reason}", self.store))
        };
        let (sender, result) = sync_channel(1);
        let Some(runtime) = &self.runtime else { return Err(failed("")) };
        let task = runtime.spawn(async move {
            // The receiver may have given up.
            let _ = sender.send(request.await);
        });
        match result.recv_timeout(timeout) {
            Ok(Ok(value)) => Ok(Some(value)),
            Ok(Err(error)) if is_answer(&error) => Ok(None),
            Ok(Err(error)) => Err(failed(self.remedy(&error)).with_source(error)),
            Err(RecvTimeoutError::Timeout) => {
                task.abort();
                let reply = format!(": no reply within {} seconds", timeout.as_secs());
                Err(failed(&format!("{reply}; check that the object store can be reached")))
            }
            Err(RecvTimeoutError::Disconnected) => Err(failed(": the request has panicked")),
        }
    }

    /// Returns the advice for an error.
    fn remedy(&self, error: &Error) -> &'static str {
        let store = self.store.to_string();
        match error {
            // The system's reason follows.
            _ if store.starts_with("LocalFileSystem") || store.starts_with("InMemory") => "",
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => CREDENTIALS,
            Error::NotFound { .. } => BUCKET,
            _ => match status(&error.to_string()) {
                Some("401" | "403") => CREDENTIALS,
                Some("404") => BUCKET,
                _ => "; check that the object store can be reached",
            },
        }
    }

    fn put_with(&self, key: &str, bytes: Vec<u8>, mode: PutMode) -> Result<bool, StoreError> {
        let (store, path, payload) = (self.store.clone(), self.path(key), PutPayload::from(bytes));
        let options = PutOptions { mode, ..PutOptions::default() };
        let exists = |error: &Error| matches!(error, Error::AlreadyExists { .. });
        let put = self.run(("cannot write", self.timeout), key, exists, async move {
            store.put_opts(&path, payload, options).await
        });
        Ok(put?.is_some())
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // All requests have ended or were given up. Waiting for them panics in another runtime.
            runtime.shutdown_background();
        }
    }
}

/// Returns the HTTP status that the text of an error names: the errors of lists have no other access to it.
pub(super) fn status(error: &str) -> Option<&str> {
    let (_, status) = error.split_once("status code: ")?;
    status.split_whitespace().next()
}

fn is_missing(error: &Error) -> bool {
    matches!(error, Error::NotFound { .. })
}

fn never(_: &Error) -> bool {
    false
}

impl Objects for Remote {
    fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.put_with(key, bytes, PutMode::Overwrite).map(drop)
    }

    fn create(&self, key: &str, bytes: Vec<u8>) -> Result<bool, StoreError> {
        self.put_with(key, bytes, PutMode::Create)
    }

    fn get(&self, key: &str, most: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let (store, path) = (self.store.clone(), self.path(key));
        let read = self.run(("cannot read", self.timeout), key, is_missing, async move {
            let found = store.get_opts(&path, GetOptions::default()).await?;
            let size = found.meta.size;
            if size > most { Ok(Err(size)) } else { found.bytes().await.map(Ok) }
        });
        match read? {
            None => Ok(None),
            Some(Ok(bytes)) => Ok(Some(bytes.into())),
            Some(Err(size)) => {
                let message = format!("expected at most {most} bytes in `{}`, found {size}", self.path(key));
                Err(StoreError::new(StoreErrorKind::Damaged, message))
            }
        }
    }

    fn head(&self, key: &str) -> Result<Option<(u64, SystemTime)>, StoreError> {
        let (store, path) = (self.store.clone(), self.path(key));
        let found =
            self.run(("cannot find", self.short_timeout()), key, is_missing, async move { store.head(&path).await })?;
        Ok(found.map(|meta| {
            let milliseconds = u64::try_from(meta.last_modified.timestamp_millis()).unwrap_or(0);
            (meta.size, UNIX_EPOCH + Duration::from_millis(milliseconds))
        }))
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        let (store, path) = (self.store.clone(), self.path(key));
        self.run(("cannot delete", self.short_timeout()), key, is_missing, async move { store.delete(&path).await })
            .map(drop)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let (store, path) = (self.store.clone(), self.path(folder));
        let list = async move { store.list(Some(&path)).map_ok(|meta| meta.location).try_collect::<Vec<_>>().await };
        let found = self.run(("cannot list", self.timeout), folder, never, list)?.unwrap_or_default();
        let key = |path: &Path| {
            let parts: Vec<_> = path.prefix_match(&self.prefix)?.map(|part| part.as_ref().to_owned()).collect();
            Some(parts.join("/"))
        };
        Ok(found.iter().filter_map(key).collect())
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("store", &self.store).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
