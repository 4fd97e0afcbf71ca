//! Upper bounds of sizes on the wire.

use super::{Count, CountSource, Description, Field, Form, Kind, Pointers, Subsection};

/// The bytes of a subsection's header, without its name: the marker, the length of the name, the version.
const SUBSECTION_HEADER: usize = 1 + 1 + 4;

impl Description {
    /// Returns an upper bound of the size in bytes at the current version, with all conditional fields and subsections.
    ///
    /// Returns `None` if it is unbounded or unknown: text without a limit, a custom [`Info`](crate::Info) without a size.
    ///
    /// ```
    /// use vmstate_types::VmState;
    ///
    /// #[derive(VmState)]
    /// struct Fifo {
    ///     len: u8,
    ///     #[vmstate(len = len)]
    ///     data: [u16; 16],
    /// }
    ///
    /// /// The size of a buffer for the state.
    /// const SIZE: usize = Fifo::DESCRIPTION.max_size().unwrap();
    /// assert_eq!(SIZE, 33);
    /// ```
    #[must_use]
    pub const fn max_size(&self) -> Option<usize> {
        self.max_size_at(self.version)
    }

    const fn max_size_at(&self, version: u32) -> Option<usize> {
        add(fields(self.fields, version, version), subsections(self.subsections, version))
    }

    /// Returns the upper bound for a struct in a field of a struct at version `parent`.
    const fn max_size_in(&self, parent: u32) -> Option<usize> {
        self.max_size_at(if self.inherits { parent } else { self.version })
    }
}

impl Form {
    /// Returns an upper bound of the size of all elements in bytes, if there is one.
    #[must_use]
    pub const fn max_size(&self) -> Option<usize> {
        self.max_size_in(u32::MAX)
    }

    /// Returns the upper bound for a field of a struct at version `parent`.
    const fn max_size_in(&self, parent: u32) -> Option<usize> {
        let marker = match self.pointers {
            Pointers::None => 0,
            // A null pointer is one byte instead of its target, and a marked one has the byte in addition.
            Pointers::Nullable | Pointers::Marked => 1,
        };
        multiply(add(self.max_element(parent), Some(marker)), self.max_count())
    }

    const fn max_count(&self) -> Option<usize> {
        match self.count {
            Count::One => Some(1),
            Count::Fixed(count) => Some(count),
            Count::Counted(source) => source.bound(),
        }
    }

    const fn max_element(&self, parent: u32) -> Option<usize> {
        match (self.size, self.kind, self.limit) {
            (Some(size), _, _) => Some(size),
            (None, Kind::List(_, item), limit) => add(multiply(add(item.max_size_in(parent), Some(1)), limit), Some(1)),
            (None, Kind::Tree { key, value }, limit) => {
                let key = match key {
                    Some(key) => key.max_size_in(parent),
                    None => Some(8),
                };
                let node = add(add(key, value.max_size_in(parent)), Some(1));
                add(multiply(node, limit), Some(4 + 1))
            }
            (None, Kind::Struct(inner) | Kind::Inline(inner) | Kind::Temporary(inner), _) => inner.max_size_in(parent),
            (None, Kind::Versioned(inner, version), _) => inner.max_size_at(version),
            (None, Kind::Info(name), limit) => match self.length {
                Some(source) => source.max_bytes(name),
                None => limit,
            },
        }
    }
}

impl CountSource {
    /// Returns the maximum of the count.
    const fn bound(&self) -> Option<usize> {
        match (self.max, self.capacity) {
            (Some(max), Some(capacity)) => Some(if max < capacity { max } else { capacity }),
            (Some(bound), None) | (None, Some(bound)) => Some(bound),
            (None, None) => None,
        }
    }

    /// Returns the maximum size of an element with the info `name` whose length is counted.
    const fn max_bytes(&self, name: &str) -> Option<usize> {
        match (self.bound(), name.as_bytes()) {
            // A bitmap counts bits, and is written in words of 64 bits.
            (Some(bits), b"bitmap") => Some(bits.div_ceil(64).saturating_mul(8)),
            (bytes, _) => bytes,
        }
    }
}

/// Returns the sum for the fields of a struct at `version`. Structs in them may inherit the version `parent`.
const fn fields(mut fields: &[Field], version: u32, parent: u32) -> Option<usize> {
    let mut sum = Some(0);
    // Iterators are not available in constant functions.
    while let Some((first, rest)) = fields.split_first() {
        if first.conditional || first.exists_at(version) {
            let around = match first.form.kind {
                Kind::Inline(_) => version,
                _ => parent,
            };
            sum = add(sum, first.form.max_size_in(around));
        }
        fields = rest;
    }
    sum
}

const fn subsections(mut subsections: &[Subsection], parent: u32) -> Option<usize> {
    let mut sum = Some(0);
    while let Some((Subsection { description, .. }, rest)) = subsections.split_first() {
        let header = SUBSECTION_HEADER + description.name.len();
        let body = add(
            fields(description.fields, description.version, parent),
            self::subsections(description.subsections, parent),
        );
        sum = add(sum, add(body, Some(header)));
        subsections = rest;
    }
    sum
}

const fn add(left: Option<usize>, right: Option<usize>) -> Option<usize> {
    match (left, right) {
        (Some(left), Some(right)) => left.checked_add(right),
        _ => None,
    }
}

const fn multiply(left: Option<usize>, right: Option<usize>) -> Option<usize> {
    match (left, right) {
        (Some(left), Some(right)) => left.checked_mul(right),
        _ => None,
    }
}
