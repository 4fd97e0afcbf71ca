//! The attributes of a field, and of a part of a member.

use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Expr, Ident, LitStr, Token, Type};

use super::collections::{Bitmap, Bytes, COUNT, Count, HiddenCount, List, Optional, Part, Pointer, SizedBuffer, Tree};
use super::condition::Condition;
use super::entry::{Entry, Number, Value, entries};
use super::function::{Function, Make};
use super::keys::keys;
use super::old::{Removed, Versioned};
use super::once::Once;
use super::place::Path;
use super::subsection::Subsection;
use super::suggest::Levels;
use super::through::Through;
use super::unused::Unused;
use crate::errors::Errors;

/// The attributes of a field.
#[derive(Default)]
pub(crate) struct Field {
    /// The keys of all attributes, even of malformed ones.
    pub(crate) keys: Vec<Ident>,
    pub(crate) name: Once<LitStr>,
    pub(crate) since: Once<Number>,
    pub(crate) until: Once<Number>,
    pub(crate) default: Once<Option<Make>>,
    pub(crate) when: Once<Function>,
    pub(crate) skip: Once<LitStr>,
    pub(crate) reset: Once<Make>,
    pub(crate) len: Once<Count>,
    pub(crate) count: Once<HiddenCount>,
    pub(crate) max: Once<Expr>,
    pub(crate) range: Once<Part>,
    pub(crate) buffer: Once<Option<SizedBuffer>>,
    pub(crate) bitmap: Once<Bitmap>,
    pub(crate) pointer: Once<Pointer>,
    pub(crate) option: Once<Optional>,
    pub(crate) list: Once<List>,
    pub(crate) tree: Once<Tree>,
    pub(crate) byte_array: Once<Bytes>,
    pub(crate) versioned: Once<Versioned>,
    pub(crate) inline: Once<()>,
    pub(crate) tmp: Once<Type>,
    pub(crate) through: Once<Through>,
    pub(crate) wire: Once<Type>,
    pub(crate) bits: Once<Type>,
    pub(crate) equal: Once<Option<LitStr>>,
    pub(crate) le: Once<()>,
    pub(crate) timer: Once<()>,
    pub(crate) with: Once<Type>,
    pub(crate) opaque: Once<LitStr>,
    pub(crate) unused: Once<Unused>,
    /// The fields before this one without a member.
    pub(crate) extra: Vec<Extra>,
    pub(crate) must_exist: Vec<Condition>,
    pub(crate) subsection: Once<Subsection>,
    pub(crate) group: Once<LitStr>,
    pub(crate) ambiguous: Once<LitStr>,
}

