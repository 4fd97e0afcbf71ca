//! Bounds of memory, allocations and time of the parsers of descriptions and schemas.

use std::time::Duration;
use vmstate::dynamic::StreamDecoder;

use rustix::time::{ClockId, clock_gettime};
use vmstate::dynamic::diff::Snapshot;
use vmstate::schema::vmdesc::{Document, Located, MAX_VALUES, locate};
use vmstate_tests::hostile::{Case, cases, described};

use super::*;

/// The memory of a description for each byte of its text, and in addition.
const PER_BYTE_OF_TEXT: u64 = 24;
const BESIDES: u64 = 64 << 10;
/// The maximum memory of a description, and of decoding a stream of 4 KiB.
const ANY_DESCRIPTION: u64 = 256 << 20;
const FOUR_KIB: u64 = 8 << 20;

/// The most that is held while `run` runs.
fn peak(run: impl FnOnce()) -> u64 {
    let since = Since::now();
    run();
    since.peak()
}

fn parse(text: &str) -> u64 {
    peak(|| drop(Document::parse(text.as_bytes(), 0)))
}

/// Texts that are as short as possible for their contents.
fn dense_texts(length: usize) -> Vec<(&'static str, String)> {
    let filled = |before: &str, again: &str, after: &str| {
        let count = length.saturating_sub(before.len() + after.len()) / again.len();
        let again = again.repeat(count);
        format!("{before}{}{after}", again.strip_suffix(',').unwrap_or(&again))
    };
    let (open, close) = ("{\"page_size\":1,\"devices\":[", "]}");
    let device = "{\"name\":\"\",\"instance_id\":0,\"vmsd_name\":\"\",\"version\":1,\"fields\":[";
    vec![
        ("numbers", filled("{\"a\":[", "0,", "],\"page_size\":1,\"devices\":[]}")),
        ("empty arrays", filled("{\"a\":[", "[],", "],\"page_size\":1,\"devices\":[]}")),
        ("short arrays", filled("{\"a\":[", "[0],", "],\"page_size\":1,\"devices\":[]}")),
        ("short objects", filled("{\"a\":[", "{\"\":0},", "],\"page_size\":1,\"devices\":[]}")),
        ("keys", filled("{", "\"\":0,", "\"page_size\":1,\"devices\":[]}")),
        ("escapes", filled("{\"a\":[", "\"\\n\",", "],\"page_size\":1,\"devices\":[]}")),
        ("devices", filled(open, &format!("{device}]}},"), close)),
        (
            "fields",
            filled(&format!("{open}{device}"), "{\"name\":\"\",\"type\":\"\",\"size\":0},", &format!("]}}{close}")),
        ),
        ("never closed", filled("", "{\"\":[", "")),
    ]
}

#[test]
fn description_memory_is_proportional_to_its_text() {
    for length in [4 << 10, 64 << 10, 4 << 20] {
        for (what, text) in dense_texts(length) {
            let (peak, bound) = (parse(&text), PER_BYTE_OF_TEXT * text.len() as u64 + BESIDES);
            println!("{what}: {} bytes of text, {peak} held, {} for each", text.len(), peak / text.len() as u64);
            assert!(peak <= bound, "{what}: {peak} bytes are held for a text of {}", text.len());
        }
    }
}

#[test]
fn description_memory_is_bounded() {
    // The longest text with as many values as there may be, and with more.
    for count in [MAX_VALUES - 10, 2 * MAX_VALUES] {
        // As dense as permitted.
        let text = format!("{{\"a\":[{}0],\"page_size\":1,\"devices\":[]}}", "{\"abcde\":0},".repeat(count / 2));
        let held = parse(&text);
        println!("{count} values: {held} bytes");
        assert!(held <= ANY_DESCRIPTION, "{count} values: {held} bytes are held");
        let parsed = Document::parse(text.as_bytes(), 0);
        assert_eq!(parsed.is_ok(), count < MAX_VALUES, "{:?}", parsed.err());
    }
}

