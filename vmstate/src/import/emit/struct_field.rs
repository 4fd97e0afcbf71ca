//! Writes a field: its type, its attributes, and its value in a new struct.

use super::Emitter;
use crate::dynamic::ScalarKind;
use crate::import::observed::{Count, Element, Field, Target, TypeId};

/// The longest array for which the standard library implements `Default`.
const DEFAULT_ARRAY: u64 = 32;
/// Larger arrays are boxed, because `default()` and moves would copy them over the stack.
const LARGE: u64 = 4096;

/// Placeholder for the name of the counter, which `name_counters` replaces. A field's text is written before the
/// members of its struct have names.
pub(super) const COUNTER: &str = "{counter}";

/// A field as text.
pub(super) struct FieldText {
    pub(super) ty: String,
    /// The list in `#[vmstate(...)]`, without `name`.
    pub(super) attributes: Vec<String>,
    /// Its value in a new struct.
    pub(super) default: String,
    /// Set if `derive(Default)` gives the same value.
    pub(super) derives_default: bool,
    /// Guesses for the reader to verify.
    pub(super) checks: Vec<String>,
}

impl FieldText {
    fn new(ty: impl Into<String>, default: impl Into<String>) -> Self {
        let (ty, default) = (ty.into(), default.into());
        Self { ty, attributes: Vec::new(), default, derives_default: true, checks: Vec::new() }
    }

    fn with(mut self, attribute: impl Into<String>) -> Self {
        self.attributes.push(attribute.into());
        self
    }

    fn check(mut self, text: impl Into<String>) -> Self {
        self.checks.push(text.into());
        self
    }

    fn starts_as(mut self, default: impl Into<String>) -> Self {
        self.default = default.into();
        self.derives_default = false;
        self
    }
}

