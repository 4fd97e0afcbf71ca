//! The memory of a load with each option, for all worst-case streams.

use vmstate::schema::vmdesc::{Located, MAX_TEXT_OF_LOAD, locate};
use vmstate_tests::hostile::{Case, cases, load_into_greedy};

use super::*;

/// The memory for each byte of a description that a load parses.
const PER_BYTE_OF_TEXT: u64 = 24;

/// The options of a load, and the constant in the bound of its memory.
struct Options {
    name: &'static str,
    options: fn() -> LoadOptions,
    fixed: u64,
}

const OPTIONS: &[Options] = &[
    Options { name: "default", options: LoadOptions::new, fixed: FIXED },
    Options { name: "Trailer::Required", options: || LoadOptions::new().trailer(Trailer::Required), fixed: FIXED },
    Options { name: "without_rollback", options: || LoadOptions::new().without_rollback(), fixed: FIXED },
    Options { name: "read_on_after_error", options: || LoadOptions::new().read_on_after_error(), fixed: FIXED },
    Options { name: "qemu_defaults", options: LoadOptions::qemu_defaults, fixed: FIXED },
    Options { name: "Unread::Skip", options: || with(Rules::default().unread(Unread::Skip)), fixed: FIXED },
    Options { name: "Unknown::Skip", options: || with(Rules::QEMU.unknown(Unknown::Skip)), fixed: FIXED_LENIENT },
    Options {
        name: "Unknown::PassThrough",
        options: || with(Rules::QEMU.unknown(Unknown::PassThrough)),
        fixed: FIXED_LENIENT,
    },
    Options {
        name: "Repeated::Replace",
        options: || with(Rules::QEMU.repeated(Repeated::Replace)),
        fixed: FIXED_LENIENT,
    },
];

fn with(rules: Rules) -> LoadOptions {
    LoadOptions::new().rules(rules).trailer(Trailer::Required)
}

/// Worst-case streams, and a description that is longer than any load parses.
fn inputs() -> Vec<(&'static str, Vec<u8>)> {
    let streams = cases().into_iter().filter(|case| case.name.contains("load:") || case.name.ends_with(": walk"));
    let sized = |case: Case| [1, 4].map(|times| (case.name, (case.make)(case.small * times)));
    streams.flat_map(sized).collect()
}

/// The memory that a load of `input` may hold. Only an error or a passed section makes the load parse the description.
fn bound(input: &[u8], fixed: u64) -> u64 {
    let text = match locate(input) {
        Located::At(start) => input.len() - start,
        // A description that is cut or wrong is received, too.
        Located::Absent | Located::More => input.len(),
    };
    PER_BYTE * input.len() as u64 + PER_BYTE_OF_TEXT * text.min(MAX_TEXT_OF_LOAD) as u64 + fixed
}

fn of_stream(input: &[u8]) -> Reader<'_> {
    Reader::from_read(input)
}

fn of_slice(input: &[u8]) -> Reader<'_> {
    Reader::from_slice(input)
}

#[test]
fn memory_of_a_load_is_bounded_with_each_option() {
    let inputs = inputs();
    let sources = [("stream", of_stream as fn(&[u8]) -> Reader<'_>), ("slice", of_slice)];
    let mut most = 0.0_f64;
    for Options { name, options, fixed } in OPTIONS {
        for (case, input) in &inputs {
            for (source, reader) in sources {
                let since = Since::now();
                let _ = load_into_greedy(&mut reader(input), options());
                let (peak, bound) = (since.peak(), bound(input, *fixed));
                assert!(peak <= bound, "{name}, {case} from a {source}: {peak} of {bound} bytes for {}", input.len());
                most = most.max(peak.saturating_sub(*fixed) as f64 / input.len() as f64);
            }
        }
    }
    let (count, options) = (inputs.len() * sources.len(), OPTIONS.len());
    println!("measured: {} worst-case loads", count * options);
    println!("measured: a load with its diagnosis holds at most {most:.1} times the input and a constant");
}

#[test]
fn long_descriptions_are_not_parsed_by_a_load() {
    let name = "n".repeat(1000);
    let device =
        format!("{{\"name\": \"{name}\", \"instance_id\": 0, \"vmsd_name\": \"x\", \"version\": 1, \"fields\": []}}");
    let devices = vec![device; 12_000].join(", ");
    let sections = section(SectionKind::Full, 1, "dev", b"\xff");
    let stream =
        vmstate_tests::hostile::described(&sections, &format!("{{\"page_size\": 4096, \"devices\": [{devices}]}}"));
    for Options { name, options, fixed } in OPTIONS {
        let since = Since::now();
        let _ = load_into_greedy(&mut Reader::from_slice(&stream), options());
        let bound = fixed + stream.len() as u64 + 4 * MAX_TEXT_OF_LOAD as u64;
        assert!(since.peak() <= bound, "{name}: {} bytes for {}", since.peak(), stream.len());
    }
}
