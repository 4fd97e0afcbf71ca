//! A guest whose written pages only the kernel knows, as for an emulator that cannot mark pages.

use serde_json::json;
use vmstate::memory::{MemoryError, WriteProtect};
use vmstate_tests::board::BoardProcess;

const LOG: [&str; 2] = ["--dirty-log", "write-protect"];

/// Returns whether the kernel has the log.
fn is_supported() -> bool {
    match WriteProtect::probe() {
        Ok(()) => super::postcopy::is_supported(),
        Err(error @ MemoryError::Unsupported { .. }) => {
            assert!(std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{error}");
            eprintln!("NOT TESTED: {error}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// Starts a migration over a link with this speed in bytes per second. All pages of zeros together are 200 KB.
fn begin(source: &mut BoardProcess, speed: u64) -> BoardProcess {
    let mut destination = BoardProcess::start(&[&LOG[..], &["--incoming", "defer"]].concat());
    let uri = format!("unix:{}", destination.path("guest").display());
    source.enable("postcopy-ram");
    destination.enable("postcopy-ram");
    destination.execute("migrate-incoming", json!({ "uri": uri }));
    source.execute("migrate-set-parameters", json!({ "max-bandwidth": speed }));
    source.execute("migrate", json!({ "uri": uri }));
    source.wait_for(&["active"]);
    destination
}

/// The first pass takes more than a minute.
const SLOW: u64 = 5_000;
/// The guest writes pages again after they were sent.
const FAST: u64 = 400_000;

/// Checks that the guest has moved.
#[track_caller]
fn assert_moved(mut source: BoardProcess, mut destination: BoardProcess) -> BoardProcess {
    source.wait_for(&["completed"]);
    destination.wait_for(&["completed"]);
    destination.assert_right();
    source.assert_silent();
    destination
}

#[test]
fn kernel_knows_the_pages_that_the_guest_writes() {
    if !is_supported() {
        return;
    }
    let mut source = BoardProcess::running(&LOG);
    let mut refused = begin(&mut source, SLOW);
    source.assert_right();
    source.execute("migrate_cancel", json!({}));
    source.wait_for(&["cancelled"]);
    assert_eq!(refused.ended().code(), Some(2));
    source.assert_right();

    let destination = begin(&mut source, FAST);
    let mut source = assert_moved(source, destination);

    // Pages that arrive later are registered with the kernel for their faults, and for the log of the next migration.
    let destination = begin(&mut source, SLOW);
    source.execute("migrate-start-postcopy", json!({}));
    source.execute("migrate-set-parameters", json!({ "max-postcopy-bandwidth": 0 }));
    let mut source = assert_moved(source, destination);

    let destination = begin(&mut source, FAST);
    assert_moved(source, destination);
}
