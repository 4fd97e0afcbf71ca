//! The progress bar, shown on a terminal for streams that take a noticeable time.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

/// Smaller streams are finished before a bar could be read.
const LARGE: u64 = 64 << 20;

/// Creates a bar for a stream of `length` bytes, shown on standard error if it is a terminal.
pub(crate) fn bar(length: u64) -> ProgressBar {
    if length < LARGE {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    styled(bar, "{wide_bar} {bytes} of {total_bytes}")
}

/// Creates a counter for input of unknown length.
pub(crate) fn counter() -> ProgressBar {
    let bar = styled(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()), "{spinner} {bytes} read");
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Creates a line about an activity without a known end.
#[cfg(unix)]
pub(crate) fn activity() -> ProgressBar {
    let bar = styled(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()), "{spinner} {msg}");
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style).with_finish(ProgressFinish::AndClear),
        Err(_) => bar,
    }
}

/// Shows a line that `line` returns five times per second, while `work` runs.
#[cfg(unix)]
pub(crate) fn watch<T>(line: impl Fn() -> String + Send, work: impl FnOnce() -> T) -> T {
    let bar = styled(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()), "{spinner} {msg}");
    if bar.is_hidden() {
        return work();
    }
    let (done, ended) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while ended.recv_timeout(Duration::from_millis(200)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                bar.set_message(line());
                bar.tick();
            }
            bar.finish_and_clear();
        });
        // Dropped when the work has ended or panicked.
        let _done = done;
        work()
    })
}
