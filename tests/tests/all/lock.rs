//! The lock: accepted and rejected changes of a device, and the messages.
#![allow(dead_code)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use vmstate::description::{Description, Field, Form};
use vmstate::lock::{Accept, Lock, LockChange, LockChangeKind, LockError};
use vmstate::prelude::*;
use vmstate::schema::Schema;
use vmstate::schema::compare::{Direction, Finding, Severity};

use Direction::{NewToOld, OldToNew};

/// The device before any change.
#[derive(VmState)]
#[vmstate(name = "nic", version = 2)]
struct Nic {
    status: u16,
    #[vmstate(since = 2)]
    mask: u16,
    mac: [u8; 6],
    ring: u32,
    #[vmstate(subsection("nic/tso", needed = |nic| nic.tso != 0))]
    tso: u32,
}

/// A lock in `folder` with one device.
fn lock<T: VmState>(folder: &Path) -> Lock {
    Lock::new(folder).device(None, T::DESCRIPTION)
}

/// Returns the findings for the change of `Nic` to `T`, and whether the lock rejected to bless it.
fn change<T: VmState>() -> (Vec<LockChange>, bool) {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(lock::<Nic>(folder.path()).bless(Accept::Safe).unwrap(), []);
    let before = fs::read_to_string(folder.path().join("nic.json")).unwrap();
    let changed = lock::<T>(folder.path());
    let changes = changed.check().unwrap();
    let refused = changed.bless(Accept::Safe).unwrap();
    if !refused.is_empty() {
        assert_eq!((&refused, fs::read_to_string(folder.path().join("nic.json")).unwrap()), (&changes, before));
        assert_eq!(changed.bless(Accept::Breaking).unwrap(), []);
    }
    assert_eq!(changed.check().unwrap(), []);
    (changes, !refused.is_empty())
}

/// The fields at which `T` breaks, and the directions.
fn breaks<T: VmState>() -> Vec<(String, Direction)> {
    let (changes, refused) = change::<T>();
    assert!(refused && changes.len() == 1, "{changes:?}");
    let LockChangeKind::Changed(findings) = &changes[0].kind else { panic!("{changes:?}") };
    let breaks = findings.iter().filter(|finding| finding.severity() == Severity::Break);
    breaks.map(|finding| (finding.path.clone(), finding.direction)).collect()
}

/// Asserts that `T` breaks nothing, and passes with a bless.
fn assert_safe<T: VmState>() {
    let (changes, refused) = change::<T>();
    assert!(changes.len() == 1 && !changes[0].is_breaking() && !refused, "{changes:?}");
}

fn at(path: &str, directions: impl IntoIterator<Item = Direction>) -> Vec<(String, Direction)> {
    directions.into_iter().map(|direction| (path.to_owned(), direction)).collect()
}

/// `Nic` with some of its fields as they are, and others changed.
macro_rules! nic {
    ($name:ident, [$($attribute:tt)*], { $($fields:tt)* }) => {
        #[derive(VmState)]
        #[vmstate(name = "nic", $($attribute)*)]
        struct $name { $($fields)* }
    };
}

/// A device with a struct in a struct, and so on.
fn nested(depth: usize) -> Description {
    const BYTE: &[Field] = &[Field::new("byte", Form::info("uint8", Some(1)))];
    let inner = Description::new("nested").fields(BYTE);
    (0..depth).fold(inner, |inner, _| {
        let field = Field::new("inner", Form::structure(Box::leak(Box::new(inner))));
        Description::new("nested").fields(Box::leak(Box::new([field])))
    })
}

#[test]
fn deeply_nested_device_cannot_be_locked() {
    let folder = tempfile::tempdir().unwrap();
    let lock = Lock::new(folder.path()).device(None, &nested(10));
    assert_eq!(lock.bless(Accept::Safe).unwrap(), []);
    assert_eq!(lock.check().unwrap(), []);
    let written = fs::read(folder.path().join("nested.json")).unwrap();

    let deep = Lock::new(folder.path()).device(None, &nested(70));
    for result in [deep.check(), deep.bless(Accept::Breaking)] {
        let error = result.unwrap_err();
        assert!(matches!(error, LockError::Schema(..)), "{error}");
        assert!(error.to_string().contains("can be read again"), "{error}");
    }
    assert_eq!(fs::read(folder.path().join("nested.json")).unwrap(), written);
}

