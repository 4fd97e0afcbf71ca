//! Streams that are damaged where it matters.

use std::ops::Range;

use vmstate::Reader;
use vmstate::dynamic::{StreamDecoder, StreamEvent};
use vmstate::schema::vmdesc::Document;
use vmstate_tests::frame::split;

use super::random::Random;

/// A stream with one thing changed.
#[derive(Debug)]
pub(super) struct Mutant {
    /// The change.
    pub(super) what: String,
    pub(super) bytes: Vec<u8>,
}

/// A stream and the layout of its sections.
pub(super) struct Map {
    stream: Vec<u8>,
    sections: Vec<Section>,
    /// The records of memory: their first words, and names of blocks.
    records: Vec<Range<usize>>,
    /// The byte that ends the stream.
    end: usize,
}

struct Section {
    name: String,
    /// From its first byte to the end of its footer.
    all: Range<usize>,
    payload: Range<usize>,
    /// The values of devices, with their paths.
    fields: Vec<(String, Range<usize>)>,
    /// The offsets of subsections, with the lengths of their names.
    subsections: Vec<(usize, usize)>,
}

/// The bytes of a footer.
const FOOTER: usize = 5;
/// The bytes of instance id and version, with which a header ends.
const NUMBERS: usize = 8;
/// The records of memory that are worth damaging: thousands of others are like them.
const RECORDS: usize = 20;

impl Map {
    pub(super) fn of(stream: &[u8]) -> Self {
        let (before, text) = split(stream);
        let document = Document::parse(text, before.len() as u64).unwrap();
        let mut reader = Reader::from_slice(stream);
        let mut walk = StreamDecoder::new(&mut reader, Some(document)).unwrap();
        let (mut sections, mut records, mut place) = (Vec::new(), Vec::new(), walk.offset());
        while let Some(event) = walk.next_event().unwrap() {
            let here = walk.offset();
            match event {
                StreamEvent::Section { header, section, .. } => {
                    let fields = section.leaves().into_iter();
                    let fields = fields.map(|leaf| (leaf.path, range(leaf.found.offset, leaf.found.size))).collect();
                    let payload = range(header.payload, here - FOOTER as u64 - header.payload);
                    let subsections = subsections(&stream[payload.clone()], payload.start);
                    let all = range(header.offset, here - header.offset);
                    sections.push(Section { name: header.name, all, payload, fields, subsections });
                }
                StreamEvent::Record(_) => records.push(range(place, here - place)),
                _ => {}
            }
            place = here;
        }
        records.truncate(RECORDS);
        Self { stream: stream.to_vec(), sections, records, end: usize::try_from(walk.offset()).unwrap() - 1 }
    }

    /// The stream with something changed.
    pub(super) fn mutant(&self, random: &mut Random) -> Mutant {
        loop {
            let mutant = self.change(random);
            if mutant.bytes != self.stream {
                return mutant;
            }
        }
    }

    fn change(&self, random: &mut Random) -> Mutant {
        let section = random.of(&self.sections);
        let name = &section.name;
        match random.below(24) {
            0 => self.byte(random, &(0..8), "the header"),
            1 => self.byte(random, &(8..self.records[0].start - 20), "the configuration"),
            2 | 3 => self.byte(random, &(section.all.start..section.payload.start), &format!("the header of {name}")),
            4 => self.version(random, section),
            5 => self.byte(random, &(section.payload.end..section.all.end), &format!("the footer of {name}")),
            6 => self.replaced(&section.all, &[], format!("{name} left out")),
            7 => self.replaced(
                &(section.all.end..section.all.end),
                &self.stream[section.all.clone()],
                format!("{name} twice"),
            ),
            8 => self.swapped(section, random.of(&self.sections)),
            9 | 10 => {
                let record = random.of(&self.records);
                self.byte(random, record, "a record of memory")
            }
            11 => self.subsection(random),
            12 => {
                let length = random.between(&(8..self.end));
                self.replaced(&(length..self.stream.len()), &[], format!("cut at {length:#x}"))
            }
            13 => {
                let place = random.between(&section.payload);
                self.replaced(&(place..place), &[0], format!("a byte too many at {place:#x} of {name}"))
            }
            14 => {
                let place = random.between(&section.payload);
                self.replaced(&(place..place + 1), &[], format!("a byte too few at {place:#x} of {name}"))
            }
            _ => self.field(random, section),
        }
    }

    /// The stream with other bytes in place of some.
    fn replaced(&self, range: &Range<usize>, by: &[u8], what: String) -> Mutant {
        let bytes = [&self.stream[..range.start], by, &self.stream[range.end..]].concat();
        Mutant { what, bytes }
    }

