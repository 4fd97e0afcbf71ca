//! Parsing of addresses.

use std::str::FromStr;

use super::{InvalidUri, TcpAddress, Uri};

/// The option of a file, as the end of its address.
const OFFSET: &str = ",offset=";

impl FromStr for Uri {
    type Err = InvalidUri;

    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        if text == "defer" {
            return Ok(Self::Defer);
        }
        let (scheme, rest) = text.split_once(':').ok_or_else(|| unknown(text))?;
        match scheme {
            "tcp" => parse_tcp(rest).map(Self::Tcp),
            "unix" => named(text, rest, "missing path", "invalid Unix socket address").map(Self::Unix),
            "vsock" => parse_vsock(rest),
            "fd" => named(text, rest, "missing name", "invalid file descriptor address").map(Self::Fd),
            "exec" => Ok(Self::command(rest)),
            "file" => parse_file(rest),
            "rdma" => Err(InvalidUri::new(text, "unsupported protocol `rdma`", unknown_protocol(text))),
            _ => Err(unknown(text)),
        }
    }
}

pub(super) fn unknown_protocol(text: &str) -> String {
    format!("unknown migration protocol: {text}")
}

pub(super) fn unknown(text: &str) -> InvalidUri {
    let reason = "expected an address that begins with `tcp:`, `unix:`, `vsock:`, `fd:`, `exec:` or `file:`";
    InvalidUri::new(text, reason, unknown_protocol(text))
}

fn named(text: &str, rest: &str, reason: &'static str, qemu_message: &str) -> Result<String, InvalidUri> {
    if rest.is_empty() {
        return Err(InvalidUri::new(text, reason, qemu_message.to_owned()));
    }
    Ok(rest.to_owned())
}

/// Parses `HOST:PORT[,OPTION...]` (`inet_parse` in QEMU's `util/qemu-sockets.c`).
fn parse_tcp(text: &str) -> Result<TcpAddress, InvalidUri> {
    let (address, options) = match text.split_once(',') {
        Some((address, options)) => (address, Some(options)),
        None => (text, None),
    };
    let (host, port) = split_host(address, text)?;
    if port.is_empty() {
        return Err(InvalidUri::new(text, "expected `HOST:PORT`", format!("error parsing port in address '{text}'")));
    }
    let mut parsed = TcpAddress::new(host, port);
    for option in options.into_iter().flat_map(|options| options.split(',')) {
        set_option(&mut parsed, option, text)?;
    }
    Ok(parsed)
}

fn split_host<'t>(address: &'t str, text: &str) -> Result<(&'t str, &'t str), InvalidUri> {
    if let Some(bracketed) = address.strip_prefix('[') {
        return bracketed.split_once("]:").ok_or_else(|| {
            let message = format!("error parsing IPv6 address '{text}'");
            InvalidUri::new(text, "expected `[HOST]:PORT`", message)
        });
    }
    address.split_once(':').ok_or_else(|| {
        // QEMU skips the scheme first, so its message lacks it, too.
        InvalidUri::new(text, "expected `HOST:PORT`", format!("error parsing address '{text}'"))
    })
}

fn set_option(address: &mut TcpAddress, option: &str, text: &str) -> Result<(), InvalidUri> {
    let (name, value) = match option.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (option, None),
    };
    let invalid = |reason| InvalidUri::new(text, reason, format!("error parsing '{name}' flag '{option}'"));
    match name {
        "to" => {
            let last = value.and_then(|value| value.parse().ok());
            address.last_port = Some(last.ok_or_else(|| invalid("expected a port after `to=`"))?);
        }
        "ipv4" => address.ipv4 = Some(flag(value).ok_or_else(|| invalid("expected `on` or `off` after `ipv4=`"))?),
        "ipv6" => address.ipv6 = Some(flag(value).ok_or_else(|| invalid("expected `on` or `off` after `ipv6=`"))?),
        "keep-alive" => {
            address.keep_alive = flag(value).ok_or_else(|| invalid("expected `on` or `off` after `keep-alive=`"))?;
        }
        _ => return Err(invalid("unknown option; expected `to`, `ipv4`, `ipv6` or `keep-alive`")),
    }
    Ok(())
}

