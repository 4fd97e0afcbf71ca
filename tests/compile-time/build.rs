//! Generates the compiled structs, the same for each derive: `STRUCTS` structs of `FIELDS` fields.
//!
//! Their fields resemble the fields of QEMU's devices: numbers mostly, some arrays, here and there a part, a counted
//! array, a timer, a field of a newer version, a subsection.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

/// The default number of structs.
const STRUCTS: usize = 300;
/// The default number of fields of each.
const FIELDS: usize = 12;

/// Types of fields, with the attribute that each needs with `vmstate`.
const KINDS: [(&str, &str); 20] = [
    ("u32", ""),
    ("u32", ""),
    ("u32", ""),
    ("u32", ""),
    ("u8", ""),
    ("u8", ""),
    ("u8", ""),
    ("u16", ""),
    ("u16", ""),
    ("u64", ""),
    ("i32", ""),
    ("bool", ""),
    ("bool", ""),
    ("[u32; 16]", ""),
    ("[u8; 32]", "buffer"),
    ("u16", "since = 2"),
    ("Part", ""),
    ("[Part; 4]", ""),
    ("Vec<u32>", "len = count, max = 64"),
    ("Option<u64>", "timer"),
];

/// Each so many structs, one has a subsection.
const SUBSECTION_EACH: usize = 5;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let structs = number("STRUCTS", STRUCTS);
    let fields = number("FIELDS", FIELDS);
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    for (name, derives) in [("plain", ""), ("vmstate", ", VmState"), ("serde", ", Serialize, Deserialize")] {
        let file = Path::new(&folder).join(name).with_extension("rs");
        fs::write(file, source(structs, fields, derives, name == "vmstate")).expect("cargo's folder can be written to");
    }
}

/// Returns the number in an environment variable, or `default`.
fn number(variable: &str, default: usize) -> usize {
    println!("cargo::rerun-if-env-changed={variable}");
    env::var(variable).map_or(default, |number| number.parse().expect("a number"))
}

/// The structs, and a function that runs through all of them.
fn source(structs: usize, fields: usize, derives: &str, with_attributes: bool) -> String {
    let mut dice = Dice(1);
    let mut source = format!("#[derive(Default{derives})]\nstruct Part {{ level: u32, armed: bool, mode: u8 }}\n");
    for index in 0..structs {
        let attribute = |text: String| if with_attributes { format!("#[vmstate({text})] ") } else { String::new() };
        write!(source, "#[derive(Default{derives})]\n{}", attribute("version = 2".into())).unwrap();
        writeln!(source, "struct Device{index} {{\n    count: u8,").unwrap();
        for field in 1..fields {
            let (ty, text) = if field == fields - 1 && index % SUBSECTION_EACH == 0 {
                ("Option<u16>", format!("subsection(\"Device{index}/extra\")"))
            } else {
                dice.pick()
            };
            let attribute = if text.is_empty() { String::new() } else { attribute(text) };
            writeln!(source, "    {attribute}field_{field}: {ty},").unwrap();
        }
        source.push_str("}\n");
    }
    source.push_str("fn all() -> usize {\n");
    (0..structs).for_each(|index| writeln!(source, "    round_trip::<Device{index}>();").unwrap());
    writeln!(source, "    {structs}\n}}").unwrap();
    source
}

/// Numbers without a pattern, the same ones each time.
struct Dice(u32);

impl Dice {
    fn pick(&mut self) -> (&'static str, String) {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (ty, attribute) = KINDS[(self.0 >> 16) as usize % KINDS.len()];
        (ty, attribute.to_owned())
    }
}
