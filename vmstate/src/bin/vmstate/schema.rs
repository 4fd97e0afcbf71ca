//! `vmstate schema`: prints the schema of a stream, dump or schema file.

use vmstate::schema::dump::Dump;
use vmstate::schema::{Release, SchemaError};

use crate::args::{Schema, SchemaFormat};
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::output;
use crate::schema_file::SchemaFile;
use crate::terminal::plain;

pub(crate) fn run(arguments: &Schema) -> Result<Outcome, Failure> {
    let mut file = SchemaFile::read(&arguments.file)?;
    if let Some(name) = file.select(&arguments.devices) {
        return Err(Failure::usage_with_help(
            format!("{}: unknown device `{name}`", file.name),
            "list the devices with `vmstate schema FILE --format names`",
        ));
    }
    let schema = &file.schema;
    let failed = |error: SchemaError| Failure::usage(format!("{}: {error}", file.name));
    output::print(&match arguments.format {
        SchemaFormat::Schema => schema.to_text().map_err(failed)?,
        SchemaFormat::Names => schema.devices.keys().map(|name| plain(name) + "\n").collect(),
        SchemaFormat::Dump => Dump::from_schema(schema, Release::Qemu10_0).to_text().map_err(failed)?,
        SchemaFormat::Dump72 => Dump::from_schema(schema, Release::Qemu7_2).to_text().map_err(failed)?,
    })?;
    Ok(Outcome::Success)
}
