//! Rules about types whose names tell that an info does not apply to them.
//!
//! They only make the message better: the compiler rejects the types that are not known by name.

use syn::Type;

use crate::errors::Errors;
use crate::model::{Field, Form, INTEGERS, InfoKind, Tree, arguments, array_element, builtin, innermost, source};

/// `#[vmstate(equal)] name: usize`; `#[vmstate(list(max = 4))] name: Vec<u32>`
pub(super) fn check_type(field: &Field, errors: &Errors) {
    if let (Form::Through(_), Some(value)) = (&field.form, &field.value) {
        return check_type(value, errors);
    }
    check_structs(field, errors);
    let Form::Info(info) = &field.form else { return };
    if let Some((key, types)) = mismatch(&info.kind, &field.ty) {
        errors.at(&field.ty, format!("`{key}` requires {types}; found `{}`", source(&field.ty)));
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

/// `list(max = 4)` on a `Vec<u32>`; `tree(max = 4)` on a `BTreeMap<u64, Node>`; `versioned = 2` on a `u8`
fn check_structs(field: &Field, errors: &Errors) {
    match &field.form {
        Form::List(_) => {
            if let [item] = arguments(&field.ty)[..] {
                check_item("list", item, errors);
            }
        }
        Form::Tree(tree) => {
            if let [key, value] = arguments(&field.ty)[..] {
                check_key(tree, key, errors);
                check_item("tree", value, errors);
            }
        }
        Form::Inline(_) => check_inline(&field.ty, errors),
        Form::Versioned(_) => check_item("versioned", innermost(&field.ty), errors),
        _ => {}
    }
}

fn check_key(tree: &Tree, key: &Type, errors: &Errors) {
    if !tree.direct && builtin(key).is_some() {
        errors.at(key, "`tree` requires keys that derive `VmState`: write `tree(direct, ...)` for integers");
    }
}

/// `inline` on a `u8`
fn check_inline(ty: &Type, errors: &Errors) {
    if let Some(name) = builtin(ty) {
        errors.at(ty, format!("`inline` requires a struct that derives `VmState`; found `{name}`: remove `inline`"));
    }
}

fn check_item(key: &str, item: &Type, errors: &Errors) {
    if let Some(name) = builtin(item) {
        let message = format!(
            "`{key}` requires structs that derive `VmState`; found `{name}`: put it into a struct with one field"
        );
        errors.at(item, message);
    }
}

/// `wire = usize`
pub(super) fn check_wire_type(ty: &Type, errors: &Errors) {
    check_integer("wire", ty, &INTEGERS, errors);
}

/// `bits = f32`
pub(super) fn check_bits_type(ty: &Type, errors: &Errors) {
    const WIDE: [&str; 2] = ["u128", "i128"];
    if builtin(ty).is_none_or(|name| !WIDE.contains(&name.as_str())) {
        check_integer("bits", ty, &INTEGERS, errors);
    }
}

fn check_integer(key: &str, ty: &Type, supported: &[&str], errors: &Errors) {
    if let Some(name) = builtin(ty).filter(|name| !supported.contains(&name.as_str())) {
        let supported = supported.join(", ");
        errors
            .at(ty, format!("`{key}` requires an integer of fixed size; found `{name}`: expected one of {supported}"));
    }
}
