//! Recorded conversations, explained: outcomes, states and figures that the QEMUs of each recording have reported.

use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use vmstate::migration::MigrationStatus::{self, Active, Cancelled, Completed, Failed, PostcopyActive, PostcopyPaused};
use vmstate::migration::Side;
use vmstate::migration::conversation::{
    ConversationReader, ConversationWriter, Entry, EntryEvent, Explainer, Explanation, MigrationOutcome,
};
use vmstate_tests::conversations::{explain, file, names};

/// A recording, with the facts that its QEMUs and their scripts reported.
struct Recorded {
    name: &'static str,
    outcome: MigrationOutcome,
    /// Set if the destination has confirmed it.
    confirmed: bool,
    /// The final states of the source and of the destination.
    states: (MigrationStatus, MigrationStatus),
    /// `normal` and `duplicate` of `query-migrate`: pages with content and pages of zeros.
    pages: Option<(u64, u64)>,
    /// The highest number of passes: `dirty-sync-count` without the synchronization after the stop, which adds a pass only
    /// if the guest has written.
    passes: usize,
    /// A part of the cause.
    cause: &'static str,
}

const fn completed(name: &'static str, pages: (u64, u64), passes: usize) -> Recorded {
    let states = (Completed, Completed);
    Recorded {
        name,
        outcome: MigrationOutcome::Completed,
        confirmed: true,
        states,
        pages: Some(pages),
        passes,
        cause: "",
    }
}

const fn silent(name: &'static str, pages: (u64, u64), passes: usize) -> Recorded {
    Recorded { confirmed: false, ..completed(name, pages, passes) }
}

const fn postcopy(name: &'static str) -> Recorded {
    Recorded { pages: None, ..completed(name, (0, 0), 1) }
}

const fn other(
    name: &'static str,
    outcome: MigrationOutcome,
    states: (MigrationStatus, MigrationStatus),
    passes: usize,
    cause: &'static str,
) -> Recorded {
    Recorded { name, outcome, confirmed: true, states, pages: None, passes, cause }
}

const REJECTED: &str = "SHUT 1: the destination has rejected the machine after all of the stream was sent";
const CLOSED: &str = "the source has closed the connection in section `ram`";

/// The table.
const TABLE: &[Recorded] = &[
    silent("qemu-10.0-background-snapshot", (262, 781), 1),
    silent("qemu-10.0-bitmaps", (391, 781), 2),
    other("qemu-10.0-cancelled", MigrationOutcome::Cancelled, (Cancelled, Failed), 4, CLOSED),
    silent("qemu-10.0-cpr", (0, 0), 0),
    silent("qemu-10.0-empty-parts", (284, 781), 2),
    completed("qemu-10.0-multifd", (130, 974), 2),
    silent("qemu-10.0-multifd-zlib", (130, 974), 2),
    completed("qemu-10.0-passes", (578, 974), 9),
    completed("qemu-10.0-pause", (130, 974), 2),
    postcopy("qemu-10.0-postcopy"),
    postcopy("qemu-10.0-postcopy-avr"),
    silent("qemu-10.0-postcopy-bitmaps", (391, 781), 2),
    completed("qemu-10.0-precopy", (0, 1040), 1),
    postcopy("qemu-10.0-preempt"),
    postcopy("qemu-10.0-recovered"),
    other("qemu-10.0-refused", MigrationOutcome::Failed, (Failed, Failed), 1, REJECTED),
    completed("qemu-10.0-switchover-ack", (130, 974), 2),
    completed("qemu-10.0-to-11.1", (0, 1072), 1),
    completed("qemu-10.0-uuid", (0, 1040), 1),
    silent("qemu-10.0-xbzrle", (19, 1029), 3),
    other("qemu-11.1-cancelled", MigrationOutcome::Cancelled, (Cancelled, Failed), 4, CLOSED),
    Recorded {
        confirmed: false,
        ..other("qemu-11.1-colo", MigrationOutcome::Colo, (Completed, Completed), 2, "COLO has ended")
    },
    silent("qemu-11.1-cpr", (0, 0), 0),
    Recorded {
        confirmed: false,
        ..other(
            "qemu-11.1-doubt",
            MigrationOutcome::Doubt,
            (PostcopyPaused, PostcopyPaused),
            1,
            "the connection was lost while the guest was handed over",
        )
    },
    completed("qemu-11.1-multifd", (1026, 974), 16),
    completed("qemu-11.1-passes", (578, 974), 9),
    postcopy("qemu-11.1-postcopy"),
    postcopy("qemu-11.1-postcopy-bitmaps"),
    completed("qemu-11.1-precopy", (0, 1040), 1),
    postcopy("qemu-11.1-preempt"),
    postcopy("qemu-11.1-recovered"),
    other("qemu-11.1-refused", MigrationOutcome::Failed, (Failed, Failed), 1, REJECTED),
    completed("qemu-11.1-switchover-ack", (0, 1040), 1),
    silent("qemu-11.1-xbzrle", (19, 1029), 3),
    Recorded {
        confirmed: false,
        ..other("qemu-7.2-colo", MigrationOutcome::Colo, (MigrationStatus::Device, Active), 1, "COLO has ended")
    },
    completed("qemu-7.2-multifd", (130, 974), 2),
    completed("qemu-7.2-precopy", (0, 1040), 1),
    silent("qemu-7.2-silent", (0, 1040), 1),
];

