//! Tokens to attributes as written, with their places kept.
//!
//! Each attribute is read here and nowhere else. Nothing is judged yet but what a single attribute can get wrong: its
//! value, or being given twice.

mod entry;
mod function;
mod many;
mod old;
mod once;
mod place;
mod suggest;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Attribute, DeriveInput, Expr, Ident, LitStr, Path, Type};

use self::entry::{Entry, entries, parse_entries};
pub(crate) use self::entry::{Number, Value};
pub(crate) use self::function::{Function, Make};
use self::many::{Bitmap, Bytes, COUNT, List, Pointer, Tree};
pub(crate) use self::many::{Count, HiddenCount, Padding, Part, SizedBuffer};
pub(crate) use self::old::{OldLoader, Removed, Was};
pub(crate) use self::once::Once;
pub(crate) use self::place::{Path as PlacePath, Placed, Step};
pub(crate) use self::suggest::nearest;
use crate::errors::Errors;

/// Writes, from one list, the keys that may stand in a place and the function that takes their entries.
macro_rules! keys {
    (impl $type:ident($place:literal) |$self:ident, $key:ident, $entry:ident, $errors:ident| {
        $($word:literal => $take:expr,)*
    }) => {
        impl $type {
            pub(in crate::parse) const KEYS: &[&str] = &[$($word),*];
            pub(in crate::parse) const PLACE: &str = $place;

            fn take(&mut $self, $entry: &Entry, $errors: &Errors) {
                let $key = &$entry.key;
                match $key.to_string().as_str() {
                    $($word => $take,)*
                    _ => suggest::unknown($key, (Self::PLACE, Self::KEYS), PLACES, $errors),
                }
            }
        }
    };
}

use keys;

/// All places of attributes, and the keys that may stand there.
pub(crate) const PLACES: &[(&str, &[&str])] = &[
    (Struct::PLACE, Struct::KEYS),
    (Field::PLACE, Field::KEYS),
    (Subsection::PLACE, Subsection::KEYS),
    (Unused::PLACE, Unused::KEYS),
    (SizedBuffer::PLACE, SizedBuffer::KEYS),
    (Bitmap::PLACE, Bitmap::KEYS),
    (List::PLACE, List::KEYS),
    (Tree::PLACE, Tree::KEYS),
    (Bytes::PLACE, Bytes::KEYS),
    (Pointer::PLACE, Pointer::KEYS),
    (Removed::PLACE, Removed::KEYS),
    (OldLoader::PLACE, OldLoader::KEYS),
];

/// The attributes of a struct.
#[derive(Default)]
pub(crate) struct Struct {
    /// The keys of all of them.
    pub(crate) keys: Vec<Ident>,
    pub(crate) name: Once<LitStr>,
    pub(crate) version: Once<Number>,
    pub(crate) minimum_version: Once<Number>,
    pub(crate) priority: Once<Ident>,
    pub(crate) unmigratable: Once<()>,
    pub(crate) early_setup: Once<()>,
    pub(crate) needed: Once<Function>,
    pub(crate) hooks: Hooks,
    pub(crate) transparent: Once<()>,
    pub(crate) remote: Once<Type>,
    pub(crate) root: Once<Path>,
    pub(crate) groups: Vec<Subsection>,
    pub(crate) must_exist: Vec<Condition>,
    /// What stands after the last field without being a member.
    pub(crate) extra: Vec<Extra>,
    pub(crate) load_old: Once<OldLoader>,
}

