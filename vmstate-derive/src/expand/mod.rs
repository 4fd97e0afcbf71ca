//! From the model to code: the description, and the functions that save and load by it.
//!
//! Generated code names the library's items through `__vmstate`, an alias of its module `__private`.

mod access;
mod assertion;
mod default;
mod description;
mod device;
mod direction;
mod encoded;
mod enumeration;
mod exclusive;
mod fallback;
mod field;
mod fixed;
mod form;
mod gate;
mod hook;
mod hygiene;
mod implementor;
mod load;
mod newtype;
mod parent;
mod place;
mod remote;
mod run;
mod save;
mod state;
mod subsection;
mod tagged;
mod wire;

use proc_macro2::TokenStream;

use self::implementor::wrap;
use crate::model::{Input, generics};
use crate::parse;

/// The implementations for an input without errors.
pub(crate) fn expand(input: &Input<'_>, root: &TokenStream) -> TokenStream {
    let generics = generics(input);
    let items = match input {
        Input::Device(device) => device::expand(device, &generics),
        Input::Remote(device, ty) => remote::expand(device, ty),
        Input::Enumeration(enumeration) => enumeration::expand(enumeration, &generics),
        Input::Tagged(tagged) => tagged::expand(tagged, &generics),
        Input::Encoded(encoded) => encoded::expand(encoded, &generics),
        Input::Newtype(newtype) => newtype::expand(newtype, &generics),
    };
    wrap(root, &items)
}

/// Implementations without content, for an input with errors.
pub(crate) fn fallback(input: &parse::Input<'_>, model: Option<&Input<'_>>, root: &TokenStream) -> Option<TokenStream> {
    fallback::expand(input, model).map(|items| wrap(root, &items))
}
