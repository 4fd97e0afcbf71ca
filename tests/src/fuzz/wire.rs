//! The reading cursor over a slice, a pipe and a file, and the writing cursor.

use std::borrow::Cow;
use std::io::Cursor;

use arbitrary::{Arbitrary, Unstructured};
use vmstate::{Reader, Writer};

use super::Target;
use super::bites::Bites;

/// The target.
pub const TARGET: Target = Target { name: "wire", run, seeds, fixed: 4 << 20, per_byte: 64 };

/// The most bytes of a stream. A reader's buffer has 64 KiB.
const LONGEST: usize = 150_000;

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Step {
    U8,
    U16,
    U32,
    U64,
    Text,
    Claim(u32),
    Fill(u32),
    Peek(u32),
    Skip(u32),
    Tail(u16),
    AtEnd,
}

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    bite: u16,
    times: u16,
    steps: Vec<Step>,
    bytes: &'a [u8],
}

fn run(bytes: &[u8]) {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(bytes)) else { return };
    let length = input.bytes.len().saturating_mul(input.times.into()).min(LONGEST);
    let stream: Vec<_> = input.bytes.iter().copied().cycle().take(length).collect();
    check(&stream, input.bite.into(), &input.steps);
}

fn check(stream: &[u8], bite: usize, steps: &[Step]) {
    let mut slice = Reader::from_slice(stream);
    let mut others = [Reader::from_read(Bites::new(stream, bite)), Reader::from_file(Cursor::new(stream))];
    let mut out = Writer::new();
    for step in steps {
        let start = usize::try_from(slice.offset()).expect("a slice's offset");
        let result = go(&mut slice, *step);
        for (index, other) in others.iter_mut().enumerate() {
            // A pipe does not know its end.
            if index == 0 && matches!(step, Step::Tail(_)) {
                continue;
            }
            assert_eq!(go(other, *step), result, "{step:?} at {start}");
            // A pipe cannot seek back after a failed read, and readers stop after an error.
            if result.is_ok() {
                assert_eq!(other.offset(), slice.offset(), "after {step:?} at {start}");
            }
        }
        assert_eq!(result.clone().ok(), expected(stream, start, *step), "{step:?} at {start}");
        if result.is_err() {
            return;
        }
        let end = usize::try_from(slice.offset()).expect("a slice's offset");
        write(&mut out, *step, &stream[start..end]);
        assert_eq!(out.pending()[start..], stream[start..end], "written again: {step:?}");
        assert_eq!(out.offset(), slice.offset());
    }
}

/// Returns the result of a step.
fn go(reader: &mut Reader<'_>, step: Step) -> Result<Vec<u8>, String> {
    let result = match step {
        Step::U8 => reader.u8().map(|value| value.to_be_bytes().to_vec()),
        Step::U16 => reader.u16().map(|value| value.to_be_bytes().to_vec()),
        Step::U32 => reader.u32().map(|value| value.to_be_bytes().to_vec()),
        Step::U64 => reader.u64().map(|value| value.to_be_bytes().to_vec()),
        Step::Text => reader.counted_str().map(String::into_bytes),
        Step::Claim(count) => reader.take(size(count)).map(<[u8]>::to_vec),
        Step::Fill(count) => {
            let mut into = vec![0; size(count) % LONGEST];
            reader.fill(&mut into).map(|()| into)
        }
        Step::Peek(count) => reader.peek(size(count)).map(<[u8]>::to_vec),
        Step::Skip(count) => reader.skip(count.into()).map(|()| Vec::new()),
        Step::Tail(count) => reader.peek_last(count.into()).map(|tail| tail.map_or_else(Vec::new, Cow::into_owned)),
        Step::AtEnd => reader.at_end().map(|at_end| vec![at_end.into()]),
    };
    result.map_err(|error| error.to_string())
}

fn size(count: u32) -> usize {
    usize::try_from(count).expect("a platform of 32 bits at least")
}

/// Returns the expected result of a step, or `None` if it should fail.
fn expected(stream: &[u8], start: usize, step: Step) -> Option<Vec<u8>> {
    let rest = &stream[start..];
    let exactly = |count: usize| rest.get(..count).map(<[u8]>::to_vec);
    match step {
        Step::U8 => exactly(1),
        Step::U16 => exactly(2),
        Step::U32 => exactly(4),
        Step::U64 => exactly(8),
        Step::Text => {
            let length = usize::from(*rest.first()?);
            let text = rest.get(1..=length)?;
            std::str::from_utf8(text).ok().map(|text| text.as_bytes().to_vec())
        }
        Step::Claim(count) => exactly(size(count)),
        Step::Fill(count) => exactly(size(count) % LONGEST),
        Step::Peek(count) => Some(rest[..size(count).min(rest.len())].to_vec()),
        Step::Skip(count) => exactly(size(count)).map(|_| Vec::new()),
        Step::Tail(count) => Some(stream[stream.len().saturating_sub(count.into())..].to_vec()),
        Step::AtEnd => Some(vec![rest.is_empty().into()]),
    }
}

/// Writes the result of a step with the corresponding call.
fn write(out: &mut Writer, step: Step, bytes: &[u8]) {
    match (step, bytes) {
        (Step::U8, bytes) => out.u8(bytes[0]),
        (Step::U16, bytes) => out.u16(u16::from_be_bytes(bytes.try_into().expect("two bytes"))),
        (Step::U32, bytes) => out.u32(u32::from_be_bytes(bytes.try_into().expect("four bytes"))),
        (Step::U64, bytes) => out.u64(u64::from_be_bytes(bytes.try_into().expect("eight bytes"))),
        (Step::Text, bytes) => out.counted_str(std::str::from_utf8(&bytes[1..]).expect("text")),
        (Step::Fill(_), bytes) => out.reserve(bytes.len()).copy_from_slice(bytes),
        (_, bytes) => out.bytes(bytes),
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let bytes: Vec<_> = (0..=255).collect();
    vec![bytes, b"\x05hello\0\x01\x02\x03\x04\x05\x06\x07\x08 and more".repeat(8)]
}
