//! The first eight bytes of a stream: magic number and version.

use vmstate_types::LoadError;

use super::decode::{Cursor, Stop, unsupported_version};
use super::{MAGIC, VERSION};

/// Parses the header (`qemu_loadvm_state_header` in QEMU's `migration/savevm.c`).
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    let start = cursor.offset();
    let magic = cursor.u32()?;
    if magic != MAGIC {
        return Err(wrong_magic(magic).at_offset(start).into());
    }
    match cursor.u32()? {
        VERSION => Ok(()),
        version => Err(wrong_version(version).at_offset(start + 4).into()),
    }
}

fn wrong_magic(magic: u32) -> LoadError {
    LoadError::malformed("the magic number 0x5145564d (\"QEVM\")", format!("{magic:#010x}"))
        .or_advice(advice(magic))
        .with_qemu_message("Not a migration stream")
}

fn wrong_version(version: u32) -> LoadError {
    let qemu = match version {
        2 => "SaveVM v2 format is obsolete and don't work anymore",
        _ => "Unsupported migration stream version",
    };
    unsupported_version(VERSION, version).with_qemu_message(qemu)
}

/// Returns the treatment of a file that begins with these bytes.
fn advice(magic: u32) -> &'static str {
    match magic.to_be_bytes() {
        [0x1f, 0x8b, ..] => "this is compressed: unpack it with `gzip -d`",
        [0xfd, b'7', b'z', b'X'] => "this is compressed: unpack it with `xz -d`",
        [0x28, 0xb5, 0x2f, 0xfd] => "this is compressed: unpack it with `zstd -d`",
        [b'B', b'Z', b'h', _] => "this is compressed: unpack it with `bzip2 -d`",
        [0x04, 0x22, 0x4d, 0x18] => "this is compressed: unpack it with `lz4 -d`",
        [b'Q', b'F', b'I', 0xfb] => {
            "this is a qcow2 image: list its snapshots with `vmstate snapshot list IMAGE`, and read one as `IMAGE#NAME`"
        }
        _ => "this is not a migration stream",
    }
}
