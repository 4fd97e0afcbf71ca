//! Rules about types whose names tell that an info does not apply to them.
//!
//! They only make the message better: the compiler rejects the types that are not known by name.

use quote::ToTokens;
use syn::Type;

use crate::errors::Errors;
use crate::model::{Field, Form, InfoKind, array_element, builtin, innermost};

/// `#[vmstate(equal)] name: usize`
pub(super) fn check_type(field: &Field, errors: &Errors) {
    let Form::Info(info) = &field.form else { return };
    if let Some((key, types)) = mismatch(&info.kind, &field.ty) {
        errors.at(&field.ty, format!("`{key}` requires {types}; found `{}`", field.ty.to_token_stream()));
    }
}

/// Returns the attribute and the types it applies to, if `ty` is known not to be one of them.
fn mismatch(kind: &InfoKind, ty: &Type) -> Option<(&'static str, &'static str)> {
    let name = builtin(innermost(ty))?;
    let is_array = array_element(ty).is_some();
    let (fits, key, types) = match kind {
        InfoKind::Buffer => (is_array && name == "u8", "buffer", "`[u8; N]`"),
        InfoKind::Equal => {
            let fits = !["usize", "isize"].contains(&name.as_str());
            (fits, "equal", "a type with a wire form, such as `u32`")
        }
        InfoKind::LessOrEqual => (name == "i32" && !is_array, "le", "i32, QEMU's only type for it"),
        InfoKind::Timer => (false, "timer", "a type that implements `Timer`, such as `Option<u64>`"),
        InfoKind::ByteArray(_) => (false, "byte_array", "`Vec<u8>`"),
        InfoKind::As(_) | InfoKind::Present | InfoKind::Custom(_) => return None,
    };
    (!fits).then_some((key, types))
}
