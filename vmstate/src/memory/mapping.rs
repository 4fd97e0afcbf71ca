//! Mappings of guest memory.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::mm::{Advice, MapFlags};

use super::sys::mapped::Mapped;
use super::{HostRange, MemoryError, RamBlock, Sharing};

/// Options for a [`Mapping`]: the kind of memory, huge pages and prefaulting.
///
/// ```
/// use vmstate::memory::{HugePages, MappingOptions, RamBlock};
///
/// let ram = MappingOptions::anonymous().huge_pages(HugePages::Transparent).map("pc.ram", 8 << 20)?;
/// ram.write(0x1000, b"boot")?;
/// let video = MappingOptions::memfd().prefault(true).map("vga.vram", 1 << 20)?;
/// assert!(video.file().is_some());
/// # Ok::<(), vmstate::memory::MemoryError>(())
/// ```
#[derive(Debug)]
pub struct MappingOptions {
    kind: Kind,
    huge_pages: HugePages,
    prefault: bool,
    guest_address: u64,
}

#[derive(Debug)]
enum Kind {
    Anonymous,
    Memfd,
    HandedOver(File),
    PrivateFile(File),
    SharedFile(File),
}

/// The use of huge pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum HugePages {
    /// As the system is configured.
    #[default]
    Default,
    /// Transparent huge pages where the system has some free.
    Transparent,
    /// Reserved huge pages of 2 MiB.
    Of2Mib,
    /// Reserved huge pages of 1 GiB.
    Of1Gib,
}

impl HugePages {
    /// Returns the size of reserved pages.
    fn reserved(self) -> Option<u64> {
        match self {
            Self::Default | Self::Transparent => None,
            Self::Of2Mib => Some(2 << 20),
            Self::Of1Gib => Some(1 << 30),
        }
    }
}

impl MappingOptions {
    fn new(kind: Kind) -> Self {
        Self { kind, huge_pages: HugePages::Default, prefault: false, guest_address: 0 }
    }

    /// Selects private memory.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::new(Kind::Anonymous)
    }

    /// Selects memory that can be mapped again, in this process or another one, by its [file](Mapping::file).
    #[must_use]
    pub fn memfd() -> Self {
        Self::new(Kind::Memfd)
    }

    /// Selects the memory of another process, by the [file](Mapping::file) of its memfd.
    #[must_use]
    pub fn handed_over(file: OwnedFd) -> Self {
        Self::new(Kind::HandedOver(file.into()))
    }

    /// Selects the content of a file, whose changes stay in memory. Nothing may shrink the file while it is mapped.
    #[must_use]
    pub fn private_file(file: File) -> Self {
        Self::new(Kind::PrivateFile(file))
    }

    /// Selects the content of a file, whose changes are written to it. Nothing may shrink the file while it is mapped.
    ///
    /// Another process that maps the same file has the same memory, and a migration between both can leave it out
    /// (`x-ignore-shared`).
    #[must_use]
    pub fn shared_file(file: File) -> Self {
        Self::new(Kind::SharedFile(file))
    }

    /// Sets the use of huge pages. Files have the pages of their file system.
    #[must_use]
    pub fn huge_pages(mut self, huge_pages: HugePages) -> Self {
        self.huge_pages = huge_pages;
        self
    }

    /// Sets whether all memory is allocated at once, so that it cannot be exhausted later.
    #[must_use]
    pub fn prefault(mut self, prefault: bool) -> Self {
        self.prefault = prefault;
        self
    }

    /// Sets the [address](RamBlock::guest_address) in the guest. The default is 0.
    #[must_use]
    pub fn guest_address(mut self, address: u64) -> Self {
        self.guest_address = address;
        self
    }

    /// Maps `size` bytes as the block `idstr`.
    ///
    /// # Errors
    /// Returns an error if `size` is zero or not a multiple of the host page size, a file is shorter, or the system has
    /// not enough memory or huge pages.
    pub fn map(self, idstr: impl Into<String>, size: u64) -> Result<Mapping, MemoryError> {
        let idstr = idstr.into();
        let host_page_size = self.huge_pages.reserved().unwrap_or_else(page_size);
        let length = check_size(&idstr, size, host_page_size)?;
        let mapping = self.create(&idstr, length);
        let (memory, file) = mapping.map_err(|error| map_error(&idstr, self.huge_pages, error))?;
        let sharing = match self.kind {
            Kind::Anonymous | Kind::PrivateFile(_) => Sharing::Private,
            Kind::Memfd | Kind::HandedOver(_) => Sharing::Descriptor,
            Kind::SharedFile(_) => Sharing::File,
        };
        let mapping = Mapping { idstr, memory, file, sharing, guest_address: self.guest_address, host_page_size };
        self.advise(&mapping)?;
        Ok(mapping)
    }

    fn create(&self, idstr: &str, length: usize) -> io::Result<(Mapped, Option<OwnedFd>)> {
        let file = match &self.kind {
            Kind::Anonymous => {
                return Ok((Mapped::anonymous(length, map_flags(self.huge_pages))?, None));
            }
            Kind::Memfd => memfd(idstr, length, self.huge_pages)?,
            Kind::PrivateFile(file) | Kind::SharedFile(file) | Kind::HandedOver(file) => long_enough(file, length)?,
        };
        let sharing = if matches!(self.kind, Kind::PrivateFile(_)) { MapFlags::PRIVATE } else { MapFlags::SHARED };
        Ok((Mapped::file(file.as_fd(), length, sharing | reservation(self.huge_pages.reserved()))?, Some(file)))
    }

    fn advise(&self, mapping: &Mapping) -> Result<(), MemoryError> {
        if self.huge_pages == HugePages::Transparent {
            // A kernel without huge pages has the usual ones.
            let _ = mapping.memory.advise(Advice::LinuxHugepage);
        }
        let advice = match self.kind {
            _ if !self.prefault => return Ok(()),
            // Writing would copy all of the file.
            Kind::PrivateFile(_) => Advice::LinuxPopulateRead,
            _ => Advice::LinuxPopulateWrite,
        };
        mapping.memory.advise(advice).map_err(|source| MemoryError::System {
            operation: "prefaulting",
            idstr: mapping.idstr.clone(),
            remedy: "free memory, select a smaller size, or map without prefaulting (it requires Linux 5.14)",
            source,
        })
    }
}

