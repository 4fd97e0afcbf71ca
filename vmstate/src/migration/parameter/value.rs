//! The values of parameters, and the errors for values out of range.

use std::fmt;
use std::time::Duration;

use super::super::release::QemuRelease;
use super::mapping::NodeAlias;

/// The value of a parameter, independent of its type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterValue {
    /// A number.
    Unsigned(u64),
    /// A switch.
    Flag(bool),
    /// Text, or one of several words.
    Text(String),
    /// Aliases of block devices; `None` if they were not set.
    Mapping(Option<Vec<NodeAlias>>),
}

impl From<u64> for ParameterValue {
    fn from(number: u64) -> Self {
        Self::Unsigned(number)
    }
}

impl From<bool> for ParameterValue {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<&str> for ParameterValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Text(text) => text.escape_debug().fmt(f),
            Self::Mapping(None) => f.write_str("none"),
            Self::Mapping(Some(nodes)) => write!(f, "{} block devices", nodes.len()),
        }
    }
}

/// The unit of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// A number without a unit, a switch, or text.
    None,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// Milliseconds.
    Milliseconds,
    /// Percent.
    Percent,
    /// Megabytes per second.
    MegabytesPerSecond,
}

/// A type that the field of a parameter has.
pub(super) trait Field: Sized {
    /// The name of the type in QEMU's messages.
    const TYPE: &'static str;

    fn to_value(&self) -> ParameterValue;

    /// Converts a value; `None` if it has another type.
    fn from_value(value: &ParameterValue) -> Option<Self>;

    /// Returns QEMU's message for a value of another type.
    ///
    /// QEMU parses numbers as 64 bits before it checks their size (`visit_type_uintN` in `qapi/qapi-visit-core.c`).
    fn wrong_type(name: &str, value: &ParameterValue) -> String {
        let expected = if matches!(value, ParameterValue::Unsigned(_)) { Self::TYPE } else { "uint64" };
        format!("Parameter '{name}' expects {expected}")
    }
}

macro_rules! unsigned_field {
    ($($type:ty = $name:literal),*) => {$(
        impl Field for $type {
            const TYPE: &'static str = $name;

            fn to_value(&self) -> ParameterValue {
                ParameterValue::Unsigned((*self).into())
            }

            fn from_value(value: &ParameterValue) -> Option<Self> {
                match value {
                    ParameterValue::Unsigned(number) => (*number).try_into().ok(),
                    _ => None,
                }
            }
        }
    )*};
}

unsigned_field!(u8 = "uint8_t", u32 = "uint32_t", u64 = "uint64_t");

impl Field for bool {
    const TYPE: &'static str = "boolean";

    fn to_value(&self) -> ParameterValue {
        ParameterValue::Flag(*self)
    }

