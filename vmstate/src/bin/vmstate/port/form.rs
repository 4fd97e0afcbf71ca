//! The wire form of a type: the rules that a porter would apply by hand.

use syn::{GenericArgument, PathArguments, PathSegment, Type, TypePath};

use super::cause::Cause;
use super::names::PLAIN;
use super::resolve::{Index, Named, bare};
use super::syntax::Scope;

/// The wire form of a field.
pub(crate) enum Form {
    /// The type's own.
    Plain,
    /// A composed form, such as `::vmstate::info::Sequence<64>`.
    With(String),
    /// None that the tool knows.
    Missing(Cause),
}

/// The types that a form refers to.
#[derive(Default)]
pub(crate) struct Uses {
    /// The types of the sources.
    pub(crate) types: Vec<usize>,
    /// The types of values that a load creates, which need `Default`.
    pub(crate) created: Vec<Type>,
    /// The types of members that the derive creates: arrays of any length, and types with `Default`.
    pub(crate) constructed: Vec<Type>,
    /// The collections of other crates.
    pub(crate) collections: Vec<String>,
}

/// Derives forms in one type.
pub(crate) struct Forms<'i, 's> {
    pub(crate) index: &'i Index<'s>,
    pub(crate) scope: &'i Scope,
    /// The type parameters, which get their bounds from the derive, and the constant parameters.
    pub(crate) parameters: &'i [String],
    /// The limit of collections.
    pub(crate) max: u64,
}

/// The types with the form of the value in them.
const WRAPPERS: [&str; 6] = ["Cell", "RefCell", "Mutex", "RwLock", "Wrapping", "NonZero"];
const SEQUENCES: [&str; 7] = ["Vec", "VecDeque", "LinkedList", "BTreeSet", "HashSet", "FxHashSet", "BinaryHeap"];
const MAPS: [&str; 4] = ["BTreeMap", "HashMap", "FxHashMap", "AHashMap"];
/// The collections of other crates, and the features of `vmstate` for them.
pub(crate) const FOREIGN: [(&str, &str); 6] = [
    ("ArrayVec", "arrayvec"),
    ("SmallVec", "smallvec"),
    ("TinyVec", "tinyvec"),
    ("Bytes", "bytes"),
    ("BytesMut", "bytes"),
    ("ArrayString", "arrayvec"),
];
/// Aliases of aliases end here.
const MAX_DEPTH: usize = 32;

impl Forms<'_, '_> {
    /// Returns the form of a type, and adds the types in it to `uses`.
    pub(crate) fn of(&self, ty: &Type, uses: &mut Uses) -> Form {
        self.at_depth(ty, uses, 0)
    }

    fn at_depth(&self, ty: &Type, uses: &mut Uses, depth: usize) -> Form {
        let missing = |kind| Form::Missing(Cause::new(kind, ty));
        if depth > MAX_DEPTH {
            return missing("recursive alias");
        }
        match bare(ty) {
            Type::Array(array) => match self.at_depth(&array.elem, uses, depth + 1) {
                Form::With(item) => Form::With(format!("::vmstate::info::array::Each<{item}>")),
                other => other,
            },
            Type::Tuple(tuple) => self.tuple(ty, tuple, uses, depth),
            Type::Path(path) => self.path(ty, path, uses, depth),
            Type::Reference(_) => missing("reference"),
            Type::Ptr(_) => missing("pointer"),
            Type::FnPtr(_) => missing("function"),
            Type::TraitObject(_) | Type::ImplTrait(_) => missing("trait object"),
            _ => missing("unsupported type"),
        }
    }

    fn tuple(&self, ty: &Type, tuple: &syn::TypeTuple, uses: &mut Uses, depth: usize) -> Form {
        let forms: Vec<_> = tuple.elems.iter().map(|member| self.at_depth(member, uses, depth + 1)).collect();
        let mut composed = Vec::new();
        let mut all_plain = true;
        for form in forms {
            match form {
                Form::Plain => composed.push("::vmstate::info::Plain".to_owned()),
                Form::With(form) => {
                    all_plain = false;
                    composed.push(form);
                }
                missing @ Form::Missing(_) => return missing,
            }
        }
        match &composed[..] {
            _ if all_plain && composed.len() <= 6 => Form::Plain,
            [first, second] => Form::With(format!("::vmstate::info::Pair<{first}, {second}>")),
            _ => Form::Missing(Cause::new("large tuple", ty)),
        }
    }

    fn path(&self, ty: &Type, path: &TypePath, uses: &mut Uses, depth: usize) -> Form {
        let Some(last) = path.path.segments.last() else { return Form::Plain };
        let name = last.ident.to_string();
        let is_parameter = |name: &syn::Ident| self.parameters.iter().any(|parameter| name == parameter);
        if path.qself.is_some() || path.path.segments.first().is_some_and(|first| is_parameter(&first.ident)) {
            return Form::Plain;
        }
        match self.index.path(&path.path, self.scope) {
            Named::Types(types) => {
                uses.types.extend(types);
                self.arguments(ty, last, uses, depth)
            }
            Named::Alias(alias) => {
                let inside = Forms { scope: &alias.scope, parameters: &alias.parameters, ..*self };
                match inside.at_depth(&alias.ty, uses, depth + 1) {
                    Form::Plain => self.arguments(ty, last, uses, depth),
                    other => other,
                }
            }
            Named::Foreign => self.foreign(ty, &name, &arguments(&last.arguments), uses, depth),
        }
    }