/// A block of guest memory that is mapped into the process.
///
/// Share it as `Arc<Mapping>` or `&Mapping` between the vCPUs, devices and the migration.
#[derive(Debug)]
pub struct Mapping {
    idstr: String,
    memory: Mapped,
    file: Option<OwnedFd>,
    sharing: Sharing,
    guest_address: u64,
    host_page_size: u64,
}

impl Mapping {
    /// Returns the file of the memory, for another mapping of it, or `None` for anonymous memory.
    #[must_use]
    pub fn file(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(AsFd::as_fd)
    }

    /// Maps the memory of a memfd again.
    pub(super) fn map_again(&self) -> Result<Mapped, MemoryError> {
        let error = |source: io::Error| {
            let remedy = match source.kind() {
                io::ErrorKind::OutOfMemory => "free memory, or raise the limit of address space",
                _ => "map the block with `MappingOptions::memfd`",
            };
            MemoryError::system("a second mapping", &self.idstr, remedy, source)
        };
        let file = self.file.as_ref().ok_or_else(|| error(io::ErrorKind::Unsupported.into()))?;
        let length = self.memory.range().len();
        let reserved = Some(self.host_page_size).filter(|size| *size != page_size());
        Mapped::file(file.as_fd(), length, MapFlags::SHARED | reservation(reserved)).map_err(error)
    }

    /// Returns all of the memory.
    #[inline]
    #[must_use]
    pub fn memory(&self) -> HostRange<'_> {
        self.memory.range()
    }
}

impl RamBlock for Mapping {
    fn idstr(&self) -> &str {
        &self.idstr
    }

    fn size(&self) -> u64 {
        self.memory().len() as u64
    }

    fn host_page_size(&self) -> u64 {
        self.host_page_size
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        let range = self.range(offset, into.len())?;
        self.memory().read(range.start, into);
        Ok(())
    }

    fn write(&self, offset: u64, from: &[u8]) -> Result<(), MemoryError> {
        let range = self.range(offset, from.len())?;
        self.memory().write(range.start, from);
        Ok(())
    }

    fn host_range(&self, offset: u64, length: usize) -> Option<HostRange<'_>> {
        self.memory().get(self.range(offset, length).ok()?)
    }

    #[cfg(all(target_os = "linux", feature = "mapping", feature = "snapshot"))]
    fn private_memory(&self) -> Option<super::PrivateMemory<'_>> {
        let is_private = self.file.is_none() && self.host_page_size == page_size();
        is_private.then(|| super::PrivateMemory::new(&self.idstr, &self.memory))
    }

    fn exclusive(&mut self) -> Option<&mut [u8]> {
        self.memory.exclusive()
    }

    fn sharing(&self) -> Sharing {
        self.sharing
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.file().filter(|_| self.sharing != Sharing::Private)
    }

    fn guest_address(&self) -> u64 {
        self.guest_address
    }
}

fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

fn check_size(idstr: &str, size: u64, host_page_size: u64) -> Result<usize, MemoryError> {
    let length = usize::try_from(size).ok().filter(|_| size != 0 && size.is_multiple_of(host_page_size));
    length.ok_or_else(|| MemoryError::PartialPage { idstr: idstr.to_owned(), size, host_page_size })
}

/// Memory is allocated when it is written. Huge pages are reserved when they are mapped, because an access kills the process
/// with SIGBUS if the pool is empty.
fn reservation(huge_page_size: Option<u64>) -> MapFlags {
    if huge_page_size.is_some() { MapFlags::empty() } else { MapFlags::NORESERVE }
}

