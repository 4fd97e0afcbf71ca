//! Input that attacks the terminal, the file system or the caller of the tool.

use std::time::Instant;

use vmstate::Writer;
use vmstate::ram::{BlockHeader, Record, write_record};
use vmstate::stream::{Configuration, SectionHeader, SectionKind, StreamWriter};
use vmstate_tests::streams;
use vmstate_tests::tool::{Folder, in_time, piped, unread, vmstate};

/// A stream of one section with the payload 7, described by `inside` (the keys after `instance_id`).
fn described(machine: &str, section: &str, inside: &str) -> Vec<u8> {
    let mut out = Writer::new();
    let mut stream = StreamWriter::new(&mut out);
    stream.header();
    stream.configuration(&Configuration::new(machine));
    stream.begin_section(&SectionHeader::full(0, "ram", 0, 4).of_kind(SectionKind::Start));
    write_record(stream.payload(), &Record::BlockList(4096), "");
    write_record(stream.payload(), &Record::Block(BlockHeader::new(section, 4096)), "");
    write_record(stream.payload(), &Record::EndOfSection, "");
    stream.end_section();
    stream.begin_section(&SectionHeader::full(1, section, 0, 1));
    stream.payload().u8(7);
    stream.end_section();
    stream.eof();
    let name = serde_json::to_string(section).unwrap();
    stream.description(&format!(
        "{{\"page_size\": 4096, \"devices\": [{{\"name\": {name}, \"instance_id\": 0, {inside}}}]}}"
    ));
    out.take()
}

/// The keys of a struct with one field.
fn structure(name: &str, field: &str) -> String {
    format!("\"vmsd_name\": {name}, \"version\": 1, \"fields\": [{field}]")
}

fn byte(name: &str, type_name: &str) -> String {
    format!("{{\"name\": {name}, \"type\": {type_name}, \"size\": 1}}")
}

/// A stream whose only field has a path of more than `length` characters.
fn long_path(length: usize, type_name: &str) -> Vec<u8> {
    let depth = 30;
    let name = format!("\"{}\"", "n".repeat(length / depth));
    let inner = (0..depth).fold(structure("\"s\"", &byte(&name, type_name)), |inner, _| {
        let field = format!("{{\"name\": {name}, \"type\": \"struct\", \"struct\": {{{inner}}}, \"size\": 1}}");
        structure("\"s\"", &field)
    });
    described("m", "dev", &inner)
}

/// A dump of one device of version 1 with a field of this size.
fn dump(device: &str, field: &str, size: u32) -> String {
    let versions = "\"version_id\": 1, \"minimum_version_id\": 1";
    format!(
        "{{\"vmschkmachine\": {{\"Name\": {device}}}, {device}: {{\"Name\": {device}, {versions}, \"Description\": \
         {{\"name\": {device}, {versions}, \"Fields\": [{{\"field\": {field}, \"version_id\": 0, \
         \"field_exists\": false, \"size\": {size}}}]}}}}}}"
    )
}

#[test]
fn wide_cell_does_not_panic() {
    let folder = Folder::new();
    let streams = ["\"uint8\"", "\"int8\""].map(|type_name| long_path(30_000, type_name));
    let long = serde_json::to_string(&"n".repeat(70_000)).unwrap();
    let dumps = [1, 2].map(|size| dump(&long, "\"f\"", size).into_bytes());
    for [old, new] in [streams, dumps] {
        let [old, new] = [("old", &old), ("new", &new)].map(|(name, bytes)| folder.put(name, bytes));
        for arguments in [&["check", &old, &new, "--notes"][..], &["check", "--json", &old, &new, "--notes"]] {
            let output = vmstate(arguments);
            assert!(matches!(output.code, 0 | 1) && output.stderr.is_empty(), "{}", output.stderr);
            assert!(output.stdout.len() < 8 << 20, "{} bytes", output.stdout.len());
        }
    }
    // Commands that print paths and types of streams.
    let long = format!("\"{}\"", "t".repeat(1000));
    let [old, new] = [("old", "\"a\""), ("new", &long)].map(|(name, ty)| folder.put(name, &long_path(70_000 / 3, ty)));
    for arguments in [&["diff", &old, &new][..], &["dump", &new], &["info", &new]] {
        let output = vmstate(arguments);
        assert!(matches!(output.code, 0 | 1) && output.stderr.is_empty(), "{}", output.stderr);
    }
}

