//! The table of parameters.

use std::time::Duration;

use super::super::release::{QemuRelease, Releases};
use super::choices::{Compression, Mode, OnDoubt, OnStall, Policy, ZeroPages};
use super::mapping::{self, NodeAlias};
use super::value::{Field, InvalidParameter, ParameterValue, Range, Unit};

/// Defines [`Parameters`] and the table: each row has the documentation, the field with its type and default, the name,
/// the unit, the accepted range, the releases, and whether this library implements it.
macro_rules! parameters {
    ($(
        $(#[$doc:meta])*
        $visibility:vis $field:ident: $type:ty = $default:expr,
            $name:literal, $unit:ident, $range:expr, $releases:expr, $support:ident;
    )*) => {
        /// The parameters of a migration.
        ///
        /// Fields of QEMU's parameters have its names and defaults. Parameters with one of the last names are extensions
        /// of this library. [`set`](Self::set) and [`get`](Self::get) access all of them by name.
        ///
        /// ```
        /// use std::time::Duration;
        ///
        /// use vmstate::migration::{Parameters, QemuRelease};
        ///
        /// let mut parameters = Parameters::default();
        /// parameters.downtime_limit = Duration::from_millis(50);
        /// parameters.set("max-bandwidth", 1_000_000_000.into(), QemuRelease::V10_0)?;
        /// assert_eq!(parameters.max_bandwidth, 1_000_000_000);
        /// # Ok::<(), vmstate::migration::InvalidParameter>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Parameters {
            $($(#[$doc])* $visibility $field: $type,)*
        }

        impl Default for Parameters {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        const TABLE: &[Parameter] = &[$(Parameter {
            name: $name,
            unit: Unit::$unit,
            range: $range,
            releases: $releases,
            support: Support::$support,
            get: |parameters| parameters.$field.to_value(),
            set: |parameters, value| match <$type>::from_value(value) {
                Some(value) => {
                    parameters.$field = value;
                    Ok(())
                }
                None => Err(InvalidParameter::Type {
                    name: $name,
                    expected: <$type as Field>::TYPE,
                    value: value.clone(),
                    qemu_message: <$type>::wrong_type($name, value),
                }),
            },
        }),*];
    };
}

/// A parameter: one row of the table.
pub struct Parameter {
    name: &'static str,
    unit: Unit,
    range: Range,
    releases: Releases,
    support: Support,
    get: fn(&Parameters) -> ParameterValue,
    set: fn(&mut Parameters, &ParameterValue) -> Result<(), InvalidParameter>,
}

/// Support of a parameter by this library.
#[derive(PartialEq, Eq)]
enum Support {
    Implemented,
    /// It concerns only a capability that is not implemented, and is stored.
    Stored,
    /// It is stored, but a migration with another value than the default is rejected.
    Missing,
    /// QEMU does not have it.
    Own,
}

impl Support {
    /// The support of parameters that require the feature `tls`.
    const TLS: Self = if cfg!(all(unix, feature = "tls")) { Self::Implemented } else { Self::Missing };
}

parameters! {
    /// Announcements of the network cards: the delay before the second one.
    pub announce_initial: Duration = Duration::from_millis(50),
        "announce-initial", Milliseconds, Range::new(0, 100_000, "a value between 0 and 100000"), Releases::ALL, Implemented;
    /// The longest delay between two announcements.
    pub announce_max: Duration = Duration::from_millis(550),
        "announce-max", Milliseconds, Range::new(0, 100_000, "a value between 0 and 100000"), Releases::ALL, Implemented;
    /// The number of announcements.
    pub announce_rounds: u64 = 5,
        "announce-rounds", None, Range::new(0, 1000, "a value between 0 and 1000"), Releases::ALL, Implemented;
    /// The increase of the delay between announcements.
    pub announce_step: Duration = Duration::from_millis(100),
        "announce-step", Milliseconds, Range::new(1, 10_000, "a value between 0 and 10000"), Releases::ALL, Implemented;
    /// The part of the sent bytes, in percent, that a guest can write before it is slowed down.
    pub throttle_trigger_threshold: u8 = 50,
        "throttle-trigger-threshold", Percent, Range::new(1, 100, "an integer in the range of 1 to 100"),
        Releases::ALL, Implemented;
    /// The first throttle.
    pub cpu_throttle_initial: u8 = 20,
        "cpu-throttle-initial", Percent, Range::new(1, 99, "an integer in the range of 1 to 99"), Releases::ALL, Implemented;
    /// The increase of the throttle.
    pub cpu_throttle_increment: u8 = 10,
        "cpu-throttle-increment", Percent, Range::new(1, 99, "an integer in the range of 1 to 99"), Releases::ALL, Implemented;
    /// Makes the last increases of the throttle smaller.
    pub cpu_throttle_tailslow: bool = false,
        "cpu-throttle-tailslow", None, Range::ANY, Releases::ALL, Implemented;
    /// The name of the TLS credentials.
    pub tls_creds: String = String::new(), "tls-creds", None, Range::ANY, Releases::ALL, TLS;
    /// The expected name of the TLS peer.
    pub tls_hostname: String = String::new(), "tls-hostname", None, Range::ANY, Releases::ALL, TLS;
    /// The name of the authorization of TLS peers.
    pub tls_authz: String = String::new(), "tls-authz", None, Range::ANY, Releases::ALL, TLS;
    /// The bandwidth limit; 0 disables it.
    pub max_bandwidth: u64 = 128 << 20, "max-bandwidth", BytesPerSecond, Range::ANY, Releases::ALL, Implemented;
    /// The bandwidth that is available while the guest is stopped; 0 uses the measured one.
    pub avail_switchover_bandwidth: u64 = 0,
        "avail-switchover-bandwidth", BytesPerSecond, Range::ANY, Releases::SINCE_10_0, Implemented;
    /// The longest time for which the guest may be stopped.
    pub downtime_limit: Duration = Duration::from_millis(300),
        "downtime-limit", Milliseconds,
        Range::new(0, 2_000_000, "an integer in the range of 0 to (2000 * 1000) ms"), Releases::ALL, Implemented;
    /// The delay between two checkpoints of COLO.
    pub x_checkpoint_delay: u32 = 20_000,
        "x-checkpoint-delay", Milliseconds, Range::ANY, Releases::ALL, Stored;
    /// The number of data channels.
    pub multifd_channels: u8 = 2,
        "multifd-channels", None, Range::new(1, 255, "a value between 1 and 255"), Releases::ALL, Implemented;
    /// The compression of data channels, which both sides set.
    pub multifd_compression: Compression = Compression::None,
        "multifd-compression", None, Range::ANY, Releases::ALL, Implemented;
    /// The level of zlib.
    pub multifd_zlib_level: u8 = 1,
        "multifd-zlib-level", None, Range::new(0, 9, "a value between 0 and 9"), Releases::ALL, Implemented;
    /// The level of Zstandard.
    pub multifd_zstd_level: u8 = 1,
        "multifd-zstd-level", None, Range::new(0, 20, "a value between 0 and 20"), Releases::ALL, Implemented;
    /// The level of QATzip.
    pub multifd_qatzip_level: u8 = 1,
        "multifd-qatzip-level", None, Range::new(1, 9, "a value between 1 and 9"), Releases::SINCE_10_0, Stored;
    /// The size of the cache of XBZRLE.
    pub xbzrle_cache_size: u64 = 64 << 20,
        "xbzrle-cache-size", Bytes, Range::new(4096, u64::MAX, CACHE_SIZE), Releases::ALL, Implemented;
    /// The bandwidth limit of postcopy; 0 disables it.
    pub max_postcopy_bandwidth: u64 = 0,
        "max-postcopy-bandwidth", BytesPerSecond, Range::ANY, Releases::ALL, Implemented;
    /// The highest throttle.
    pub max_cpu_throttle: u8 = 99,
        "max-cpu-throttle", Percent, Range::new(1, 99, "an integer in the range of cpu_throttle_initial to 99"),
        Releases::ALL, Implemented;
    /// The aliases of block devices and their dirty bitmaps; `None` until it is set. It has no effect, because block devices
    /// are not migrated.
    pub block_bitmap_mapping: Option<Vec<NodeAlias>> = None,
        "block-bitmap-mapping", None, Range::ANY, Releases::ALL, Stored;
    /// The period in which the vCPUs' dirty rates are measured.
    pub x_vcpu_dirty_limit_period: u64 = 1000,
        "x-vcpu-dirty-limit-period", Milliseconds, Range::new(1, 1000, "a value between 1 and 1000"),
        Releases::SINCE_10_0, Implemented;
    /// The dirty rate to which vCPUs are limited.
    pub vcpu_dirty_limit: u64 = 1,
        "vcpu-dirty-limit", MegabytesPerSecond, Range::new(1, u64::MAX, "must be greater than 1 MB/s"),
        Releases::SINCE_10_0, Implemented;
    /// The mode.
    pub mode: Mode = Mode::Normal, "mode", None, Range::ANY, Releases::SINCE_10_0, Implemented;
    /// The detection of zero pages.
    pub zero_page_detection: ZeroPages = ZeroPages::Multifd,
        "zero-page-detection", None, Range::ANY, Releases::SINCE_10_0, Implemented;
    /// Bypasses the page cache of a file with fixed places (`mapped-ram`) that data channels (`multifd`) write or read.
    pub direct_io: bool = false, "direct-io", None, Range::ANY, Releases::SINCE_10_0, Implemented;
    /// The number of threads that compress pages.
    pub compress_threads: u8 = 8,
        "compress-threads", None, Range::new(1, 255, "a value between 1 and 255"), Releases::UNTIL_7_2, Stored;
    /// The level of the compression of pages.
    pub compress_level: u8 = 1,
        "compress-level", None, Range::new(0, 9, "a value between 0 and 9"), Releases::UNTIL_7_2, Stored;
    /// The number of threads that decompress pages.
    pub decompress_threads: u8 = 2,
        "decompress-threads", None, Range::new(1, 255, "a value between 1 and 255"), Releases::UNTIL_7_2, Stored;
    /// Waits for a thread to compress a page, instead of sending the page as it is.
    pub compress_wait_thread: bool = true, "compress-wait-thread", None, Range::ANY, Releases::UNTIL_7_2, Stored;
    /// Sends only the topmost layer of block devices.
    pub block_incremental: bool = false, "block-incremental", None, Range::ANY, Releases::UNTIL_7_2, Stored;

    /// The rule that decides when the guest is stopped.
    pub policy: Policy = Policy::Predict, "x-policy", None, Range::ANY, Releases::ALL, Own;
    /// The longest duration of the migration before [`on_stall`](Self::on_stall) takes effect; 0 disables it.
    pub max_duration: Duration = Duration::ZERO,
        "x-max-duration", Milliseconds, Range::ANY, Releases::ALL, Own;
    /// The behavior if the downtime limit is out of reach.
    pub on_stall: OnStall = OnStall::Fail, "x-on-stall", None, Range::ANY, Releases::ALL, Own;
    /// The behavior if a QEMU destination may or may not have started the guest.
    pub on_doubt: OnDoubt = OnDoubt::Stay, "x-on-doubt", None, Range::ANY, Releases::ALL, Own;
    /// The delay before the source of an interrupted migration tries to recover it by itself; 0 leaves that to a command. It
    /// doubles with each attempt, up to a minute.
    pub recover_interval: Duration = Duration::ZERO,
        "x-recover-interval", Milliseconds, Range::ANY, Releases::ALL, Own;
    /// The timeout of connecting.
    pub connect_timeout: Duration = Duration::from_secs(30),
        "x-connect-timeout", Milliseconds, Range::ANY, Releases::ALL, Own;
    /// The timeout of the destination's first answer, of its answer to RUN, and of the source's end of file.
    pub answer_timeout: Duration = Duration::from_secs(10),
        "x-answer-timeout", Milliseconds, Range::ANY, Releases::ALL, Own;
    /// The timeout of progress: the time without a byte in which a channel is declared dead.
    pub progress_timeout: Duration = Duration::from_secs(30),
        "x-progress-timeout", Milliseconds, Range::ANY, Releases::ALL, Own;
    /// The timeout of the command RUN at a destination that has loaded the machine.
    pub run_timeout: Duration = Duration::from_secs(60),
        "x-run-timeout", Milliseconds, Range::ANY, Releases::ALL, Own;
}

const CACHE_SIZE: &str = "a power of two no less than the target page size";

impl Parameter {
    /// Iterates over all parameters, in the order of QEMU's `query-migrate-parameters`.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        TABLE.iter()
    }

    /// Returns the name, such as `max-bandwidth`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the unit.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// Returns whether `release` has the parameter. Extensions of this library exist in all releases.
    #[must_use]
    pub fn exists_in(&self, release: QemuRelease) -> bool {
        self.releases.contains(release)
    }

    /// Returns whether the parameter is an extension of this library.
    #[must_use]
    pub fn is_extension(&self) -> bool {
        self.support == Support::Own
    }

    #[cfg(test)]
    pub(super) fn newest_release(&self) -> QemuRelease {
        if self.exists_in(QemuRelease::V11_1) { QemuRelease::V11_1 } else { QemuRelease::V7_2 }
    }

    fn find(name: &str) -> Option<&'static Self> {
        Self::all().find(|parameter| parameter.name == name)
    }
}

impl std::fmt::Debug for Parameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parameter").field("name", &self.name).field("unit", &self.unit).finish_non_exhaustive()
    }
}