fn map_flags(huge_pages: HugePages) -> MapFlags {
    match huge_pages {
        HugePages::Default | HugePages::Transparent => MapFlags::NORESERVE,
        HugePages::Of2Mib => MapFlags::HUGETLB | MapFlags::HUGE_2MB,
        HugePages::Of1Gib => MapFlags::HUGETLB | MapFlags::HUGE_1GB,
    }
}

fn memfd(name: &str, length: usize, huge_pages: HugePages) -> io::Result<OwnedFd> {
    let flags = match huge_pages {
        HugePages::Default | HugePages::Transparent => MemfdFlags::empty(),
        HugePages::Of2Mib => MemfdFlags::HUGETLB | MemfdFlags::HUGE_2MB,
        HugePages::Of1Gib => MemfdFlags::HUGETLB | MemfdFlags::HUGE_1GB,
    };
    // The name is only for /proc, and has a limit that names of blocks can exceed.
    let short = name.get(..200).unwrap_or("ram");
    let file = memfd_create(short, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | flags)?;
    ftruncate(&file, length as u64)?;
    // Another process with the descriptor could kill this one by shrinking the file.
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

/// Returns the file, unless it is too short: accesses after its end would kill the process.
fn long_enough(file: &File, length: usize) -> io::Result<OwnedFd> {
    if file.metadata()?.len() < length as u64 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(file.try_clone()?.into())
}

fn map_error(idstr: &str, huge_pages: HugePages, source: io::Error) -> MemoryError {
    let remedy = match source.kind() {
        io::ErrorKind::UnexpectedEof => "extend the file to the size of the block",
        io::ErrorKind::PermissionDenied => "open the file for reading and writing",
        _ if huge_pages.reserved().is_some() => "reserve huge pages (`hugepages-*/nr_hugepages` in sysfs)",
        _ => "free memory or select a smaller size",
    };
    MemoryError::System { operation: "mapping", idstr: idstr.to_owned(), remedy, source }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    const SIZE: u64 = 1 << 20;

    fn file() -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[5; 1 << 20]).unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn each_kind_holds_its_content() {
        let kinds = [MappingOptions::anonymous(), MappingOptions::memfd()];
        let files = [MappingOptions::private_file(file()), MappingOptions::shared_file(file())];
        for (index, options) in kinds.into_iter().chain(files).enumerate() {
            let mapping = options.prefault(true).map("ram", SIZE).unwrap();
            assert_eq!((mapping.idstr(), mapping.size(), mapping.host_page_size()), ("ram", SIZE, page_size()));
            let mut bytes = [0; 4];
            mapping.read(SIZE - 4, &mut bytes).unwrap();
            assert_eq!(bytes, if index < 2 { [0; 4] } else { [5; 4] });
            mapping.write(SIZE - 3, &[1, 2]).unwrap();
            assert_eq!(mapping.memory().load(SIZE as usize - 4), Some([bytes[0], 1, 2, bytes[0]]));
            assert!(mapping.write(SIZE - 1, &[0; 2]).is_err());
            assert_eq!(mapping.host_range(4096, 8192).map(HostRange::len), Some(8192));
        }
    }

    #[test]
    fn only_anonymous_memory_is_exclusive() {
        let mut anonymous = MappingOptions::anonymous().map("ram", SIZE).unwrap();
        anonymous.exclusive().unwrap()[..4096].fill(3);
        assert_eq!(anonymous.memory().load(4095), Some([3]));
        for options in [MappingOptions::memfd(), MappingOptions::private_file(file())] {
            assert!(options.map("ram", SIZE).unwrap().exclusive().is_none());
        }
    }

    /// An access after the end of a file would kill the process.
    #[test]
    fn memfd_cannot_shrink() {
        let ram = MappingOptions::memfd().map("ram", SIZE).unwrap();
        let other = ram.file().unwrap().try_clone_to_owned().unwrap();
        assert_eq!(ftruncate(&other, 4096), Err(rustix::io::Errno::PERM));
        assert_eq!(ftruncate(&other, 2 * SIZE), Err(rustix::io::Errno::PERM));
    }

    #[test]
    fn sizes_and_files_are_checked() {
        for size in [0, 100, u64::MAX - 4095] {
            let error = MappingOptions::anonymous().map("ram", size).unwrap_err().to_string();
            assert!(error.contains("RAM block `ram`"), "{error}");
        }
        let error = MappingOptions::shared_file(file()).map("ram", 2 * SIZE).unwrap_err().to_string();
        assert_eq!(error, "mapping of RAM block `ram` failed; extend the file to the size of the block");
        let error = MappingOptions::anonymous().map("ram", 1 << 47).unwrap_err().to_string();
        assert_eq!(error, "mapping of RAM block `ram` failed; free memory or select a smaller size");
        for options in [MappingOptions::anonymous(), MappingOptions::memfd()] {
            let error = options.huge_pages(HugePages::Of1Gib).map("ram", 1 << 40).unwrap_err();
            assert!(error.to_string().contains("reserve huge pages"), "{error}");
        }
    }
}
