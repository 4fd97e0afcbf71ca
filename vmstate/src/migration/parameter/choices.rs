//! Parameters with one of several words as their value.

use std::fmt;

use super::value::{Field, ParameterValue};

/// Defines an enum whose variants are the words of a parameter.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant),*
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word),* })
            }
        }

        impl Field for $name {
            const TYPE: &'static str = concat!("one of", $(" `", $word, "`"),*);

            fn to_value(&self) -> ParameterValue {
                ParameterValue::Text(self.to_string())
            }

            fn from_value(value: &ParameterValue) -> Option<Self> {
                match value {
                    ParameterValue::Text(word) => match word.as_str() {
                        $($word => Some(Self::$variant),)*
                        _ => None,
                    },
                    _ => None,
                }
            }

            fn wrong_type(name: &str, value: &ParameterValue) -> String {
                match value {
                    ParameterValue::Text(_) => format!("Parameter '{name}' does not accept value '{value}'"),
                    _ => format!("Invalid parameter type for '{name}', expected: string"),
                }
            }
        }
    };
}

choice! {
    /// The source's behavior if a QEMU destination may or may not have started the guest.
    OnDoubt {
        /// The guest stays stopped until a command decides: two guests never run at once.
        #[default]
        Stay = "stay",
        /// The guest continues, as in QEMU: two guests can run at once.
        Resume = "resume",
    }
}

choice! {
    /// The rule that decides when the guest is stopped.
    Policy {
        /// Predicts the downtime with all of its parts, detects stalls, and switches over at local minima.
        #[default]
        Predict = "predict",
        /// The rule of QEMU 10.0: the rest fits into the downtime limit at the bandwidth of the last 100 ms.
        Qemu = "qemu",
    }
}

choice! {
    /// The behavior at the end of [`max_duration`](super::Parameters::max_duration), if the downtime limit is out of
    /// reach.
    OnStall {
        /// The migration fails and the guest continues on the source.
        #[default]
        Fail = "fail",
        /// The guest is stopped for longer than the downtime limit.
        SwitchOver = "switch-over",
        /// The guest runs on the destination before all pages have arrived. Requires the capability `postcopy-ram`.
        Postcopy = "postcopy",
    }
}

choice! {
    /// Compression of multifd packets.
    Compression {
        /// No compression.
        #[default]
        None = "none",
        /// zlib.
        Zlib = "zlib",
        /// Zstandard.
        Zstd = "zstd",
    }
}

impl Compression {
    /// Returns whether this build supports the compression: the crate features `zlib` and `zstd` enable them.
    #[must_use]
    pub const fn is_supported(self) -> bool {
        match self {
            Self::None => true,
            Self::Zlib => cfg!(feature = "zlib"),
            Self::Zstd => cfg!(feature = "zstd"),
        }
    }
}

choice! {
    /// Detection of zero pages.
    ZeroPages {
        /// None: zero pages are sent as any other.
        None = "none",
        /// By the migration thread.
        Legacy = "legacy",
        /// By the threads of multifd, if it is on.
        #[default]
        Multifd = "multifd",
    }
}

impl Mode {
    /// Returns whether the guest is stopped before its memory is sent (`migrate_mode_is_cpr` in QEMU's
    /// `migration/options.c`).
    #[must_use]
    pub const fn stops_first(self) -> bool {
        !matches!(self, Self::Normal)
    }
}

choice! {
    /// The mode of a migration.
    Mode {
        /// Migration to another host or process.
        #[default]
        Normal = "normal",
        /// The guest's memory stays in place while the host reboots.
        CprReboot = "cpr-reboot",
        /// The guest's memory is passed to a new process.
        CprTransfer = "cpr-transfer",
        /// The process replaces itself.
        CprExec = "cpr-exec",
    }
}