    /// The form of a struct, whose type arguments are parts of its fields.
    fn arguments(&self, ty: &Type, last: &PathSegment, uses: &mut Uses, depth: usize) -> Form {
        let arguments = arguments(&last.arguments);
        let mut forms = arguments.into_iter().map(|argument| self.at_depth(argument, uses, depth + 1));
        match forms.find(|form| !matches!(form, Form::Plain)) {
            Some(Form::With(_)) => Form::Missing(Cause::new("composed form in a type parameter", ty)),
            Some(other) => other,
            None => Form::Plain,
        }
    }

    /// A type of the standard library or of another crate.
    fn foreign(&self, ty: &Type, name: &str, arguments: &[&Type], uses: &mut Uses, depth: usize) -> Form {
        let inner = |ty: &Type, uses: &mut Uses| self.at_depth(ty, uses, depth + 1);
        if FOREIGN.iter().any(|(foreign, _)| *foreign == name) {
            uses.collections.push(name.to_owned());
        }
        match (name, arguments) {
            ("usize", _) => Form::With("::vmstate::info::As<u64>".to_owned()),
            ("isize", _) => Form::With("::vmstate::info::As<i64>".to_owned()),
            (name, _) if PLAIN.contains(&name) || name == "ArrayString" => Form::Plain,
            ("Box", [contents]) => self.boxed(contents, uses, depth),
            ("Rc" | "Arc", [contents]) if is_shared_state(contents) => inner(contents, uses),
            ("Rc" | "Arc" | "Weak", _) => Form::Missing(Cause::new("shared value", ty)),
            (name, [contents]) if WRAPPERS.contains(&name) => match inner(contents, uses) {
                Form::With(_) => Form::Missing(Cause::new("composed form in a cell", ty)),
                other => other,
            },
            ("Option", [contents]) => {
                uses.created.push((*contents).clone());
                composed(inner(contents, uses), "Maybe", "")
            }
            ("Range", [end]) => match inner(end, uses) {
                Form::Plain => Form::Plain,
                other => composed(other, "Ends", ""),
            },
            ("RangeInclusive", [end]) => composed(inner(end, uses), "Ends", ""),
            (name, [item, ..]) if SEQUENCES.contains(&name) => self.sequence(item, uses, depth),
            (name, [key, value, ..]) if MAPS.contains(&name) => self.map(key, value, uses, depth),
            ("Bytes" | "BytesMut", []) => Form::With(format!("::vmstate::info::Sequence<{}>", self.max)),
            (name, [item, ..]) if FOREIGN.iter().any(|(foreign, _)| *foreign == name) => match bare(item) {
                Type::Array(array) => self.sequence(&array.elem, uses, depth),
                item => self.sequence(item, uses, depth),
            },
            _ => Form::Missing(Cause::new("type of another crate", ty)),
        }
    }

    fn boxed(&self, contents: &Type, uses: &mut Uses, depth: usize) -> Form {
        match bare(contents) {
            Type::Slice(slice) => self.sequence(&slice.elem, uses, depth),
            Type::Path(path) if path.path.is_ident("str") => Form::Plain,
            contents => match self.at_depth(contents, uses, depth + 1) {
                Form::With(form) => Form::With(format!("::vmstate::info::array::Boxed<{form}>")),
                other => other,
            },
        }
    }

    fn sequence(&self, item: &Type, uses: &mut Uses, depth: usize) -> Form {
        uses.created.push(item.clone());
        composed(self.at_depth(item, uses, depth + 1), "Sequence", &self.max.to_string())
    }

    fn map(&self, key: &Type, value: &Type, uses: &mut Uses, depth: usize) -> Form {
        uses.created.extend([key.clone(), value.clone()]);
        let forms = [key, value].map(|part| self.at_depth(part, uses, depth + 1));
        match forms {
            [missing @ Form::Missing(_), _] | [_, missing @ Form::Missing(_)] => missing,
            [Form::Plain, Form::Plain] => Form::With(format!("::vmstate::info::Map<{}>", self.max)),
            [key, value] => Form::With(format!("::vmstate::info::Map<{}, {}, {}>", self.max, named(key), named(value))),
        }
    }
}

fn named(form: Form) -> String {
    match form {
        Form::With(form) => form,
        Form::Plain | Form::Missing(_) => "::vmstate::info::Plain".to_owned(),
    }
}

/// Returns the form `name<first, item>`.
fn composed(item: Form, name: &str, first: &str) -> Form {
    let parameters: Vec<_> = match &item {
        Form::Missing(_) => return item,
        Form::Plain => [first].into_iter().filter(|first| !first.is_empty()).collect(),
        Form::With(item) => [first, item].into_iter().filter(|parameter| !parameter.is_empty()).collect(),
    };
    let parameters = if parameters.is_empty() { String::new() } else { format!("<{}>", parameters.join(", ")) };
    Form::With(format!("::vmstate::info::{name}{parameters}"))
}

/// Returns whether an `Rc` or `Arc` of this type is locked while its value is loaded.
fn is_shared_state(contents: &Type) -> bool {
    let Type::Path(path) = bare(contents) else { return false };
    let locks = ["RefCell", "Mutex", "RwLock"];
    let name = path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    locks.contains(&name.as_str()) || name.starts_with("Atomic")
}

/// Returns the type arguments of a path.
fn arguments(arguments: &PathArguments) -> Vec<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return Vec::new() };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) if !is_constant(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

/// Returns whether an argument is named like a constant: without braces, it is parsed as a type.
fn is_constant(ty: &Type) -> bool {
    let Type::Path(path) = bare(ty) else { return false };
    let name = path.path.get_ident().map(ToString::to_string).unwrap_or_default();
    name.len() > 1 && name.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
}