keys! {
    impl Struct("on a struct") |self, key, entry, errors| {
        "name" => self.name.set(key, entry.text("a name in quotes", errors), errors),
        "version" => self.version.set(key, entry.version(errors), errors),
        "minimum_version" => self.minimum_version.set(key, entry.version(errors), errors),
        "priority" => self.priority.set(key, entry.assigned("a variant of `Priority`", errors), errors),
        "unmigratable" => self.unmigratable.set(key, entry.word(errors), errors),
        "early_setup" => self.early_setup.set(key, entry.word(errors), errors),
        "needed" => self.needed.set(key, entry.predicate(errors), errors),
        "pre_save" => self.hooks.pre_save.set(key, entry.function(errors), errors),
        "post_save" => self.hooks.post_save.set(key, entry.function(errors), errors),
        "pre_load" => self.hooks.pre_load.set(key, entry.function(errors), errors),
        "post_load" => self.hooks.post_load.set(key, entry.function(errors), errors),
        "subsection" => self.groups.extend(Subsection::of_group(entry, errors)),
        "must_exist" => self.must_exist.extend(Condition::of(entry, errors)),
        "removed" => self.extra.extend(Removed::of(entry, errors).map(Box::new).map(Extra::Removed)),
        "field" => self.extra.extend(Placed::of(entry, errors).map(Box::new).map(Extra::Placed)),
        "load_old" => self.load_old.set(key, OldLoader::of(entry, errors), errors),
        "transparent" => self.transparent.set(key, entry.word(errors), errors),
        "remote" => self.remote.set(key, entry.assigned("the path of the type that the struct mirrors", errors), errors),
        "crate" => self.root.set(key, entry.assigned("the path of the crate `vmstate`", errors), errors),
    }
}

impl Struct {
    pub(crate) fn of(input: &DeriveInput, errors: &Errors) -> Self {
        let mut attributes = Self::default();
        for entry in entries(&input.attrs, errors) {
            attributes.take(&entry, errors);
            attributes.keys.push(entry.key);
        }
        attributes
    }

    /// The path of the library as written, or `root`.
    pub(crate) fn root_or(&self, root: &TokenStream) -> TokenStream {
        self.root.value().map_or_else(|| root.clone(), ToTokens::to_token_stream)
    }

    /// The name as written, or the type's own.
    pub(crate) fn name_or(&self, ident: &Ident) -> LitStr {
        let own = || LitStr::new(&ident.unraw().to_string(), ident.span());
        self.name.value().cloned().unwrap_or_else(own)
    }
}

/// `must_exist("what must hold", path)`
#[derive(Clone)]
pub(crate) struct Condition {
    pub(crate) text: LitStr,
    pub(crate) holds: Function,
}

impl Condition {
    fn of(entry: &Entry, errors: &Errors) -> Option<Self> {
        let example =
            "`must_exist` takes what must hold, and a predicate: `must_exist(\"fifo fits\", Self::fifo_fits)`";
        let Value::List(tokens) = &entry.value else {
            errors.at(&entry.key, example);
            return None;
        };
        match split_name(tokens.clone()) {
            (Some(text), rest) if !rest.is_empty() => match syn::parse2(rest.clone()) {
                Ok(holds) => return Some(Self { text, holds }),
                Err(_) => errors.at(rest, example),
            },
            _ => errors.at(tokens, example),
        }
        None
    }
}

/// The four hooks.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) pre_save: Once<Function>,
    pub(crate) post_save: Once<Function>,
    pub(crate) pre_load: Once<Function>,
    pub(crate) post_load: Once<Function>,
}

impl Hooks {
    /// All hooks that are set, with their keys.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Ident, &Function)> {
        [&self.pre_save, &self.post_save, &self.pre_load, &self.post_load].into_iter().filter_map(Once::entry)
    }
}

/// A `subsection(...)`, on a struct as a group or on a field.
pub(crate) struct Subsection {
    pub(crate) key: Ident,
    /// The name. A field's subsection without one is described by the field's type.
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Once<Number>,
    pub(crate) minimum_version: Once<Number>,
    pub(crate) needed: Once<Function>,
    pub(crate) absent: Once<Ident>,
    pub(crate) was: Once<Vec<Was>>,
    pub(crate) hooks: Hooks,
}

keys! {
    impl Subsection("in a subsection") |self, key, entry, errors| {
        "version" => self.version.set(key, entry.version(errors), errors),
        "minimum_version" => self.minimum_version.set(key, entry.version(errors), errors),
        "needed" => self.needed.set(key, entry.predicate(errors), errors),
        "absent" => self.absent.set(key, entry.assigned("`keep`, `default` or `error`", errors), errors),
        "was" => self.was.set(key, Was::of(entry, errors), errors),
        "pre_save" => self.hooks.pre_save.set(key, entry.function(errors), errors),
        "post_save" => self.hooks.post_save.set(key, entry.function(errors), errors),
        "pre_load" => self.hooks.pre_load.set(key, entry.function(errors), errors),
        "post_load" => self.hooks.post_load.set(key, entry.function(errors), errors),
    }
}

