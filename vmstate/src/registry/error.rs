//! Errors of registering a section.

use super::device::Unavailable;

/// The reason why a section cannot be registered.
///
/// It is a mistake in the program that assembles the machine, so it does not convert into load or save errors, which
/// programs handle at run time.
///
/// ```
/// use vmstate::prelude::*;
/// use vmstate::registry::RegisterError;
///
/// #[derive(VmState, Default)]
/// #[vmstate(name = "rtc")]
/// struct Rtc {
///     seconds: u64,
/// }
///
/// let mut machine = Machine::new();
/// let error = machine.register("", Rtc::default()).unwrap_err();
/// assert_eq!(error, RegisterError::Name { name: String::new(), length: 0 });
/// assert_eq!(error.to_string(), "section name `` has 0 bytes, expected 1 to 255");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The name does not fit the format.
    #[error("section name `{name}` has {length} bytes, expected 1 to 255")]
    Name {
        /// The name.
        name: String,
        /// Its length in bytes.
        length: usize,
    },
    /// Another section has the same name and instance id, so streams could not tell them apart.
    #[error("duplicate section `{name}`, instance {instance_id}: give one of them another instance id")]
    Duplicate {
        /// The name.
        name: String,
        /// The instance id.
        instance_id: u32,
    },
    /// Another section has the same section id, so streams could not tell their parts apart.
    #[error("duplicate section id {section_id} of `{name}` and `{other}`")]
    SectionId {
        /// The name.
        name: String,
        /// The name of the other section.
        other: String,
        /// The section id.
        section_id: u32,
    },
    /// The highest instance id is in use.
    #[error("no free instance id for `{name}`: the highest one is in use")]
    InstanceIds {
        /// The name.
        name: String,
    },
    /// The alias is obsolete: the device rejects every stream that uses it.
    #[error(
        "obsolete alias of `{name}`: only versions up to {required_for} use it, and the device reads version \
         {minimum_version} and newer"
    )]
    Alias {
        /// The name.
        name: String,
        /// The newest version with the alias.
        required_for: u32,
        /// The device's minimum version.
        minimum_version: u32,
    },
    /// The old name is not a part of the new one, so it is never looked up.
    #[error("old name `{compat}` is not a part of the name `{name}`")]
    Compat {
        /// The name.
        name: String,
        /// The old name.
        compat: String,
    },
    /// The device cannot be accessed.
    #[error("cannot access the device")]
    Unavailable(#[from] Unavailable),
}
