//! Machines of QEMU, made of its devices: which section of a stream is which device.

use vmstate::ram::VecBlock;
use vmstate::schema::{DescriptionWriter, Release};
use vmstate::{LoadError, Reader, SaveError, VmState, Writer, walk};

use crate::devices::globalstate::{GlobalState, GlobalState7_2};

pub mod chips;
pub mod isapc;
pub mod microvm;
pub mod pc;
pub mod q35;
pub mod spike;
pub mod virt;

/// A machine, as QEMU's `release` has it.
pub trait Machine {
    /// The machine of a release, as it is when it has been built.
    fn new(release: Release) -> Self;

    /// Its sections, in any order.
    fn sections(&mut self) -> Vec<Section<'_>>;

    /// Its memory, in the order of the blocks.
    fn ram(&mut self) -> &mut [VecBlock];
}

/// A section: its names in streams, and the device whose state it has.
pub struct Section<'d> {
    /// The name.
    pub name: &'static str,
    /// Which one of several of that name.
    pub instance_id: u32,
    /// The device.
    pub device: &'d mut dyn Device,
}

/// The section `name` of `device`, which is the only one of that name.
fn only<'d>(name: &'static str, device: &'d mut dyn Device) -> Section<'d> {
    Section { name, instance_id: 0, device }
}

/// The sections `name` of two devices of a kind.
fn pair<'d, T: Device>(name: &'static str, [first, second]: &'d mut [T; 2]) -> [Section<'d>; 2] {
    [Section { name, instance_id: 0, device: first }, Section { name, instance_id: 1, device: second }]
}

/// A device that the two releases describe differently, though at the same version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form<Old, New> {
    /// As in QEMU 7.2.
    Of7_2(Old),
    /// As in QEMU 10.0.
    Of10_0(New),
}

impl<Old: VmState + Default, New: VmState + Default> Form<Old, New> {
    /// The form of a release, as it is after a reset.
    #[must_use]
    pub fn new(release: Release) -> Self {
        match release {
            Release::Qemu7_2 => Self::Of7_2(Old::default()),
            _ => Self::Of10_0(New::default()),
        }
    }

    fn device(&mut self) -> &mut dyn Device {
        match self {
            Self::Of7_2(old) => old,
            Self::Of10_0(new) => new,
        }
    }
}

/// What a machine was doing.
pub type AnyGlobalState = Form<GlobalState7_2, GlobalState>;

/// A RAM block of zeros.
fn block(name: &str, size: usize) -> VecBlock {
    VecBlock::new(name, vec![0; size])
}

/// A device whose type is not known.
pub trait Device: vmstate::Device {
    /// Loads it as it was saved at `version`.
    ///
    /// # Errors
    /// Those of the device.
    fn load(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError>;

    /// Saves it as it was at `version`, and describes it.
    ///
    /// # Errors
    /// Those of the device.
    fn save(
        &mut self,
        version: u32,
        place: (&str, u32),
        description: &mut DescriptionWriter,
        out: &mut Writer,
    ) -> Result<(), SaveError>;
}

impl<T: VmState> Device for T {
    fn load(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError> {
        walk::load(self, reader, version).map_err(|error| error.in_field(T::DESCRIPTION.name))
    }

    fn save(
        &mut self,
        version: u32,
        (name, instance_id): (&str, u32),
        description: &mut DescriptionWriter,
        out: &mut Writer,
    ) -> Result<(), SaveError> {
        description.section_at(version, name, instance_id, self, out)
    }
}