#[test]
fn removed_field_breaks_both_ways() {
    nic!(Other, [version = 2], {
        status: u16, #[vmstate(since = 2)] mask: u16, mac: [u8; 6],
        #[vmstate(subsection("nic/tso", needed = |nic| nic.tso != 0))] tso: u32,
    });
    assert_eq!(breaks::<Other>(), at("ring", [OldToNew, NewToOld]));
}

#[test]
fn field_without_a_gate_breaks_both_ways() {
    nic!(Other, [version = 2], {
        status: u16, #[vmstate(since = 2)] mask: u16, speed: u8, mac: [u8; 6], ring: u32,
        #[vmstate(subsection("nic/tso", needed = |nic| nic.tso != 0))] tso: u32,
    });
    assert_eq!(breaks::<Other>(), at("speed", [OldToNew, NewToOld]));
}

#[test]
fn another_type_breaks_both_ways() {
    nic!(Other, [version = 2], {
        status: u32, #[vmstate(since = 2)] mask: u16, mac: [u8; 6], ring: u32,
        #[vmstate(subsection("nic/tso", needed = |nic| nic.tso != 0))] tso: u32,
    });
    assert_eq!(breaks::<Other>(), at("status", [OldToNew, NewToOld]));
}

#[test]
fn another_order_breaks_both_ways() {
    nic!(Other, [version = 2], {
        ring: u32, status: u16, #[vmstate(since = 2)] mask: u16, mac: [u8; 6],
        #[vmstate(subsection("nic/tso", needed = |nic| nic.tso != 0))] tso: u32,
    });
    let breaks = breaks::<Other>();
    for direction in [OldToNew, NewToOld] {
        assert!(breaks.iter().any(|(_, other)| *other == direction), "{breaks:?}");
    }
}

#[test]
fn another_count_breaks_both_ways() {
    nic!(Other, [version = 2], {
        status: u16, #[vmstate(since = 2)] mask: u16, mac: [u8; 8], ring: u32,
        #[vmstate(subsection("nic/tso", needed = |nic| nic.tso != 0))] tso: u32,
    });
    assert_eq!(breaks::<Other>(), at("mac", [OldToNew, NewToOld]));
}

#[test]
fn renamed_subsection_breaks_forward_migration() {
    nic!(Other, [version = 2], {
        status: u16, #[vmstate(since = 2)] mask: u16, mac: [u8; 6], ring: u32,
        #[vmstate(subsection("nic/offload", needed = |nic| nic.tso != 0))] tso: u32,
    });
    assert_eq!(breaks::<Other>(), at("nic/tso", [OldToNew]));
}

#[test]
fn raised_minimum_breaks_forward_migration() {
    nic!(Other, [version = 2, minimum_version = 2], {
        status: u16, mask: u16, mac: [u8; 6], ring: u32,
        #[vmstate(subsection("nic/tso", needed = |nic| nic.tso != 0))] tso: u32,
    });
    assert_eq!(breaks::<Other>(), at("", [OldToNew]));
}

#[test]
fn lowered_gate_breaks_older_streams() {
    nic!(Other, [version = 2], {
        status: u16, mask: u16, mac: [u8; 6], ring: u32,
        #[vmstate(subsection("nic/tso", needed = |nic| nic.tso != 0))] tso: u32,
    });
    assert_eq!(breaks::<Other>(), at("mask", [OldToNew]));
}

#[test]
fn field_of_a_newer_version_is_safe() {
    nic!(Other, [version = 3], {
        status: u16, #[vmstate(since = 2)] mask: u16, #[vmstate(since = 3)] speed: u8, mac: [u8; 6], ring: u32,
        #[vmstate(subsection("nic/tso", needed = |nic| nic.tso != 0))] tso: u32,
    });
    assert_safe::<Other>();
}

#[test]
fn needed_subsection_is_safe() {
    nic!(Other, [version = 2], {
        status: u16, #[vmstate(since = 2)] mask: u16, mac: [u8; 6], ring: u32,
        #[vmstate(subsection("nic/tso", needed = |nic| nic.tso != 0))] tso: u32,
        #[vmstate(subsection("nic/speed", needed = |nic| nic.speed != 0))] speed: u8,
    });
    assert_safe::<Other>();
}

#[test]
fn unused_bytes_replacing_a_field_are_safe() {
    nic!(Other, [version = 2], {
        status: u16, #[vmstate(since = 2)] mask: u16, mac: [u8; 6], ring: Unused<4>,
        #[vmstate(subsection("nic/tso", needed = |nic| nic.tso != 0))] tso: u32,
    });
    assert_safe::<Other>();
}