impl Subsection {
    /// A subsection on a struct.
    fn of_group(entry: &Entry, errors: &Errors) -> Option<Self> {
        let group = Self::of(entry, errors)?;
        if group.name.is_none() {
            errors.at(&entry.key, "a group of fields needs a name: `subsection(\"serial/fifo\", ...)`");
            return None;
        }
        Some(group)
    }

    fn of(entry: &Entry, errors: &Errors) -> Option<Self> {
        let (name, rest) = match &entry.value {
            Value::Word => (None, TokenStream::new()),
            Value::List(tokens) => split_name(tokens.clone()),
            Value::Assign(_) => {
                errors.at(&entry.key, "`subsection` takes its name in parentheses: `subsection(\"serial/fifo\")`");
                return None;
            }
        };
        let mut subsection = Self {
            key: entry.key.clone(),
            name,
            version: Once::default(),
            minimum_version: Once::default(),
            needed: Once::default(),
            absent: Once::default(),
            was: Once::default(),
            hooks: Hooks::default(),
        };
        for entry in parse_entries(rest, errors) {
            subsection.take(&entry, errors);
        }
        Some(subsection)
    }
}

impl Subsection {
    /// The name's text.
    pub(crate) fn text(&self) -> Option<String> {
        self.name.as_ref().map(LitStr::value)
    }

    pub(crate) fn has_name(&self, text: &str) -> bool {
        self.text().is_some_and(|name| name == text)
    }
}

/// The text at the beginning of a list, and what follows it.
fn split_name(tokens: TokenStream) -> (Option<LitStr>, TokenStream) {
    let mut rest = tokens.clone().into_iter();
    let first = rest.next().and_then(|token| syn::parse2::<LitStr>(token.to_token_stream()).ok());
    match (first, rest.next()) {
        (Some(name), None) => (Some(name), TokenStream::new()),
        (Some(name), Some(TokenTree::Punct(comma))) if comma.as_char() == ',' => (Some(name), rest.collect()),
        _ => (None, tokens),
    }
}

/// The attributes of a field.
#[derive(Default)]
pub(crate) struct Field {
    /// The keys of all of them.
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
    pub(crate) list: Once<List>,
    pub(crate) tree: Once<Tree>,
    pub(crate) byte_array: Once<Bytes>,
    pub(crate) versioned: Once<Number>,
    pub(crate) tmp: Once<Type>,
    pub(crate) wire: Once<Type>,
    pub(crate) bits: Once<Type>,
    pub(crate) equal: Once<Option<LitStr>>,
    pub(crate) le: Once<()>,
    pub(crate) timer: Once<()>,
    pub(crate) with: Once<Type>,
    pub(crate) opaque: Once<LitStr>,
    pub(crate) unused: Once<Unused>,
    /// What stands before the field without being a member.
    pub(crate) extra: Vec<Extra>,
    pub(crate) must_exist: Vec<Condition>,
    pub(crate) subsection: Once<Subsection>,
    pub(crate) group: Once<LitStr>,
    pub(crate) ambiguous: Once<LitStr>,
}

