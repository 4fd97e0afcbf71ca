//! Rust names for names in the stream.

use std::collections::{HashMap, HashSet};

use heck::{ToSnakeCase, ToUpperCamelCase};

/// The longest name that is kept whole. The original name is kept as an attribute.
const LONGEST: usize = 48;

/// Words that cannot be the name of a field, including words that are reserved for later editions.
const KEYWORDS: [&str; 51] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "crate", "self", "super",
];
/// Keywords that cannot be raw identifiers.
const NEVER_RAW: [&str; 3] = ["crate", "self", "super"];

/// Names that generated files use, or that readers would confuse with the prelude's.
const TAKEN: [&str; 27] = [
    "BTreeMap",
    "Box",
    "Clone",
    "Debug",
    "Default",
    "Each",
    "Err",
    "Info",
    "LoadError",
    "None",
    "Ok",
    "Option",
    "Ord",
    "Reader",
    "Release",
    "Result",
    "SaveError",
    "Section",
    "Self",
    "Some",
    "String",
    "Temporary",
    "Timer",
    "Unused",
    "Vec",
    "VmState",
    "Writer",
];

/// The names of types, each given once.
pub(super) struct TypeNames {
    given: Given,
}

impl TypeNames {
    pub(super) fn new() -> Self {
        Self { given: Given::new(&TAKEN) }
    }

    /// Returns a type name for the stream's `name`. `suffix` is appended to a name that is taken.
    pub(super) fn give(&mut self, name: &str, suffix: &str) -> String {
        let mut camel = cut(&ascii(name).to_upper_camel_case());
        if camel.is_empty() || camel.starts_with(|first: char| first.is_ascii_digit()) {
            camel.insert_str(0, "Device");
        }
        if TAKEN.contains(&camel.as_str()) {
            camel.push_str(suffix);
        }
        self.given.unique(&camel, "")
    }
}

/// Names for the members of a struct whose fields and subsections are called `names`.
///
/// A common prefix up to a dot is omitted: `env.pc` and `env.sp` become `pc` and `sp`. In QEMU, such prefixes name a
/// struct inside the device's struct.
pub(super) fn members(names: &[&str]) -> Vec<String> {
    // Without the prefix, `env.pc` and a field `pc` would be the same name.
    let short = without_prefix(names).map(|names| names.iter().map(|name| member(name)).collect::<Vec<_>>());
    let is_distinct = |names: &Vec<String>| names.iter().collect::<HashSet<_>>().len() == names.len();
    let wanted = short.filter(is_distinct).unwrap_or_else(|| names.iter().map(|name| member(name)).collect());
    let mut given = Given::new(&[]);
    wanted.iter().map(|name| raw(&given.unique(name, "_"))).collect()
}

fn without_prefix<'n>(names: &[&'n str]) -> Option<Vec<&'n str>> {
    let mut prefixes = names.iter().filter_map(|name| name.split_once('.')).map(|(prefix, _)| prefix);
    let prefix = prefixes.next()?;
    let strip = |name: &&'n str| name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
    prefixes.all(|other| other == prefix).then(|| names.iter().map(strip).collect())
}

fn member(name: &str) -> String {
    let snake = cut(&ascii(name).to_snake_case());
    match snake.chars().next() {
        None => "field".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("field_{snake}"),
        Some(_) => snake,
    }
}

/// Returns a member's name as an identifier.
fn raw(name: &str) -> String {
    match name {
        _ if NEVER_RAW.contains(&name) => format!("{name}_"),
        _ if KEYWORDS.contains(&name) => format!("r#{name}"),
        _ => name.to_owned(),
    }
}

/// The names in use, each with the number of its next duplicate. The number makes a long run of duplicates linear: a
/// stream can contain a million fields with one name.
struct Given(HashMap<String, u64>);

impl Given {
    fn new(taken: &[&str]) -> Self {
        Self(taken.iter().map(|name| ((*name).to_owned(), 2)).collect())
    }

    /// Returns the name, with a number appended if the name is in use.
    fn unique(&mut self, name: &str, separator: &str) -> String {
        let mut number = self.0.get(name).copied().unwrap_or(1);
        let mut unique = name.to_owned();
        // The stream may contain a name with this number.
        while self.0.contains_key(&unique) {
            unique = format!("{name}{separator}{number}");
            number += 1;
        }
        self.0.insert(name.to_owned(), number.max(2));
        self.0.entry(unique.clone()).or_insert(2);
        unique
    }
}

fn ascii(name: &str) -> String {
    name.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect()
}

fn cut(name: &str) -> String {
    let mut name = name.to_owned();
    name.truncate(LONGEST);
    name.trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_idiomatic() {
        for (name, member) in [
            ("divider", "divider"),
            ("env.gpr", "gpr"),
            ("mac_reg[CTRL]", "mac_reg_ctrl"),
            ("mac_reg[0]", "mac_reg_0"),
            ("rampD", "ramp_d"),
            ("IER", "ier"),
            ("type", "r#type"),
            ("self", "self_"),
            ("4th", "field_4th"),
            ("", "field"),
            ("<->", "field"),
            ("grün", "gr_n"),
            ("x86_64", "x86_64"),
        ] {
            assert_eq!(members(&[name]), [member], "{name}");
        }
        assert_eq!(members(&[&"a".repeat(255)])[0].len(), LONGEST);
    }

    #[test]
    fn members_are_distinct() {
        assert_eq!(members(&["a.b", "a_b", "A.B", "a_b_2"]), ["a_b", "a_b_2", "a_b_3", "a_b_2_2"]);
        assert_eq!(members(&["env.pc", "env", "env.sp"]), ["pc", "env", "sp"]);
        assert_eq!(members(&["env.pc", "pc"]), ["env_pc", "pc"]);
        assert_eq!(members(&["rx.head", "tx.head"]), ["rx_head", "tx_head"]);
        assert_eq!(members(&["type", "type[0]", "type"]), ["r#type", "type_0", "type_2"]);
    }

    #[test]
    fn types_are_distinct_and_no_names_of_the_language() {
        let mut names = TypeNames::new();
        for (name, given) in [
            ("serial/recv_fifo", "SerialRecvFifo"),
            ("PCIDevice", "PciDevice"),
            ("PCIDevice", "PciDevice2"),
            ("timer", "TimerState"),
            ("Vec", "VecState"),
            ("16550", "Device16550"),
            ("", "Device"),
            ("virtio-net", "VirtioNet"),
        ] {
            assert_eq!(names.give(name, "State"), given, "{name}");
        }
    }
}