keys! {
    impl Field("field attribute") |self, key, entry, errors| {
        "name" => self.name.set(key, entry.text("env.pc", errors), errors),
        "since" => self.since.set(key, entry.version(errors), errors),
        "until" => self.until.set(key, entry.version(errors), errors),
        "default" => self.default.set(key, entry.optional("a value or the path of a function", "1", errors), errors),
        "when" => self.when.set(key, entry.predicate(errors), errors),
        "skip" => self.skip.set(key, entry.reason("wired by the board", errors), errors),
        "reset" => self.reset.set(key, entry.assigned("a value or the path of a function", "Vec::new", errors), errors),
        "len" => self.len.set(key, entry.assigned(COUNT, "count", errors), errors),
        "count" => self.count.set(key, HiddenCount::parse(entry, errors), errors),
        "max" => self.max.set(key, entry.assigned("the largest number of elements", "64", errors), errors),
        "range" => self.range.set(key, Part::parse(entry, errors), errors),
        "buffer" => self.buffer.set(key, SizedBuffer::parse(entry, errors), errors),
        "bitmap" => self.bitmap.set(key, Bitmap::parse(entry, errors), errors),
        "pointer" => self.pointer.set(key, Pointer::parse(entry, errors), errors),
        "option" => self.option.set(key, Optional::parse(entry, errors), errors),
        "list" => self.list.set(key, List::parse(entry, errors), errors),
        "tree" => self.tree.set(key, Tree::parse(entry, errors), errors),
        "byte_array" => self.byte_array.set(key, Bytes::parse(entry, errors), errors),
        "versioned" => self.versioned.set(key, Versioned::parse(entry, errors), errors),
        "inline" => self.inline.set(key, entry.word(errors), errors),
        "tmp" => self.tmp.set(key, entry.assigned("a type that implements `Temporary`", "MyTemporary", errors), errors),
        "through" => self.through.set(key, Through::parse(entry, errors), errors),
        "wire" => self.wire.set(key, entry.assigned("an integer type", "u32", errors), errors),
        "bits" => self.bits.set(key, entry.assigned("an integer type", "u32", errors), errors),
        "equal" => self.equal.set(key, entry.optional("a hint in quotes", "\"set the same CPU model\"", errors), errors),
        "le" => self.le.set(key, entry.word(errors), errors),
        "timer" => self.timer.set(key, entry.word(errors), errors),
        "with" => self.with.set(key, entry.assigned("a type that implements `Info`", "MyInfo", errors), errors),
        "opaque" => self.opaque.set(key, entry.text("virtio", errors), errors),
        "unused" => self.unused.set(key, Unused::parse(entry, errors), errors),
        "removed" => self.extra.extend(Removed::parse(entry, errors).map(Box::new).map(Extra::Removed)),
        "field" => self.extra.extend(Placed::parse(entry, errors).map(Box::new).map(Extra::Placed)),
        "must_exist" => self.must_exist.extend(Condition::parse(entry, errors)),
        "subsection" => self.subsection.set(key, Subsection::parse(entry, errors), errors),
        "in" => self.group.set(key, entry.text("serial/tx", errors), errors),
        "ambiguous" => self.ambiguous.set(key, entry.reason("QEMU's layout", errors), errors),
    }
}

impl Field {
    pub(super) fn parse(attributes: &[Attribute], levels: Levels, errors: &Errors) -> Self {
        Self::from_entries(entries(attributes, levels, errors), errors)
    }

    fn from_entries(entries: Vec<Entry>, errors: &Errors) -> Self {
        let mut field = Self::default();
        field.read_all(&entries, errors);
        field.keys = entries.into_iter().map(|entry| entry.key).collect();
        field
    }

    /// Returns whether the attribute is present, even if it is malformed.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|given| given == key)
    }
}

/// A field on the wire that is not a member: one of older versions, or a part of a member.
pub(crate) enum Extra {
    Removed(Box<Removed>),
    Placed(Box<Placed>),
}

/// `field("mac_reg[CTRL]": u32 = mac_reg[CTRL], since = 2)`
pub(crate) struct Placed {
    pub(crate) name: LitStr,
    pub(crate) ty: Type,
    pub(crate) path: Path,
    pub(crate) attributes: Field,
}

/// The name, type and place, and the attributes that follow them.
struct Head {
    name: LitStr,
    ty: Type,
    path: Path,
    rest: TokenStream,
}

impl Parse for Head {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        let ty = input.parse()?;
        input.parse::<Token![=]>()?;
        let path = input.parse()?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        Ok(Self { name, ty, path, rest: input.parse()? })
    }
}

impl Placed {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let head = match &entry.value {
            Value::List(tokens) => syn::parse2::<Head>(tokens.clone()).ok(),
            Value::Word | Value::Assign(_) => None,
        };
        let Some(Head { name, ty, path, rest }) = head else {
            let message = "expected a name, a type and a place, as in `field(\"mac_reg[CTRL]\": u32 = mac_reg[CTRL])`";
            errors.at(&entry.key, message);
            return None;
        };
        let attributes = Field::from_entries(entry.nested(rest, errors), errors);
        for key in attributes.keys.iter().filter(|key| applies_to_members(key)) {
            errors.at(key, format!("`{key}` is not allowed in `field(...)`, which describes a part of a member"));
        }
        Some(Self { name, ty, path, attributes })
    }
}

/// Returns whether the attribute applies to a member rather than to a value on the wire.
fn applies_to_members(key: &Ident) -> bool {
    ["name", "skip", "reset", "in", "subsection", "field", "removed", "tmp", "through"].iter().any(|word| key == word)
}
