//! The arguments of commands about dirty rates.

use std::time::Duration;

use super::super::QemuRelease;
use super::arguments::{Arguments, Member, Type, optional, required, since_10_0};
use super::error::CommandError;

/// A measurement of the dirty rate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirtyRateRequest {
    /// The duration, from 50 ms to 60 s.
    pub duration: Duration,
    /// The method.
    pub mode: DirtyRateMode,
    /// The number of pages of each GiB that [`DirtyRateMode::PageSampling`] compares, from 128 to 16384.
    pub samples: u64,
}

impl DirtyRateRequest {
    /// QEMU's default of [`samples`](Self::samples).
    pub(super) const SAMPLES: u64 = 512;
}

/// The method of a measurement of the dirty rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DirtyRateMode {
    /// Compares samples of pages.
    #[default]
    PageSampling,
    /// Counts the pages in the dirty log.
    DirtyBitmap,
    /// Counts the entries of KVM's dirty ring.
    DirtyRing,
}

impl DirtyRateMode {
    pub(super) const ALL: [Self; 3] = [Self::PageSampling, Self::DirtyRing, Self::DirtyBitmap];

    /// Returns the name, such as `page-sampling`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PageSampling => "page-sampling",
            Self::DirtyBitmap => "dirty-bitmap",
            Self::DirtyRing => "dirty-ring",
        }
    }
}

pub(super) fn unit_type() -> Type {
    Type::Words(vec!["second", "millisecond"])
}

/// The range of `calc-time` (`is_calc_time_valid` in QEMU's `migration/dirtyrate.c`).
const CALC_TIMES: std::ops::RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_secs(60);

pub(super) fn arguments(release: QemuRelease) -> Vec<Member> {
    let modes = DirtyRateMode::ALL.map(DirtyRateMode::name).to_vec();
    let mut members = vec![required("calc-time", Type::Integer)];
    members.extend(since_10_0(release, || optional("calc-time-unit", unit_type())));
    members.extend([optional("sample-pages", Type::Integer), optional("mode", Type::Words(modes))]);
    members
}

pub(super) fn parse(arguments: &Arguments<'_>, release: QemuRelease) -> Result<DirtyRateRequest, CommandError> {
    let time = arguments.unsigned("calc-time")?.unwrap_or_default();
    let duration = match arguments.text("calc-time-unit") {
        Some("millisecond") => Duration::from_millis(time),
        _ => Duration::from_secs(time),
    };
    if !CALC_TIMES.contains(&duration) {
        return Err(CommandError::new(match release {
            QemuRelease::V7_2 => "calc-time is out of range[1, 60].",
            _ => "Calculation time is out of range [50ms, 60000ms].",
        }));
    }
    let mode = DirtyRateMode::ALL.into_iter().find(|mode| Some(mode.name()) == arguments.text("mode"));
    let mode = mode.unwrap_or_default();
    let samples = parse_samples(arguments, mode)?;
    Ok(DirtyRateRequest { duration, mode, samples })
}

fn parse_samples(arguments: &Arguments<'_>, mode: DirtyRateMode) -> Result<u64, CommandError> {
    match arguments.unsigned("sample-pages")? {
        None => Ok(DirtyRateRequest::SAMPLES),
        Some(_) if mode != DirtyRateMode::PageSampling => {
            Err(CommandError::new("sample-pages is used only in page-sampling mode"))
        }
        Some(samples @ 128..=16384) => Ok(samples),
        Some(_) => Err(CommandError::new("sample-pages is out of range[128, 16384].")),
    }
}
