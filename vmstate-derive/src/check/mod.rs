//! Every rule that concerns more than one attribute.
//!
//! Each rule is a function `check_*`, whose comment shows an input that it rejects.

mod choice;
mod count;
mod device;
mod encoded;
mod enumeration;
mod field;
mod member;
mod name;
mod newtype;
mod remote;
mod subsection;
mod types;

use self::device::check_device;
use self::encoded::check_encoded;
use self::enumeration::{check_enumeration, check_tagged};
use self::newtype::check_newtype;
use self::remote::check_remote;
use crate::errors::Errors;
use crate::model::Input;

/// Reports every violated rule.
pub(crate) fn check(input: &Input<'_>, errors: &Errors) {
    match input {
        Input::Device(device) => check_device(device, errors),
        Input::Remote(device, _) => {
            check_device(device, errors);
            check_remote(device, errors);
        }
        Input::Enumeration(enumeration) => check_enumeration(enumeration, errors),
        Input::Tagged(tagged) => check_tagged(tagged, errors),
        Input::Encoded(encoded) => check_encoded(encoded, errors),
        Input::Newtype(newtype) => check_newtype(newtype, errors),
    }
}