    /// The stream with one of these bytes changed.
    fn byte(&self, random: &mut Random, range: &Range<usize>, what: &str) -> Mutant {
        let place = random.between(range);
        let old = self.stream[place];
        let new = match random.below(4) {
            0 => old ^ (1 << random.below(8)),
            1 => old.wrapping_add(1),
            2 => old.wrapping_sub(1),
            _ => random.byte(),
        };
        let what = format!("{what}: byte {place:#x} is {new:#04x}, not {old:#04x}");
        self.replaced(&(place..place + 1), &[new], what)
    }

    fn version(&self, random: &mut Random, section: &Section) -> Mutant {
        let place = section.payload.start - NUMBERS / 2..section.payload.start;
        let old = u32::from_be_bytes(self.stream[place.clone()].try_into().unwrap());
        let new = *random.of(&[old + 1, old.wrapping_sub(1), 0, 1, i32::MAX.cast_unsigned(), u32::MAX]);
        self.replaced(&place, &new.to_be_bytes(), format!("version {new} of {}, not {old}", section.name))
    }

    fn swapped(&self, one: &Section, other: &Section) -> Mutant {
        let (first, second) = if one.all.start < other.all.start { (one, other) } else { (other, one) };
        let what = format!("{} and {} in each other's place", first.name, second.name);
        if first.all == second.all {
            return self.replaced(&(0..0), &[], what);
        }
        let part = |range: Range<usize>| &self.stream[range];
        let between = part(first.all.end..second.all.start);
        let swapped = [part(second.all.clone()), between, part(first.all.clone())].concat();
        self.replaced(&(first.all.start..second.all.end), &swapped, what)
    }

    fn subsection(&self, random: &mut Random) -> Mutant {
        let with: Vec<_> = self.sections.iter().filter(|section| !section.subsections.is_empty()).collect();
        if with.is_empty() {
            let section = random.of(&self.sections);
            return self.field(random, section);
        }
        let section = *random.of(&with);
        let (start, length) = *random.of(&section.subsections);
        self.byte(
            random,
            &(start..start + 1 + 1 + length + 4),
            &format!("the start of a subsection of {}", section.name),
        )
    }

    /// The stream with another value in a field.
    fn field(&self, random: &mut Random, section: &Section) -> Mutant {
        let Some((path, range)) = random.maybe_of(&section.fields) else {
            return self.byte(random, &section.payload, &section.name);
        };
        if range.is_empty() {
            return self.replaced(&(0..0), &[], String::new());
        }
        // Of arrays a part of at most eight bytes.
        let start = range.start + random.below(range.len().div_ceil(8)) * 8;
        let range = start..range.end.min(start + 8);
        let mut value = self.stream[range.clone()].to_vec();
        match random.below(6) {
            0 => value.fill(0),
            1 => value.fill(0xff),
            2 => value.iter_mut().for_each(|byte| *byte = random.byte()),
            3 => *value.last_mut().unwrap() = random.byte(),
            _ => {
                let bit = random.below(8 * value.len());
                value[bit / 8] ^= 1 << (bit % 8);
            }
        }
        let what = format!("{}.{path}: {:02x?}, not {:02x?}", section.name, value, &self.stream[range.clone()]);
        self.replaced(&range, &value, what)
    }
}

/// Clears the patched accesses to the task priority. Otherwise QEMU reads the guest's firmware, which is zeroed in the
/// committed streams.
pub(super) fn forget_patches(stream: &mut [u8]) {
    let section = Map::of(stream).sections.into_iter().find(|section| section.name == "kvm-tpr-opt");
    for (path, range) in section.into_iter().flat_map(|section| section.fields) {
        if ["state", "rom_state_paddr"].contains(&&*path) {
            stream[range].fill(0);
        }
    }
}

fn range(start: u64, length: u64) -> Range<usize> {
    usize::try_from(start).unwrap()..usize::try_from(start + length).unwrap()
}

/// Finds the subsections in a payload at `start`: a tag, a length, and a name with a slash.
fn subsections(payload: &[u8], start: usize) -> Vec<(usize, usize)> {
    let begins = |place: usize| {
        let (tag, length) = (payload.get(place)?, usize::from(*payload.get(place + 1)?));
        let name = payload.get(place + 2..place + 2 + length)?;
        let text = name.iter().all(|byte| (b' '..=b'~').contains(byte)) && name.contains(&b'/');
        (*tag == 5 && text && payload.len() >= place + 2 + length + 4).then_some((start + place, length))
    };
    (0..payload.len()).filter_map(begins).collect()
}
