//! The forms that have no counterpart among QEMU's macros, one device for each.
//!
//! A property is checked for all of them by [`check`], so that a new form needs one row here instead of one test for
//! each property. A row names the form's section in the book of attributes.

mod composed;
mod foreign;
mod generic;
mod structs;
mod values;

use std::any::Any;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use vmstate::VmState;
use vmstate::laws::{Choices, Laws};

/// The limit of growing collections: more than any test sends.
pub const MAX: usize = 0x4000_0000;

/// A form, in a device of which it is the field `value`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Form<T> {
    /// The name of the row.
    pub name: &'static str,
    /// The page of the book of attributes.
    pub page: &'static str,
    /// The heading on the page, or a type in its table.
    pub heading: &'static str,
    /// Creates a device in any state. Without choices, it is as after a reset.
    pub make: fn(&mut Choices) -> T,
    /// Creates the device that is saved as `bytes`.
    pub example: fn() -> T,
    /// The payload of the example, written by hand.
    pub bytes: Vec<u8>,
    /// The bytes of a payload before each number of elements that determines the memory of a load.
    pub counts: Vec<Vec<u8>>,
    /// The memory of an item for each of its bytes.
    pub times: u64,
}

impl<T: VmState> Form<T> {
    /// Creates a device as after a reset, into which streams are loaded.
    #[must_use]
    pub fn fresh(&self) -> T {
        (self.make)(&mut Choices::none())
    }

    /// Returns the laws of the device.
    #[must_use]
    pub fn laws(&self) -> Laws<T>
    where
        T: 'static,
    {
        Laws::new(self.make)
    }
}

/// A property of all forms.
pub trait Property {
    /// Panics if `form` does not have the property.
    fn check<T: VmState + Debug + Send + 'static>(&self, form: &Form<T>);
}

/// Checks a property of all forms.
///
/// # Panics
/// Panics with the names of all forms that do not have it.
pub fn check(property: &impl Property) {
    let mut failures = Vec::new();
    visit(
        &mut |name, run| {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
                failures.push(format!("{name}: {}", text(&*panic)));
            }
        },
        property,
    );
    assert!(failures.is_empty(), "{} forms fail:\n{}", failures.len(), failures.join("\n"));
}

/// Calls `run` with the check of each form.
fn visit(run: &mut dyn FnMut(&str, &mut dyn FnMut()), property: &impl Property) {
    values::visit(run, property);
    composed::visit(run, property);
    foreign::visit(run, property);
    structs::visit(run, property);
    generic::visit(run, property);
}

/// Returns the message of a panic.
fn text(panic: &(dyn Any + Send)) -> &str {
    let message = panic.downcast_ref::<String>().map(String::as_str);
    message.or_else(|| panic.downcast_ref().copied()).unwrap_or("a panic without a message")
}

/// Returns up to three items.
fn some<T>(choices: &mut Choices, mut item: impl FnMut(&mut Choices) -> T) -> Vec<T> {
    (0..choices.below(4)).map(|_| item(choices)).collect()
}

/// Returns a number of 16 bits.
fn word(choices: &mut Choices) -> u16 {
    u16::from_be_bytes([choices.byte(), choices.byte()])
}

/// Returns a short text.
fn letters(choices: &mut Choices) -> String {
    some(choices, |choices| char::from(b'a' + choices.byte() % 26)).into_iter().collect()
}

/// Defines the rows of a module:
///
/// ```text
/// name: "page" "heading",
///     [attributes of the struct] #[vmstate(attributes of the field)] Type,
///     |choices| any value,
///     value => [its bytes],
///     counts [bytes before a count, ...] times the memory for each byte;
/// ```
macro_rules! forms {
    ($(
        $name:ident: $page:literal $heading:literal,
        [$($on_struct:meta),*] $(#[$attribute:meta])* $ty:ty,
        $make:expr,
        $example:expr => [$($byte:expr),* $(,)?],
        counts [$($count:expr),* $(,)?] $(times $times:literal)?;
    )*) => {
        $(
            mod $name {
                #[allow(unused_imports)] // types of the standard prelude need none
                use super::*;

                #[derive(vmstate::VmState, Debug)]
                #[vmstate(name = "form")]
                $(#[$on_struct])*
                pub(super) struct Device {
                    pub(super) first: u8,
                    $(#[$attribute])*
                    pub(super) value: $ty,
                    pub(super) last: u16,
                }
            }
        )*

        pub(super) fn visit(run: &mut dyn FnMut(&str, &mut dyn FnMut()), property: &impl $crate::forms::Property) {
            $(
                run(stringify!($name), &mut || {
                    let counts: &[&[u8]] = &[$(&$count),*];
                    let form = $crate::forms::Form {
                        name: stringify!($name),
                        page: $page,
                        heading: $heading,
                        make: |choices| {
                            let value: fn(&mut vmstate::laws::Choices) -> $ty = $make;
                            $name::Device { first: choices.byte(), value: value(choices), last: choices.byte().into() }
                        },
                        example: || $name::Device { first: 0xf1, value: $example, last: 0xf2f3 },
                        bytes: [&[0xf1][..], &[$($byte),*], &[0xf2, 0xf3]].concat(),
                        times: [1 $(, $times)?].into_iter().max().unwrap_or(1),
                        counts: counts.iter().map(|before| [&[0xf1], *before].concat()).collect(),
                    };
                    property.check(&form);
                });
            )*
        }
    };
}

use forms;
