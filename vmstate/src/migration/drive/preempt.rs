//! The thread of a destination that reads the channel for requested pages (`postcopy-preempt`), and places them.
//!
//! (QEMU: `postcopy_preempt_thread` in `migration/postcopy-ram.c`.)

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use vmstate_types::Reader;

use super::channel::Channel;
use super::socket::Socket;
use crate::memory::MemoryError;
use crate::ram::{PlacePages, PreemptRam};

/// The channel for requested pages.
pub(super) struct Preempt<P> {
    /// Closes the connection when it is dropped.
    channel: Option<Channel>,
    reader: thread::JoinHandle<()>,
    place: Gate<P>,
    error: Arc<Mutex<Option<String>>>,
}

impl<P: PlacePages + Send + 'static> Preempt<P> {
    /// Reads `channel` until its end. An error ends the connection `main`, too: then the migration is paused.
    pub(super) fn start(mut channel: Channel, main: Socket, ram: PreemptRam, place: Gate<P>) -> io::Result<Self> {
        if let Some(socket) = channel.socket() {
            // Requests may be rare. The main channel finds a dead source.
            socket.set_read_timeout(None)?;
        }
        let input = channel.input.take().ok_or(io::ErrorKind::NotConnected)?;
        let error = Arc::default();
        let reader = thread::spawn({
            let (error, place) = (Arc::clone(&error), place.clone());
            move || read(input, ram, &main, &place, &error)
        });
        Ok(Self { channel: Some(channel), reader, place, error })
    }

    /// Returns whether more pages can arrive.
    pub(super) fn is_reading(&self) -> bool {
        !self.reader.is_finished()
    }

    /// Returns the error that has ended the channel.
    pub(super) fn error(&self) -> Option<String> {
        lock(&self.error).clone()
    }

    /// Places nothing anymore: all pages have arrived. The connection is kept, because a source may still write its end.
    pub(super) fn end(&self) {
        lock(&self.place.0).take();
    }

    /// Closes the connection.
    pub(super) fn close(&mut self) {
        self.channel = None;
    }

    /// Waits until the last page is placed, after the connection was closed.
    pub(super) fn join(mut self) {
        self.close();
        // A panic of the thread has ended the channel as an error does.
        let _ = self.reader.join();
    }
}

fn read<P: PlacePages>(
    input: File,
    mut ram: PreemptRam,
    main: &Socket,
    place: &Gate<P>,
    error: &Mutex<Option<String>>,
) {
    let loaded = ram.load(&mut Reader::from_read(input));
    // After the end of postcopy, the source closes the connection.
    if let Err(reason) = loaded
        && lock(&place.0).is_some()
    {
        *lock(error) = Some(format!("channel for requested pages: {reason}"));
        main.shut_down();
    }
}

/// Places pages until the end of postcopy.
pub(super) struct Gate<P>(Arc<Mutex<Option<P>>>);

impl<P> Gate<P> {
    pub(super) fn new(place: P) -> Self {
        Self(Arc::new(Mutex::new(Some(place))))
    }
}

impl<P> Clone for Gate<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: PlacePages> Gate<P> {
    fn with(&self, place: impl FnOnce(&mut P) -> Result<(), MemoryError>) -> Result<(), MemoryError> {
        match &mut *lock(&self.0) {
            Some(placer) => place(placer),
            None => Ok(()),
        }
    }
}

impl<P: PlacePages> PlacePages for Gate<P> {
    fn place(&mut self, block: usize, offset: u64, page: &[u8]) -> Result<(), MemoryError> {
        self.with(|placer| placer.place(block, offset, page))
    }

    fn place_zeros(&mut self, block: usize, bytes: Range<u64>) -> Result<(), MemoryError> {
        self.with(|placer| placer.place_zeros(block, bytes))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // All changes are complete when a thread panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
