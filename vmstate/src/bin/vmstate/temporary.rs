//! A file that appears under its name when it is complete. If the command fails or a signal ends it, no file remains.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// The temporary file, for the thread that handles signals.
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// A temporary file in the folder of its target.
pub(crate) struct Temporary {
    file: NamedTempFile,
    target: PathBuf,
}

impl Temporary {
    /// Creates a temporary file for `path`. An existing file must be writable; a symbolic link remains, and its target
    /// is replaced.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let target = target(path)?;
        let existing = fs::metadata(&target).ok();
        if let Some(existing) = &existing {
            require_writable(path, existing)?;
        }
        remove_on_signals().map_err(Failure::file("cannot handle signals while writing", path))?;
        let file = create(&target, existing.is_none())?;
        if let Some(existing) = &existing {
            copy_owner_and_mode(file.as_file(), existing).map_err(Failure::file("cannot keep the owner of", path))?;
        }
        Ok(Self { file, target })
    }

    /// Returns the file.
    #[cfg(unix)]
    pub(crate) fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Replaces the target, after everything is on the disk.
    #[cfg(unix)]
    pub(crate) fn persist_durably(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        let folder = folder(&self.target).to_owned();
        self.persist()?;
        File::open(folder)?.sync_all()
    }

    /// Replaces the target.
    pub(crate) fn persist(self) -> io::Result<()> {
        let mut unfinished = unfinished();
        self.file.persist(&self.target).map_err(|error| error.error)?;
        *unfinished = None;
        Ok(())
    }
}

impl Write for Temporary {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Returns `path`, or the target of a symbolic link.
fn target(path: &Path) -> Result<PathBuf, Failure> {
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    if !is_link {
        return Ok(path.to_owned());
    }
    path.canonicalize().map_err(Failure::file("cannot follow the symbolic link", path))
}

/// Replacing a file requires only permissions of its folder, and the superuser has all permissions.
fn require_writable(path: &Path, existing: &Metadata) -> Result<(), Failure> {
    let failed = Failure::file("cannot write to", path);
    if existing.permissions().readonly() {
        return Err(failed(io::Error::new(ErrorKind::PermissionDenied, "the file is read-only")));
    }
    File::options().write(true).open(path).map(drop).map_err(failed)
}

/// Returns the folder of a file.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Creates the temporary file. A `new` file gets the permissions of any new file; otherwise only the user has access.
fn create(target: &Path, new: bool) -> Result<NamedTempFile, Failure> {
    let folder = folder(target);
    // Checked here because the error of `tempfile_in` names the temporary file, which the user has never heard of.
    fs::metadata(folder).map_err(Failure::file("cannot find the folder", folder))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".vmstate-");
    #[cfg(unix)]
    if new {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    // Locked until the file is registered, so that a signal cannot come in between.
    let mut unfinished = unfinished();
    let file = builder.tempfile_in(folder).map_err(Failure::file("cannot create a temporary file for", target))?;
    *unfinished = Some(file.path().to_owned());
    Ok(file)
}

#[cfg(unix)]
fn copy_owner_and_mode(file: &File, existing: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};

    let created = file.metadata()?;
    if (created.uid(), created.gid()) != (existing.uid(), existing.gid()) {
        fchown(file, Some(existing.uid()), Some(existing.gid()))?;
    }
    file.set_permissions(existing.permissions())
}

#[cfg(not(unix))]
fn copy_owner_and_mode(file: &File, existing: &Metadata) -> io::Result<()> {
    file.set_permissions(existing.permissions())
}

fn unfinished() -> MutexGuard<'static, Option<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the temporary file when SIGINT or SIGTERM ends the tool.
#[cfg(unix)]
fn remove_on_signals() -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let handle = move || {
        for signal in signals.forever() {
            // Locked until the process ends, so that the file is not renamed any more.
            let unfinished = unfinished();
            if let Some(path) = &*unfinished {
                // The process ends in any case, and cannot report an error.
                let _ = fs::remove_file(path);
            }
            let _ = emulate_default_handler(signal);
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(handle).map(drop)
}

#[cfg(not(unix))]
fn remove_on_signals() -> io::Result<()> {
    Ok(())
}