#[test]
fn field_of_older_versions_only_is_safe() {
    nic!(Other, [version = 3], {
        status: u16, #[vmstate(since = 2)] mask: u16, mac: [u8; 6], #[vmstate(until = 2)] ring: u32,
        #[vmstate(subsection("nic/tso", needed = |nic| nic.tso != 0))] tso: u32,
    });
    assert_safe::<Other>();
}

#[test]
fn another_name_with_the_same_bytes_is_safe() {
    nic!(Other, [version = 2], {
        state: u16, #[vmstate(since = 2)] mask: u16, mac: [u8; 6], ring: u32,
        #[vmstate(subsection("nic/tso", needed = |nic| nic.tso != 0))] tso: u32,
    });
    assert_safe::<Other>();
}

#[test]
fn new_device_is_safe_and_removed_device_is_not() {
    #[derive(VmState)]
    #[vmstate(name = "hub/port")]
    struct Hub {
        a: u8,
    }
    let folder = tempfile::tempdir().unwrap();
    let both = lock::<Nic>(folder.path()).device(None, Hub::DESCRIPTION);
    let changes = both.check().unwrap();
    assert!(
        changes.len() == 2
            && changes.iter().all(|change| change.kind == LockChangeKind::Added && !change.is_breaking())
    );
    assert_eq!(both.bless(Accept::Safe).unwrap(), []);
    assert!(folder.path().join("hub_port.json").exists());

    let one = lock::<Nic>(folder.path());
    let refused = one.bless(Accept::Safe).unwrap();
    assert_eq!((refused.len(), &refused[0].kind), (1, &LockChangeKind::Removed));
    assert_eq!(one.bless(Accept::Breaking).unwrap(), []);
    assert_eq!(one.check().unwrap(), []);
    assert!(!folder.path().join("hub_port.json").exists());
}

#[test]
fn lock_files_ignore_line_endings() {
    let folder = tempfile::tempdir().unwrap();
    let nic = lock::<Nic>(folder.path());
    assert_eq!(nic.bless(Accept::Safe).unwrap(), []);
    let path = folder.path().join("nic.json");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, Schema::from_devices(None, [("nic", Nic::DESCRIPTION)]).to_text().unwrap());
    fs::write(&path, text.replace('\n', "\r\n")).unwrap();
    assert_eq!(nic.check().unwrap(), []);
    // A file with other formatting is equivalent and is rewritten.
    fs::write(&path, text.replace(' ', "")).unwrap();
    assert_eq!(nic.check().unwrap()[0].kind, LockChangeKind::Changed(vec![]));
    assert_eq!(nic.bless(Accept::Safe).unwrap(), []);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn unreadable_lock_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let twice = lock::<Nic>(folder.path()).device(None, Nic::DESCRIPTION);
    assert!(matches!(twice.check(), Err(LockError::Repeated(name)) if name == "nic"));
    let alike = Lock::new(folder.path()).device("a/b", Nic::DESCRIPTION).device("a:b", Nic::DESCRIPTION);
    assert!(alike.check().unwrap_err().to_string().contains("`Device as \"name\"`"));
    fs::write(folder.path().join("nic.json"), r#"{"vmstate-schema": 9, "devices": {}}"#).unwrap();
    let error = lock::<Nic>(folder.path()).check().unwrap_err().to_string();
    assert!(error.contains("nic.json") && error.contains("newer release"), "{error}");
}

/// The test that `lock!` makes, of the folder that a variable names.
#[test]
#[ignore = "is run by the test below"]
fn helper() {
    nic!(Other, [version = 3], {
        status: u16, #[vmstate(since = 2)] mask: u16, #[vmstate(since = 3)] speed: u8, mac: [u8; 6], ring: u16,
        #[vmstate(subsection("nic/tso", needed = |nic| nic.tso != 0))] tso: u32,
    });
    let folder = std::env::var_os("VMSTATE_LOCK_FOLDER").unwrap();
    lock::<Other>(Path::new(&folder)).device("new", Nic::DESCRIPTION).test();
}

