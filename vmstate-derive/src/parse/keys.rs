//! One table per attribute level: the keys, and how to read their entries.

/// Generates, from one table, the level of a type and the methods that read entries.
macro_rules! keys {
    (impl $type:ident($noun:literal) |$self:ident, $key:ident, $entry:ident, $errors:ident| {
        $($word:literal => $read:expr,)*
    }) => {
        impl $type {
            pub(super) const LEVEL: $crate::parse::suggest::Level =
                $crate::parse::suggest::Level { noun: $noun, keys: &[$($word),*] };

            pub(super) fn read(&mut $self, $entry: &Entry, $errors: &Errors) {
                let $key = &$entry.key;
                match $key.to_string().as_str() {
                    $($word => $read,)*
                    _ => $crate::parse::suggest::unknown($key, &Self::LEVEL, $entry.levels, $errors),
                }
            }

            pub(super) fn read_all(&mut self, entries: &[Entry], errors: &Errors) {
                entries.iter().for_each(|entry| self.read(entry, errors));
            }
        }
    };
}

pub(super) use keys;
