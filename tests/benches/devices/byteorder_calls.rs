//! The crate `byteorder`, as one begins with it: a call for each integer.

use std::io::{Read, Write};

use byteorder::{BigEndian, ReadBytesExt, WriteBytesExt};

use crate::Codec;
use crate::shapes::{Channel, Cpu, IoApic, Nic, Pit, Queue, Uart, Virtio};

/// Implements `write_ints` and `read_ints`, which call the crate for each of a struct's integers.
macro_rules! one_by_one {
    (@write $out:ident $value:expr, u8) => { $out.write_u8($value)? };
    (@write $out:ident $value:expr, u16) => { $out.write_u16::<BigEndian>($value)? };
    (@write $out:ident $value:expr, u32) => { $out.write_u32::<BigEndian>($value)? };
    (@write $out:ident $value:expr, u64) => { $out.write_u64::<BigEndian>($value)? };
    (@write $out:ident $value:expr, i16) => { $out.write_i16::<BigEndian>($value)? };
    (@write $out:ident $value:expr, i32) => { $out.write_i32::<BigEndian>($value)? };
    (@write $out:ident $value:expr, i64) => { $out.write_i64::<BigEndian>($value)? };
    (@read $from:ident u8) => { $from.read_u8()? };
    (@read $from:ident u16) => { $from.read_u16::<BigEndian>()? };
    (@read $from:ident u32) => { $from.read_u32::<BigEndian>()? };
    (@read $from:ident u64) => { $from.read_u64::<BigEndian>()? };
    (@read $from:ident i16) => { $from.read_i16::<BigEndian>()? };
    (@read $from:ident i32) => { $from.read_i32::<BigEndian>()? };
    (@read $from:ident i64) => { $from.read_i64::<BigEndian>()? };
    ($name:ident: $($int:ident $ty:ident)*) => {
        const _: () = {
            #[allow(unused_imports)]
            use ::byteorder::{BigEndian, ReadBytesExt, WriteBytesExt};

            // Some structs have no integers.
            #[allow(dead_code, unused_variables, clippy::ptr_arg)]
            impl $name {
                pub(crate) fn write_ints(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
                    $(crate::byteorder_calls::one_by_one!(@write out self.$int, $ty);)*
                    Ok(())
                }

                pub(crate) fn read_ints(&mut self, from: &mut &[u8]) -> std::io::Result<()> {
                    $(self.$int = crate::byteorder_calls::one_by_one!(@read from $ty);)*
                    Ok(())
                }
            }
        };
    };
}
pub(crate) use one_by_one;

/// A device that is written call by call.
pub(crate) trait CallByCall {
    /// Appends the device.
    fn write(&self, out: &mut Vec<u8>) -> std::io::Result<()>;

    /// Reads the device.
    fn read(&mut self, from: &mut &[u8]) -> std::io::Result<()>;
}

impl CallByCall for Uart {
    fn write(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        self.write_ints(out)?;
        out.write_all(&self.recv_fifo)?;
        out.write_all(&self.xmit_fifo)?;
        out.write_u64::<BigEndian>(self.fifo_timeout.unwrap_or(u64::MAX))
    }

    fn read(&mut self, from: &mut &[u8]) -> std::io::Result<()> {
        self.read_ints(from)?;
        from.read_exact(&mut self.recv_fifo)?;
        from.read_exact(&mut self.xmit_fifo)?;
        let deadline = from.read_u64::<BigEndian>()?;
        self.fifo_timeout = (deadline != u64::MAX).then_some(deadline);
        Ok(())
    }
}

impl CallByCall for Pit {
    fn write(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        self.channels.iter().try_for_each(|channel| channel.write_ints(out))
    }

    fn read(&mut self, from: &mut &[u8]) -> std::io::Result<()> {
        self.channels.iter_mut().try_for_each(|channel| Channel::read_ints(channel, from))
    }
}

impl CallByCall for IoApic {
    fn write(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        self.write_ints(out)?;
        self.ioredtbl.iter().try_for_each(|&entry| out.write_u64::<BigEndian>(entry))
    }

    fn read(&mut self, from: &mut &[u8]) -> std::io::Result<()> {
        self.read_ints(from)?;
        for entry in &mut self.ioredtbl {
            *entry = from.read_u64::<BigEndian>()?;
        }
        Ok(())
    }
}

impl CallByCall for Nic {
    fn write(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        self.write_ints(out)?;
        self.table.iter().try_for_each(|&entry| out.write_u32::<BigEndian>(entry))?;
        self.eeprom.iter().try_for_each(|&word| out.write_u16::<BigEndian>(word))?;
        out.write_all(&self.packet)
    }

    fn read(&mut self, from: &mut &[u8]) -> std::io::Result<()> {
        self.read_ints(from)?;
        for entry in &mut self.table {
            *entry = from.read_u32::<BigEndian>()?;
        }
        for word in &mut self.eeprom {
            *word = from.read_u16::<BigEndian>()?;
        }
        from.read_exact(&mut self.packet)
    }
}

impl CallByCall for Virtio {
    fn write(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        self.write_ints(out)?;
        self.queues.iter().try_for_each(|queue| queue.write_ints(out))?;
        self.pending.iter().try_for_each(|&word| out.write_u64::<BigEndian>(word))
    }

    fn read(&mut self, from: &mut &[u8]) -> std::io::Result<()> {
        self.read_ints(from)?;
        self.queues.resize(self.nqueues.min(1024).into(), Queue::default());
        self.queues.iter_mut().try_for_each(|queue| queue.read_ints(from))?;
        self.pending.resize(self.nbits.min(4096).div_ceil(64) as usize, 0);
        for word in &mut self.pending {
            *word = from.read_u64::<BigEndian>()?;
        }
        Ok(())
    }
}

impl CallByCall for Cpu {
    fn write(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        self.write_ints(out)?;
        let vectors = self.vectors.as_flattened();
        self.gpr.iter().chain(vectors).try_for_each(|&register| out.write_u64::<BigEndian>(register))
    }

    fn read(&mut self, from: &mut &[u8]) -> std::io::Result<()> {
        self.read_ints(from)?;
        for register in &mut self.gpr {
            *register = from.read_u64::<BigEndian>()?;
        }
        for half in self.vectors.as_flattened_mut() {
            *half = from.read_u64::<BigEndian>()?;
        }
        Ok(())
    }
}

/// Calls of `byteorder`.
#[derive(Default)]
pub(crate) struct Byteorder(Vec<u8>);

impl<D: CallByCall> Codec<D> for Byteorder {
    const NAME: &'static str = "byteorder";

    fn save(&mut self, device: &mut D) {
        self.0.clear();
        device.write(&mut self.0).expect("a vector takes everything");
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn load(device: &mut D, mut bytes: &[u8]) {
        device.read(&mut bytes).expect("a saved device");
    }
}