    fn from_value(value: &ParameterValue) -> Option<Self> {
        match value {
            ParameterValue::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    fn wrong_type(name: &str, _: &ParameterValue) -> String {
        format!("Invalid parameter type for '{name}', expected: boolean")
    }
}

impl Field for String {
    const TYPE: &'static str = "string";

    fn to_value(&self) -> ParameterValue {
        ParameterValue::Text(self.clone())
    }

    fn from_value(value: &ParameterValue) -> Option<Self> {
        match value {
            ParameterValue::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    fn wrong_type(name: &str, _: &ParameterValue) -> String {
        format!("Invalid parameter type for '{name}', expected: StrOrNull")
    }
}

/// Durations are milliseconds.
impl Field for Duration {
    const TYPE: &'static str = "uint64_t";

    fn to_value(&self) -> ParameterValue {
        ParameterValue::Unsigned(u64::try_from(self.as_millis()).unwrap_or(u64::MAX))
    }

    fn from_value(value: &ParameterValue) -> Option<Self> {
        u64::from_value(value).map(Self::from_millis)
    }
}

/// A condition on the value of a parameter, with the words that QEMU's message has for it.
pub(super) struct Range {
    pub(super) minimum: u64,
    pub(super) maximum: u64,
    pub(super) expects: &'static str,
}

impl Range {
    /// Every value of the type.
    pub(super) const ANY: Self = Self { minimum: 0, maximum: u64::MAX, expects: "" };

    pub(super) const fn new(minimum: u64, maximum: u64, expects: &'static str) -> Self {
        Self { minimum, maximum, expects }
    }

    /// Returns whether a number is in the range; other values always are.
    pub(super) fn contains(&self, value: &ParameterValue) -> bool {
        match value {
            ParameterValue::Unsigned(number) => (self.minimum..=self.maximum).contains(number),
            _ => true,
        }
    }
}

/// The reason why the value of a parameter is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidParameter {
    /// The release has no parameter of this name.
    #[error("unknown parameter `{}`", name.escape_debug())]
    Unknown {
        /// The name.
        name: String,
    },
    /// The value has the wrong type, or does not fit the type.
    #[error("expected {expected} for parameter `{name}`, found `{value}`")]
    Type {
        /// The parameter.
        name: &'static str,
        /// The type.
        expected: &'static str,
        /// The value.
        value: ParameterValue,
        /// QEMU's message.
        qemu_message: String,
    },
    /// The value is out of range.
    #[error("parameter `{name}` out of range: expected {expects}, found `{value}`")]
    Range {
        /// The parameter.
        name: &'static str,
        /// The range, in QEMU's words.
        expects: &'static str,
        /// The value.
        value: ParameterValue,
    },
    /// Names or aliases of block devices are not unique, or do not fit into the stream.
    #[error("invalid mapping for parameter `{name}`: {reason}")]
    Mapping {
        /// The parameter.
        name: &'static str,
        /// The reason, in QEMU's words.
        reason: String,
    },
    /// This library does not implement the parameter, and its value is not the default.
    #[error("parameter `{name}` is not implemented; set it to its default, `{default}`")]
    NotImplemented {
        /// The parameter.
        name: &'static str,
        /// The default.
        default: ParameterValue,
    },
}

impl InvalidParameter {
    /// Returns the message of `release` for the same error.
    #[must_use]
    pub fn qemu_message(&self, release: QemuRelease) -> String {
        match self {
            Self::Unknown { name } => format!("Parameter '{name}' is unexpected"),
            Self::Type { qemu_message, .. } => qemu_message.clone(),
            Self::Range { name, expects, .. } => range_message(name, expects, release),
            Self::Mapping { name, reason } => format!("Invalid mapping given for {name}: {reason}"),
            Self::NotImplemented { .. } => self.to_string(),
        }
    }
}

/// 10.0 has the names of C's fields in most of these messages, 11.1 the names of its options.
fn range_message(name: &str, expects: &str, release: QemuRelease) -> String {
    let verb = if expects.starts_with("must") { "" } else { "expects " };
    match release {
        QemuRelease::V11_1 if verb.is_empty() => format!("Parameter '{name}' {expects}"),
        QemuRelease::V11_1 => format!("Option {name} {verb}{}", expects.replace('_', "-")),
        _ if name.starts_with("x-") => format!("Parameter '{name}' {verb}{expects}"),
        _ => format!("Parameter '{}' {verb}{expects}", name.replace('-', "_")),
    }
}

impl Field for Option<Vec<NodeAlias>> {
    const TYPE: &'static str = "array";

    fn to_value(&self) -> ParameterValue {
        ParameterValue::Mapping(self.clone())
    }

    fn from_value(value: &ParameterValue) -> Option<Self> {
        match value {
            ParameterValue::Mapping(nodes) => Some(nodes.clone()),
            _ => None,
        }
    }

    fn wrong_type(name: &str, _: &ParameterValue) -> String {
        format!("Invalid parameter type for '{name}', expected: array")
    }
}