#[test]
fn every_conversation_is_explained() {
    assert_eq!(TABLE.iter().map(|recorded| recorded.name).collect::<Vec<_>>(), names());
    for recorded in TABLE {
        let (name, explanation) = (recorded.name, explain(&file(recorded.name)));
        let states = (explanation.source.status(), explanation.destination.status());
        assert_eq!((explanation.outcome, explanation.confirmed), (recorded.outcome, recorded.confirmed), "{name}");
        assert_eq!(states, recorded.states, "{name}");
        if let Some(pages) = recorded.pages {
            let found = explanation.pages;
            assert_eq!((found.content + found.compressed, found.zero), pages, "{name}");
        }
        assert_eq!(explanation.passes.len(), recorded.passes, "{name}");
        let cause = explanation.cause.map_or(String::new(), |cause| cause.what);
        assert_eq!(
            (cause.is_empty(), true),
            (recorded.cause.is_empty(), cause.contains(recorded.cause)),
            "{name}: {cause}"
        );
        assert!(explanation.moments.iter().all(|moment| !moment.what.contains("cannot decode")), "{name}");
        let known = [&explanation.source.knows, &explanation.destination.knows];
        assert!(known.iter().all(|known| !known.is_empty()), "{name}: {known:?}");
    }
}

/// `transferred`, `multifd-bytes` and `dirty-sync-count` of `query-migrate`, and the pages that were sent as changes.
#[test]
fn figures_are_the_figures_of_qemu() {
    for (name, transferred, deltas) in [
        ("qemu-10.0-passes", 2_398_821, 0),
        ("qemu-11.1-passes", 2_398_821, 0),
        ("qemu-10.0-multifd", 574_455, 0),
        ("qemu-11.1-multifd", 4_341_741, 0),
        ("qemu-10.0-multifd-zlib", 39_439, 0),
        ("qemu-10.0-xbzrle", 105_032, 8),
        ("qemu-11.1-xbzrle", 105_034, 8),
        ("qemu-10.0-uuid", 27_191, 0),
        ("qemu-10.0-to-11.1", 47_188, 0),
    ] {
        let explanation = explain(&file(name));
        assert_eq!((explanation.transferred, explanation.pages.delta), (transferred, deltas), "{name}");
        let per_interval: u64 = explanation.traffic.bytes.iter().sum();
        assert_eq!(per_interval, transferred, "{name}");
        assert_eq!((explanation.memory / 4096) * 4096, explanation.memory, "{name}");
    }
}

/// The figures of postcopy that the scripts of the recordings have counted.
#[test]
fn requests_are_counted_with_their_answers() {
    for (name, requests, recoveries) in [
        ("qemu-10.0-postcopy", 31, 0),
        ("qemu-10.0-recovered", 18, 1),
        ("qemu-11.1-recovered", 20, 1),
        ("qemu-10.0-postcopy-avr", 0, 0),
    ] {
        let postcopy = explain(&file(name)).postcopy.expect("postcopy");
        assert_eq!((postcopy.requests, postcopy.recoveries), (requests, recoveries), "{name}");
        assert!(postcopy.mean_us <= postcopy.longest_us && postcopy.answered <= postcopy.requests, "{name}");
    }
    for name in ["qemu-10.0-preempt", "qemu-11.1-preempt", "qemu-10.0-postcopy", "qemu-11.1-postcopy"] {
        let explanation = explain(&file(name));
        let (postcopy, all) = (explanation.postcopy.expect("postcopy"), explanation.memory / explanation.page_size);
        // Each page follows once: pages that the precopy has not sent, or that were written since.
        assert!(postcopy.pages.total() <= all && postcopy.pages.total() + explanation.pages.total() >= all, "{name}");
    }
}