#[test]
fn one_wide_cell_does_not_widen_all_rows() {
    let folder = Folder::new();
    let field = |name: &str, size| {
        format!("{{\"field\": \"{name}\", \"version_id\": 0, \"field_exists\": false, \"size\": {size}}}")
    };
    let versions = "\"version_id\": 1, \"minimum_version_id\": 1";
    let dump = |size| {
        let long = field(&"n".repeat(100_000), size);
        let short = (0..900).map(|number| field(&format!("f{number}"), size));
        let fields = std::iter::once(long).chain(short).collect::<Vec<_>>().join(", ");
        format!(
            "{{\"vmschkmachine\": {{\"Name\": \"m\"}}, \"d\": {{\"Name\": \"d\", {versions}, \"Description\": \
             {{\"name\": \"d\", {versions}, \"Fields\": [{fields}]}}}}}}"
        )
    };
    let [old, new] = [("old", 1), ("new", 2)].map(|(name, size)| folder.put(name, dump(size).as_bytes()));
    let text = vmstate(["check", &old, &new]).answer(1);
    assert!(text.len() < 1 << 20, "{} bytes for an input of {}", text.len(), dump(1).len());
}

/// Terminal sequences, line breaks, and characters that are invisible or reverse the text.
const HIDDEN: [&str; 8] =
    ["\u{1b}]0;t\u{7}", "\u{1b}[2J", "\u{9b}2J", "a\rb", "a\nb", "\u{202e}cba", "a\u{200b}b", "\u{7f}"];

/// Asserts that all bytes are printable ASCII.
fn assert_plain(arguments: &[&str], bytes: &[u8]) {
    let hidden = bytes.iter().find(|byte| !matches!(byte, b' '..=b'~' | b'\n'));
    assert_eq!(hidden, None, "{arguments:?}: {}", bytes.escape_ascii());
}

#[test]
fn hidden_characters_are_escaped_in_all_output() {
    let folder = Folder::new();
    let plain = described("m", "dev", &structure("\"dev\"", &byte("\"f\"", "\"uint8\"")));
    let plain = folder.put("plain", &plain);
    let plain_dump = folder.put("plain-dump", dump("\"dev\"", "\"f\"", 1).as_bytes());
    for hidden in HIDDEN {
        let name = serde_json::to_string(hidden).unwrap();
        let stream = described(hidden, hidden, &structure(&name, &byte(&name, &name)));
        let stream = folder.put("stream", &stream);
        // A key that no description has, in a message of the parser.
        let broken = folder.put("broken", &described(hidden, hidden, &format!("{name}: 1")));
        let dump = folder.put("dump", dump(&name, &name, 1).as_bytes());
        // An unknown key, in a message of serde.
        let schema = folder.put("schema", format!("{{\"vmstate-schema\": 1, {name}: {{}}}}").as_bytes());
        let runs: [&[&str]; 20] = [
            &["info", &stream],
            &["dump", &stream],
            &["diff", &plain, &stream],
            &["check", &plain, &stream, "--notes"],
            &["check", &plain_dump, &dump, "--notes"],
            &["check", "--qemu", &plain_dump, &dump],
            &["check", "--qemu", &dump, &plain_dump],
            &["schema", &stream],
            &["schema", &stream, "--format", "names"],
            &["schema", &stream, "--format", "dump"],
            &["schema", &dump, "--format", "dump-7.2"],
            &["import", &stream],
            &["import", &dump],
            &["set", &stream, &format!("{hidden}.{hidden}=9"), "-o", &folder.path("out")],
            &["set", &stream, &format!("{hidden}.g=9"), "-o", &folder.path("out")],
            &["info", &broken],
            &["check", &plain, &broken],
            &["schema", &schema],
            &["dump", &stream, "--field", hidden],
            &["dump", &stream, "--section", hidden],
        ];
        for run in runs {
            for arguments in [run.to_vec(), [&["--json"], run].concat()] {
                let output = vmstate(&arguments);
                assert!(output.code <= 2 && !output.stderr.contains("panicked"), "{}", output.stderr);
                assert_plain(&arguments, &output.stdout);
                assert_plain(&arguments, output.stderr.as_bytes());
            }
        }
    }
}

