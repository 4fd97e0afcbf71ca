//! `vmstate diff`.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use serde_json::{Value, json};
use vmstate_tests::streams;
use vmstate_tests::tool::{self, Folder, json_of, number, objects, vmstate};

use super::made::{self, Page};

/// The answer to `vmstate diff --json`, which must be that there are differences.
fn differences(old: &str, new: &str, arguments: &[&str]) -> Value {
    let text = vmstate(["diff", "--json", old, new].iter().chain(arguments)).answer(1);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn stream_does_not_differ_from_itself() {
    let folder = Folder::new();
    for stream in streams::all() {
        let file = folder.put("in", &stream.bytes);
        assert_eq!(vmstate(["diff", &file, &file]).fine(), "0 differences\n", "{}", stream.name);
        let answer = json_of(&vmstate(["diff", "--json", &file, &file]));
        assert_eq!(answer, json!({"same": true, "sections": [], "live": [], "ram": []}), "{}", stream.name);
    }
}

#[test]
fn one_field_differs() {
    let folder = Folder::new();
    let mut stream = streams::named("qemu-10.0-pc").bytes;
    let old = folder.put("old", &stream);
    let dump = json_of(&vmstate(["dump", "--json", &old, "--section", "i8259:1", "--field", "imr"]));
    let field = dump["fields"][0].clone();
    let offset = number(&field, "offset");
    stream[offset] ^= 0x81;
    let new = folder.put("new", &stream);
    let answer = differences(&old, &new, &[]);
    let side = |value: u64| json!({"type": "uint8", "offset": offset, "size": 1, "value": value});
    let value = field["value"].as_u64().unwrap();
    assert_eq!(
        answer["sections"].as_array().unwrap().iter().map(|section| &section["fields"]).collect::<Vec<_>>(),
        [&json!([{"path": "imr", "change": "value", "old": side(value), "new": side(value ^ 0x81)}])]
    );
    let section = &answer["sections"][0];
    assert_eq!(
        (&section["name"], &section["instance_id"], &section["change"]),
        (&json!("i8259"), &json!(1), &json!("changed"))
    );
    assert_eq!((&answer["same"], &answer["ram"]), (&json!(false), &json!([])));
    let text = vmstate(["diff", &old, &new]).answer(1);
    let lines: Vec<_> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let shown = |value: u64| if value < 10 { value.to_string() } else { format!("{value} ({value:#x})") };
    let expected = format!("imr uint8 {} -> {}", shown(value), shown(value ^ 0x81));
    assert_eq!(lines, ["section \"i8259\" (instance 1)", &expected]);
}

/// The differences between two releases of QEMU. `tests/bless diff` rewrites the file; review its changes.
#[test]
fn diff_of_two_releases_matches_golden_file() {
    let folder = Folder::new();
    let [old, new] = ["qemu-7.2-virt", "qemu-10.0-virt"].map(|name| folder.put(name, &streams::named(name).bytes));
    let text = vmstate(["diff", &old, &new]).answer(1);
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/cli/diff-virt.txt");
    if env::var_os("VMSTATE_BLESS").is_some() {
        fs::write(&expected, &text).unwrap();
    }
    assert!(fs::read_to_string(&expected).unwrap() == text, "see `git diff` after VMSTATE_BLESS=1:\n{text}");
}

#[test]
fn every_key_is_documented() {
    let folder = Folder::new();
    let documentation = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vmstate/docs/diff-json.md");
    let documentation = fs::read_to_string(documentation).unwrap();
    let documented: BTreeSet<_> = documentation.split('`').skip(1).step_by(2).collect();
    let mut keys = BTreeSet::new();
    for machine in ["pc", "virt"] {
        let [old, new] = ["7.2", "10.0"].map(|version| {
            let name = format!("qemu-{version}-{machine}");
            folder.put(&name, &streams::named(&name).bytes)
        });
        let answer = differences(&old, &new, &[]);
        let mut found = Vec::new();
        objects(&answer, &mut found);
        // A value is documented with `vmstate dump`.
        let own = found.iter().filter(|object| object.get("version").is_none() || object.get("fields").is_none());
        keys.extend(own.flat_map(|object| object.as_object().unwrap().keys().cloned()));
    }
    for key in keys {
        assert!(documented.contains(key.as_str()), "{key}");
    }
}

#[test]
fn arrays_and_memory_are_summarised() {
    let folder = Folder::new();
    let pages = |pages: &[Page]| made::stream(pages, made::DESCRIPTION);
    let old = folder.put("old", &pages(&[Page::Data(1), Page::Data(2), Page::Zero, Page::Data(3), Page::Zero]));
    let new = folder.put("new", &pages(&[Page::Data(1), Page::Data(4), Page::Data(5), Page::Zero, Page::Zero]));
    let answer = differences(&old, &new, &[]);
    let range = |start: u64, change: &str| {
        let start = start * 4096;
        json!({"start": start, "end": start + 4096, "pages": 1, "change": change})
    };
    assert_eq!(
        answer["ram"],
        json!([{
            "name": "pc.ram", "change": "changed", "page_size": 4096,
            "old": {"size": 5 * 4096, "zero_pages": 2, "data_pages": 3, "packed_pages": 0},
            "new": {"size": 5 * 4096, "zero_pages": 2, "data_pages": 3, "packed_pages": 0},
            "ranges": [range(1, "changed"), range(2, "filled"), range(3, "zeroed")],
        }])
    );
    let text = vmstate(["diff", &old, &new]).answer(1);
    for words in [
        "RAM block \"pc.ram\", 0x5000 bytes",
        "1 page changed, 1 page zeroed, 1 page filled",
        "0x00001000..0x00002000 changed",
        "0x00003000..0x00004000 zeroed",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }

    let mut stream = streams::named("qemu-10.0-isapc").bytes;
    let old = folder.put("old", &stream);
    let dump = json_of(&vmstate(["dump", "--json", &old, "--section", "cpu", "--field", "env.regs[2]"]));
    let offset = number(&dump["fields"][0], "offset");
    stream[offset..offset + 24].fill(0xee);
    stream[offset + 40..offset + 48].fill(0xee);
    let answer = differences(&old, &folder.put("new", &stream), &["--section", "cpu"]);
    let field = &answer["sections"][0]["fields"][0];
    assert_eq!((&field["path"], &field["change"]), (&json!("env.regs"), &json!("elements")));
    assert_eq!((&field["ranges"], &field["count"]), (&json!([[2, 5], [7, 8]]), &json!(4)));
    assert_eq!(field["elements"][3]["new"], json!(0xeeee_eeee_eeee_eeee_u64));
    assert_eq!((&field["old"]["type"], &field["old"]["offset"]), (&json!("uint64"), &json!(offset - 16)));
}

#[test]
fn diff_is_limited_to_selected_sections() {
    let folder = Folder::new();
    let [old, new] = ["qemu-7.2-pc", "qemu-10.0-pc"].map(|name| folder.put(name, &streams::named(name).bytes));
    let paths = |arguments: &[&str]| -> Vec<String> {
        let answer = differences(&old, &new, arguments);
        let sections = answer["sections"].as_array().unwrap().iter();
        let fields = sections.flat_map(|section| {
            let name = section["name"].as_str().unwrap();
            section["fields"]
                .as_array()
                .unwrap()
                .iter()
                .map(move |field| format!("{name} {}", field["path"].as_str().unwrap()))
        });
        fields.collect()
    };
    assert_eq!(paths(&["--section", "timer"]), ["timer cpu_ticks_offset", "timer cpu_clock_offset"]);
    assert_eq!(paths(&["--field", "env.segs[1]"]), ["cpu env.segs[1].base", "cpu env.segs[1].flags"]);
    assert_eq!(paths(&["--field", "cpu.env.idt"]), ["cpu env.idt.base"]);
    assert_eq!(paths(&["--field", "env.regs[6]"]), ["cpu env.regs"]);
    let answer = differences(&old, &new, &["--field", "env.regs[6]"]);
    assert_eq!(answer["sections"][0]["fields"][0]["ranges"], json!([[6, 7]]));
    assert_eq!(answer["ram"], json!([]));
    for fine in [["--field", "env.regs[5]"], ["--field", "env.cr"], ["--section", "dma"], ["--section", "ram"]] {
        assert_eq!(vmstate(["diff", &old, &new].iter().chain(&fine)).fine(), "0 differences\n");
    }
    for wrong in [["--field", "env.rags"], ["--section", "nothing"], ["--section", "dma:7"]] {
        assert!(vmstate(["diff", &old, &new].iter().chain(&wrong)).error().contains(wrong[1]));
    }
}

#[test]
fn unreadable_stream_is_an_error() {
    let folder = Folder::new();
    let stream = streams::named("qemu-7.2-uno").bytes;
    let (good, bad) = (folder.put("good", &stream), folder.put("bad", &stream[..stream.len() / 2]));
    for (old, new) in [(&good, &bad), (&bad, &good)] {
        let error = vmstate(["diff", old, new]).error();
        assert!(error.contains(&bad), "{error}");
    }
    assert_eq!(tool::piped(["diff", "-", &good], &stream).fine(), "0 differences\n");
    assert!(vmstate(["diff", "-", "-"]).error().contains("standard input"));
}

#[test]
fn diff_colours_old_and_new_values() {
    let folder = Folder::new();
    let [old, new] = ["qemu-7.2-uno", "qemu-10.0-uno"].map(|name| folder.put(name, &streams::named(name).bytes));
    let plain = vmstate(["diff", &old, &new]).answer(1);
    let coloured = vmstate(["diff", &old, &new, "--color", "always"]).answer(1);
    assert!(!plain.contains('\x1b') && coloured.contains("\x1b[31m") && coloured.contains("\x1b[32m"), "{coloured}");
}
