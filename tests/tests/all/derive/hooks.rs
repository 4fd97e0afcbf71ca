//! Hooks: their order, versions and failures.

use vmstate::description::Hooks;
use vmstate::error::Blame;
use vmstate::prelude::*;

use super::{load, save};

#[derive(VmState, Debug, Default)]
#[vmstate(
    name = "dev",
    version = 3,
    pre_save = Self::pre_save,
    post_save = Self::post_save,
    pre_load = Self::pre_load,
    post_load = Self::post_load,
    subsection("dev/sub", always, version = 2, pre_save = Self::sub_pre_save, post_save = Self::sub_post_save,
        pre_load = Self::sub_pre_load, post_load = Self::sub_post_load)
)]
struct Device {
    value: u8,
    inner: Inner,
    #[vmstate(in = "dev/sub")]
    extra: u8,
    #[vmstate(skip = "examined by the tests")]
    log: Vec<String>,
    #[vmstate(skip = "the hook that fails")]
    refusing: &'static str,
}

#[derive(VmState, Debug, Default)]
#[vmstate(name = "inner", post_load = Self::post_load)]
struct Inner {
    value: u8,
    #[vmstate(skip = "examined by the tests")]
    loaded: u32,
}

impl Inner {
    fn post_load(&mut self) {
        self.loaded += 1;
    }
}

impl Device {
    fn note(&mut self, hook: &str, version: u32) -> Result<(), String> {
        self.log.push(format!("{hook} {version} {}", self.value));
        if self.refusing == hook { Err(format!("{hook} does not like it")) } else { Ok(()) }
    }

    fn pre_save(&mut self, version: u32) -> Result<(), String> {
        self.note("pre_save", version)
    }

    fn post_save(&mut self, version: u32) -> Result<(), String> {
        self.note("post_save", version)
    }

    fn pre_load(&mut self, version: u32) -> Result<(), String> {
        self.note("pre_load", version)
    }

    fn post_load(&mut self, version: u32) -> Result<(), String> {
        assert_eq!(self.inner.loaded, 1, "children come first");
        self.note("post_load", version)
    }

    fn sub_pre_save(&mut self, version: u32) -> Result<(), String> {
        self.note("sub_pre_save", version)
    }

    fn sub_post_save(&mut self, version: u32) {
        self.note("sub_post_save", version).unwrap();
    }

    fn sub_pre_load(&mut self) -> Result<(), String> {
        self.note("sub_pre_load", 0)
    }

    fn sub_post_load(&mut self, version: u32) -> Result<(), String> {
        self.note("sub_post_load", version)
    }
}

fn device(refusing: &'static str) -> Device {
    Device { value: 7, refusing, ..Device::default() }
}

fn saved() -> Vec<u8> {
    let mut bytes = vec![7, 0, 5, 7];
    bytes.extend(b"dev/sub\0\0\0\x02\0");
    bytes
}

#[test]
fn hooks_run_in_qemus_order() {
    let mut saving = device("");
    assert_eq!(save(&mut saving), saved());
    assert_eq!(saving.log, ["pre_save 3 7", "sub_pre_save 2 7", "sub_post_save 2 7", "post_save 3 7"]);

    let mut loading = Device::default();
    load(&mut loading, &saved(), 2).unwrap();
    assert_eq!(loading.log, ["pre_load 2 0", "sub_pre_load 0 7", "sub_post_load 2 7", "post_load 2 7"]);
    let hooks = Hooks::NONE.pre_save().post_save().pre_load().post_load();
    assert_eq!(Device::DESCRIPTION.hooks, hooks);
    assert_eq!(Device::DESCRIPTION.subsections[0].description.hooks, hooks);
}

#[test]
fn absent_subsections_run_no_hooks() {
    let mut loading = Device::default();
    load(&mut loading, &[7, 0], 3).unwrap();
    assert_eq!(loading.log, ["pre_load 3 0", "post_load 3 7"]);
}

#[test]
fn failing_pre_save_writes_nothing() {
    let mut refusing = device("pre_save");
    let mut writer = Writer::new();
    let error = refusing.save(&mut writer).unwrap_err();
    assert_eq!(error.to_string(), "field dev: `pre_save` failed: pre_save does not like it");
    assert_eq!((writer.offset(), refusing.log.len()), (0, 1));
}

#[test]
fn post_save_runs_after_failures_and_can_fail() {
    let mut refusing = device("sub_pre_save");
    let error = refusing.save(&mut Writer::new()).unwrap_err();
    assert_eq!(error.reason(), "`pre_save` failed: sub_pre_save does not like it");
    assert_eq!(refusing.log, ["pre_save 3 7", "sub_pre_save 2 7", "post_save 3 7"]);
    assert!(device("post_save").save(&mut Writer::new()).is_err());
}

#[test]
fn failing_post_load_error_has_qemus_message() {
    let cases = [
        ("pre_load", 0, "pre load hook failed for: 'dev', version_id: 3, minimum version_id: 1"),
        ("sub_pre_load", 15, "pre load hook failed for: 'dev/sub', version_id: 2, minimum version_id: 1"),
        ("sub_post_load", 16, "post load hook failed for: dev/sub, version_id: 2, minimum_version: 1, ret: -1"),
        ("post_load", 16, "post load hook failed for: dev, version_id: 3, minimum_version: 1, ret: -1"),
    ];
    for (hook, offset, qemu) in cases {
        let error = load(&mut device(hook), &saved(), 3).unwrap_err();
        assert_eq!(error.found(), format!("{hook} does not like it"));
        assert_eq!((error.blame(), error.offset(), error.path().as_str()), (Blame::Device, Some(offset), "dev"));
        assert_eq!(error.qemu_message(), Some(qemu));
        assert_eq!(error.subsection(), hook.starts_with("sub").then_some("dev/sub"));
    }
}