#[test]
fn escaped_json_has_the_original_names() {
    let folder = Folder::new();
    for hidden in HIDDEN {
        let name = serde_json::to_string(hidden).unwrap();
        let stream = described(hidden, hidden, &structure(&name, &byte(&name, &name)));
        let info = vmstate_tests::tool::json_of(&vmstate(["info", "--json", &folder.put("in", &stream)]));
        assert_eq!(info["configuration"]["machine"], hidden);
        assert_eq!(info["sections"][1]["name"], hidden);
    }
}

#[test]
fn messages_are_bounded() {
    let folder = Folder::new();
    let long = "n".repeat(4 << 20);
    let key = format!("{{\"page_size\": 4096, \"devices\": [{{\"{long}\": 1}}]}}");
    let stream = {
        let mut out = Writer::new();
        let mut stream = StreamWriter::new(&mut out);
        stream.header();
        stream.configuration(&Configuration::new(&*long));
        stream.eof();
        stream.description(&key);
        out.take()
    };
    let schema = format!("{{\"vmstate-schema\": \"{long}\"}}");
    let [stream, key, schema, plain] = [
        folder.put("stream", &stream),
        folder.put("key", key.as_bytes()),
        folder.put("schema", schema.as_bytes()),
        folder.put("plain", &streams::named("qemu-7.2-uno").bytes),
    ];
    let runs: [&[&str]; 6] = [
        &["info", &stream],
        &["schema", &key],
        &["schema", &schema],
        &["check", &plain, &schema],
        &["import", &key],
        &["set", &plain, "cpu.pc_w=x", "-o", &folder.path("out")],
    ];
    for arguments in runs {
        let error = vmstate(arguments).error();
        assert!(error.len() < 16 << 10, "{arguments:?}: {} bytes", error.len());
    }
}

#[test]
fn check_of_many_devices_is_linear() {
    let folder = Folder::new();
    let versions = "\"version_id\": 1, \"minimum_version_id\": 1";
    let dump = |size: u32| {
        let device = |number: usize| {
            let field = format!("{{\"field\": \"f\", \"version_id\": 0, \"field_exists\": false, \"size\": {size}}}");
            format!(
                "\"d{number}\": {{\"Name\": \"d{number}\", {versions}, \"Description\": {{\"name\": \"d{number}\", \
                 {versions}, \"Fields\": [{field}]}}}}"
            )
        };
        let devices = (0..32_000).map(device).collect::<Vec<_>>().join(", ");
        format!("{{\"vmschkmachine\": {{\"Name\": \"m\"}}, {devices}}}")
    };
    let [old, new] = [("old", 1), ("new", 2)].map(|(name, size)| folder.put(name, dump(size).as_bytes()));
    // It took more than 60 seconds when each finding was compared with all others.
    let text = in_time(30, &["check", &old, &new]).answer(1);
    assert_eq!(text.lines().filter(|line| line.contains("both ways")).count(), 32_000);
}

