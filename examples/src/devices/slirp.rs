//! QEMU's user network: its section "slirp", which is written by hand and has no description.
//!
//! What is by hand is little: connections one after the other, each behind a mark, and then a zero. The rest are the
//! fields of libslirp's `vmstate_slirp` (`src/state.c`).

use vmstate::prelude::*;
use vmstate::section::RawSection;

/// The version of the section in QEMU 7.2 and 10.0.
pub const VERSION: u32 = 4;

/// A network in which no connection to a program of the host is open.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "slirp", version = 4, post_load = Self::check)]
pub struct Slirp {
    /// The mark of a connection, or 0.
    pub more: u8,
    /// The number of the next packet.
    #[vmstate(since = 2)]
    pub ip_id: u16,
    /// Who has an address.
    #[vmstate(since = 3)]
    pub bootp_clients: [BootpClient; 16],
}

/// Somebody who has an address.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "slirp_bootp_client")]
pub struct BootpClient {
    /// Whether there is somebody.
    pub allocated: u16,
    /// Who it is.
    #[vmstate(buffer)]
    pub macaddr: [u8; 6],
}

impl Slirp {
    fn check(&mut self) -> Result<(), LoadError> {
        match self.more {
            0 => Ok(()),
            more => Err(LoadError::rejected("no open connections", more)),
        }
    }
}

impl RawSection for Slirp {
    fn save(&mut self, out: &mut Writer) -> Result<(), SaveError> {
        VmState::save(self, out)
    }

    fn load(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError> {
        VmState::load(self, reader, version)
    }
}
