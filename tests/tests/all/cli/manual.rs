//! The documentation in the tool: help, manual pages, completions, and the page about its JSON.

use std::collections::BTreeSet;
use std::fs;

use vmstate_tests::tool;

use super::*;

/// The commands, as the help lists them.
fn commands() -> Vec<String> {
    let help = vmstate(["--help"]).fine();
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).filter(|name| name != "help").collect()
}

#[test]
fn every_command_has_an_example_and_a_manual_page() {
    let folder = Folder::new();
    let (pages, commands) = (folder.path("pages"), commands());
    vmstate(["man", &pages]).fine();
    assert!(commands.len() >= 12, "{commands:?}");
    for command in &commands {
        let help = vmstate([command, "--help"]).fine();
        assert!(help.contains("Example") && help.contains(&format!("  vmstate {command} ")), "an example: {help}");
        let page = fs::read_to_string(format!("{pages}/vmstate-{command}.1")).unwrap();
        assert!(page.contains(".SH SYNOPSIS") && page.contains("vmstate"), "{page}");
    }
    let page = fs::read_to_string(format!("{pages}/vmstate.1")).unwrap();
    assert!(page.contains("Exit status"), "{page}");
    let error = vmstate(["man", &folder.put("file", b"no folder")]).error();
    assert!(error.contains("cannot write manual pages to"), "{error}");
}

#[test]
fn shells_know_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = vmstate(["completions", shell]).fine();
        for command in commands() {
            assert!(script.contains(&command), "{shell}: {command}");
        }
    }
    vmstate(["completions", "csh"]).error();
    if let Ok(checked) =
        std::process::Command::new("bash").args(["-n", "-c"]).arg(vmstate(["completions", "bash"]).fine()).status()
    {
        assert!(checked.success());
    }
}

#[test]
fn every_reading_command_accepts_standard_input() {
    let folder = Folder::new();
    let stream = streams::named("qemu-10.0-isapc").bytes;
    let other = streams::named("qemu-7.2-isapc").bytes;
    let (file, other) = (folder.put("in", &stream), folder.put("other", &other));
    let out = folder.path("out");
    let cases: [&[&str]; 9] = [
        &["info", "IN"],
        &["dump", "IN"],
        &["diff", "IN", &other],
        &["diff", &other, "IN"],
        &["check", "IN", &other],
        &["check", &other, "IN"],
        &["schema", "IN"],
        &["import", "IN"],
        &["set", "IN", "serial.state.scr=1", "-o", &out],
    ];
    for case in cases {
        let with = |name: &str| case.iter().map(|word| word.replace("IN", name)).collect::<Vec<_>>();
        let (piped, named) = (tool::piped(with("-"), &stream), vmstate(with(&file)));
        assert_eq!((piped.code, piped.stderr.as_str()), (named.code, ""), "{case:?}");
        let text = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
        // Lines with a file name differ, because the name is standard input.
        let same = text(&piped).lines().zip(text(&named).lines()).filter(|(piped, named)| piped == named).count();
        assert!(same + 5 > text(&named).lines().count(), "{case:?}: {}\n{}", text(&piped), text(&named));
    }
    for case in [["report", "-", "-o", "-"].as_slice(), &["set", "-", "serial.state.scr=1", "-o", "-"]] {
        let Output { code, stdout, stderr } = tool::piped(case, &stream);
        assert!(code == 0 && stdout.len() > 10_000, "{case:?}: {stderr}");
    }
    for case in [["diff", "-", "-"], ["check", "-", "-"]] {
        let error = tool::piped(case, b"").error();
        assert!(error.contains("standard input"), "{error}");
    }
}

/// The words in code font under a heading of the page, and above the first heading.
fn documented(page: &str, heading: &str) -> BTreeSet<String> {
    let text = page.split("\n## ").find(|part| part.starts_with(heading)).expect(heading);
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn keys(answer: &Value) -> BTreeSet<String> {
    let mut found = Vec::new();
    objects(answer, &mut found);
    found.iter().flat_map(|object| object.as_object().unwrap().keys().cloned()).collect()
}

/// The documented keys are exactly the printed ones.
#[test]
fn json_page_matches_the_output() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vmstate/docs/json.md");
    let page = fs::read_to_string(page).unwrap();
    let folder = Folder::new();
    let out = folder.path("out");
    let mut said: [(&str, BTreeSet<String>); 6] =
        ["info", "dump", "rewrite", "strip", "set", "report"].map(|command| (command, BTreeSet::new()));
    let mut add = |number: usize, output: &Output| {
        said[number].1.extend(keys(&serde_json::from_slice(&output.stdout).unwrap()));
    };
    for stream in streams::all() {
        let file = folder.put("in", &stream.bytes);
        add(0, &vmstate(["info", "--json", &file]));
        add(1, &vmstate(["dump", "--json", &file]));
        add(3, &vmstate(["strip", "--json", &file, &out]));
        add(5, &vmstate(["report", "--json", &file, "-o", &out]));
    }
    let uno = folder.put("in", &streams::named("qemu-10.0-uno").bytes);
    add(1, &vmstate(["dump", "--json", &uno, "--field", "env.r[24]"]));
    add(4, &vmstate(["set", "--json", &uno, "cpu.env.r[24]=1", "-o", &out]));
    let mut checked = streams::named("qemu-10.0-isapc").bytes;
    vmstate::checksum::append(&mut checked);
    add(0, &vmstate(["info", "--json", &folder.put("checked", &checked)]));
    // JSON that is right, but not spaced as QEMU does.
    let spaced = folder.put("spaced", &made::stream(&[made::Page::Zero; 4], r#"{"page_size":4096,"devices":[]}"#));
    add(2, &vmstate(["rewrite", "--json", &spaced, &out]));
    for (command, said) in &mut said {
        let documented = documented(&page, &format!("`vmstate {command}`"));
        // A section is documented with `info`, and so are blocks of RAM.
        let elsewhere = if *command == "info" { BTreeSet::new() } else { self::documented(&page, "`vmstate info`") };
        let unknown: Vec<_> =
            said.iter().filter(|key| !documented.contains(*key) && !elsewhere.contains(*key)).collect();
        assert!(unknown.is_empty(), "{command}: not documented: {unknown:?}");
        // Not keys. `key` is in trees only, which these streams lack.
        let values = ["start", "part", "end", "full", "true", "false", "null", "--field", "key"];
        let no_keys =
            documented.iter().filter(|word| !word.starts_with("vmstate ") && !values.contains(&word.as_str()));
        let missing: Vec<_> = no_keys.filter(|word| !said.contains(*word)).collect();
        assert!(missing.is_empty(), "{command}: never printed: {missing:?}");
    }
}
