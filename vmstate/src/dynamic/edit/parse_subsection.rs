//! Parses subsections of edits: `1{tsr_retry:uint32=0, data:buffer="ab"}`.

use super::super::{DecodedField, DecodedStruct, DecodedValue, Scalar, ScalarKind, Scalars};
use super::{Rejection, parse_value};
use crate::schema::vmdesc::{MAX_NAME, Name};

/// Parses a subsection of the form `VERSION{NAME:TYPE=VALUE, ...}`. Commas in arrays or quotes do not separate fields.
///
/// Types are QEMU's info types of fixed size (`uint8`, `bool`, `timer`, ...) and `buffer`; values have the format of
/// [`Edits::set`](super::Edits::set). `[1, 2]` is an array. The name of the subsection is given by the path at which it
/// is added.
///
/// ```
/// use vmstate::dynamic::edit::parse_subsection;
///
/// let subsection = parse_subsection("1{tsr_retry:uint32=0, data:buffer=\"a, b\", levels:uint16=[1, 2]}")?;
/// assert_eq!((subsection.version, subsection.size()), (1, 4 + 4 + 2 * 2));
/// assert!(parse_subsection("1{tsr:uint8=256}").is_err());
/// # Ok::<(), vmstate::dynamic::edit::Rejection>(())
/// ```
///
/// # Errors
/// Returns an error if the text has another form, or a value does not fit its type.
pub fn subsection(text: &str) -> Result<DecodedStruct, Rejection> {
    let parse = || {
        let (version, fields) = text.trim().strip_suffix('}')?.split_once('{')?;
        Some((version.trim().parse().ok()?, fields))
    };
    let form = "`VERSION{NAME:TYPE=VALUE, ...}`";
    let rejection = || Rejection::new("cannot make the subsection").expected(form, text);
    let (version, fields) = parse().ok_or_else(rejection)?;
    let fields = split(fields).into_iter().map(field).collect::<Result<Vec<_>, _>>();
    let fields = fields.map_err(|rejection| rejection.named("cannot make the subsection"))?;
    Ok(DecodedStruct { vmsd_name: "".into(), version, offset: 0, fields, subsections: Vec::new() })
}

/// Splits text at the commas outside of arrays and quotes.
fn split(text: &str) -> Vec<&str> {
    let (mut quoted, mut depth) = (false, 0_usize);
    let separates = |char| {
        match char {
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        char == ',' && !quoted && depth == 0
    };
    text.split(separates).map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn field(text: &str) -> Result<DecodedField, Rejection> {
    let rejection = || Rejection::because("a field as `NAME:TYPE=VALUE`", text);
    let (declared, value) = text.split_once('=').ok_or_else(rejection)?;
    let (name, type_name) = declared.trim().rsplit_once(':').ok_or_else(rejection)?;
    let (type_name, value) = (type_name.trim(), value.trim());
    let value = match ScalarKind::from_name(type_name).filter(|kind| *kind != ScalarKind::Marker) {
        Some(kind) => number(kind, value)?,
        None if type_name == "buffer" => DecodedValue::Bytes(parse_value::literal(value)?),
        None => return Err(Rejection::because("an info type of fixed size, or `buffer`", type_name)),
    };
    let name = name.trim();
    if name.len() > MAX_NAME {
        return Err(Rejection::because(format!("a name of at most {MAX_NAME} bytes"), name.len()));
    }
    let (name, type_name): (Name, Name) = (name.into(), type_name.into());
    let size = value.size();
    Ok(DecodedField { name, index: None, type_name, value, offset: 0, size })
}

/// Parses a number, or an array of two or more numbers.
fn number(kind: ScalarKind, text: &str) -> Result<DecodedValue, Rejection> {
    let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return parse_value::scalar(kind, text).map(|bytes| DecodedValue::Scalar(Scalar::from_bytes(kind, &bytes)));
    };
    let elements =
        inner.split(',').map(|text| parse_value::scalar(kind, text.trim())).collect::<Result<Vec<_>, _>>()?;
    match elements.len() {
        0 | 1 => {
            Err(Rejection::because("two or more elements: a description does not mark one element as an array", text))
        }
        _ => Ok(DecodedValue::Scalars(Scalars::from_bytes(kind, elements.concat()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A description with a longer name could not be parsed again.
    #[test]
    fn long_name_is_rejected() {
        let named = |length| subsection(&format!("1{{{}:uint8=0}}", "n".repeat(length)));
        assert!(named(MAX_NAME).is_ok());
        let rejection = named(MAX_NAME + 1).unwrap_err().to_string();
        assert!(rejection.contains("a name of at most 1024 bytes") && rejection.contains("1025"), "{rejection}");
    }
}
