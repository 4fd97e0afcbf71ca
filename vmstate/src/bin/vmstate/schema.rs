//! `vmstate schema`: what devices look like, as text.

use vmstate::schema::Release;
use vmstate::schema::dump::Dump;

use crate::args::{Schema, SchemaForm};
use crate::failure::Failure;
use crate::shapes::Shapes;
use crate::{Answer, output};

pub(crate) fn run(arguments: &Schema) -> Result<Answer, Failure> {
    let mut shapes = Shapes::read(&arguments.file)?;
    if let Some(name) = arguments.devices.iter().find(|name| !shapes.schema.devices.contains_key(*name)) {
        return Err(Failure::Usage(format!("{}: no device `{name}`", shapes.name)));
    }
    shapes.select(&arguments.devices);
    let schema = &shapes.schema;
    output::answer(&match arguments.form {
        SchemaForm::Schema => schema.to_text(),
        SchemaForm::Names => schema.devices.keys().map(|name| format!("{name}\n")).collect(),
        SchemaForm::Dump => Dump::from_schema(schema, Release::Qemu10_0).to_text(),
        SchemaForm::Dump72 => Dump::from_schema(schema, Release::Qemu7_2).to_text(),
    })?;
    Ok(Answer::Fine)
}
