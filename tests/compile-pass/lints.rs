//! No lint of the user's crate finds anything in generated code.
#![deny(warnings, missing_docs, unused, unreachable_pub, unused_qualifications, elided_lifetimes_in_paths)]
#![deny(missing_debug_implementations, single_use_lifetimes, trivial_casts, unsafe_code, let_underscore_drop)]
#![deny(variant_size_differences, unused_results, non_ascii_idents, keyword_idents, unused_lifetimes)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]

use vmstate::{Info, LoadError, Reader, SaveError, Unused, VmState, Writer};

/// With one attribute of each kind.
#[derive(VmState, Debug, Default)]
#[vmstate(
    name = "dev",
    version = 3,
    minimum_version = 2,
    priority = Iommu,
    needed = Self::holds,
    pre_save = Self::hook,
    post_save = Self::hook,
    pre_load = Self::hook,
    post_load = Self::hook,
    subsection("dev/group", version = 2, needed = Self::holds, absent = default, post_save = Self::hook)
)]
#[deprecated]
pub struct Device {
    /// Documented.
    pub number: u8,
    #[vmstate(since = 3, default)]
    #[deprecated]
    array: [[u16; 2]; 3],
    #[vmstate(until = 2, default = zero)]
    old: u8,
    #[vmstate(when = Self::holds)]
    some: u8,
    #[vmstate(with = Byte)]
    byte: u8,
    #[vmstate(buffer, unused(before = 2, after = 1))]
    buffer: [u8; 3],
    #[vmstate(equal = "hint")]
    equal: u8,
    #[vmstate(le)]
    level: i32,
    #[vmstate(timer)]
    timer: Option<u64>,
    unused: Unused<4>,
    inner: Inner,
    #[vmstate(in = "dev/group")]
    grouped: u8,
    #[vmstate(subsection("dev/single", needed = Self::holds))]
    single: u8,
    #[vmstate(subsection("dev/option"))]
    option: Option<u8>,
    #[vmstate(subsection)]
    own: Own,
    #[vmstate(subsection)]
    own_option: Option<OwnOption>,
    #[vmstate(skip = "not needed", reset = zero)]
    skipped: u8,
}

#[allow(deprecated)]
impl Device {
    const fn holds(&self) -> bool {
        self.number == 0
    }

    const fn hook(&mut self) {
        self.number = 1;
    }
}

const fn zero() -> u8 {
    0
}

/// A byte.
#[derive(Debug)]
pub struct Byte;

impl Info<u8> for Byte {
    const NAME: &'static str = "byte";

    fn put(value: &u8, to: &mut Writer) -> Result<(), SaveError> {
        to.u8(*value);
        Ok(())
    }

    fn get(value: &mut u8, from: &mut Reader<'_>) -> Result<(), LoadError> {
        *value = from.u8()?;
        Ok(())
    }
}

#[derive(VmState, Debug, Default)]
struct Inner {
    value: i64,
}

#[derive(VmState, Debug, Default)]
#[vmstate(name = "dev/own")]
struct Own;

#[derive(VmState, Debug, Default)]
#[vmstate(name = "dev/own_option")]
struct OwnOption {
    real: f64,
}

/// With parameters of each kind.
#[derive(VmState, Debug)]
pub struct Generic<'a, T: vmstate::Wire + Copy, const N: usize> {
    values: [T; N],
    #[vmstate(skip = "borrowed")]
    name: &'a str,
}

#[allow(deprecated)]
fn main() {
    let mut device = Device::default();
    assert!(device.save(&mut Writer::new()).is_ok());
    let mut generic = Generic { values: [1_u8, 2], name: "two" };
    assert!(generic.save(&mut Writer::new()).is_ok() && !generic.name.is_empty());
}