keys! {
    impl Field("on a field") |self, key, entry, errors| {
        "name" => self.name.set(key, entry.text("a name in quotes", errors), errors),
        "since" => self.since.set(key, entry.version(errors), errors),
        "until" => self.until.set(key, entry.version(errors), errors),
        "default" => self.default.set(key, entry.optional("a value, or the path of a function that makes it", errors), errors),
        "when" => self.when.set(key, entry.predicate(errors), errors),
        "skip" => self.skip.set(key, entry.reason("the field is not migrated", "wired by the board", errors), errors),
        "reset" => self.reset.set(key, entry.assigned("a value, or the path of a function that makes it", errors), errors),
        "len" => self.len.set(key, entry.assigned(COUNT, errors), errors),
        "count" => self.count.set(key, HiddenCount::of(entry, errors), errors),
        "max" => self.max.set(key, entry.assigned("the largest number of elements", errors), errors),
        "range" => self.range.set(key, Part::of(entry, errors), errors),
        "buffer" => self.buffer.set(key, SizedBuffer::of(entry, errors), errors),
        "bitmap" => self.bitmap.set(key, Bitmap::of(entry, errors), errors),
        "pointer" => self.pointer.set(key, Pointer::of(entry, errors), errors),
        "list" => self.list.set(key, List::of(entry, errors), errors),
        "tree" => self.tree.set(key, Tree::of(entry, errors), errors),
        "byte_array" => self.byte_array.set(key, Bytes::of(entry, errors), errors),
        "versioned" => self.versioned.set(key, entry.version(errors), errors),
        "tmp" => self.tmp.set(key, entry.assigned("a type that implements `Temporary`", errors), errors),
        "wire" => self.wire.set(key, entry.assigned("the integer type on the wire", errors), errors),
        "bits" => self.bits.set(key, entry.assigned("the integer type on the wire", errors), errors),
        "equal" => self.equal.set(key, entry.optional("a hint in quotes", errors), errors),
        "le" => self.le.set(key, entry.word(errors), errors),
        "timer" => self.timer.set(key, entry.word(errors), errors),
        "with" => self.with.set(key, entry.assigned("a type that implements `Info`", errors), errors),
        "opaque" => self.opaque.set(key, entry.text("the name of QEMU's info in quotes", errors), errors),
        "unused" => self.unused.set(key, Unused::of(entry, errors), errors),
        "removed" => self.extra.extend(Removed::of(entry, errors).map(Box::new).map(Extra::Removed)),
        "field" => self.extra.extend(Placed::of(entry, errors).map(Box::new).map(Extra::Placed)),
        "must_exist" => self.must_exist.extend(Condition::of(entry, errors)),
        "subsection" => self.subsection.set(key, Subsection::of(entry, errors), errors),
        "in" => self.group.set(key, entry.text("the name of one of the struct's subsections", errors), errors),
        "ambiguous" => self.ambiguous.set(key, entry.reason("it may be so", "QEMU has it so", errors), errors),
    }
}

impl Field {
    pub(crate) fn of(attributes: &[Attribute], errors: &Errors) -> Self {
        Self::of_entries(entries(attributes, errors), errors)
    }

    fn of_entries(entries: Vec<Entry>, errors: &Errors) -> Self {
        let mut field = Self::default();
        for entry in entries {
            field.take(&entry, errors);
            field.keys.push(entry.key);
        }
        field
    }

    /// Whether the attribute was given, well or not.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|given| given == key)
    }
}

/// Something on the wire that is no member: what older versions have, or a place inside of a member.
pub(crate) enum Extra {
    Removed(Box<Removed>),
    Placed(Box<Placed>),
}

/// Bytes without meaning around a field.
#[derive(Default)]
pub(crate) struct Unused {
    pub(crate) before: Once<Padding>,
    pub(crate) after: Once<Padding>,
    pub(crate) max: Once<Expr>,
}

keys! {
    impl Unused("in `unused`") |self, key, entry, errors| {
        "before" => self.before.set(key, entry.assigned("a number of bytes, or a field times one", errors), errors),
        "after" => self.after.set(key, entry.assigned("a number of bytes, or a field times one", errors), errors),
        "max" => self.max.set(key, entry.assigned("the largest count", errors), errors),
    }
}

impl Unused {
    fn of(entry: &Entry, errors: &Errors) -> Option<Self> {
        let tokens = match &entry.value {
            Value::List(tokens) if !tokens.is_empty() => tokens.clone(),
            _ => {
                errors.at(&entry.key, "`unused` says where: `unused(before = 8)`, `unused(after = 8)`, or both");
                return None;
            }
        };
        let mut unused = Self::default();
        for entry in parse_entries(tokens, errors) {
            unused.take(&entry, errors);
        }
        unused.check(errors);
        Some(unused)
    }

    /// `unused(before = count * 4)` without `max`; `unused(before = 4, max = 8)`
    fn check(&self, errors: &Errors) {
        let counted = [&self.before, &self.after].into_iter().filter_map(Once::entry);
        let counted: Vec<_> = counted.filter(|(_, padding)| matches!(padding, Padding::Counted(_))).collect();
        match (counted.first(), self.max.key()) {
            (Some((key, _)), None) => errors.at(key, "say how large the count may be: `max = N`"),
            (None, Some(max)) => errors.at(max, "`max` limits a count: it needs `before = field * N`"),
            _ => {}
        }
    }
}