impl Emitter<'_> {
    /// Returns the text of a field.
    pub(super) fn field(&mut self, field: &Field) -> FieldText {
        match &field.element {
            Element::Scalar(kind, info) => self.scalar(field, *kind, info),
            Element::Buffer(size) => self.buffer(field, *size),
            Element::Sized(_) => sized(field),
            Element::Unused(size) => {
                self.array(field, FieldText::new(format!("Unused<{size}>"), "Unused"), Copied::Literally)
            }
            Element::Bitmap(size) => bitmap(*size),
            Element::ByteArray => byte_array(field),
            Element::Struct(id) => {
                let name = self.type_name(*id);
                let text = FieldText::new(&name, format!("{name}::default()"));
                self.array(field, text, Copied::ByFunction)
            }
            Element::Versioned(id) => {
                let (name, version) = (self.type_name(*id), self.shapes.get(*id).version);
                FieldText::new(&name, format!("{name}::default()"))
                    .with(format!("versioned = {version}"))
                    .check("the stream does not contain other versions of this struct.")
            }
            Element::Temporary(id) => self.temporary(*id),
            Element::List { qlist, item } => self.list(field, *qlist, *item),
            Element::Tree { key, value } => self.tree(field, *key, *value),
            Element::Pointers { target, valid } => self.pointers(target, valid),
            Element::Opaque(name, size) => self.opaque(field, name, *size),
        }
    }

    fn scalar(&mut self, field: &Field, kind: ScalarKind, info: &str) -> FieldText {
        let ty = rust_type(kind);
        if field.is_compared() {
            return self.compared(field, ty, info);
        }
        match kind {
            ScalarKind::Timer => self.array(field, FieldText::new(ty, "None").with("timer"), Copied::Literally),
            ScalarKind::Bool => self.array(field, FieldText::new(ty, "false"), Copied::Literally),
            ScalarKind::Double => self.array(field, FieldText::new(ty, "0.0"), Copied::Literally),
            _ => self.array(field, FieldText::new(ty, "0"), Copied::Literally),
        }
    }

    /// Returns a field that a load compares with the local value. The value in a new struct is therefore the stream's.
    fn compared(&mut self, field: &Field, ty: &str, info: &str) -> FieldText {
        let Some(local) = field.local_value() else {
            let size = ScalarKind::from_name(info).map_or(4, |kind| kind.width() as u64);
            return self.opaque(field, info, size).check(format!(
                "`{info}` is compared with the local value, which differs between the stream's sections."
            ));
        };
        let (word, path) = if info.ends_with(" le") {
            ("le", "vmstate::info::range::LessOrEqual")
        } else {
            ("equal", "vmstate::info::equal::Equal")
        };
        let text = FieldText::new(ty, "0").starts_as(local.to_string());
        let text = match field.count {
            Count::One => text.with(word),
            _ => text.with(format!("with = Each<{path}>")),
        };
        self.array(field, text, Copied::Literally)
    }

    fn buffer(&mut self, field: &Field, size: u64) -> FieldText {
        match field.count {
            Count::One if size > LARGE => {
                self.uses_boxed = true;
                FieldText::new(format!("Box<[u8; {size}]>"), "").starts_as("boxed(0)").with("buffer")
            }
            _ => self.array(field, bytes(size).with("buffer"), Copied::Literally),
        }
    }

    /// Returns bytes of a custom info type.
    fn opaque(&mut self, field: &Field, name: &str, size: u64) -> FieldText {
        let info = self.infos.name(name).to_owned();
        let text = match self.infos.integer(name) {
            Some(ty) => FieldText::new(ty, "0"),
            None if size > LARGE && field.count == Count::One => {
                self.infos.uses_vec = true;
                FieldText::new("Vec<u8>", "").starts_as(format!("vec![0; {size}]"))
            }
            None => bytes(size),
        };
        let text = match field.count {
            Count::One => text.with(format!("with = {info}")),
            _ => text.with(format!("with = Each<{info}>")),
        };
        self.array(field, text, Copied::Literally)
    }

    /// Returns an array of `element` if the field is an array, or else `element`.
    fn array(&mut self, field: &Field, element: FieldText, copied: Copied) -> FieldText {
        let length = match field.count {
            Count::One => return element,
            Count::Len(length) | Count::Each(length) if field.counter.is_some() => return counted(&element, length),
            Count::Len(length) | Count::Each(length) => length,
        };
        let ty = format!("[{}; {length}]", element.ty);
        let is_plain = element.attributes.is_empty();
        let derives_default = element.derives_default && length <= DEFAULT_ARRAY;
        let default = &element.default;
        let text = match copied {
            _ if is_plain && self.shapes.field_size(field) > LARGE => {
                self.uses_boxed = true;
                FieldText::new(format!("Box<{ty}>"), "").starts_as(format!("boxed({default})"))
            }
            Copied::Literally => FieldText::new(ty, format!("[{default}; {length}]")),
            Copied::ByFunction => FieldText::new(ty, "std::array::from_fn(|_| Default::default())"),
        };
        let derives_default = derives_default && text.derives_default;
        FieldText { attributes: element.attributes, checks: element.checks, derives_default, ..text }
    }

    fn temporary(&mut self, id: TypeId) -> FieldText {
        let name = self.type_name(id);
        self.temporaries.push(id);
        FieldText::new(&name, format!("{name}::default()"))
            .with(format!("tmp = {name}"))
            .check("QEMU computes it from other fields on save, and sets them on load.")
    }

    fn list(&mut self, field: &Field, qlist: bool, item: Option<TypeId>) -> FieldText {
        let name = self.item_name(item);
        let max = max_of(field.seen.greatest);
        let kind = if qlist { "qlist, " } else { "" };
        let text = FieldText::new(format!("Vec<{name}>"), "Vec::new()").with(format!("list({kind}max = {max})"));
        self.guessed(text, field.seen.greatest, item)
    }

    fn tree(&mut self, field: &Field, key: Option<TypeId>, value: Option<TypeId>) -> FieldText {
        self.uses_tree = true;
        let key_name = key.map_or_else(|| "u64".to_owned(), |id| self.type_name(id));
        let value_name = self.item_name(value);
        let mut forms = vec![format!("max = {}", max_of(field.seen.greatest))];
        if key.is_none() {
            forms.insert(0, "direct".to_owned());
        }
        // QEMU loads keys and values at the version of the tree's field (`get_gtree` in migration/vmstate-types.c).
        let versions = key.into_iter().chain(value).map(|id| self.shapes.get(id).version).collect::<Vec<_>>();
        if let [key, value] = versions[..]
            && key != value
        {
            forms.push(format!("version = {}", key.min(value)));
        }
        let text = FieldText::new(format!("BTreeMap<{key_name}, {value_name}>"), "BTreeMap::new()")
            .with(format!("tree({})", forms.join(", ")));
        self.guessed(text, field.seen.greatest, value)
    }

    fn guessed(&self, text: FieldText, seen: i128, item: Option<TypeId>) -> FieldText {
        match item {
            Some(_) => text.check(format!("`max` is a guess; the stream contains {seen}.")),
            None => text.check("it is empty in the stream, so its element type is unknown; `max` is a guess."),
        }
    }

    fn item_name(&mut self, item: Option<TypeId>) -> String {
        match item {
            Some(id) => self.type_name(id),
            None => {
                self.uses_unknown = true;
                "Unknown".to_owned()
            }
        }
    }

    fn pointers(&mut self, target: &Target, valid: &[bool]) -> FieldText {
        let name = match target {
            Target::Scalar(kind) => rust_type(*kind).to_owned(),
            Target::Struct(id) => self.type_name(*id),
            Target::UnknownStruct => self.item_name(None),
        };
        let ty = format!("[Option<Box<{name}>>; {}]", valid.len());
        let text = FieldText::new(ty, "").with("pointer");
        let text = match runs(valid).as_slice() {
            [] => text.starts_as("[const { None }; _]".replace('_', &valid.len().to_string())),
            runs => text.starts_as(format!(
                "std::array::from_fn(|index| matches!(index, {}).then(Box::default))",
                runs.join(" | ")
            )),
        };
        text.check("the null pointers depend on QEMU's configuration, which the stream does not contain.")
    }
}

