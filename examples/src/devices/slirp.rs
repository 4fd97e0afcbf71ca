//! QEMU's user network: its section "slirp", which is written by hand and has no description.
//!
//! The handwritten part is small: the connections, each after a marker, then a zero. The rest follows libslirp's
//! `vmstate_slirp` (`src/state.c`).

use vmstate::prelude::*;
use vmstate::section::RawSection;

/// The version of the section in QEMU 7.2 and 10.0.
pub const VERSION: u32 = 4;

/// A network without connections to programs on the host.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "slirp", version = 4, post_load = Self::check)]
pub struct Slirp {
    /// The marker of a connection, or 0 at the end.
    pub more: u8,
    /// The next IP packet ID.
    #[vmstate(since = 2)]
    pub ip_id: u16,
    /// The DHCP leases.
    #[vmstate(since = 3)]
    pub bootp_clients: [BootpClient; 16],
}

/// A DHCP lease.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "slirp_bootp_client")]
pub struct BootpClient {
    /// True if the lease is in use.
    pub allocated: u16,
    /// The MAC address.
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
