//! `vmstate port`: the attributes that it writes, and the fields that it leaves.

use super::*;

/// A crate in a temporary folder.
struct Crate {
    folder: Folder,
    path: String,
}

impl Crate {
    fn new(source: &str) -> Self {
        let folder = Folder::new();
        let path = folder.path("emulator");
        fs::create_dir_all(format!("{path}/src")).unwrap();
        fs::write(format!("{path}/Cargo.toml"), "[package]\nname = \"emulator\"\n").unwrap();
        fs::write(format!("{path}/src/lib.rs"), source).unwrap();
        Self { folder, path }
    }

    fn with_file(self, name: &str, source: &str) -> Self {
        fs::write(format!("{}/src/{name}", self.path), source).unwrap();
        self
    }

    fn port(&self, arguments: &[&str]) -> Output {
        vmstate([&["port", &self.path], arguments].concat())
    }

    fn port_with(&self, table: &str, arguments: &[&str]) -> Output {
        let table = self.folder.put("table", table.as_bytes());
        self.port(&[&["--table", &table], arguments].concat())
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(format!("{}/{name}", self.path)).unwrap()
    }
}

const CONSOLE: &str = "\
use std::collections::{HashMap, VecDeque};
use std::ops::Range;

bitflags::bitflags! {
    #[derive(Clone)]
    pub struct Status: u8 {
        const CARRY = 1;
    }
}

/// The console.
#[derive(Clone, serde::Serialize)]
pub struct Console {
    pub(crate) ram: [u8; 16], // kept
    size: usize,
    banks: [[usize; 2]; 2],
    lines: Vec<Line>,
    next: Option<(u8, usize)>,
    levels: HashMap<String, isize>,
    events: VecDeque<Option<u8>>,
    window: Range<usize>,
    plain: Range<u8>,
    boxed: Box<[usize; 3]>,
    status: Status,
    mode: Mode,
    dma: Dma,
    #[serde(skip)]
    cache: Vec<u8>,
}

#[derive(Clone, serde::Serialize)]
struct Line(u8, Index);

type Index = usize;

#[derive(Clone, Copy, serde::Serialize)]
enum Mode { Off, On = 300 }

#[derive(Clone, serde::Serialize)]
#[repr(u8)]
enum Dma {
    Idle,
    Running { from: usize, lines: Vec<Line> },
}
";

const PORTED: &str = "\
use std::collections::{HashMap, VecDeque};
use std::ops::Range;

bitflags::bitflags! {
    #[derive(Clone)]
    #[derive(::vmstate::VmState)]
    #[vmstate(bits = u8)]
    pub struct Status: u8 {
        const CARRY = 1;
    }
}

/// The console.
#[derive(Clone, serde::Serialize)]
#[derive(::vmstate::VmState)]
pub struct Console {
    pub(crate) ram: [u8; 16], // kept
    #[vmstate(wire = u64)]
    size: usize,
    #[vmstate(wire = u64)]
    banks: [[usize; 2]; 2],
    #[vmstate(with = ::vmstate::info::Sequence<64>)]
    lines: Vec<Line>,
    #[vmstate(with = ::vmstate::info::Maybe<::vmstate::info::Pair<::vmstate::info::Plain, ::vmstate::info::As<u64>>>)]
    next: Option<(u8, usize)>,
    #[vmstate(with = ::vmstate::info::Map<64, ::vmstate::info::Plain, ::vmstate::info::As<i64>>)]
    levels: HashMap<String, isize>,
    #[vmstate(with = ::vmstate::info::Sequence<64, ::vmstate::info::Maybe>)]
    events: VecDeque<Option<u8>>,
    #[vmstate(with = ::vmstate::info::Ends<::vmstate::info::As<u64>>)]
    window: Range<usize>,
    plain: Range<u8>,
    #[vmstate(with = ::vmstate::info::array::Boxed<::vmstate::info::array::Each<::vmstate::info::As<u64>>>)]
    boxed: Box<[usize; 3]>,
    status: Status,
    mode: Mode,
    dma: Dma,
    #[serde(skip)]
    #[vmstate(skip = \"not saved by serde either\")]
    cache: Vec<u8>,
}

