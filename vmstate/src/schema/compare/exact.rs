//! Finds the first difference between two descriptions of the same bytes.
//!
//! [`first_difference`](super::first_difference) explains why bytes do not fit, so it accepts every layout that has the
//! same bytes. A port with swapped fields, or with a signed field for an unsigned one, has the same bytes too, and its
//! values mean something else. Here, names, types, counts, nesting and versions must be equal.

use super::difference::{DifferenceKind, LayoutDifference};
use crate::schema::scalar_kind::ScalarKind;
use crate::schema::vmdesc::{ArrayPart, Nested, SentField, SentStruct};

/// Finds the first field at which `ours`, the description that a device writes, differs from `theirs`, the description
/// in the stream that the device has loaded. Both describe the same bytes.
///
/// `accepts` decides about differences by the path of the local field, such as `serial.recv_fifo.count`. An accepted
/// field may have other names and types, and cover several fields of the stream.
///
/// ```
/// use vmstate::schema::compare::exact_difference;
/// use vmstate::schema::vmdesc::{Document, SentBody};
///
/// let description = |first: &str, second: &str| {
///     let text = format!(
///         r#"{{"page_size": 4096, "devices": [{{"name": "latch", "instance_id": 0, "vmsd_name": "latch", "version": 1, "#
///     ) + &format!(
///         r#""fields": [{{"name": "{first}", "type": "uint8", "size": 1}}, {{"name": "{second}", "type": "uint8", "size": 1}}]}}]}}"#
///     );
///     let document = Document::parse(text.as_bytes(), 0).unwrap();
///     let SentBody::State(state) = &document.devices[0].body else { panic!() };
///     state.clone()
/// };
/// let difference = exact_difference(&description("level", "open"), &description("open", "level"), &|_| false).unwrap();
/// assert_eq!(
///     difference.to_string(),
///     "`latch.level`: the stream has `open` (uint8), this device has `level` (uint8): the fields are declared in another order"
/// );
/// ```
#[must_use]
pub fn exact_difference(
    ours: &SentStruct,
    theirs: &SentStruct,
    accepts: &dyn Fn(&str) -> bool,
) -> Option<LayoutDifference> {
    Comparison { accepts }.structs(&ours.vmsd_name, ours, theirs)
}

struct Comparison<'a> {
    accepts: &'a dyn Fn(&str) -> bool,
}

/// The fields of a struct that have not been compared, and the number of bytes before them.
struct Cursor<'d> {
    all: &'d [SentField],
    rest: &'d [SentField],
    offset: u64,
}

impl Comparison<'_> {
    fn structs(&self, path: &str, ours: &SentStruct, theirs: &SentStruct) -> Option<LayoutDifference> {
        if !(self.accepts)(path) {
            if ours.vmsd_name != theirs.vmsd_name {
                let names = [&ours.vmsd_name, &theirs.vmsd_name]
                    .map(|name| format!("the struct name `{}`", name.escape_debug()));
                return Some(difference(
                    path,
                    DifferenceKind::Name,
                    names,
                    "the bytes fit, and the struct has another name",
                ));
            }
            if ours.version != theirs.version {
                let versions = [ours.version, theirs.version].map(|version| format!("version {version}"));
                return Some(difference(path, DifferenceKind::Version, versions, "the struct has another version"));
            }
        }
        self.fields(path, ours, theirs).or_else(|| self.subsections(path, &ours.subsections, &theirs.subsections))
    }

    fn fields(&self, path: &str, ours: &SentStruct, theirs: &SentStruct) -> Option<LayoutDifference> {
        let (mut ours, mut theirs) = (Cursor::new(&ours.fields), Cursor::new(&theirs.fields));
        loop {
            let (Some(one), Some(other)) = (ours.rest.first(), theirs.rest.first()) else {
                return self.alone(path, &ours, &theirs);
            };
            let path = field_path(path, one);
            match self.field(&path, one, other) {
                None => {
                    ours.advance();
                    theirs.advance();
                }
                Some(_) if (self.accepts)(&path) => skip_same_bytes(&mut ours, &mut theirs),
                Some(found) => return Some(explained(found, one, other, &ours, &theirs)),
            }
        }
    }

    /// Returns the difference if one side has fields left. They have no bytes, because the bytes of both sides are equal.
    fn alone(&self, path: &str, ours: &Cursor<'_>, theirs: &Cursor<'_>) -> Option<LayoutDifference> {
        let reason = "one description has a field of no bytes that the other one lacks";
        if let Some(field) = theirs.rest.first() {
            let path = field_path(path, field);
            let sides = ["nothing".to_owned(), text(field)];
            return (!(self.accepts)(&path)).then(|| difference(&path, DifferenceKind::Extra, sides, reason));
        }
        let field = ours.rest.first()?;
        let path = field_path(path, field);
        let sides = [text(field), "nothing".to_owned()];
        (!(self.accepts)(&path)).then(|| difference(&path, DifferenceKind::Missing, sides, reason))
    }

    fn field(&self, path: &str, ours: &SentField, theirs: &SentField) -> Option<LayoutDifference> {
        let both = || [text(ours), text(theirs)];
        if ours.name != theirs.name {
            let named = [ours, theirs].map(|field| format!("`{}` ({})", field.name.escape_debug(), text(field)));
            return Some(difference(
                path,
                DifferenceKind::Name,
                named,
                "the bytes fit, and the field has another name",
            ));
        }
        if ours.type_name != theirs.type_name {
            return Some(difference(
                path,
                DifferenceKind::Type,
                both(),
                "the bytes fit, and the field has another type",
            ));
        }
        if ours.array != theirs.array {
            return Some(difference(path, DifferenceKind::Count, both(), "the number of elements differs"));
        }
        let nested = self.nested(path, &ours.nested, &theirs.nested);
        nested.or_else(|| (ours.size != theirs.size).then(|| sizes(path, ours.size, theirs.size)))
    }

    fn nested(&self, path: &str, ours: &Nested, theirs: &Nested) -> Option<LayoutDifference> {
        match (ours, theirs) {
            (Nested::Struct(ours), Nested::Struct(theirs)) => self.structs(path, ours, theirs),
            (Nested::Inline(ours), Nested::Inline(theirs)) if ours.len() == theirs.len() => {
                let mut pairs = ours.iter().zip(theirs).enumerate();
                pairs.find_map(|(index, (ours, theirs))| self.structs(&format!("{path}[{index}]"), ours, theirs))
            }
            _ if ours == theirs => None,
            _ => {
                let sides = [ours, theirs].map(|nested| format!("{} structs", count(nested)));
                Some(difference(path, DifferenceKind::Count, sides, "the number of structs in the field differs"))
            }
        }
    }

    /// Compares subsections, whose names and versions are equal because they are in the bytes.
    fn subsections(&self, path: &str, ours: &[SentStruct], theirs: &[SentStruct]) -> Option<LayoutDifference> {
        if let Some(difference) = ours
            .iter()
            .zip(theirs)
            .find_map(|(ours, theirs)| self.structs(&format!("{path}.{}", ours.vmsd_name), ours, theirs))
        {
            return Some(difference);
        }
        let sides = [ours, theirs].map(|all| format!("{} subsections", all.len()));
        let reason = "the subsections belong to another struct";
        (ours.len() != theirs.len()).then(|| difference(path, DifferenceKind::Subsection, sides, reason))
    }
}

