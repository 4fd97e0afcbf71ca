//! QEMU's machines: the devices and sections of each.
//!
//! ```
//! # let stream = include_bytes!("../../../tests/streams/qemu-7.2-spike.gz");
//! # let mut bytes = Vec::new();
//! # std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&stream[..]), &mut bytes).unwrap();
//! use vmstate::schema::Release;
//! use vmstate_examples::machines::spike::Spike;
//! use vmstate_examples::machines::{Board, assemble};
//!
//! let mut spike = Spike::new(Release::Qemu7_2);
//! assemble(&mut spike, &[])?.load(&bytes[..])?;
//! assert_eq!(spike.cpu.privilege, 3, "it was in its firmware");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use vmstate::VmState;
use vmstate::description::Priority;
use vmstate::machine::Machine;
use vmstate::memory::{PageSize, VecBlock};
use vmstate::ram::Ram;
use vmstate::registry::{Device, RegisterError, Registration};
use vmstate::schema::Release;
use vmstate::stream::SectionHeader;

use crate::devices::apic::Apic;
use crate::devices::globalstate::{GlobalState, GlobalState7_2};
use crate::devices::slirp::{self, Slirp};

pub mod chips;
pub mod isapc;
pub mod microvm;
pub mod pc;
pub mod q35;
pub mod spike;
pub mod virt;

/// A machine of QEMU.
pub trait Board {
    /// Creates the machine of a release, after reset.
    fn new(release: Release) -> Self;

    /// Returns its sections, in any order.
    fn sections(&mut self) -> Vec<Section<'_>>;
}

/// A section: its name, instance ID and state.
pub struct Section<'d> {
    name: &'static str,
    instance_id: u32,
    /// The priority, if it is not the device's.
    priority: Option<Priority>,
    state: State<'d>,
}

/// The owner of a section's state.
enum State<'d> {
    Described(&'d mut (dyn Device + Send)),
    UserNetwork(&'d mut Slirp),
    Memory(&'d mut [VecBlock]),
}

impl<'d> Section<'d> {
    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the instance ID.
    #[must_use]
    pub fn instance_id(&self) -> u32 {
        self.instance_id
    }

    /// Returns the device, if the section has a description.
    #[must_use]
    pub fn into_device(self) -> Option<&'d mut (dyn Device + Send)> {
        match self.state {
            State::Described(device) => Some(device),
            State::UserNetwork(_) | State::Memory(_) => None,
        }
    }

    /// Returns the registration of the section.
    #[must_use]
    pub fn into_registration(self) -> Registration<'d> {
        let registration = match self.state {
            State::Described(device) => Registration::device(self.name, device),
            State::UserNetwork(slirp) => Registration::raw(self.name, slirp::VERSION, slirp),
            State::Memory(blocks) => {
                Registration::live(self.name, vmstate::ram::VERSION, Ram::new(PageSize::DEFAULT, blocks))
            }
        };
        let registration = registration.instance_id(self.instance_id);
        match self.priority {
            Some(priority) => registration.priority(priority),
            None => registration,
        }
    }
}

/// Registers the sections of `board`. The sections in `headers` come first, in their order and with their IDs.
///
/// QEMU numbers sections in the order in which it creates devices, which differs between releases. A load does not
/// depend on it, but writing the same bytes does.
///
/// # Errors
/// Returns an error if two sections have the same name and instance ID.
pub fn assemble<'d>(board: &'d mut impl Board, headers: &[SectionHeader]) -> Result<Machine<'d>, RegisterError> {
    let mut machine = Machine::new();
    let mut sections = board.sections();
    let place = |section: &Section<'_>| {
        headers.iter().position(|header| (&*header.name, header.instance_id) == (section.name, section.instance_id))
    };
    sections.sort_by_key(|section| place(section).unwrap_or(usize::MAX));
    for section in sections {
        let header = place(&section).and_then(|index| headers.get(index));
        let registration = section.into_registration();
        machine.add(match header {
            Some(header) => registration.section_id(header.section_id),
            None => registration,
        })?;
    }
    machine.set_page_size(PageSize::DEFAULT);
    Ok(machine)
}

/// Creates the only section `name`.
fn only<'d>(name: &'static str, device: &'d mut (dyn Device + Send)) -> Section<'d> {
    numbered(name, 0, device)
}

/// Creates the section `name` with an instance ID.
fn numbered<'d>(name: &'static str, instance_id: u32, device: &'d mut (dyn Device + Send)) -> Section<'d> {
    Section { name, instance_id, priority: None, state: State::Described(device) }
}

/// Creates the section of the local APIC, which QEMU 11.1 saves before most others.
fn local_apic(apic: &mut Apic, release: Release) -> Section<'_> {
    let priority = (release >= Release::Qemu11_1).then_some(Priority::Apic);
    Section { priority, ..only("apic", apic) }
}

/// Creates the sections `name` of two devices.
fn pair<'d, T: VmState + Send>(name: &'static str, [first, second]: &'d mut [T; 2]) -> [Section<'d>; 2] {
    [numbered(name, 0, first), numbered(name, 1, second)]
}

/// Creates the section of QEMU's user network, which has no description.
fn user_network(slirp: &mut Slirp) -> Section<'_> {
    Section { name: "slirp", instance_id: 0, priority: None, state: State::UserNetwork(slirp) }
}

/// Creates the section of guest memory.
fn memory(blocks: &mut [VecBlock]) -> Section<'_> {
    Section { name: "ram", instance_id: 0, priority: None, state: State::Memory(blocks) }
}

/// A device whose description differs between the releases, although its version does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form<Old, New> {
    /// The device of QEMU 7.2.
    Of7_2(Old),
    /// The device of QEMU 10.0 and 11.1.
    Of10_0(New),
}

impl<Old: VmState + Default + Send, New: VmState + Default + Send> Form<Old, New> {
    /// Creates the device of a release, after reset.
    #[must_use]
    pub fn new(release: Release) -> Self {
        match release {
            Release::Qemu7_2 => Self::Of7_2(Old::default()),
            _ => Self::Of10_0(New::default()),
        }
    }

    fn device(&mut self) -> &mut (dyn Device + Send) {
        match self {
            Self::Of7_2(old) => old,
            Self::Of10_0(new) => new,
        }
    }
}

/// The run state of a machine.
pub type AnyGlobalState = Form<GlobalState7_2, GlobalState>;

/// Creates a RAM block of zeros.
fn block(name: &str, size: usize) -> VecBlock {
    VecBlock::new(name, vec![0; size])
}
