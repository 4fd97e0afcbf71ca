//! The place of postcopy on systems without page faults in user space.

use std::convert::Infallible;
use std::fs::File;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::host::HostMemory;
use super::return_path::ReturnPath;
use super::socket::Socket;
use crate::machine::Machine;
use crate::memory::PageSize;
use crate::migration::destination::DestinationInput;
use crate::migration::status::BlocktimeRecorder;
use crate::registry::{EntryId, RegisterError};
use crate::stream::{DiscardRange, ItemDecoder, PostcopyAdvice, StreamReader};

/// The package with the devices.
pub(super) struct Package {
    pub(super) bytes: Vec<u8>,
    pub(super) offset: u64,
    pub(super) items: ItemDecoder,
}

/// Postcopy, which cannot exist.
pub(super) struct Postcopy(Infallible);

impl Postcopy {
    pub(super) fn new(_: HostMemory, _: ReturnPath, _: Arc<Mutex<BlocktimeRecorder>>) -> Option<Self> {
        None
    }

    pub(super) fn register(&self, _: &mut Machine<'_>, _: PageSize) -> Result<EntryId, RegisterError> {
        match self.0 {}
    }

    pub(super) fn advise(&self, _: PostcopyAdvice) -> Result<(), String> {
        match self.0 {}
    }

    pub(super) fn discard(&mut self, _: &str, _: &[DiscardRange]) -> Result<(), String> {
        match self.0 {}
    }

    pub(super) fn listen(&mut self, _: &mut StreamReader<'_, '_>, _: u32, _: File) -> Result<Package, String> {
        match self.0 {}
    }

    pub(super) fn listen_again(&mut self, _: File) {
        match self.0 {}
    }

    pub(super) fn accept_preempt(&mut self, _: Channel, _: Socket) -> Result<(), String> {
        match self.0 {}
    }

    pub(super) fn next(&mut self, _: Option<Instant>) -> DestinationInput {
        match self.0 {}
    }

    pub(super) fn set_guest_runs(&mut self, _: bool) {
        match self.0 {}
    }

    pub(super) fn disconnect(&mut self) {
        match self.0 {}
    }

    pub(super) fn send_bitmap(&self, _: &str) -> Result<(), String> {
        match self.0 {}
    }

    pub(super) fn repeat_requests(&self) -> Result<(), String> {
        match self.0 {}
    }

    pub(super) fn finish(&mut self, _: Duration) -> Result<(), String> {
        match self.0 {}
    }
}