/// Parses the value of an option, whose default is `on`.
fn flag(value: Option<&str>) -> Option<bool> {
    match value {
        None | Some("on") => Some(true),
        Some("off") => Some(false),
        Some(_) => None,
    }
}

fn parse_vsock(text: &str) -> Result<Uri, InvalidUri> {
    let numbers = text.split_once(':').filter(|(cid, port)| is_number(cid) && is_number(port));
    let (cid, port) = numbers.ok_or_else(|| {
        InvalidUri::new(text, "expected `CID:PORT`, two numbers", format!("error parsing address '{text}'"))
    })?;
    Ok(Uri::Vsock { cid: cid.to_owned(), port: port.to_owned() })
}

fn is_number(text: &str) -> bool {
    text.parse::<u32>().is_ok()
}

/// Parses `PATH[,offset=N]`, where N is decimal or hexadecimal (`file_parse_offset` in QEMU's `migration/file.c`).
fn parse_file(text: &str) -> Result<Uri, InvalidUri> {
    let Some((path, offset)) = text.split_once(OFFSET) else {
        return Ok(Uri::File { path: text.to_owned(), offset: 0 });
    };
    let number = parse_size(offset).ok_or_else(|| {
        let message = format!("file URI has bad offset {offset}: Invalid argument");
        InvalidUri::new(text, "expected a number after `offset=`", message)
    })?;
    Ok(Uri::File { path: path.to_owned(), offset: number })
}

/// Parses a size as `qemu_strtosz` does: decimal with an optional unit, or hexadecimal.
fn parse_size(text: &str) -> Option<u64> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16).ok();
    }
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match text.get(digits.len()..)? {
        "" | "B" | "b" => 0,
        "K" | "k" => 10,
        "M" | "m" => 20,
        "G" | "g" => 30,
        "T" | "t" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(text: &str) -> String {
        text.parse::<Uri>().unwrap_err().qemu_message().to_owned()
    }

    #[test]
    fn addresses_are_printed_as_they_were_parsed() {
        for text in [
            "tcp:127.0.0.1:4444",
            "tcp:[::1]:4444",
            "tcp::0",
            "tcp:host:service,to=4500,ipv4,ipv6=off,keep-alive",
            "unix:/run/guest,1:2",
            "vsock:2:4444",
            "fd:migrate",
            "exec:gzip -c > /tmp/guest:1",
            "file:/var/guest,offset=4096",
            "file:",
            "defer",
        ] {
            assert_eq!(text.parse::<Uri>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn offsets_can_have_units() {
        let offset = |text: &str| match text.parse() {
            Ok(Uri::File { offset, .. }) => offset,
            other => panic!("{other:?}"),
        };
        assert_eq!(offset("file:x,offset=0x2000"), 0x2000);
        assert_eq!(offset("file:x,offset=3K"), 3072);
        assert_eq!(offset("file:x"), 0);
        assert!("file:x,offset=99999999999T".parse::<Uri>().is_err());
    }

    #[test]
    fn errors_have_qemu_messages() {
        for text in ["bogus:1", "", "rdma:host:1", "tcp"] {
            assert_eq!(rejection(text), format!("unknown migration protocol: {text}"));
        }
        assert_eq!(rejection("tcp:"), "error parsing address ''");
        assert_eq!(rejection("tcp:host"), "error parsing address 'host'");
        assert_eq!(rejection("tcp:[::1"), "error parsing IPv6 address '[::1'");
        assert_eq!(rejection("unix:"), "invalid Unix socket address");
        assert_eq!(rejection("vsock:2"), "error parsing address '2'");
        assert_eq!(rejection("file:x,offset=abc"), "file URI has bad offset abc: Invalid argument");
    }
}