#[test]
fn empty_elements_are_limited() {
    let inner = "{\"vmsd_name\": \"e\", \"version\": 1, \"fields\": []}";
    let field = |count: u64| {
        format!("{{\"name\": \"a\", \"array_len\": {count}, \"type\": \"struct\", \"struct\": {inner}, \"size\": 0}}")
    };
    for (fields, count, fits) in [(1, 300, true), (1, 1_000_000, false), (1, u64::MAX, false), (20, 500, false)] {
        let fields = vec![field(count); fields].join(", ");
        let device = format!(
            "{{\"name\": \"dev\", \"instance_id\": 0, \"vmsd_name\": \"dev\", \"version\": 1, \"fields\": [{fields}]}}"
        );
        let mut section = section(SectionKind::Full, 1, "dev", b"");
        section.shrink_to_fit();
        let stream = described(&section, &format!("{{\"page_size\": 4096, \"devices\": [{device}]}}"));
        let held = peak(|| assert_eq!(snapshot(&stream).is_ok(), fits, "{count}"));
        assert!(held < FOUR_KIB, "{count}: {held}");
    }
}

fn snapshot(stream: &[u8]) -> Result<Snapshot, LoadError> {
    let Located::At(start) = locate(stream) else { panic!("no description") };
    let document = Document::parse(&stream[start..], start as u64)?;
    let mut reader = Reader::from_slice(stream);
    Snapshot::read(&mut StreamDecoder::new(&mut reader, Some(document))?)
}

#[test]
fn decoding_4_kib_is_bounded() {
    let tried = cases().into_iter().filter(|case| (case.make)(1).len() <= 4096);
    for case in tried {
        // As much as fits into 4 KiB.
        let fits = |count: &usize| (case.make)(*count).len() <= 4096;
        let count = (0..13).map(|power| 1 << power).take_while(fits).last().unwrap_or(1);
        let input = (case.make)(count);
        let held = peak(|| drop((case.read)(&input)));
        assert!(held <= FOUR_KIB, "{}: {held} bytes for {}", case.name, input.len());
    }
}

/// The ratio of the compared input sizes.
const TIMES: usize = 4;

#[test]
fn output_is_linear_in_input() {
    for case in cases() {
        let small = (case.small / 4).max(100);
        let cost = |count: usize| {
            let input = (case.make)(count);
            let since = Since::now();
            drop((case.read)(&input));
            (input.len() as u64, since.allocations(), since.peak())
        };
        let (less, more) = (cost(small), cost(TIMES * small));
        // Slightly more than proportional, because vectors grow by doubling and names get longer.
        let most = |cost: u64| cost * 2 * (more.0 / less.0 + 1) + 4096;
        assert!(more.1 <= most(less.1), "{}: {} allocations became {}", case.name, less.1, more.1);
        assert!(more.2 <= most(less.2) + (1 << 20), "{}: {} bytes became {}", case.name, less.2, more.2);
    }
}

/// The ratio of the input sizes whose times are compared.
const TIMES_AS_LONG: usize = 16;
/// The tolerated factor over linear time, because of caches and load. Quadratic time has a factor of `TIMES_AS_LONG`.
const SLOWER: f64 = 10.0;
/// The shortest compared time, in seconds.
const INSTANT: f64 = 0.0002;

#[test]
fn time_is_linear_in_input() {
    let mut slowest = 0.0_f64;
    for case in cases() {
        let (less, more) = ((case.make)(case.small / 8), (case.make)(TIMES_AS_LONG * case.small / 8));
        let times = (fastest(&case, &less), fastest(&case, &more));
        let larger = more.len() as f64 / less.len() as f64;
        let most = SLOWER * larger * times.0.max(INSTANT);
        assert!(times.1 <= most, "{}: {times:?} seconds for {} and {} bytes", case.name, less.len(), more.len());
        slowest = slowest.max(times.1 / times.0.max(INSTANT) * TIMES_AS_LONG as f64 / larger);
    }
    println!("measured: input of 16 times the size takes at most {slowest:.0} times as long");
}

/// The seconds that this thread works for a case: the machine has other things to do. The fastest run counts.
fn fastest(case: &Case, input: &[u8]) -> f64 {
    let worked = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
    };
    let run = || {
        let start = worked();
        drop((case.read)(input));
        (worked() - start).as_secs_f64()
    };
    (0..2).map(|_| run()).fold(f64::MAX, f64::min)
}