/// The expression for the elements of a new array.
#[derive(Clone, Copy)]
enum Copied {
    /// `[0; 8]`
    Literally,
    /// A call for each element.
    ByFunction,
}

fn bytes(size: u64) -> FieldText {
    let text = FieldText::new(format!("[u8; {size}]"), format!("[0; {size}]"));
    FieldText { derives_default: size <= DEFAULT_ARRAY, ..text }
}

fn bitmap(size: u64) -> FieldText {
    let words = size / 8;
    let text = FieldText::new(format!("[u64; {words}]"), format!("[0; {words}]"));
    let text = FieldText { derives_default: words <= DEFAULT_ARRAY, ..text };
    let bits = 64 * words;
    text.with(format!("bitmap(bits = {bits})")).check(format!("the bitmap may have up to 63 bits fewer than {bits}."))
}

/// Returns an array that another field counts. [`COUNTER`] stays in the text until that field has a name.
fn counted(element: &FieldText, longest: u64) -> FieldText {
    FieldText::new(format!("Vec<{}>", element.ty), "Vec::new()")
        .with(format!("len = {COUNTER}"))
        .with(format!("max = {}", max_of(longest.into())))
        .check("`max` is a guess, and so is the counter: it matches the values in the stream.")
}

/// Returns bytes that another field counts. [`COUNTER`] stays in the text until that field has a name.
fn sized(field: &Field) -> FieldText {
    FieldText::new("Vec<u8>", "Vec::new()")
        .with(format!("buffer(len = {COUNTER}, max = {})", max_of(field.seen.greatest)))
        .check("`max` is a guess, and so is the counter: it matches the values in the stream.")
}

fn byte_array(field: &Field) -> FieldText {
    let seen = field.seen.greatest;
    FieldText::new("Vec<u8>", "Vec::new()")
        .with(format!("byte_array(max = {})", max_of(seen)))
        .check(format!("`max` is a guess; the stream contains {seen} bytes."))
}

/// Returns a limit for a container with `seen` elements. A power of two is easy to recognize as a guess.
fn max_of(seen: i128) -> u64 {
    u64::try_from(seen).unwrap_or(0).max(8).next_power_of_two()
}

/// Returns the ranges of set elements, as patterns of indices.
fn runs(set: &[bool]) -> Vec<String> {
    let mut start = 0;
    let runs = set.chunk_by(|one, next| one == next).map(|run| {
        start += run.len();
        (run.first() == Some(&true), start - run.len(), start - 1)
    });
    let pattern = |(_, first, last)| if first == last { format!("{first}") } else { format!("{first}..={last}") };
    runs.filter(|(set, ..)| *set).map(pattern).collect()
}

fn rust_type(kind: ScalarKind) -> &'static str {
    match kind {
        ScalarKind::Bool => "bool",
        ScalarKind::Int8 => "i8",
        ScalarKind::Int16 => "i16",
        ScalarKind::Int32 => "i32",
        ScalarKind::Int64 => "i64",
        ScalarKind::Uint8 | ScalarKind::Marker => "u8",
        ScalarKind::Uint16 => "u16",
        ScalarKind::Uint32 => "u32",
        ScalarKind::Uint64 => "u64",
        ScalarKind::Double => "f64",
        ScalarKind::Timer => "Option<u64>",
    }
}