/// Runs [`helper`] with this value of `VMSTATE_BLESS`.
fn run(folder: &Path, bless: Option<&str>) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "lock::helper", "--ignored", "--nocapture"]).env("VMSTATE_LOCK_FOLDER", folder);
    command.env_remove("VMSTATE_BLESS").envs(bless.map(|value| ("VMSTATE_BLESS", value))).env("RUST_BACKTRACE", "0");
    command.output().unwrap()
}

#[test]
fn lock_message_lists_breaks_and_safe_changes() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(lock::<Nic>(folder.path()).bless(Accept::Safe).unwrap(), []);
    let said = |output: &Output| {
        assert!(!output.status.success());
        let text = String::from_utf8(output.stderr.clone()).unwrap();
        let start = text.find("devices differ").unwrap_or_else(|| panic!("{text}"));
        let end = text.find("note: run with").unwrap_or(text.len());
        text[start..end].replace(&format!("{}/", folder.path().display()), "schema/").trim_end().to_owned()
    };
    let text = said(&run(folder.path(), None));
    assert_eq!(text, include_str!("lock-message.txt").trim_end());

    // Without the break, which stays.
    let text = said(&run(folder.path(), Some("1")));
    assert!(text.contains("break  type at `ring`") && !text.contains("\nnew ("), "{text}");
    assert!(run(folder.path(), Some("breaking")).status.success());
    assert!(run(folder.path(), None).status.success());
}

/// A console and its chip in two releases, of which the second has a field more in the chip.
mod nested {
    use super::*;

    macro_rules! release {
        ($name:ident, [$($chip:tt)*], [$($console:tt)*], [$($field:tt)*], { $($added:tt)* }) => {
            mod $name {
                use super::*;

                #[derive(VmState)]
                #[vmstate(name = "chip", $($chip)*)]
                struct Chip { level: u8, $($added)* }

                #[derive(VmState)]
                #[vmstate(name = "nic", $($console)*)]
                pub(super) struct Console { $($field)* chip: Chip, mask: u16 }
            }
        };
    }

    release!(first, [version = 1], [version = 1], [], {});
    release!(raised, [version = 2], [version = 1], [], { #[vmstate(since = 2)] added: u8 });
    release!(versioned, [version = 2], [version = 2], [#[vmstate(versioned(was(..=1 => 1)))]], {
        #[vmstate(since = 2)] added: u8
    });
    release!(inherited, [versions = parent], [version = 2], [], { #[vmstate(since = 2)] added: u8 });
    release!(again, [versions = parent], [version = 3], [], {
        #[vmstate(since = 2)] added: u8, #[vmstate(since = 3)] more: u8
    });
    release!(forgotten, [versions = parent], [version = 2], [], {
        #[vmstate(since = 2)] added: u8, #[vmstate(since = 2)] more: u8
    });

    fn findings<Old: VmState, New: VmState>() -> Vec<Finding> {
        let folder = tempfile::tempdir().unwrap();
        lock::<Old>(folder.path()).bless(Accept::Safe).unwrap();
        match lock::<New>(folder.path()).check().unwrap().pop().map(|change| change.kind) {
            Some(LockChangeKind::Changed(findings)) => findings,
            other => panic!("{other:?}"),
        }
    }

    fn breaks<Old: VmState, New: VmState>() -> Vec<Finding> {
        findings::<Old, New>().into_iter().filter(|finding| finding.severity() == Severity::Break).collect()
    }

    #[test]
    fn raised_version_of_a_nested_struct_breaks() {
        let breaks = breaks::<first::Console, raised::Console>();
        assert_eq!(breaks.len(), 2, "{breaks:?}");
        for finding in breaks {
            assert_eq!(finding.path, "chip.added");
            assert!(finding.advice().contains("versioned(was(..=OLD => OLD))"), "{}", finding.advice());
        }
    }

    #[test]
    fn recommended_changes_are_safe() {
        assert_eq!(breaks::<first::Console, versioned::Console>(), []);
        assert_eq!(breaks::<first::Console, inherited::Console>(), []);
        assert_eq!(breaks::<versioned::Console, inherited::Console>(), []);
        assert_eq!(breaks::<inherited::Console, again::Console>(), []);
    }

    #[test]
    fn same_version_with_another_field_breaks() {
        let breaks = breaks::<inherited::Console, forgotten::Console>();
        assert_eq!(breaks.iter().map(|finding| &*finding.path).collect::<Vec<_>>(), ["chip.more", "chip.more"]);
        assert!(!breaks[0].advice().contains("nested"), "{}", breaks[0].advice());
    }
}
