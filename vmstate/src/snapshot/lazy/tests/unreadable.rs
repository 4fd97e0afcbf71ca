//! Files that cannot be read during a restore.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::sync::mpsc;

use super::*;

#[test]
fn guest_waits_if_the_file_has_shrunk() {
    if !is_supported() {
        return;
    }
    let fixture = Fixture::new();
    let content = std::fs::read(fixture.stream()).unwrap();
    for length in [0, 1 << 20, (1 << 20) + PAGE + 100] {
        let ram = blocks(MappingOptions::anonymous);
        let lazy = fixture.lazy(&ram).on_demand();
        load(&lazy).unwrap();
        let (sender, failures) = mpsc::channel();
        let restore = lazy.start(move |error| {
            sender.send(error.to_string()).unwrap();
            panic!("a callback that panics");
        });
        let restore = restore.unwrap();
        let file = OpenOptions::new().write(true).open(fixture.stream()).unwrap();
        file.set_len(length).unwrap();
        std::thread::scope(|scope| {
            // Page 1 would be zero. The next two have content; the file still has a part of one.
            let reader = scope.spawn(|| [2, 3].map(|page| ram[0].memory().load((page * PAGE) as usize)));
            let error = failures.recv_timeout(TIMEOUT).expect("a failure");
            assert!(error.contains("cannot read page 0x2000 of RAM block `ram`"), "{error}");
            assert!(error.contains("shorter than when the restore began"), "{error}");
            assert!(!reader.is_finished(), "the guest has read a missing page");
            assert!(!restore.is_complete());
            // Other threads wait, too, and the failure is reported once.
            let other = scope.spawn(|| ram[1].memory().load(0));
            file.write_all_at(&content, 0).unwrap();
            restore.retry();
            assert_eq!(reader.join().unwrap(), [Some(mark(0, 2)), Some(mark(0, 3))]);
            assert_eq!(other.join().unwrap(), Some(mark(1, 0)));
        });
        assert!(failures.try_recv().is_err());
        restore.cancel();
    }
}

/// The file shrinks and is repaired several times while the guest and the background read it.
#[test]
fn no_page_is_lost_by_failures_and_retries() {
    if !is_supported() {
        return;
    }
    let fixture = Fixture::new();
    let content = std::fs::read(fixture.stream()).unwrap();
    let file = OpenOptions::new().write(true).open(fixture.stream()).unwrap();
    for round in 0..16 {
        let ram = blocks(MappingOptions::anonymous);
        let lazy = fixture.lazy(&ram);
        load(&lazy).unwrap();
        file.set_len(round * 250_001 % content.len() as u64).unwrap();
        let (sender, failures) = mpsc::channel();
        let restore = lazy.start(move |_| sender.send(()).unwrap()).unwrap();
        std::thread::scope(|scope| {
            let guests = (0..3).map(|_| scope.spawn(|| touch(&ram, PAGES))).collect::<Vec<_>>();
            for _ in 0..3 {
                failures.recv_timeout(TIMEOUT).expect("a failure");
                file.write_all_at(&content, 0).unwrap();
                restore.retry();
                file.set_len(round * 170_001 % content.len() as u64).unwrap();
                // Complete, unless a page was missing again.
                if restore.wait().is_ok() {
                    break;
                }
            }
            file.write_all_at(&content, 0).unwrap();
            // A reader may still report a failure from before the repair, but not for ever.
            let complete = (0..100).any(|_| restore.wait().inspect_err(|_| restore.retry()).is_ok());
            assert!(complete, "round {round}");
            guests.into_iter().for_each(|guest| guest.join().unwrap());
        });
        assert!(ram[0].memory().to_vec() == fixture.content, "round {round}");
    }
}

#[test]
fn failure_in_the_background_is_reported() {
    if !is_supported() {
        return;
    }
    let fixture = Fixture::new();
    let ram = blocks(MappingOptions::anonymous);
    let lazy = fixture.lazy(&ram);
    load(&lazy).unwrap();
    OpenOptions::new().write(true).open(fixture.stream()).unwrap().set_len(2 << 20).unwrap();
    let (sender, failures) = mpsc::channel();
    let restore = lazy.start(move |error| sender.send(error.to_string()).unwrap()).unwrap();
    let error = failures.recv_timeout(TIMEOUT).expect("a failure");
    assert_eq!(restore.wait().unwrap_err().to_string().split(": ").next(), error.split(": ").next());
    assert!(!restore.is_complete());
    restore.cancel();
}