#[derive(Clone, serde::Serialize)]
#[derive(Default, ::vmstate::VmState)]
struct Line(u8, #[vmstate(wire = u64)] Index);

type Index = usize;

#[derive(Clone, Copy, serde::Serialize)]
#[derive(::vmstate::VmState)]
#[vmstate(repr = u16)]
enum Mode { Off, On = 300 }

#[derive(Clone, serde::Serialize)]
#[repr(u8)]
#[derive(::vmstate::VmState)]
enum Dma {
    Idle,
    Running { #[vmstate(wire = u64)] from: usize, #[vmstate(with = ::vmstate::info::Sequence<64>)] lines: Vec<Line> },
}
";

#[test]
fn port_writes_attributes_by_type() {
    let emulator = Crate::new(CONSOLE);
    let text = emulator.port(&["--max", "64"]).fine();
    assert_eq!(text, "5 of 5 types with 18 fields can derive (100.0 %)\n");
    assert_eq!(emulator.read("src/lib.rs"), PORTED);
    let manifest = emulator.read("Cargo.toml");
    assert!(manifest.ends_with("\n\n[dependencies.vmstate]\nversion = \"0.1\"\n"), "{manifest}");
}

#[test]
fn second_port_changes_nothing() {
    let emulator = Crate::new(CONSOLE);
    emulator.port(&["--max", "64"]).fine();
    let manifest = emulator.read("Cargo.toml");
    emulator.port(&["--max", "64"]).fine();
    assert_eq!(emulator.read("src/lib.rs"), PORTED);
    assert_eq!(emulator.read("Cargo.toml"), manifest);
}

const REMAINS: &str = "\
#[derive(serde::Serialize)]
struct Cart {
    mapper: Box<dyn Mapper>,
    name: &'static str,
    clock: std::time::Instant,
    big: Option<[u8; 64]>,
}
#[derive(serde::Serialize)]
struct Other(u8);
";

#[test]
fn created_values_get_a_default() {
    let source = "\
#[derive(Savable)]
struct Cart {
    page: Option<Page>,
    boards: Vec<Board>,
}
/// A page.
#[repr(C)]
struct Page {
    data: [u8; 64],
    rows: Box<[[u8; 2]; 64]>,
    size: usize,
}
enum Board {
    Nrom(u8, Mode),
}
#[derive(Clone)]
enum Mode {
    Wide(u8),
    Off,
}
";
    let emulator = Crate::new(source);
    let text = emulator.port(&["--max", "8"]).fine();
    assert_eq!(text, "4 of 4 types with 8 fields can derive (100.0 %)\n");
    let ported = emulator.read("src/lib.rs");
    let implementations = [
        "\n}\n\nimpl ::core::default::Default for Page {\n    fn default() -> Self {\n        Self { \
         data: ::core::array::from_fn(|_| ::core::default::Default::default()), \
         rows: ::std::boxed::Box::new(::core::array::from_fn(|_| ::core::array::from_fn(|_| \
         ::core::default::Default::default()))), \
         size: ::core::default::Default::default() }\n    }\n}\n",
        "Self::Nrom { 0: ::core::default::Default::default(), 1: ::core::default::Default::default() }",
        "#[derive(Default, ::vmstate::VmState)]\n#[vmstate(repr = u8)]\nenum Mode {\n    Wide(u8),\n    #[default]\n    Off,",
    ];
    for implementation in implementations {
        assert!(ported.contains(implementation), "{implementation}\n{ported}");
    }
    syn::parse_file(&ported).unwrap();
}

#[test]
fn enums_in_rules_of_macros_derive() {
    let source = "\
macro_rules! define_bit_enum {
    ($name:ident, [$zero:ident, $one:ident]) => {
        #[derive(Clone, ::bincode::Encode)]
        pub enum $name {
            $zero = 0,
            $one = 1,
        }
    };
}
define_bit_enum!(Depth, [Four, Eight]);
#[derive(bincode::Encode)]
struct Screen {
    depth: Depth,
}
";
    let emulator = Crate::new(source);
    emulator.port(&[]).fine();
    let ported = emulator.read("src/lib.rs");
    let depth = "        #[derive(::vmstate::VmState)]\n        #[vmstate(repr = u8)]\n        pub enum $name {\n";
    assert!(ported.contains(depth), "{ported}");
}

#[test]
fn defaults_of_generic_types_have_bounds() {
    let source = "\
type Ram = [u8; 64];
#[derive(Savable)]
struct Cart {
    chips: Vec<Chip<State, 8, Marker>>,
}
struct Chip<S: Copy, const N: usize, M> where M: Sized {
    memory: [u8; N],
    ram: Box<Ram>,
    states: Vec<S>,
    state: S,
    marker: std::marker::PhantomData<M>,
}
struct Marker;
enum State { Off, On }
";
    let emulator = Crate::new(source);
    let text = emulator.port(&[]).fine();
    assert_eq!(text, "4 of 4 types with 6 fields can derive (100.0 %)\n");
    let ported = emulator.read("src/lib.rs");
    let implementation = "\
impl<S : Copy , const N : usize , M > ::core::default::Default for Chip<S , N , M >
where
    M : Sized,
    Vec < S >: ::core::default::Default,
    S: ::core::default::Default,
{
    fn default() -> Self {
        Self { memory: ::core::array::from_fn(|_| ::core::default::Default::default()), \
        ram: ::std::boxed::Box::new(::core::array::from_fn(|_| ::core::default::Default::default())), \
        states: ::core::default::Default::default(), state: ::core::default::Default::default(), \
        marker: ::core::default::Default::default() }
    }
}
";
    let squeezed = |text: &str| text.replace(' ', "");
    assert!(squeezed(&ported).contains(&squeezed(implementation)), "{ported}");
    // Only the parameters with values need it.
    assert!(ported.contains("#[derive(Default, ::vmstate::VmState)]\n#[vmstate(repr = u8)]\nenum State"), "{ported}");
    assert!(ported.contains("#[derive(::vmstate::VmState)]\nstruct Marker"), "{ported}");
    syn::parse_file(&ported).unwrap();
}

#[test]
fn arrays_in_variants_need_no_default() {
    let source = "\
#[derive(Savable)]
enum Mirroring {
    Four { pages: Box<[u8; 4096]> },
    Rows([[Row; 40]; 2]),
}
struct Row(u8);
";
    let emulator = Crate::new(source);
    assert_eq!(emulator.port(&[]).fine(), "2 of 2 types with 3 fields can derive (100.0 %)\n");
    assert!(emulator.read("src/lib.rs").contains("#[derive(Default, ::vmstate::VmState)]\nstruct Row"));
}

#[test]
fn structs_in_rules_of_macros_derive() {
    let source = "\
macro_rules! inputs {
    (buttons: $buttons:ident { $($button:ident),* }, joypad: $joypad:ident) => {
        #[derive(Clone, ::bincode::Encode)]
        pub enum $buttons { $($button),* }
        #[derive(Clone, Default, ::bincode::Encode)]
        pub struct $joypad { $(pub $button: bool),* }
    };
}
inputs! { buttons: Button { A, B }, joypad: Joypad }
#[derive(bincode::Encode)]
enum Device {
    Pad(Joypad),
}
";
    let emulator = Crate::new(source);
    emulator.port(&[]).fine();
    let ported = emulator.read("src/lib.rs");
    let joypad = "        #[derive(::vmstate::VmState)]\n        pub struct $joypad";
    let buttons = "        #[derive(::vmstate::VmState)]\n        #[vmstate(repr = u8)]\n        pub enum $buttons";
    assert!(ported.contains(joypad) && ported.contains(buttons), "{ported}");
}

