//! Spans for `tracing`, one for each section, if the feature of that name is on.
//!
//! A span's fields are the section's `name`, `instance`, `version` and `kind`; at its end, an event says how many `bytes`
//! the section has and how many `microseconds` it took. (QEMU has trace points for this: `vmstate_downtime_save` and
//! `vmstate_downtime_load`.)

use crate::stream::SectionHeader;

/// The span of one section, if anybody wants to know. It ends with this value.
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

/// Begins the span of a section that is saved or loaded, as `what` says, and begins at `offset` of the stream.
#[cfg(feature = "tracing")]
pub(super) fn section(what: &'static str, header: &SectionHeader, offset: u64) -> Section {
    // Mostly nobody does: that costs a look at one number.
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
    /// Says that the section ends at `offset` of the stream.
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
