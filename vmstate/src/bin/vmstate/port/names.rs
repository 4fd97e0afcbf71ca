//! The names of types with a built-in form.

/// The types with a built-in form.
pub(crate) const PLAIN: [&str; 33] = [
    "bool",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "f32",
    "f64",
    "char",
    "String",
    "Duration",
    "PhantomData",
    "NonZeroU8",
    "NonZeroU16",
    "NonZeroU32",
    "NonZeroU64",
    "NonZeroI8",
    "NonZeroI16",
    "NonZeroI32",
    "NonZeroI64",
    "AtomicBool",
    "AtomicU8",
    "AtomicU16",
    "AtomicU32",
    "AtomicU64",
    "AtomicI32",
    "AtomicI64",
    "Unused",
];

/// Returns whether a name is a type of the language or in the prelude.
pub(crate) fn is_built_in(name: &str) -> bool {
    let other = ["usize", "isize", "str", "Vec", "Option", "Box", "Result"];
    PLAIN.contains(&name) || other.contains(&name)
}