#[test]
fn built_in_types_in_invocations_are_not_templates() {
    let source = "\
macro_rules! request { ($name:ident { $($variant:ident($ty:ty)),* }) => { pub enum $name { A } }; }
request!(Request { Size(u64), Name(String) });
#[derive(Savable)]
enum Reply {
    Size(u64),
    Name(Option<String>),
}
";
    let emulator = Crate::new(source);
    assert_eq!(emulator.port(&[]).fine(), "1 of 1 types with 2 fields can derive (100.0 %)\n");
}

#[test]
fn port_lists_fields_that_remain_by_cause() {
    let emulator = Crate::new(REMAINS);
    let text = emulator.port(&[]).answer(1);
    let file = format!("{}/src/lib.rs", emulator.path);
    for line in [
        format!("{file}:3: Cart.mapper: trait object `dyn Mapper`: use `through(...)`"),
        format!("{file}:4: Cart.name: reference `&'static str`: use `skip = \"reason\"`"),
        format!("{file}:5: Cart.clock: type of another crate `std::time::Instant`: use"),
        format!("{file}:6: Cart.big: no `Default` `[u8; 64]`: use"),
        "     1  trait object".to_owned(),
        "1 of 2 types with 5 fields can derive (50.0 %)".to_owned(),
    ] {
        assert!(text.contains(&line), "{line}\n{text}");
    }
    let report: Value = serde_json::from_str(&emulator.port(&["--json"]).answer(1)).unwrap();
    assert_eq!((&report["types"], &report["complete"], &report["fields"]), (&json!(2), &json!(1), &json!(5)));
    assert_eq!(report["causes"]["reference"], json!(1));
    assert_eq!(report["remaining"][1]["place"], json!("Cart.name"));
}