/// Downtimes of QEMU's `query-migrate`, in milliseconds, of sources with a return path.
#[test]
fn downtimes_match_qemu() {
    for (name, downtime) in
        [("qemu-10.0-passes", 1), ("qemu-11.1-passes", 7), ("qemu-7.2-precopy", 4), ("qemu-11.1-multifd", 6)]
    {
        let found = explain(&file(name)).downtime.expect("a downtime");
        assert_eq!(found.total_us, found.memory_us + found.devices_us + found.answer_us, "{name}");
        // The recorder sees the stop later than QEMU, and the answer earlier.
        let millis = found.total_us / 1000;
        assert!(millis <= downtime && millis + 1 >= downtime, "{name}: {millis} ms, {downtime} ms in QEMU");
    }
}

#[test]
fn explanations_are_the_expected_text() {
    for name in
        ["qemu-10.0-passes", "qemu-11.1-refused", "qemu-10.0-cancelled", "qemu-10.0-recovered", "qemu-11.1-doubt"]
    {
        let text = explain(&file(name)).to_string();
        let expected =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/all/migration/explanations/{name}.txt"));
        if env::var_os("VMSTATE_BLESS").is_some() {
            fs::write(&expected, &text).unwrap();
        }
        assert!(
            fs::read_to_string(&expected).unwrap_or_default() == text,
            "see `git diff` after VMSTATE_BLESS=1:\n{text}"
        );
    }
}

/// A recorder that was killed leaves a file that ends anywhere.
#[test]
fn cut_conversations_are_explained() {
    for name in ["qemu-10.0-precopy", "qemu-11.1-refused", "qemu-10.0-postcopy-avr", "qemu-10.0-multifd-zlib"] {
        let file = file(name);
        let whole = explain(&file);
        let step = (file.len() / 100).max(1);
        for length in (12..file.len()).step_by(step) {
            let explanation = explain(&file[..length]);
            assert!(explanation.transferred <= whole.transferred, "{name} at {length}");
            assert!(!explanation.to_string().is_empty());
        }
        assert_eq!(explain(&file[..12]).outcome, MigrationOutcome::Unfinished);
    }
}

/// The division of the bytes into entries changes times alone.
#[test]
fn bytes_may_arrive_in_any_pieces() {
    for name in names() {
        let file = file(&name);
        let size = if file.len() < 100_000 { 7 } else { 1000 };
        let parts = explain(&divided(&file, size));
        assert_eq!(facts(&parts), facts(&explain(&file)), "{name} in pieces of {size}");
    }
}

/// Returns the conversation with shorter pieces of bytes.
fn divided(file: &[u8], size: usize) -> Vec<u8> {
    let mut reader = ConversationReader::new(file).unwrap();
    let mut out = ConversationWriter::new(Vec::new()).unwrap();
    while let Some(entry) = reader.next_entry().unwrap() {
        match entry.event {
            EntryEvent::Bytes(side, bytes) => {
                for bytes in bytes.chunks(size) {
                    out.write(&Entry { event: EntryEvent::Bytes(side, bytes), ..entry }).unwrap();
                }
            }
            _ => out.write(&entry).unwrap(),
        }
    }
    out.into_inner()
}

fn facts(explanation: &Explanation) -> String {
    let Explanation { outcome, cause, pages, passes, devices, transferred, postcopy, .. } = explanation;
    let passes: Vec<_> = passes.iter().map(|pass| pass.pages).collect();
    format!("{outcome:?} {cause:?} {pages:?} {passes:?} {devices} {transferred} {postcopy:?}")
}

