//! Determines the encoding of a field from its description, and rejects contradictions.

use vmstate_types::LoadError;

use super::ScalarKind;
use crate::schema::vmdesc::{ArrayPart, Name, Nested, SentField, SentStruct};

/// The highest nesting depth of structs. QEMU's deepest is about ten.
pub(super) const MAX_DEPTH: usize = 64;

/// The encoding of the elements of a field.
#[derive(Clone, Copy)]
pub(super) enum Form<'d> {
    Scalar(ScalarKind),
    Struct(&'d SentStruct),
    List(&'d [SentStruct]),
    /// A tree whose keys are numbers: the values.
    DirectTree(&'d [SentStruct]),
    /// A tree whose keys are structs: keys and values in alternation.
    KeyedTree(&'d [SentStruct]),
    Bitmap,
    ByteArray,
    Capability,
    Bytes,
}

impl<'d> Form<'d> {
    /// Checks that type, size and nested descriptions agree.
    pub(super) fn from_field(field: &'d SentField) -> Result<Self, LoadError> {
        // QEMU describes an array while it writes the first element, so an empty one is not described.
        if field.array == ArrayPart::Len(0) {
            return Err(described("an array of one element or more", "array_len 0"));
        }
        if is_null_run(field) {
            return Ok(Self::Scalar(ScalarKind::Marker));
        }
        match (&*field.type_name, &field.nested) {
            ("struct", Nested::Struct(inner)) => Self::structure(field, inner),
            ("tmp" | "vstruct", Nested::Inline(structs)) => Self::structure(field, only(structs)?),
            ("qtailq" | "qlist", Nested::Inline(structs)) => Self::list(field, structs),
            ("qtailq" | "qlist", Nested::None) => Self::list(field, &[]),
            ("gtree", Nested::Inline(structs)) => Self::tree(field, structs),
            ("gtree", Nested::None) => Self::tree(field, &[]),
            ("struct" | "tmp" | "vstruct", _) => Err(not_one_struct()),
            (_, Nested::None) => Self::leaf(field),
            _ => Err(described(format!("no struct inside of a `{}`", field.type_name), "one")),
        }
    }

    fn leaf(field: &SentField) -> Result<Self, LoadError> {
        if let Some(kind) = ScalarKind::from_name(&field.type_name) {
            return checked(field, Some(kind.width() as u64), Self::Scalar(kind));
        }
        match &*field.type_name {
            "bitmap" => checked(field, Some(field.size / 8 * 8), Self::Bitmap),
            "GByteArray" => checked(field, Some(field.size.max(4)), Self::ByteArray),
            "capability" => checked(field, Some(field.size.clamp(1, 256)), Self::Capability),
            _ => Ok(Self::Bytes),
        }
    }

    fn structure(field: &SentField, inner: &'d SentStruct) -> Result<Self, LoadError> {
        checked(field, inner.wire_size(), Self::Struct(inner))
    }

    fn list(field: &SentField, elements: &'d [SentStruct]) -> Result<Self, LoadError> {
        checked(field, sum(elements, 1).and_then(|size| size.checked_add(1)), Self::List(elements))
    }

    /// Both kinds of tree have the type `gtree`; only the size tells them apart. (QEMU: `put_gtree` in
    /// migration/vmstate-types.c writes a count of four bytes, a byte before each node and one after the last.)
    fn tree(field: &SentField, structs: &'d [SentStruct]) -> Result<Self, LoadError> {
        let direct = sum(structs, 1 + 8).and_then(|size| size.checked_add(4 + 1));
        let keyed = direct.map(|size| size - 9 * structs.len() as u64 + structs.len() as u64 / 2);
        if structs.len().is_multiple_of(2) && Some(field.size) == keyed {
            return Ok(Self::KeyedTree(structs));
        }
        checked(field, direct, Self::DirectTree(structs))
    }
}

/// Checks a whole description, which is nested in `depth` structs, for contradictions.
pub(super) fn check(described: &SentStruct, depth: usize) -> Result<(), LoadError> {
    if depth == MAX_DEPTH {
        return Err(too_deep());
    }
    for field in &described.fields {
        check_field(field, depth).map_err(|error| error.in_field(owned(&field.name)))?;
    }
    described.subsections.iter().try_for_each(|subsection| {
        check(subsection, depth + 1).map_err(|error| error.in_subsection(owned(&subsection.vmsd_name)))
    })
}

fn only(structs: &[SentStruct]) -> Result<&SentStruct, LoadError> {
    if let [inner] = structs { Ok(inner) } else { Err(not_one_struct()) }
}

fn not_one_struct() -> LoadError {
    described("the description of one struct", "none, or several")
}

/// Returns the number of structs and fields in a description.
pub(super) fn nodes(described: &SentStruct) -> usize {
    let inside = |field: &SentField| match &field.nested {
        Nested::None | Nested::Empty => 0,
        Nested::Struct(inner) => nodes(inner),
        Nested::Inline(structs) => structs.iter().map(nodes).sum(),
    };
    let fields: usize = described.fields.iter().map(|field| 1 + inside(field)).sum();
    1 + fields + described.subsections.iter().map(nodes).sum::<usize>()
}

fn check_field(field: &SentField, depth: usize) -> Result<(), LoadError> {
    Form::from_field(field)?;
    match &field.nested {
        Nested::None | Nested::Empty => Ok(()),
        Nested::Struct(inner) => check(inner, depth + 1),
        Nested::Inline(structs) => structs.iter().try_for_each(|inner| check(inner, depth + 1)),
    }
}

pub(super) fn too_deep() -> LoadError {
    LoadError::malformed(format!("a nesting depth of at most {MAX_DEPTH}"), "a deeper struct")
}

pub(super) fn owned(name: &Name) -> String {
    String::from(&**name)
}

/// Returns the described size of all `structs`, with `before` bytes before each.
fn sum(structs: &[SentStruct], before: u64) -> Option<u64> {
    structs.iter().try_fold(0, |sum: u64, inner| sum.checked_add(inner.wire_size()?)?.checked_add(before))
}

fn checked<'d>(field: &SentField, size: Option<u64>, form: Form<'d>) -> Result<Form<'d>, LoadError> {
    match size {
        Some(size) if size == field.size => Ok(form),
        Some(size) => Err(described(format!("a size of {size} for this `{}`", field.type_name), field.size)),
        None => Err(described("sizes that can be added up", "more than 64 bits")),
    }
}

fn described(expected: impl Into<std::borrow::Cow<'static, str>>, found: impl std::fmt::Display) -> LoadError {
    LoadError::malformed(expected, format!("{found}, in the stream's description"))
}

/// Returns whether the field is an array of pointers, or a part of one, whose first pointer is NULL. QEMU 7.2 describes
/// it with the target's type, the size of the marker, and an empty description of a struct (`vmstate_save_state_v` in
/// migration/vmstate.c).
pub(super) fn is_null_run(field: &SentField) -> bool {
    let is_wider = ScalarKind::from_name(&field.type_name).is_some_and(|kind| kind.width() > 1);
    field.size == 1
        && match (&*field.type_name, &field.nested) {
            ("struct", Nested::Empty) => true,
            (_, Nested::None) => field.array != ArrayPart::None && is_wider,
            _ => false,
        }
}
