//! Objects in the syntax of QEMU's `-object`.

use super::credentials::{TlsCredentials, TlsEndpoint, TlsError};
use super::objects::Objects;

impl Objects {
    /// Adds an object in the syntax of QEMU's `-object`: `tls-creds-x509,id=ID,dir=FOLDER` with the options
    /// `endpoint=client|server` and `verify-peer=on|off`, or `authz-simple,id=ID,identity=NAME`. A comma in a value is
    /// doubled.
    ///
    /// # Errors
    /// Returns an error for an unknown type or option, a missing one, or credentials that cannot be read.
    pub fn add(&self, text: &str) -> Result<(), TlsError> {
        let mut options = Options::parse(text)?;
        let id = options.required("id")?;
        match options.kind.as_str() {
            "tls-creds-x509" => {
                let endpoint =
                    options.take("endpoint").map_or(Ok(TlsEndpoint::default()), |name| parse_endpoint(&name))?;
                let verify = options.take("verify-peer").map_or(Ok(true), |word| parse_switch(&word))?;
                let folder = options.required("dir")?;
                options.check_end()?;
                self.add_credentials(&id, TlsCredentials::x509(folder, endpoint)?.verify_peer(verify))
            }
            "authz-simple" => {
                let identity = options.required("identity")?;
                options.check_end()?;
                self.add_authorization(&id, move |name| name == identity)
            }
            other => Err(TlsError(format!(
                "unknown object type `{}`; expected `tls-creds-x509` or `authz-simple`",
                other.escape_debug()
            ))),
        }
    }
}

/// A type, and options in the form `NAME=VALUE`.
struct Options {
    kind: String,
    options: Vec<(String, String)>,
}

impl Options {
    fn parse(text: &str) -> Result<Self, TlsError> {
        let mut parts = split(text).into_iter();
        let first = parts.next().unwrap_or_default();
        let kind = first.strip_prefix("qom-type=").unwrap_or(&first).to_owned();
        let option = |part: String| match part.split_once('=') {
            Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
            None => Err(TlsError(format!("expected NAME=VALUE, found `{}`", part.escape_debug()))),
        };
        Ok(Self { kind, options: parts.map(option).collect::<Result<_, _>>()? })
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.options.iter().position(|(option, _)| option == name)?;
        Some(self.options.remove(at).1)
    }

    fn required(&mut self, name: &str) -> Result<String, TlsError> {
        self.take(name).ok_or_else(|| TlsError(format!("missing `{name}` of object `{}`", self.kind.escape_debug())))
    }

    fn check_end(&self) -> Result<(), TlsError> {
        match self.options.first() {
            None => Ok(()),
            Some((name, _)) => {
                let (name, kind) = (name.escape_debug(), self.kind.escape_debug());
                Err(TlsError(format!("unknown or duplicate option `{name}` of object `{kind}`")))
            }
        }
    }
}

/// Splits at commas that are not doubled.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, parts.last_mut()) {
            (',', _) if characters.peek() != Some(&',') => parts.push(String::new()),
            (_, Some(part)) => {
                if character == ',' {
                    characters.next();
                }
                part.push(character);
            }
            (_, None) => {}
        }
    }
    parts
}

fn parse_endpoint(name: &str) -> Result<TlsEndpoint, TlsError> {
    let found = [TlsEndpoint::Client, TlsEndpoint::Server].into_iter().find(|endpoint| endpoint.name() == name);
    found.ok_or_else(|| TlsError(format!("expected `client` or `server`, found `{}`", name.escape_debug())))
}

fn parse_switch(word: &str) -> Result<bool, TlsError> {
    match word {
        "on" | "yes" | "true" | "y" => Ok(true),
        "off" | "no" | "false" | "n" => Ok(false),
        other => Err(TlsError(format!("expected `on` or `off`, found `{}`", other.escape_debug()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(text: &str) -> String {
        Objects::new().add(text).unwrap_err().to_string()
    }

    #[test]
    fn options_are_checked() {
        assert!(rejection("rng-random,id=a").contains("unknown object type `rng-random`"));
        assert!(rejection("authz-simple,identity=CN=a").contains("missing `id`"));
        assert!(rejection("authz-simple,id=a").contains("missing `identity`"));
        assert!(rejection("authz-simple,id=a,identity=b,x=1").contains("option `x`"));
        assert!(rejection("authz-simple,id=a,identity=b,id=c").contains("option `id`"));
        assert!(rejection("authz-simple,id").contains("expected NAME=VALUE"));
        assert!(rejection("tls-creds-x509,id=a,dir=/,endpoint=both").contains("expected `client` or `server`"));
        assert!(rejection("tls-creds-x509,id=a,dir=/,verify-peer=2").contains("expected `on` or `off`"));
        assert!(rejection("tls-creds-x509,id=a,dir=/nowhere").contains("`/nowhere/ca-cert.pem`: missing file"));
    }

    #[test]
    fn doubled_commas_belong_to_the_value() {
        let objects = Objects::new();
        objects.add("qom-type=authz-simple,id=auth0,identity=CN=host,,O=Example").unwrap();
        let authorization = objects.authorization("auth0").unwrap();
        assert!(authorization.allows("CN=host,O=Example"));
        assert!(!authorization.allows("CN=host"));
        let error = objects.add("authz-simple,id=auth0,identity=x").unwrap_err().to_string();
        assert!(error.contains("duplicate object `auth0`"), "{error}");
        assert!(objects.remove("auth0") && !objects.remove("auth0"));
        assert!(objects.authorization("auth0").is_err());
    }
}