/// A stream of a device whose structs are nested `depth` levels deep.
fn nested(depth: usize, inner: String) -> Vec<u8> {
    let keys = (0..depth).fold(inner, |inner, _| {
        let field = format!("{{\"name\": \"s\", \"type\": \"struct\", \"struct\": {{{inner}}}, \"size\": 1}}");
        structure("\"s\"", &field)
    });
    described("m", "dev", &keys)
}

#[test]
fn deeply_nested_schema_is_an_error() {
    let folder = Folder::new();
    for depth in 25..40 {
        let stream = folder.put("in", &nested(depth, structure("\"s\"", &byte("\"f\"", "\"uint8\""))));
        for format in ["schema", "dump", "dump-7.2"] {
            let output = vmstate(["schema", &stream, "--format", format]);
            if output.code == 0 {
                let schema = folder.put("schema", &output.stdout);
                let again = vmstate(["schema", &schema, "--format", format]).fine();
                assert!(again.as_bytes() == output.stdout, "{depth}, {format}");
                assert_eq!(vmstate(["check", &schema, &schema]).code, 0);
            } else {
                let error = output.error();
                assert!(error.contains("can be read again"), "{error}");
                assert!(depth > 29, "real devices have less than 10 levels");
            }
        }
    }
}

#[test]
fn schema_of_deep_structs_is_fast() {
    let folder = Folder::new();
    let fields: Vec<_> = (0..20_000).map(|number| byte(&format!("\"f{number}\""), "\"uint8\"")).collect();
    let cost = |depth| {
        let stream = folder.put("in", &nested(depth, structure("\"s\"", &fields.join(", "))));
        let text = vmstate(["schema", &stream]).fine();
        let schema = folder.put("schema", text.as_bytes());
        let run = |file: &str| {
            let start = Instant::now();
            vmstate(["schema", file]).fine();
            start.elapsed()
        };
        (text.len(), [&stream, &schema].map(|file| (0..2).map(|_| run(file)).min().unwrap_or_default()))
    };
    let (flat, deep) = (cost(1), cost(28));
    // Lines are indented.
    assert!(deep.0 < 5 * flat.0, "{} bytes, and {} for 28 levels", flat.0, deep.0);
    for (flat, deep) in flat.1.into_iter().zip(deep.1) {
        // 28 levels took 30 times as long when each level formatted its contents again.
        assert!(deep < 8 * flat, "{flat:?}, and {deep:?} for 28 levels");
    }
}

#[test]
fn comparisons_keep_their_status_if_the_pipe_closes() {
    let folder = Folder::new();
    let [old, new] = ["qemu-7.2-virt", "qemu-10.0-virt"].map(|name| folder.put(name, &streams::named(name).bytes));
    for arguments in [&["diff", &old, &new][..], &["diff", "--json", &old, &new], &["check", &old, &new]] {
        assert_eq!(unread(arguments), (1, String::new()), "{arguments:?}");
    }
    assert_eq!(unread(&["diff", &old, &old]), (0, String::new()));
}

#[test]
fn standard_input_is_rejected_by_its_first_bytes() {
    // Endless input, which the tool must not copy to a file first.
    for (command, beginning) in
        [("info", "QEMU"), ("dump", "\0"), ("schema", "QEWM"), ("import", "qevm"), ("check", "x")]
    {
        let mut tool = std::process::Command::new(vmstate_tests::tool::binary());
        let other = streams::named("qemu-7.2-uno").bytes;
        let folder = Folder::new();
        let more = folder.put("other", &other);
        tool.args([command, "-"]).args((command == "check").then_some(more));
        tool.stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped());
        let mut child = tool.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut written = 0_u64;
        let bytes = beginning.repeat(4096);
        while std::io::Write::write_all(&mut stdin, bytes.as_bytes()).is_ok() {
            written += bytes.len() as u64;
            assert!(written < 64 << 20, "{command}: {written} bytes were read");
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{command}");
    }
    // Short input is an error of the stream.
    let error = piped(["info", "-"], b"QE").error();
    assert!(error.contains("standard input") && error.contains("after 2"), "{error}");
}