/// Builds a conversation from events, one millisecond apart.
fn conversation(events: &[EntryEvent<'_>]) -> Explanation {
    let mut explainer = Explainer::new();
    for (millis, event) in (0..).zip(events) {
        explainer.entry(&Entry { at: Duration::from_millis(millis), connection: 0, event: event.clone() });
    }
    explainer.explain()
}

const HEADER: EntryEvent<'_> = EntryEvent::Bytes(Side::Source, b"QEVM\0\0\0\x03\x07\0\0\0\x04none");
const RETURN_PATH: EntryEvent<'_> = EntryEvent::Bytes(Side::Source, b"\x08\0\x01\0\0");
const END: EntryEvent<'_> = EntryEvent::Bytes(Side::Source, b"\0\x06\0\0\0\x02{}");

#[test]
fn unreachable_destination_is_the_cause() {
    let explanation = conversation(&[EntryEvent::Connected, EntryEvent::Lost(Side::Destination, "No such file")]);
    assert_eq!((explanation.outcome, explanation.source.status()), (MigrationOutcome::Failed, Failed));
    assert_eq!(explanation.cause.unwrap().what, "the destination cannot be reached: No such file");
}

#[test]
fn first_end_decides() {
    use EntryEvent::{Connected, End, Lost};
    use Side::{Destination, Source};
    for (events, outcome, cause) in [
        (
            &[Connected, HEADER, End(Destination), End(Source)][..],
            MigrationOutcome::Failed,
            "in the header, without a message",
        ),
        (
            &[Connected, HEADER, End(Source), End(Destination)],
            MigrationOutcome::Cancelled,
            "the source has closed the connection",
        ),
        (
            &[Connected, HEADER, Lost(Source, "reset")],
            MigrationOutcome::Cancelled,
            "to the source was lost in the header (reset)",
        ),
        (
            &[Connected, HEADER, RETURN_PATH, END, End(Destination)],
            MigrationOutcome::Doubt,
            "before the destination's answer",
        ),
        (&[Connected, HEADER, RETURN_PATH, END], MigrationOutcome::Unfinished, ""),
        (&[Connected, HEADER, END, Lost(Destination, "reset")], MigrationOutcome::Failed, "before it read the end"),
        (&[Connected, HEADER, END, End(Destination)], MigrationOutcome::Completed, ""),
        (&[Connected, EntryEvent::Bytes(Source, b"\x16\x03\x01\0")], MigrationOutcome::Unknown, ""),
        (&[Connected, EntryEvent::Bytes(Source, b"GET / HTTP/1.1")], MigrationOutcome::Unknown, ""),
        (
            &[Connected, EntryEvent::Bytes(Source, b"QEVM\0\0\0\x02"), End(Source)],
            MigrationOutcome::Cancelled,
            "cannot be decoded",
        ),
    ] {
        let explanation = conversation(events);
        let found = explanation.cause.map_or(String::new(), |cause| cause.what);
        assert_eq!(explanation.outcome, outcome, "{events:?}");
        assert_eq!((found.is_empty(), found.contains(cause)), (cause.is_empty(), true), "{events:?}: {found}");
    }
}

/// A destination loads the machine without its description, and reports an error for it (see QEMU's
/// `qemu_loadvm_state`): both guests may run.
#[test]
fn cut_in_the_description_leaves_doubt() {
    use EntryEvent::{Bytes, Connected, End};
    let shut = Bytes(Side::Destination, b"\0\x01\0\x04\0\0\0\x01");
    let events = [Connected, HEADER, RETURN_PATH, Bytes(Side::Source, b"\0\x06\0\0\0\x02{"), End(Side::Source), shut];
    assert_eq!(conversation(&events).outcome, MigrationOutcome::Doubt);
}

#[test]
fn lost_postcopy_waits_for_its_recovery() {
    // The first connection of a recovered postcopy.
    let file = file("qemu-10.0-recovered");
    let mut reader = ConversationReader::new(file.as_slice()).unwrap();
    let mut explainer = Explainer::new();
    while let Some(entry) = reader.next_entry().unwrap().filter(|entry| entry.connection == 0) {
        explainer.entry(&entry);
    }
    let explanation = explainer.explain();
    assert_eq!(explanation.outcome, MigrationOutcome::Paused);
    assert_eq!((explanation.source.status(), explanation.destination.status()), (PostcopyPaused, PostcopyPaused));
    assert!(explanation.source.states.iter().any(|change| change.status == PostcopyActive));
    assert!(explanation.advice.unwrap().contains("migrate-recover"));
}
