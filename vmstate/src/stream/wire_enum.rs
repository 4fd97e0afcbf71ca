//! The tables of the protocol: number, name and data length of each message.
//!
//! [`wire_enum!`] makes an enum of one table, so that decoding, encoding, names and errors cannot disagree about a
//! number.

/// Defines an enum of messages from the table of their numbers, QEMU's names and, optionally, the lengths of their data.
///
/// ```text
/// wire_enum! {
///     enum CommandKind: u16, DataLength {
///         OpenReturnPath = 1, "OPEN_RETURN_PATH", DataLength::Exactly(&[0]);
///     }
/// }
/// ```
macro_rules! wire_enum {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident: $number_type:ty {
            $($(#[$doc:meta])* $variant:ident = $number:literal, $text:literal;)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$doc])* $variant),*
        }

        impl $name {
            /// The numbers of all messages, ascending.
            $vis const NUMBERS: &'static [$number_type] = &[$($number),*];

            /// Returns the number on the wire.
            $vis const fn number(self) -> $number_type {
                match self {
                    $(Self::$variant => $number),*
                }
            }

            /// Returns the message with this number.
            $vis const fn from_number(number: $number_type) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// Returns QEMU's name, without the prefix that all messages share.
            $vis const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),*
                }
            }
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident: $number_type:ty, $length_type:ty {
            $($(#[$doc:meta])* $variant:ident = $number:literal, $text:literal, $length:expr;)*
        }
    ) => {
        wire_enum! {
            $(#[$meta])*
            $vis enum $name: $number_type {
                $($(#[$doc])* $variant = $number, $text;)*
            }
        }

        impl $name {
            /// Returns the length of the data.
            $vis const fn data_length(self) -> $length_type {
                match self {
                    $(Self::$variant => $length),*
                }
            }
        }
    };
}

pub(crate) use wire_enum;

/// Lists values for an error message: `0x2, 0x4 or 0x8`.
pub(crate) fn alternatives<T: ToString>(values: &[T]) -> String {
    let values: Vec<_> = values.iter().map(ToString::to_string).collect();
    match values.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::alternatives;

    #[test]
    fn alternatives_end_with_or() {
        assert_eq!(alternatives::<u8>(&[]), "");
        assert_eq!(alternatives(&[4]), "4");
        assert_eq!(alternatives(&[0, 16]), "0 or 16");
        assert_eq!(alternatives(&["a", "b", "c"]), "a, b or c");
    }
}
