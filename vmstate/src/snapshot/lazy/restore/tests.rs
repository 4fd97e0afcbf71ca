//! Phases of a restore.

use std::sync::mpsc;
use std::thread;

use super::*;
use crate::snapshot::LazySource;

const PATIENCE: Duration = Duration::from_secs(60);

fn shared() -> Shared {
    let file = tempfile::NamedTempFile::new().unwrap();
    let source = Arc::new(LazySource::open(file.path()).unwrap());
    Shared::new(Engine::new(source, 4096, &[], Vec::new()), true)
}

/// The thread may not see a failure, but must see that it has skipped a range.
#[test]
fn skipped_range_is_not_forgotten_by_a_retry() {
    let (shared, skipped) = (shared(), Cell::new(false));
    shared.set(Phase::Running);
    assert!(shared.reading_unless(&skipped).is_some() && !skipped.get());
    shared.set(Phase::Failed(StoreErrorKind::Io, String::new()));
    assert!(shared.reading_unless(&skipped).is_none() && skipped.get());
    shared.set(Phase::Running);
    assert!(shared.reading_unless(&skipped).is_none() && skipped.get());
}

/// Nothing may read the file while it is repaired.
#[test]
fn failure_is_reported_after_the_last_read() {
    let shared = shared();
    let (sender, failures) = mpsc::channel();
    *shared.on_failure.lock().unwrap() = Box::new(move |error| sender.send(error.to_string()).unwrap());
    shared.set(Phase::Running);
    let reading = shared.reading().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| shared.fail(&StoreError::new(StoreErrorKind::Io, "gone")));
        shared.wait(|state| (state.phase != Phase::Running).then_some(()));
        assert!(shared.reading().is_none(), "a new read");
        failures.recv_timeout(Duration::from_millis(200)).unwrap_err();
        assert_eq!(shared.lock().phase.failure().map(|error| error.kind()), None);
        drop(reading);
        assert_eq!(failures.recv_timeout(PATIENCE).unwrap(), "gone");
    });
    assert_eq!(shared.lock().phase.failure().unwrap().kind(), StoreErrorKind::Io);
}
