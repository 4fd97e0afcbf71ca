//! Attributes of collections: counted arrays, buffers, bitmaps, pointers, lists, trees.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, ExprPath, ExprRange, Ident, LitInt, LitStr, Member, RangeLimits, Token, Type};

use super::entry::{Entry, Number, Value};
use super::keys::keys;
use super::once::Once;
use crate::errors::Errors;

/// The expected value of an attribute that names a counter field.
pub(super) const COUNT: &str = "a field, or a field times a number or a constant";

/// A counter field and its factor: `nregs`, `nregs * 4`, or `nregs * Self::WORDS`.
#[derive(Clone)]
pub(crate) struct Count {
    pub(crate) member: Member,
    pub(crate) multiply: Option<Factor>,
}

impl Parse for Count {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let member = input.parse()?;
        let multiply = if input.peek(Token![*]) {
            input.parse::<Token![*]>()?;
            Some(input.parse()?)
        } else {
            None
        };
        Ok(Self { member, multiply })
    }
}

/// The factor of a count: a number, or the path of a constant.
#[derive(Clone)]
pub(crate) enum Factor {
    Number(LitInt),
    Constant(ExprPath),
}

impl Parse for Factor {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(LitInt) { input.parse().map(Self::Number) } else { input.parse().map(Self::Constant) }
    }
}

impl ToTokens for Factor {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Number(number) => number.to_tokens(tokens),
            Self::Constant(path) => path.to_tokens(tokens),
        }
    }
}

/// The number of bytes of padding: `8`, or `count * 8`.
#[derive(Clone)]
pub(crate) enum Padding {
    Fixed(LitInt),
    Counted(Count),
}

impl Parse for Padding {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(LitInt) { input.parse().map(Self::Fixed) } else { input.parse().map(Self::Counted) }
    }
}

/// `count("nqueues": u16)`
#[derive(Clone)]
pub(crate) struct HiddenCount {
    pub(crate) name: LitStr,
    pub(crate) ty: Type,
}

impl Parse for HiddenCount {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        Ok(Self { name, ty: input.parse()? })
    }
}

impl HiddenCount {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let message = "expected the name and the type of the count, as in `count(\"nqueues\": u16)`";
        let Value::List(tokens) = &entry.value else {
            errors.at(&entry.key, message);
            return None;
        };
        syn::parse2(tokens.clone()).map_err(|_| errors.at(&entry.key, message)).ok()
    }
}

/// `range = 2..6`, `range = 2..`, `range = ..6`
#[derive(Clone)]
pub(crate) struct Part {
    /// The first index; by default 0.
    pub(crate) start: Option<Expr>,
    /// The index after the last; by default the array's length.
    pub(crate) end: Option<Expr>,
}

impl Part {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let range: ExprRange = entry.assigned("a range of indices", "2..6", errors)?;
        match range {
            ExprRange { limits: RangeLimits::Closed(limits), .. } => {
                errors.at(limits, "inclusive ranges are not supported: write `..` and the index after the last one");
                None
            }
            ExprRange { start: None, end: None, .. } => {
                errors.at(range, "this range is the whole array: remove `range`");
                None
            }
            ExprRange { start, end, .. } => Some(Self { start: start.map(|start| *start), end: end.map(|end| *end) }),
        }
    }
}

/// `buffer(len = size, multiply = 4, max = 4096)`
#[derive(Default)]
pub(crate) struct SizedBuffer {
    pub(crate) len: Once<Count>,
    pub(crate) multiply: Once<Factor>,
    pub(crate) max: Once<Expr>,
}

keys! {
    impl SizedBuffer("`buffer` option") |self, key, entry, errors| {
        "len" => self.len.set(key, entry.assigned(COUNT, "size", errors), errors),
        "multiply" => self.multiply.set(key, entry.assigned("a number or a constant", "4", errors), errors),
        "max" => self.max.set(key, entry.assigned("the largest number of bytes", "4096", errors), errors),
    }
}

impl SizedBuffer {
    /// Returns `Some(None)` for a buffer that is a whole array.
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Option<Self>> {
        if matches!(entry.value, Value::Word) {
            return Some(None);
        }
        let mut buffer = Self::default();
        let entries = inside(entry, "len = size", errors)?;
        buffer.read_all(&entries, errors);
        // A malformed `len` has an error already.
        if lacks(&entries, "len") {
            errors.at(&entry.key, "missing `len`: name the field with the length, as in `buffer(len = size)`");
            return None;
        }
        buffer.len.is_set().then_some(Some(buffer))
    }
}

/// `bitmap(bits = nbits, max = 512)`
#[derive(Default)]
pub(crate) struct Bitmap {
    pub(crate) bits: Once<Expr>,
    pub(crate) max: Once<Expr>,
}