impl Parameters {
    /// Returns the value of a parameter by its name, or `None` if the name is unknown.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<ParameterValue> {
        Parameter::find(name).map(|parameter| (parameter.get)(self))
    }

    /// Sets a parameter of `release` by its name. After an error the parameters are unchanged.
    ///
    /// # Errors
    /// Returns an error if the release has no parameter of this name, or the value is out of range.
    pub fn set(&mut self, name: &str, value: ParameterValue, release: QemuRelease) -> Result<(), InvalidParameter> {
        let parameter = Parameter::find(name).filter(|parameter| parameter.exists_in(release));
        let parameter = parameter.ok_or_else(|| InvalidParameter::Unknown { name: name.to_owned() })?;
        let mut changed = self.clone();
        (parameter.set)(&mut changed, &value)?;
        changed.check_range(parameter, value)?;
        *self = changed;
        Ok(())
    }

    fn check_range(&self, parameter: &Parameter, value: ParameterValue) -> Result<(), InvalidParameter> {
        if let ParameterValue::Mapping(Some(nodes)) = &value {
            return mapping::check(nodes).map_err(|reason| InvalidParameter::Mapping { name: parameter.name, reason });
        }
        let related = match parameter.name {
            "max-cpu-throttle" => self.max_cpu_throttle >= self.cpu_throttle_initial,
            "xbzrle-cache-size" => self.xbzrle_cache_size.is_power_of_two(),
            _ => true,
        };
        if related && parameter.range.contains(&value) {
            return Ok(());
        }
        Err(InvalidParameter::Range { name: parameter.name, expects: parameter.range.expects, value })
    }

    /// Checks that this library implements all parameters with other values than their defaults.
    ///
    /// # Errors
    /// Returns an error for the first parameter that it does not implement.
    pub fn check(&self) -> Result<(), InvalidParameter> {
        let defaults = Self::default();
        let missing = Parameter::all().filter(|parameter| parameter.support == Support::Missing);
        for parameter in missing {
            let default = (parameter.get)(&defaults);
            if (parameter.get)(self) != default {
                return Err(InvalidParameter::NotImplemented { name: parameter.name, default });
            }
        }
        match self.mode {
            // The process belongs to the program.
            Mode::CprExec => Err(InvalidParameter::NotImplemented { name: "mode", default: Mode::Normal.to_value() }),
            _ => Ok(()),
        }
    }

    /// Returns the number of bytes that can be sent in `duration`, or `None` without a limit.
    #[must_use]
    pub fn bytes_in(&self, duration: Duration) -> Option<u64> {
        bytes_at(self.max_bandwidth, duration)
    }

    /// Returns the number of bytes that can be sent in `duration` in the background of postcopy, or `None` without a limit.
    #[must_use]
    pub fn postcopy_bytes_in(&self, duration: Duration) -> Option<u64> {
        bytes_at(self.max_postcopy_bandwidth, duration)
    }
}

/// Returns the bytes of `duration` at `rate` per second, or `None` without a limit.
fn bytes_at(rate: u64, duration: Duration) -> Option<u64> {
    match rate {
        0 => None,
        rate => u64::try_from(u128::from(rate) * duration.as_nanos() / 1_000_000_000).ok(),
    }
}
