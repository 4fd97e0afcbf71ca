//! The command line tool, run as people run it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use vmstate_tests::streams;
use vmstate_tests::tool::{self, Folder, Output, json_of, number, objects, vmstate};

mod check;
mod checksum;
mod conversation;
mod diff;
mod files;
mod hostile;
mod import;
mod made;
mod manual;
mod port;
mod relay;
mod relay_channels;
mod report;
mod set;
mod snapshot;
mod transfer;
mod walk;

/// The names in a stream's description, of sections, structs, fields and subsections.
fn described_names(stream: &[u8]) -> BTreeSet<String> {
    let (start, _) = walk::description(stream);
    let text = std::str::from_utf8(&stream[start..]).unwrap();
    let keys = ["\"name\": \"", "\"vmsd_name\": \""];
    let after = keys.iter().flat_map(|key| text.split(key).skip(1));
    after.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[test]
fn info_lists_all_sections() {
    let folder = Folder::new();
    for stream in streams::all() {
        let info = json_of(&vmstate(["info", "--json", &folder.put("in", &stream.bytes)]));
        let sections = info["sections"].as_array().unwrap();
        assert_eq!(sections, &walk::sections(&stream.bytes), "{}", stream.name);
        assert_eq!(number(&info, "length"), stream.bytes.len());
        let (start, document) = walk::description(&stream.bytes);
        assert_eq!(number(&info["description"], "offset"), start);
        assert_eq!(info["page_size"], document["page_size"]);
        assert_eq!(info["configuration"]["machine"], walk::machine(&stream.bytes), "{}", stream.name);
    }
}

#[test]
fn info_text_matches_its_json() {
    let folder = Folder::new();
    let stream = streams::named("qemu-7.2-uno");
    let file = folder.put("in", &stream.bytes);
    let text = vmstate(["info", &file]).fine();
    for section in json_of(&vmstate(["info", "--json", &file]))["sections"].as_array().unwrap() {
        let offset = format!("{:#x}", number(section, "offset"));
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(&offset)).expect(&offset);
        let cells: Vec<_> = line.split_whitespace().skip(1).collect();
        let keys = ["size", "kind", "section_id", "instance_id", "version", "name"];
        assert_eq!(cells, keys.map(|key| section[key].to_string().replace('"', "")));
    }
    for word in ["arduino-uno", "with footers", "4 devices", "flash", "sram"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn rewrite_gives_the_same_bytes() {
    let folder = Folder::new();
    for stream in streams::all() {
        let (input, output) = (folder.put("in", &stream.bytes), folder.path("out"));
        let text = vmstate(["rewrite", &input, &output]).fine();
        assert_eq!(text, format!("identical, {} bytes\n", stream.bytes.len()), "{}", stream.name);
        assert!(fs::read(&output).unwrap() == stream.bytes, "{}", stream.name);
    }
    assert_eq!(folder.names(), ["in", "out"], "nothing else is left");
}

#[test]
fn rewrite_exits_with_1_on_difference() {
    let folder = Folder::new();
    // JSON that is right, but not spaced as QEMU does.
    let stream = made::stream(&[made::Page::Zero; 4], r#"{"page_size":4096,"devices":[]}"#);
    let (input, output) = (folder.put("in", &stream), folder.path("out"));
    let first = stream.windows(5).position(|window| window == b":4096").unwrap() + 1;
    let report = vmstate(["rewrite", "--json", &input, &output]).answer(1);
    let report: Value = serde_json::from_str(&report).unwrap();
    let length_field = stream.len() - r#"{"page_size":4096,"devices":[]}"#.len() - 1;
    assert!(first > length_field);
    assert_eq!(report["difference"], json!({"offset": length_field, "section": null}));
    assert_eq!((&report["identical"], number(&report, "written")), (&json!(false), stream.len() + 3));
    assert_eq!(fs::read(&output).unwrap().len(), stream.len() + 3);
    let text = vmstate(["rewrite", &input, &output]).answer(1);
    assert!(text.contains(&format!("differs at byte {length_field:#x}, in no section")), "{text}");
}

#[test]
fn trailing_bytes_are_reported() {
    let folder = Folder::new();
    let stream = streams::named("qemu-10.0-isapc").bytes;
    let long = [stream.as_slice(), &[0; 100]].concat();
    let (input, output) = (folder.put("in", &long), folder.path("out"));
    assert_eq!(number(&json_of(&vmstate(["info", "--json", &input])), "trailing"), 100);
    assert!(vmstate(["info", &input]).fine().contains("100 bytes after the end of the stream"));
    assert!(vmstate(["dump", &input]).fine().contains("cpu_clock_offset"), "the description is found");
    let text = vmstate(["rewrite", &input, &output]).answer(1);
    assert!(text.contains(&format!("differs at byte {:#x}", stream.len())), "{text}");
    assert!(fs::read(&output).unwrap() == stream);
}

#[test]
fn info_shows_the_checksum() {
    let folder = Folder::new();
    let mut file = streams::named("qemu-10.0-isapc").bytes.clone();
    vmstate::checksum::append(&mut file);
    let end = file.len();
    let right = folder.put("right", &file);
    let json = json_of(&vmstate(["info", "--json", &right]));
    assert_eq!((&json["checksum"]["right"], number(&json, "trailing")), (&json!(true), 0));
    let text = vmstate(["info", &right]).fine();
    assert!(text.contains(", right\n") && !text.contains("after the end of the stream"), "{text}");

    file[end - 1] ^= 0xff;
    let wrong = vmstate(["info", &folder.put("wrong", &file)]).fine();
    let found = json["checksum"]["found"].as_str().unwrap();
    assert!(wrong.contains(&format!(", wrong: the contents have {found}\n")), "{wrong}");
    assert!(vmstate(["dump", &right]).fine().contains("cpu_clock_offset"), "the description is found");
}

#[test]
fn strip_zeroes_pages_and_nothing_else() {
    use made::Page::{Data, Zero};
    let folder = Folder::new();
    let input = folder.put("in", &made::stream(&[Data(1), Zero, Data(0xff), Data(8), Zero], made::DESCRIPTION));
    let output = folder.path("out");
    let report = json_of(&vmstate(["strip", "--json", &input, &output]));
    let stripped = made::stream(&[Zero; 5], made::DESCRIPTION);
    assert!(fs::read(&output).unwrap() == stripped);
    assert_eq!((number(&report, "pages"), number(&report, "written")), (3, stripped.len()));
    let ram = &json_of(&vmstate(["info", "--json", &output]))["ram"][0];
    assert_eq!((number(ram, "zero_pages"), number(ram, "data_pages")), (5, 0));
}

#[test]
fn strip_is_idempotent() {
    let folder = Folder::new();
    for stream in streams::all() {
        let (input, output) = (folder.put("in", &stream.bytes), folder.path("out"));
        assert!(vmstate(["strip", &input, &output]).fine().starts_with("0 pages zeroed"), "{}", stream.name);
        assert!(fs::read(&output).unwrap() == stream.bytes, "{}", stream.name);
    }
}

#[test]
fn dump_has_all_names_with_offsets() {
    let folder = Folder::new();
    for stream in streams::all() {
        let file = folder.put("in", &stream.bytes);
        let dump = json_of(&vmstate(["dump", "--json", &file]));
        let mut found = Vec::new();
        objects(&dump, &mut found);
        let mut names: BTreeSet<_> = found.iter().filter_map(|object| object["name"].as_str()).collect();
        names.extend(found.iter().filter_map(|object| object["names"].as_array()).flatten().filter_map(Value::as_str));
        let text = vmstate(["dump", &file]).fine();
        for name in described_names(&stream.bytes) {
            assert!(names.contains(name.as_str()), "{}: {name} in JSON", stream.name);
            assert!(text.contains(&name), "{}: {name} in text", stream.name);
        }
        let confirmed = found.iter().filter(|object| confirm(object, &stream.bytes)).count();
        // The machine `none` has seven values.
        assert!(confirmed >= 7, "{}: {confirmed}", stream.name);
    }
}

/// Compares a dumped field with the bytes at its offset. Returns `false` for objects that are not fields, and for fields
/// with nested fields.
fn confirm(object: &Value, stream: &[u8]) -> bool {
    if object["type"].is_null() {
        return false;
    }
    let (offset, size) = (number(object, "offset"), number(object, "size"));
    let bytes = &stream[offset..offset + size];
    let expected = match &object["value"] {
        Value::Object(_) => return false,
        Value::Array(values) if values.iter().any(|value| value.is_object() || value.is_array()) => return false,
        // A list without elements.
        Value::Array(values) if values.is_empty() => vec![0],
        Value::Array(values) => values.iter().flat_map(|value| scalar(value, size / values.len())).collect(),
        // Bytes that are counted on the wire begin with their number.
        Value::String(hex) => {
            assert!(hex_of(bytes).ends_with(hex) && hex.is_empty() == bytes.is_empty(), "{object}");
            return true;
        }
        value => scalar(value, size),
    };
    assert!(bytes == expected, "{object}");
    true
}

/// The bytes on the wire of a value of so many bytes.
fn scalar(value: &Value, size: usize) -> Vec<u8> {
    let bits = match value {
        Value::Bool(value) => u64::from(*value),
        Value::Number(number) if number.is_f64() => number.as_f64().unwrap().to_bits(),
        Value::Number(number) => number.as_u64().unwrap_or_else(|| number.as_i64().unwrap().cast_unsigned()),
        other => panic!("{other}"),
    };
    bits.to_be_bytes()[8 - size..].to_vec()
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn dump_is_limited_to_selected_fields() {
    let folder = Folder::new();
    let file = folder.put("in", &streams::named("qemu-10.0-isapc").bytes);
    let names = |arguments: &[&str]| -> Vec<String> {
        let dump = json_of(&vmstate(["dump", "--json", &file].iter().chain(arguments)));
        let name = |section: &Value| format!("{}:{}", section["name"].as_str().unwrap(), section["instance_id"]);
        dump["sections"].as_array().unwrap().iter().map(name).collect()
    };
    assert_eq!(names(&["--section", "dma"]), ["dma:0", "dma:1"]);
    assert_eq!(names(&["--section", "dma:1", "--section", "timer"]), ["timer:0", "dma:1"]);

    let text = vmstate(["dump", &file, "--section", "timer", "--field", "cpu_clock_offset"]).fine();
    assert_eq!(text.lines().count(), 2, "{text}");
    let dump = json_of(&vmstate(["dump", "--json", &file, "--field", "cpu_clock_offset"]));
    let field = &dump["fields"][0];
    assert_eq!((&field["section"], &field["type"]), (&json!("timer"), &json!("int64")));
    let (offset, value) = (format!("{:#x}", number(field, "offset")), field["value"].to_string());
    assert!(text.contains(&offset) && text.contains(&value), "{text}");

    for arguments in [["--section", "dma:7"], ["--section", "nothing"], ["--field", "nothing"]] {
        let error = vmstate(["dump", &file].iter().chain(&arguments)).error();
        assert!(error.contains(arguments[1]), "{error}");
    }
}

#[test]
fn standard_input_and_output_are_files_too() {
    let folder = Folder::new();
    let stream = streams::named("qemu-10.0-pc").bytes;
    let file = folder.put("in", &stream);
    for command in ["info", "dump"] {
        let piped = tool::piped([command, "-"], &stream).fine();
        assert_eq!(piped, vmstate([command, &file]).fine());
    }
    for command in ["rewrite", "strip"] {
        let Output { code, stdout, stderr } = tool::piped([command, "-", "-"], &stream);
        assert!(code == 0 && stdout == stream, "{command}");
        assert!(stderr.contains("bytes"), "the report: {stderr}");
    }
    assert_eq!(tool::piped(["rewrite", "-", &folder.path("out")], &stream).fine().lines().count(), 1);
    assert!(fs::read(folder.path("out")).unwrap() == stream);
}

#[test]
fn malformed_stream_error_has_offset() {
    let folder = Folder::new();
    let stream = streams::named("qemu-7.2-isapc").bytes;
    let sections = walk::sections(&stream);
    let end = |section: &Value| number(section, "offset") + number(section, "size");
    let with = |offset: usize, byte: u8| {
        let mut bytes = stream.clone();
        bytes[offset] = byte;
        bytes
    };
    let footer = end(&sections[3]) - 5;
    for (bytes, words) in [
        (vec![], ["the header", "byte 0x0"]),
        (stream[..2].to_vec(), ["the header", "after 2"]),
        (with(0, b'q'), ["0x5145564d", "byte 0x0"]),
        (with(7, 2), ["version 2", "byte 0x4"]),
        (stream[..footer - 3].to_vec(), ["section \"timer\" (instance 0, section id 0, version 2)", "byte 0x"]),
        (stream[..end(&sections[4])].to_vec(), ["between sections", &format!("byte {:#x}", end(&sections[4]))]),
        (with(footer, 0x7f), ["section \"timer\"", "footer 0x7e of section 0"]),
        (with(walk::description(&stream).0 + 20, 0xff), ["the description", "text in UTF-8"]),
        (with(walk::description(&stream).0 + 20, b'}'), ["the description", "byte 0x"]),
        (with(end(&sections[4]), 9), ["0x09", &format!("byte {:#x}", end(&sections[4]))]),
    ] {
        let input = folder.put("in", &bytes);
        for command in ["info", "dump"] {
            let error = vmstate([command, &input]).error();
            assert!(words.iter().all(|word| error.contains(word)), "{words:?}: {error}");
            assert!(error.contains(&input), "which file: {error}");
        }
        for command in ["rewrite", "strip"] {
            vmstate([command, &input, &folder.path("out")]).error();
            assert_eq!(folder.names(), ["in"], "nothing is left");
        }
    }
}

#[test]
fn sections_need_a_description_or_footers() {
    let folder = Folder::new();
    let error = vmstate(["info", &folder.put("in", &made::without_footers())]).error();
    assert!(error.contains("a description of the section, or footers after sections"), "{error}");
}

#[test]
fn bad_usage_is_an_error() {
    let folder = Folder::new();
    let stream = streams::named("qemu-7.2-uno").bytes;
    let file = folder.put("in", &stream);
    let missing = folder.path("missing");
    let nowhere = format!("{missing}/out");
    let cases: [&[&str]; 8] = [
        &[],
        &["inform", &file],
        &["info"],
        &["info", &file, "--jason"],
        &["info", &missing],
        &["info", &folder.path("")],
        &["rewrite", &file],
        &["strip", &file, &nowhere],
    ];
    for arguments in cases {
        vmstate(arguments).error();
    }
    // However the file is named.
    let again = folder.path("../") + Path::new(&folder.path("")).file_name().unwrap().to_str().unwrap() + "/in";
    for output in [&file, &again] {
        let error = vmstate(["strip", &file, output]).error();
        assert!(error.contains("same file"), "{error}");
    }
    assert_eq!((fs::read(&file).unwrap() == stream, folder.names()), (true, vec!["in".to_owned()]));
}

#[test]
fn help_and_version_are_answers() {
    assert!(vmstate(["--version"]).fine().starts_with("vmstate "));
    let text = vmstate(["--help"]).fine();
    assert!(text.contains("Exit status"), "{text}");
    for command in ["info", "dump", "diff", "report", "rewrite", "strip"] {
        assert!(text.contains(command), "{text}");
        let text = vmstate([command, "--help"]).fine();
        assert!(text.contains(&format!("  vmstate {command} vm.state")), "an example: {text}");
    }
}

#[test]
fn closed_pipe_is_not_an_error() {
    let folder = Folder::new();
    let file = folder.put("in", &streams::named("qemu-10.0-pc").bytes);
    for arguments in [["dump", file.as_str()].as_slice(), &["dump", "--json", &file]] {
        let (code, stderr) = tool::unread(arguments);
        assert_eq!((code, stderr.as_str()), (0, ""), "{arguments:?}");
    }
    // A stream that was not written completely is one.
    let (code, stderr) = tool::unread(&["rewrite", &file, "-"]);
    assert!(code == 2 && stderr.contains("cannot write to standard output"), "{stderr}");
}

#[test]
fn colours_are_for_terminals() {
    let folder = Folder::new();
    let file = folder.put("in", &streams::named("qemu-7.2-uno").bytes);
    for (choice, colours) in [("auto", false), ("never", false), ("always", true)] {
        let text = vmstate(["info", &file, "--color", choice]).fine();
        assert_eq!(text.contains('\x1b'), colours, "{choice}: {text}");
        let error = vmstate(["info", "--color", choice, &folder.path("missing")]).error();
        assert_eq!(error.contains('\x1b'), colours, "{choice}: {error}");
    }
}

#[test]
fn names_cannot_contain_terminal_escapes() {
    let folder = Folder::new();
    let mut stream = streams::named("qemu-7.2-uno").bytes;
    while let Some(at) =
        stream.windows(12).position(|window| window == b"arduino-uno\0" || window == b"arduino-uno\x01")
    {
        stream[at..at + 3].copy_from_slice(b"\x1b[m");
    }
    let text = vmstate(["info", &folder.put("in", &stream)]).fine();
    assert!(text.contains("\\u{1b}[muino-uno"), "{text}");
}

#[test]
fn memory_does_not_grow_with_the_stream() {
    let folder = Folder::new();
    let (file, read) = (folder.path("in"), folder.path("read"));
    made::huge(&file, 2 << 30);
    // For commands that do not skip pages.
    made::huge(&read, 256 << 20);
    for arguments in [
        ["info", file.as_str()].as_slice(),
        &["dump", &file],
        &["diff", &read, &read],
        &["report", &read, "-o", &folder.path("page")],
        &["rewrite", &file, "/dev/null"],
        &["strip", &file, &folder.path("out")],
    ] {
        let output = tool::within(64 << 20, arguments);
        output.fine();
    }
    assert!(fs::metadata(folder.path("out")).unwrap().len() < 1 << 20);
}