#[test]
fn table_decides_the_fields_that_remain() {
    let emulator = Crate::new(REMAINS);
    let table = "\
# Decisions.
Cart         version = 2
Cart.mapper  through(Vec<u8>, get = |cart| cart.mapper.save(),
    set = Cart::set), with = ::vmstate::info::Sequence<64>
Cart.name    skip = \"constant\"
Cart.clock   skip = \"the host's\"
Cart.big     subsection(\"Cart/big\")
";
    emulator.port_with(table, &[]).fine();
    let source = emulator.read("src/lib.rs");
    for attribute in [
        "#[derive(::vmstate::VmState)]\n#[vmstate(version = 2)]\nstruct Cart {",
        "    #[vmstate(through(Vec<u8>, get = |cart| cart.mapper.save(), set = Cart::set), with = ::vmstate::info::",
        "    #[vmstate(skip = \"the host's\")]\n    clock",
        "    #[vmstate(subsection(\"Cart/big\"))]\n    big",
    ] {
        assert!(source.contains(attribute), "{attribute}\n{source}");
    }
}

#[test]
fn attributes_in_the_sources_decide_too() {
    let source = REMAINS
        .replace("    mapper", "    #[vmstate(skip = \"wired\")]\n    mapper")
        .replace("    name", "    #[vmstate(skip = \"constant\")]\n    name")
        .replace("    clock", "    #[vmstate(through(u64, get = Cart::now, set = Cart::set_now))]\n    clock")
        .replace("    big", "    #[vmstate(subsection(\"Cart/big\"))]\n    big");
    let emulator = Crate::new(&source);
    emulator.port(&[]).fine();
    assert_eq!(emulator.read("src/lib.rs"), source.replace("struct", "#[derive(::vmstate::VmState)]\nstruct"));
}

#[test]
fn table_lines_without_effect_are_rejected() {
    let emulator = Crate::new(REMAINS);
    let error = emulator.port_with("Cart.rom skip = \"a file\"", &[]).error();
    assert!(error.contains("line 1: `Cart.rom` is not a type or field of the state"), "{error}");
    let error = emulator.port_with("Cart.mapper", &[]).error();
    assert!(error.contains("line 1: missing attributes after `Cart.mapper`"), "{error}");
    assert_eq!(emulator.read("src/lib.rs"), REMAINS, "nothing is written");
}

#[test]
fn roots_select_the_state() {
    let source = "mod audio;\nuse audio::Channel as Voice;\npub struct Board { voices: [Voice; 2] }\nstruct Other;\n";
    let channel = "pub struct Channel { level: Level }\n#[derive(Default)]\npub struct Level(u8);\n";
    let emulator = Crate::new(source).with_file("audio.rs", channel);
    let error = emulator.port(&[]).error();
    assert!(error.contains("no type of the state") && error.contains("--root TYPE"), "{error}");
    emulator.port(&["--root", "Board"]).fine();
    assert!(emulator.read("src/lib.rs").ends_with("]\npub struct Board { voices: [Voice; 2] }\nstruct Other;\n"));
    assert_eq!(emulator.read("src/audio.rs").matches("VmState").count(), 2);
}

#[test]
fn constants_are_not_types() {
    let source = "\
const LEN: usize = 4;
struct Frame<const N: usize> {
    pixels: [u8; N],
    next: Line<N>,
}
struct Line<const N: usize>;
#[derive(Savable)]
struct Ppu {
    frame: Frame<LEN>,
    levels: FxHashMap<u32, usize>,
}
";
    let emulator = Crate::new(source);
    emulator.port(&["--max", "8"]).fine();
    let levels =
        "    #[vmstate(with = ::vmstate::info::Map<8, ::vmstate::info::Plain, ::vmstate::info::As<u64>>)]\n    levels:";
    let ported = emulator.read("src/lib.rs");
    assert_eq!((ported.contains(levels), ported.matches("VmState").count()), (true, 3), "{ported}");
}

#[test]
fn keep_saves_skipped_fields() {
    let emulator = Crate::new("#[derive(Savable)]\nstruct Lcd {\n    #[savable(skip)]\n    line: usize,\n}\n");
    emulator.port_with("Lcd.line  keep", &[]).fine();
    assert!(emulator.read("src/lib.rs").contains("    #[savable(skip)]\n    #[vmstate(wire = u64)]\n    line: usize"));
}

#[test]
fn enums_of_macros_get_the_attributes_of_the_table() {
    let source = "\
macro_rules! boards {
    ($($name:ident),*) => {
        #[derive(Clone)]
        pub enum Board { $($name($name)),* }
    };
}
boards!(Nrom);
struct Nrom { bank: usize }
pub struct Console { board: Board }
";
    let emulator = Crate::new(source);
    let text = emulator.port(&["--root", "Console", "--survey"]).fine();
    assert!(text.contains("Board: type generated by a macro `Board`"), "{text}");
    emulator.port_with("Board  repr = u8, variant(fixed)", &["--root", "Console"]).fine();
    let ported = emulator.read("src/lib.rs");
    let board =
        "        #[derive(::vmstate::VmState)]\n        #[vmstate(repr = u8, variant(fixed))]\n        pub enum Board";
    assert!(ported.contains(board), "{ported}");
    assert!(ported.contains("#[derive(::vmstate::VmState)]\nstruct Nrom { #[vmstate(wire = u64)] bank"), "{ported}");
}

