//! One `tracing` span per section, with the feature `tracing`.
//!
//! The fields of a span are the section's `name`, `instance`, `version` and `kind`. At its end, an event has the number of
//! `bytes` and the duration in `microseconds`, like QEMU's trace points `vmstate_downtime_save` and
//! `vmstate_downtime_load`.

use crate::stream::SectionHeader;

/// The span of one section, if a subscriber is interested. Dropping it ends the span.
#[derive(Debug)]
pub(super) struct Section {
    #[cfg(feature = "tracing")]
    open: Option<Open>,
}

#[cfg(feature = "tracing")]
#[derive(Debug)]
struct Open {
    span: tracing::span::EnteredSpan,
    started: std::time::Instant,
    offset: u64,
}

/// Begins the span of a section at `offset` of the stream. `what` is `save` or `load`.
#[cfg(feature = "tracing")]
pub(super) fn section(what: &'static str, header: &SectionHeader, offset: u64) -> Section {
    // Without a subscriber, which is the normal case, this costs one atomic load.
    let heard = tracing::level_filters::LevelFilter::current() >= tracing::Level::DEBUG;
    Section { open: heard.then(|| Open::new(what, header, offset)).flatten() }
}

/// Does nothing.
#[cfg(not(feature = "tracing"))]
pub(super) fn section(_: &'static str, _: &SectionHeader, _: u64) -> Section {
    Section {}
}

#[cfg(feature = "tracing")]
impl Open {
    fn new(what: &'static str, header: &SectionHeader, offset: u64) -> Option<Self> {
        let SectionHeader { name, instance_id, version, kind, .. } = header;
        let span = tracing::debug_span!("section", what, name, instance = instance_id, version, kind = kind.name());
        let started = std::time::Instant::now();
        (!span.is_disabled()).then(|| Self { span: span.entered(), started, offset })
    }
}

impl Section {
    /// Reports the end of the section, at `offset` of the stream.
    #[cfg(feature = "tracing")]
    pub(super) fn done(&self, offset: u64) {
        let Some(Open { span, started, offset: start }) = &self.open else { return };
        let bytes = offset.saturating_sub(*start);
        let microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(parent: span, bytes, microseconds, "done");
    }

    /// Does nothing.
    #[cfg(not(feature = "tracing"))]
    #[allow(clippy::unused_self)]
    pub(super) fn done(&self, _: u64) {}
}