impl<'d> Cursor<'d> {
    fn new(fields: &'d [SentField]) -> Self {
        Self { all: fields, rest: fields, offset: 0 }
    }

    fn advance(&mut self) {
        if let Some((first, rest)) = self.rest.split_first() {
            self.offset = self.offset.saturating_add(size(first));
            self.rest = rest;
        }
    }

    fn contains(&self, name: &str) -> bool {
        self.all.iter().any(|field| *field.name == *name)
    }
}

/// Skips the first field of `ours`, and the fields of both sides that share bytes with it.
fn skip_same_bytes<'d>(ours: &mut Cursor<'d>, theirs: &mut Cursor<'d>) {
    ours.advance();
    while ours.offset != theirs.offset {
        let shorter = if ours.offset < theirs.offset { &mut *ours } else { &mut *theirs };
        if shorter.rest.is_empty() {
            return;
        }
        shorter.advance();
    }
}

/// Returns the difference with the likeliest reason, considering the fields around it.
fn explained(
    found: LayoutDifference,
    one: &SentField,
    other: &SentField,
    ours: &Cursor<'_>,
    theirs: &Cursor<'_>,
) -> LayoutDifference {
    if found.what != DifferenceKind::Name || one.name == other.name {
        return found;
    }
    let covered = covered(size(one), theirs.rest);
    if covered > 1 {
        let reason = format!("it covers {covered} fields of the stream; declare them one by one");
        return LayoutDifference { what: DifferenceKind::Type, reason, ..found };
    }
    if theirs.contains(&one.name) && ours.contains(&other.name) {
        let reason = "the fields are declared in another order".to_owned();
        return LayoutDifference { what: DifferenceKind::Order, reason, ..found };
    }
    if (&one.type_name, one.array) != (&other.type_name, other.array) {
        let reason = "the bytes fit, and the field has another name and another type".to_owned();
        return LayoutDifference { reason, ..found };
    }
    found
}

/// Returns the number of `fields` that begin in the first `bytes`.
fn covered(bytes: u64, fields: &[SentField]) -> usize {
    let mut offset = 0_u64;
    let begins = |field: &&SentField| {
        let begins = offset < bytes;
        offset = offset.saturating_add(size(field));
        begins
    };
    fields.iter().take_while(begins).count()
}

fn size(field: &SentField) -> u64 {
    // Descriptions whose sizes overflow have been rejected when the payload was decoded.
    field.wire_size().unwrap_or(0)
}

fn count(nested: &Nested) -> usize {
    match nested {
        Nested::None | Nested::Empty => 0,
        Nested::Struct(_) => 1,
        Nested::Inline(structs) => structs.len(),
    }
}

fn field_path(path: &str, field: &SentField) -> String {
    match field.array {
        ArrayPart::Index(index) => format!("{path}.{}[{index}]", field.name),
        ArrayPart::None | ArrayPart::Len(_) => format!("{path}.{}", field.name),
    }
}

/// Describes the type and the number of elements of a field.
fn text(field: &SentField) -> String {
    let kind = match &field.nested {
        Nested::Struct(inner) => format!("struct `{}`, version {}", inner.vmsd_name.escape_debug(), inner.version),
        _ if ScalarKind::from_name(&field.type_name).is_some() => field.type_name.escape_debug().to_string(),
        _ => format!("{} of {} bytes", field.type_name.escape_debug(), field.size),
    };
    match field.array {
        ArrayPart::Len(count) => format!("{count} x {kind}"),
        ArrayPart::None | ArrayPart::Index(_) => kind,
    }
}

fn sizes(path: &str, ours: u64, theirs: u64) -> LayoutDifference {
    let sides = [ours, theirs].map(|size| format!("{size} bytes"));
    difference(path, DifferenceKind::Size, sides, "the field has another size")
}

fn difference(path: &str, what: DifferenceKind, [ours, theirs]: [String; 2], reason: &str) -> LayoutDifference {
    LayoutDifference { path: path.to_owned(), what, ours, theirs, reason: reason.to_owned() }
}
