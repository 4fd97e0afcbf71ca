//! The progress bar: on a terminal, and for what takes long enough to be seen.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

/// Streams below this are done before a bar could be read.
const BIG: u64 = 64 << 20;

/// A bar for a stream of `length` bytes; it shows itself on standard error if that is a terminal.
pub(crate) fn bar(length: u64) -> ProgressBar {
    match length < BIG {
        true => ProgressBar::hidden(),
        false => styled(
            ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr()),
            "{wide_bar} {bytes} of {total_bytes}",
        ),
    }
}

/// A counter of bytes that nobody knows the number of.
pub(crate) fn counter() -> ProgressBar {
    let bar = styled(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()), "{spinner} {bytes} read");
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style).with_finish(ProgressFinish::AndClear),
        Err(_) => bar,
    }
}