keys! {
    impl Bitmap("`bitmap` option") |self, key, entry, errors| {
        "bits" => self.bits.set(key, entry.assigned("a field or a constant", "64", errors), errors),
        "max" => self.max.set(key, entry.assigned("the largest number of bits", "512", errors), errors),
    }
}

impl Bitmap {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let mut bitmap = Self::default();
        let entries = inside(entry, "bits = 64", errors)?;
        bitmap.read_all(&entries, errors);
        if lacks(&entries, "bits") {
            errors.at(
                &entry.key,
                "missing `bits`: name a field or a constant, as in `bitmap(bits = nbits)` or `bitmap(bits = 64)`",
            );
            return None;
        }
        bitmap.bits.is_set().then_some(bitmap)
    }
}

/// `pointer`, or `pointer(alloc)`
#[derive(Default)]
pub(crate) struct Pointer {
    pub(crate) alloc: Once<()>,
}

keys! {
    impl Pointer("`pointer` option") |self, key, entry, errors| {
        "alloc" => self.alloc.set(key, entry.word(errors), errors),
    }
}

impl Pointer {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let mut pointer = Self::default();
        if !matches!(entry.value, Value::Word) {
            pointer.read_all(&inside(entry, "alloc", errors)?, errors);
        }
        Some(pointer)
    }
}

/// `option`, or `option(always)`
#[derive(Default)]
pub(crate) struct Optional {
    pub(crate) always: Once<()>,
}

keys! {
    impl Optional("`option` option") |self, key, entry, errors| {
        "always" => self.always.set(key, entry.word(errors), errors),
    }
}

impl Optional {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let mut optional = Self::default();
        if !matches!(entry.value, Value::Word) {
            optional.read_all(&inside(entry, "always", errors)?, errors);
        }
        Some(optional)
    }
}

/// `list(max = 16)`, `list(qlist, max = 16, version = 1)`
#[derive(Default)]
pub(crate) struct List {
    pub(crate) qlist: Once<()>,
    pub(crate) max: Once<Expr>,
    pub(crate) version: Once<Number>,
}

keys! {
    impl List("`list` option") |self, key, entry, errors| {
        "qlist" => self.qlist.set(key, entry.word(errors), errors),
        "max" => self.max.set(key, entry.assigned("the largest number of elements", "16", errors), errors),
        "version" => self.version.set(key, entry.version(errors), errors),
    }
}

impl List {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let mut list = Self::default();
        let entries = inside(entry, "max = 16", errors)?;
        list.read_all(&entries, errors);
        require_max(&entry.key, &entries, errors);
        list.max.is_set().then_some(list)
    }
}

/// `tree(max = 16)`, `tree(direct, max = 16, version = 1)`
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) direct: Once<()>,
    pub(crate) max: Once<Expr>,
    pub(crate) version: Once<Number>,
}

keys! {
    impl Tree("`tree` option") |self, key, entry, errors| {
        "direct" => self.direct.set(key, entry.word(errors), errors),
        "max" => self.max.set(key, entry.assigned("the largest number of nodes", "16", errors), errors),
        "version" => self.version.set(key, entry.version(errors), errors),
    }
}

impl Tree {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let mut tree = Self::default();
        let entries = inside(entry, "max = 16", errors)?;
        tree.read_all(&entries, errors);
        require_max(&entry.key, &entries, errors);
        tree.max.is_set().then_some(tree)
    }
}

/// `byte_array(max = 4096)`
#[derive(Default)]
pub(crate) struct Bytes {
    pub(crate) max: Once<Expr>,
}

keys! {
    impl Bytes("`byte_array` option") |self, key, entry, errors| {
        "max" => self.max.set(key, entry.assigned("the largest number of bytes", "4096", errors), errors),
    }
}

impl Bytes {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let mut bytes = Self::default();
        let entries = inside(entry, "max = 16", errors)?;
        bytes.read_all(&entries, errors);
        require_max(&entry.key, &entries, errors);
        bytes.max.is_set().then_some(bytes)
    }
}

/// Reads the entries inside an entry's parentheses.
fn inside(entry: &Entry, example: &str, errors: &Errors) -> Option<Vec<Entry>> {
    let tokens: TokenStream = match &entry.value {
        Value::List(tokens) => tokens.clone(),
        Value::Word => TokenStream::new(),
        Value::Assign(tokens) => {
            errors.at(tokens, format!("expected options in parentheses, as in `{}({example})`", entry.key));
            return None;
        }
    };
    Some(entry.nested(tokens, errors))
}

/// Rejects a collection without a limit, whose size a stream could choose.
fn require_max(key: &Ident, entries: &[Entry], errors: &Errors) {
    if lacks(entries, "max") {
        errors.at(key, format!("missing limit on the number of elements in a stream: write `{key}(max = N)`"));
    }
}

/// Returns whether the entry `key` is missing. A malformed entry is not missing.
fn lacks(entries: &[Entry], key: &str) -> bool {
    entries.iter().all(|entry| entry.key != key)
}
