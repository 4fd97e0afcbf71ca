//! Shows how to save a machine to a file atomically, compare it with the file, and load it.
//!
//! ```text
//! saved 1048576 bytes of memory to a file of 6874 bytes
//! changed since:
//!     tick: ["reload"]
//!     board.ram: [12288..16384]
//! loaded: reload 1000, memory restored
//! ```

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use vmstate::dynamic::diff::{Snapshot, StateDifference, compare};
use vmstate::memory::{PageSize, VecBlock};
use vmstate::prelude::*;

#[derive(VmState, Default)]
#[vmstate(name = "tick")]
struct Tick {
    reload: u32,
}

struct Board {
    tick: Tick,
    ram: [VecBlock; 1],
}

impl Board {
    fn machine(&mut self) -> Machine<'_> {
        let mut machine = Machine::with_type("my-board-1.0");
        machine.register_ram(PageSize::DEFAULT, &mut self.ram[..]).expect("no other memory is registered");
        machine.register("tick", &mut self.tick).expect("no other device has this name");
        machine
    }

    /// Writes a temporary file and renames it to `path` when it is complete, so that `path` is never incomplete.
    fn save(&mut self, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let temporary = path.with_extension("part");
        let mut file = BufWriter::new(File::create(&temporary)?);
        self.machine().save(&mut file)?;
        file.flush()?;
        file.get_ref().sync_all()?;
        Ok(fs::rename(&temporary, path)?)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("vm.state");
    let mut board = Board { tick: Tick { reload: 1000 }, ram: [VecBlock::new("board.ram", vec![0; 1 << 20])] };
    board.ram[0].bytes()[0x3000] = 7;
    board.save(&path)?;
    println!("saved {} bytes of memory to a file of {} bytes", board.ram[0].bytes().len(), fs::metadata(&path)?.len());

    (board.tick.reload, board.ram[0].bytes()[0x3001]) = (5000, 8);
    println!("changed since:");
    for difference in
        compare(&Snapshot::from_stream(&fs::read(&path)?)?, &Snapshot::from_machine(&mut board.machine())?)
    {
        match difference {
            StateDifference::Section(section) => {
                println!("    {}: {:?}", section.name, Vec::from_iter(section.fields.iter().map(|field| &field.path)));
            }
            StateDifference::Block(block) => {
                println!("    {}: {:?}", block.name, Vec::from_iter(block.pages.iter().map(|pages| &pages.range)));
            }
            other => println!("    {other:?}"),
        }
    }

    board.machine().load(File::open(&path)?)?;
    let restored = board.ram[0].bytes()[0x3000..0x3002] == [7, 0];
    println!("loaded: reload {}, memory {}", board.tick.reload, if restored { "restored" } else { "different" });
    Ok(())
}
