//! Writes the seeds of fuzz targets: `fuzz-seeds FOLDER TARGET...`, into a folder for each.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use vmstate_tests::fuzz::TARGETS;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let root = PathBuf::from(arguments.next().ok_or("a folder is missing")?);
    for name in arguments {
        let target = TARGETS.iter().find(|target| target.name == name);
        let target = target.ok_or_else(|| format!("unknown target `{name}`"))?;
        let folder = root.join(&name);
        fs::create_dir_all(&folder)?;
        for (index, seed) in (target.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("seed-{index:03}")), seed)?;
        }
    }
    Ok(())
}
