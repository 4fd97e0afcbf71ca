//! Values that must be equal on source and destination: QEMU's `uint8 equal` and its family.

use alloc::format;
use alloc::string::String;

use super::{Info, NOWHERE, several_fields};
use crate::description::{Count, Form, Kind};
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::{Reader, Writer};

/// `#[vmstate(equal)]`: a load compares the value with the local one, which never changes.
///
/// Use it for values that are part of a device's configuration: queue counts, sizes, identifiers, hashes of ROMs. The
/// encoded values are compared, so that the type needs no `PartialEq`.
#[derive(Debug)]
pub struct Equal;

impl<T: Wire> Info<T> for Equal {
    const NAME: &'static str = "";
    const FORM: Form = T::EQUAL;
    const EXCLUSIVE: Option<&'static str> = T::EXCLUSIVE;

    several_fields!(T);

    fn save_elements<S: Sink>(
        value: &mut T,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        value.save_elements(sink, at, element)
    }

    fn share_elements<S: Sink>(value: &T, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        value.share_elements(sink, at, element)
    }

    fn load_elements(value: &mut T, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        // A load does not change the value, but a hook of the failed load may have.
        if reader.is_checkpoint() {
            return value.load_elements(reader);
        }
        let mut local = Writer::new();
        let saved = value.save_elements(&mut local, NOWHERE, ElementIndex::ONLY);
        saved.map_err(|error| LoadError::misuse("a local value that can be saved", error))?;
        compare(local.pending(), reader, T::EQUAL)
    }
}

/// Consumes as many bytes as `local` has and compares them.
///
/// Two different values cannot be prefixes of each other: lengths come first.
fn compare(local: &[u8], reader: &mut Reader<'_>, form: Form) -> Result<(), LoadError> {
    let start = reader.offset();
    let mut rest = local;
    while let Some((expected, next)) = rest.split_at_checked(rest.len().min(CHUNK)).filter(|_| !rest.is_empty()) {
        let incoming = reader.take(expected.len())?;
        if incoming != expected {
            return Err(different(expected, incoming, form).at_offset(start));
        }
        rest = next;
    }
    Ok(())
}

/// The number of bytes that are compared at once.
const CHUNK: usize = 64;

#[cold]
fn different(local: &[u8], incoming: &[u8], form: Form) -> LoadError {
    let error = LoadError::incompatible(format!("{}, the local value", shown(local, form)), shown(incoming, form))
        .or_advice("use the same configuration on source and destination");
    match form {
        Form { kind: Kind::Info(name), count: Count::One, .. } if name.ends_with(" equal") => {
            error.with_qemu_message(format!("{:x} != {:x}", number(local), number(incoming)))
        }
        _ => error,
    }
}

/// Returns the value as a number if QEMU has an info for it, or its bytes.
fn shown(bytes: &[u8], form: Form) -> String {
    match (form.kind, form.count, bytes) {
        (Kind::Info("int32 equal"), Count::One, &[a, b, c, d]) => {
            let signed = i32::from_be_bytes([a, b, c, d]);
            format!("{signed} ({signed:#x})")
        }
        (Kind::Info(name), Count::One, _) if name.ends_with(" equal") => {
            format!("{0} ({0:#x})", number(bytes))
        }
        _ => bytes.iter().fold(String::from("0x"), |text, byte| text + &format!("{byte:02x}")),
    }
}

/// Returns the big-endian number in at most eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn value_in_a_poisoned_lock_is_not_compared() {
        let mut lock = Mutex::new(7_u8);
        let load = |lock: &mut Mutex<u8>, byte| Equal::load_elements(lock, &mut Reader::from_slice(&[byte]));
        load(&mut lock, 7).unwrap();
        load(&mut lock, 8).unwrap_err();
        let poison = || {
            let _guard = lock.lock();
            panic!("while it is locked");
        };
        catch_unwind(AssertUnwindSafe(poison)).unwrap_err();
        assert_eq!(load(&mut lock, 7).unwrap_err().expected(), "a local value that can be saved");
    }
}
