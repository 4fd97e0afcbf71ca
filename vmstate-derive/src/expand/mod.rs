//! From the model to code: the description, and the functions that save and load by it.
//!
//! Generated code names the library's items through `__vmstate`, an alias of its module `__private`.

mod assertion;
mod default;
mod description;
mod device;
mod direction;
mod enumeration;
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
use crate::model::Input;
use crate::parse;

/// The implementations for an input without errors.
pub(crate) fn expand(input: &Input<'_>, root: &TokenStream) -> TokenStream {
    let items = match input {
        Input::Device(device) => device::expand(device),
        Input::Remote(device, ty) => remote::expand(device, ty),
        Input::Enumeration(enumeration) => enumeration::expand(enumeration),
        Input::Tagged(tagged) => tagged::expand(tagged),
        Input::Newtype(newtype) => newtype::expand(newtype),
    };
    wrap(root, &items)
}

/// Implementations without content, for an input with errors.
pub(crate) fn fallback(input: &parse::Input<'_>, model: Option<&Input<'_>>, root: &TokenStream) -> Option<TokenStream> {
    fallback::expand(input, model).map(|items| wrap(root, &items))
}