#[test]
fn survey_counts_all_crates_and_changes_nothing() {
    let emulator = Crate::new(REMAINS);
    let before = (emulator.read("src/lib.rs"), emulator.read("Cargo.toml"));
    let text = vmstate(["port", &emulator.folder.path(""), "--survey"]).fine();
    assert!(text.ends_with("1 of 2 types with 5 fields can derive (50.0 %)\n"), "{text}");
    assert_eq!((emulator.read("src/lib.rs"), emulator.read("Cargo.toml")), before);
}

#[test]
fn port_reports_files_that_it_cannot_read() {
    let emulator = Crate::new("struct {");
    let error = emulator.port(&[]).error();
    assert!(error.contains("src/lib.rs:1: "), "{error}");
    let error = vmstate(["port", &emulator.folder.path("none")]).error();
    assert!(error.contains("is not the folder of a crate"), "{error}");
}

#[test]
fn text_beyond_ascii_keeps_offsets() {
    let emulator =
        Crate::new("// größer → kleiner\n#[derive(Savable)]\nstruct Cpu {\n    /// «Zähler»\n    count: usize,\n}\n");
    emulator.port(&[]).fine();
    let source = emulator.read("src/lib.rs");
    assert!(source.contains("    /// «Zähler»\n    #[vmstate(wire = u64)]\n    count: usize,\n"), "{source}");
}
