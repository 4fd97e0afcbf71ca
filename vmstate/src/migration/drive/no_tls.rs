//! Channels of builds without the feature `tls`, which are never encrypted: [`Parameters::check`] rejects `tls-creds`.
//!
//! [`Parameters::check`]: crate::migration::Parameters::check

use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;

use crate::migration::destination::DestinationConfig;
use crate::migration::source::SourceConfig;
use crate::migration::uri::Uri;

#[derive(Debug, Clone)]
pub(super) enum Client {}

impl Client {
    pub(super) fn new(_: &SourceConfig, _: &Uri) -> Result<Option<Self>, String> {
        Ok(None)
    }

    pub(super) fn secure(&self, _: OwnedFd) -> io::Result<(Tunnel, OwnedFd)> {
        match *self {}
    }
}

#[derive(Debug, Clone)]
pub(super) enum Server {}

impl Server {
    pub(super) fn new(config: &DestinationConfig) -> Result<Option<Self>, String> {
        config.parameters.check().map_err(|error| error.to_string())?;
        Ok(None)
    }

    pub(super) fn secure(&self, _: OwnedFd) -> io::Result<(Tunnel, OwnedFd)> {
        match *self {}
    }
}

#[derive(Debug)]
pub(super) enum Gate {}

impl Gate {
    pub(super) fn new(server: &Server) -> Self {
        match *server {}
    }

    pub(super) fn is_full(&self) -> bool {
        match *self {}
    }

    pub(super) fn is_busy(&self) -> bool {
        match *self {}
    }

    pub(super) fn admit(&self, _: OwnedFd) {
        match *self {}
    }

    pub(super) fn take(&self) -> Option<(Tunnel, OwnedFd)> {
        match *self {}
    }

    pub(super) fn has_rejections(&self) -> bool {
        match *self {}
    }

    pub(super) fn take_rejections(&self) -> Vec<String> {
        match *self {}
    }

    pub(super) fn has_waiting(&self) -> bool {
        match *self {}
    }
}

#[derive(Debug)]
pub(super) enum Tunnel {}

impl Tunnel {
    pub(super) fn check_closed(&self, _: Option<Instant>) -> io::Result<()> {
        match *self {}
    }

    pub(super) fn abort(&mut self) {
        match *self {}
    }

    pub(super) fn ending(&self) -> Ending {
        match *self {}
    }
}

/// The reason why an encrypted connection has ended.
#[derive(Debug, Clone)]
pub(super) enum Ending {}

impl Ending {
    pub(super) fn reason(&self) -> Option<String> {
        match *self {}
    }
}
