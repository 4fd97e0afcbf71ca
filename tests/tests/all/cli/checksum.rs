//! Files with a checksum, which follows the description.

use std::fs;

use vmstate_tests::streams::{self, Stream};
use vmstate_tests::tool::{Folder, vmstate};

use super::made;

/// Returns the output of a command about the file `in`, without its length and checksum, and the file that it writes.
fn run(folder: &Folder, arguments: &[&str]) -> (i32, String, Option<Vec<u8>>) {
    let (input, output) = (folder.path("in"), folder.path("out"));
    let place = |argument: &&str| match *argument {
        "IN" => input.clone(),
        "OUT" => output.clone(),
        other => other.to_owned(),
    };
    let done = vmstate(arguments.iter().map(place));
    assert_eq!(done.stderr, "", "{arguments:?}");
    let length = format!("{} bytes", fs::metadata(&input).unwrap().len());
    let text = String::from_utf8(done.stdout).unwrap().replace(&length, "LENGTH");
    let text = text.replace(&input, "IN").replace(&output, "OUT");
    let lines = text.lines().filter(|line| !line.starts_with("checksum"));
    (done.code, lines.collect::<Vec<_>>().join("\n"), fs::read(&output).ok())
}

/// The page size of `uno` is in its description alone.
fn uno() -> impl Iterator<Item = Stream> {
    ["qemu-7.2-uno", "qemu-10.0-uno", "qemu-11.1-uno"].into_iter().map(streams::named)
}

#[test]
fn checksum_changes_no_output() {
    let commands: [&[&str]; 6] = [
        &["dump", "IN"],
        &["dump", "--json", "IN", "--field", "env.r[24]"],
        &["set", "IN", "-o", "OUT", "cpu.env.r[24]=42"],
        &["import", "IN", "-o", "OUT"],
        &["check", "IN", "IN"],
        &["diff", "IN", "IN"],
    ];
    for stream in uno() {
        let mut checked = stream.bytes.clone();
        vmstate::checksum::append(&mut checked);
        let folders = [&stream.bytes, &checked].map(|bytes| {
            let folder = Folder::new();
            folder.put("in", bytes);
            folder
        });
        for arguments in commands {
            let [plain, checked] = folders.each_ref().map(|folder| run(folder, arguments));
            assert!(plain.0 == 0 && plain == checked, "{}: {arguments:?}: {plain:?}, {checked:?}", stream.name);
        }
    }
}

/// A checksum of the original would be wrong.
#[test]
fn changed_files_have_no_checksum() {
    let commands: [&[&str]; 2] = [&["strip", "IN", "OUT"], &["rewrite", "IN", "OUT"]];
    let ram = made::stream(&[made::Page::Zero, made::Page::Data(7)], r#"{"page_size":4096,"devices":[]}"#);
    for stream in uno().map(|stream| stream.bytes).chain([ram]) {
        let folder = Folder::new();
        for arguments in commands {
            folder.put("in", &stream);
            let (_, _, plain) = run(&folder, arguments);
            let mut checked = stream.clone();
            vmstate::checksum::append(&mut checked);
            folder.put("in", &checked);
            let (_, _, changed) = run(&folder, arguments);
            assert!(plain.is_some() && plain == changed, "{arguments:?}");
        }
    }
}

#[test]
fn files_with_a_checksum_have_reports() {
    for stream in uno() {
        let folder = Folder::new();
        let mut checked = stream.bytes;
        vmstate::checksum::append(&mut checked);
        folder.put("in", &checked);
        let (code, text, _) = run(&folder, &["info", "IN"]);
        assert!(code == 0 && text.contains("description"), "{text}");
        let (code, _, page) = run(&folder, &["report", "IN", "-o", "OUT"]);
        assert!(code == 0 && String::from_utf8(page.unwrap()).unwrap().contains("env.r"), "{}", stream.name);
    }
}
