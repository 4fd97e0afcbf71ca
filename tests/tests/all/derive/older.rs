//! Saving at older versions: changed fields, and subsections with versions.

use vmstate::prelude::*;
use vmstate::schema::{DescriptionWriter, Release};
use vmstate::walk;

#[derive(VmState, Default, Debug, PartialEq, Clone)]
#[vmstate(
    name = "dev",
    version = 4,
    subsection("dev/mode", always, version = 3, was(..=1 => 1, ..=2 => 2))
)]
struct Device {
    #[vmstate(removed("level": u16, until = 3, with = Self::set_wide, from = Self::wide))]
    #[vmstate(since = 4)]
    level: u8,
    #[vmstate(in = "dev/mode")]
    mode: u8,
    #[vmstate(in = "dev/mode", since = 3)]
    submode: u8,
    #[vmstate(subsection(was(..=2 => 1)))]
    extra: Option<Extra>,
}

#[derive(VmState, Default, Debug, PartialEq, Clone)]
#[vmstate(name = "dev/extra", version = 2)]
struct Extra {
    first: u8,
    #[vmstate(since = 2)]
    second: u8,
}

impl Device {
    fn set_wide(&mut self, level: u16) -> Result<(), std::num::TryFromIntError> {
        self.level = level.try_into()?;
        Ok(())
    }

    fn wide(&self) -> u16 {
        self.level.into()
    }
}

/// Returns the bytes of `device` at `version`, and their description.
fn save_at(version: u32, device: &Device) -> (Vec<u8>, String) {
    let mut out = Writer::new();
    let mut description = DescriptionWriter::new(Release::Qemu7_2, 4096, None);
    description.section_at(version, "dev", 0, &mut device.clone(), &mut out).unwrap();
    (out.take(), description.finish())
}

#[test]
fn changed_type_is_converted_both_ways() {
    let device = Device { level: 7, ..Device::default() };
    assert!(save_at(4, &device).0.starts_with(b"\x07\x05\x08dev/mode"));
    assert!(save_at(3, &device).0.starts_with(b"\x00\x07\x05\x08dev/mode"));
    for version in 1..=4 {
        let mut loaded = Device::default();
        walk::load(&mut loaded, &mut Reader::from_slice(&save_at(version, &device).0), version).unwrap();
        assert_eq!(loaded, device, "version {version}");
    }
    let error = Device::default().load(&mut Reader::from_slice(&[1, 0]), 3).unwrap_err();
    assert_eq!((error.path().as_str(), error.offset()), ("dev.level", Some(0)));
}

#[test]
fn field_in_two_forms_has_one_name() {
    for (version, expected) in [
        (3, r#""fields": [{"name": "level", "type": "uint16", "size": 2}], "#),
        (4, r#""fields": [{"name": "level", "type": "uint8", "size": 1}], "#),
    ] {
        let text = save_at(version, &Device::default()).1;
        assert!(text.contains(&format!(r#""version": {version}, {expected}"#)), "{text}");
    }
}

#[test]
fn subsection_has_old_versions() {
    let extra = Some(Extra { first: 8, second: 9 });
    let device = Device { level: 7, mode: 5, submode: 6, extra };
    for (version, mode, extra) in [
        (1, &b"\x05\x08dev/mode\0\0\0\x01\x05"[..], &b"\x05\x09dev/extra\0\0\0\x01\x08"[..]),
        (2, b"\x05\x08dev/mode\0\0\0\x02\x05", b"\x05\x09dev/extra\0\0\0\x01\x08"),
        (3, b"\x05\x08dev/mode\0\0\0\x03\x05\x06", b"\x05\x09dev/extra\0\0\0\x02\x08\x09"),
        (4, b"\x05\x08dev/mode\0\0\0\x03\x05\x06", b"\x05\x09dev/extra\0\0\0\x02\x08\x09"),
    ] {
        let (bytes, text) = save_at(version, &device);
        let level = if version < 4 { &b"\0\x07"[..] } else { b"\x07" };
        assert_eq!(bytes, [level, mode, extra].concat(), "version {version}");
        let at = format!(r#"{{"vmsd_name": "dev/mode", "version": {}, "#, mode[13]);
        assert!(text.contains(&at), "{at} in {text}");
    }
}
