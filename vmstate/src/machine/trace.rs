//! Spans for `tracing`, one for each section, if the feature of that name is on.
//!
//! A span's fields are the section's `name`, `instance`, `version` and `kind`; at its end, an event says how many `bytes`
//! the section has and how many `microseconds` it took. (QEMU has trace points for this: `vmstate_downtime_save` and
//! `vmstate_downtime_load`.)

use crate::stream::SectionHeader;

/// The span of one section. It ends with this value.
#[derive(Debug)]
pub(super) struct Section {
    #[cfg(feature = "tracing")]
    span: tracing::span::EnteredSpan,
    #[cfg(feature = "tracing")]
    /// When it began, if anybody wants to know.
    started: Option<std::time::Instant>,
    #[cfg(feature = "tracing")]
    offset: u64,
}

/// Begins the span of a section that is saved or loaded, as `what` says, and begins at `offset` of the stream.
#[cfg(feature = "tracing")]
pub(super) fn section(what: &'static str, header: &SectionHeader, offset: u64) -> Section {
    let SectionHeader { name, instance_id, version, .. } = header;
    let span = tracing::debug_span!("section", what, name, instance = instance_id, version, kind = header.kind.name());
    let started = (!span.is_disabled()).then(std::time::Instant::now);
    Section { span: span.entered(), started, offset }
}

/// Does nothing.
#[cfg(not(feature = "tracing"))]
pub(super) fn section(_: &'static str, _: &SectionHeader, _: u64) -> Section {
    Section {}
}

impl Section {
    /// Says that the section ends at `offset` of the stream.
    #[cfg(feature = "tracing")]
    pub(super) fn done(&self, offset: u64) {
        let Some(started) = self.started else { return };
        let bytes = offset.saturating_sub(self.offset);
        let microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(parent: &self.span, bytes, microseconds, "done");
    }

    /// Does nothing.
    #[cfg(not(feature = "tracing"))]
    #[allow(clippy::unused_self)]
    pub(super) fn done(&self, _: u64) {}
}
