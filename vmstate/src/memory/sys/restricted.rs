//! Tests in child processes that the system restricts: by a seccomp filter, which also imitates an old kernel, or by limits,
//! each as this user and, if this is root, also without privileges.
//!
//! Every child checks in the end that the guest can use its memory.

use std::fs;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use linux_raw_sys::ioctl::{UFFDIO_API, UFFDIO_COPY, UFFDIO_REGISTER};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, geteuid, setrlimit};

use crate::memory::write_protect::tests::is_supported;
use crate::memory::{
    DirtyLog, Layout, Mapping, MappingOptions, MemoryError, MinorFaults, MissingFaults, PageSize, RamBlock,
    WriteProtect,
};

const SIZE: u64 = 8 << 20;
/// `_IOWR('f', 16, struct pm_scan_arg)`, as strace prints it.
const PAGEMAP_SCAN: u32 = 0xc060_6610;

/// A restriction of a child process.
#[derive(Debug, Clone, Copy)]
enum Restriction {
    /// A system call fails.
    Call(libc::c_long, Errno),
    /// An operation of `ioctl` fails.
    Ioctl(u32, Errno),
    /// No more files can be opened.
    Files,
    /// No more threads can be started, except by root.
    Threads,
    /// No more address space is available, except for small allocations.
    AddressSpace,
    /// `/proc/self` belongs to root, as after the start of an unreadable program.
    Undumpable,
}

impl Restriction {
    fn apply(self) -> io::Result<()> {
        match self {
            Self::Call(number, error) => fail(number, None, error),
            Self::Ioctl(operation, error) => fail(libc::SYS_ioctl, Some(operation), error),
            Self::Files => limit(Resource::Nofile, 0),
            Self::Threads => limit(Resource::Nproc, 0),
            Self::AddressSpace => {
                let sizes = fs::read_to_string("/proc/self/statm")?;
                let pages: u64 = sizes.split(' ').next().and_then(|size| size.parse().ok()).unwrap_or(0);
                limit(Resource::As, pages * 4096 + SIZE / 2)
            }
            Self::Undumpable => set_dumpable(false),
        }
    }
}

fn limit(resource: Resource, value: u64) -> io::Result<()> {
    Ok(setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?)
}

fn set_dumpable(dumpable: bool) -> io::Result<()> {
    // SAFETY: it only changes an attribute of the process.
    check(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, libc::c_ulong::from(dumpable)) })
}

/// Installs a seccomp filter.
fn fail(call: libc::c_long, operation: Option<u32>, error: Errno) -> io::Result<()> {
    let step = |code: u32, k, jf| libc::sock_filter { code: code as u16, jt: 0, jf, k };
    let load = |offset| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0);
    let skip_unless = |value, steps| step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, steps);
    let result = |value| step(libc::BPF_RET | libc::BPF_K, value, 0);
    // The number of the call is at offset 0 of `struct seccomp_data`, and the second argument at 24.
    let mut filter = vec![load(0), skip_unless(call as u32, if operation.is_some() { 3 } else { 1 })];
    filter.extend(operation.map(|operation| [load(24), skip_unless(operation, 1)]).into_iter().flatten());
    filter.extend([result(libc::SECCOMP_RET_ERRNO | error.raw_os_error() as u32), result(libc::SECCOMP_RET_ALLOW)]);
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the kernel copies the filter, which makes some system calls fail.
    unsafe {
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        check(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program))
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Becomes the user `nobody`.
fn drop_privileges() -> io::Result<()> {
    // SAFETY: the child has a single thread, so it cannot have two users.
    unsafe {
        check(libc::setgroups(0, std::ptr::null()))?;
        check(libc::setresgid(65534, 65534, 65534))?;
        check(libc::setresuid(65534, 65534, 65534))?;
    }
    set_dumpable(true)
}

type Test = fn(&Arc<Mapping>) -> Result<(), MemoryError>;

/// Runs a test with a restriction. Returns its error, for each user.
fn errors(restriction: Restriction, test: Test) -> Vec<String> {
    let users: &[bool] = if geteuid().is_root() { &[false, true] } else { &[false] };
    users.iter().map(|unprivileged| error(restriction, *unprivileged, test)).collect()
}

fn error(restriction: Restriction, unprivileged: bool, test: Test) -> String {
    let ram = Arc::new(MappingOptions::memfd().prefault(true).map("ram", SIZE).unwrap());
    let (mut reader, mut writer) = io::pipe().unwrap();
    // SAFETY: the child only calls functions that allocate, which glibc allows after a fork, and ends without unwinding.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let result = catch_unwind(AssertUnwindSafe(|| run(&ram, restriction, unprivileged, test)));
        let _ = writer.write_all(result.unwrap_or("panicked".to_owned()).as_bytes());
        // SAFETY: it ends the process.
        unsafe { libc::_exit(0) };
    }
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    // SAFETY: `waitpid` accepts a null pointer.
    assert_eq!(unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) }, child);
    text
}

fn run(ram: &Arc<Mapping>, restriction: Restriction, unprivileged: bool, test: Test) -> String {
    if unprivileged {
        drop_privileges().unwrap();
    }
    restriction.apply().unwrap();
    let result = test(ram);
    ram.write(SIZE - 4096, &[7; 4096]).unwrap();
    assert_eq!(ram.memory().load(SIZE as usize - 8), Some([7; 8]));
    result.err().map_or("success".to_owned(), |error| error.to_string())
}

fn write_protect(ram: &Arc<Mapping>) -> Result<(), MemoryError> {
    let layout = Layout::new(PageSize::DEFAULT, [ram]).unwrap();
    WriteProtect::new(&layout, vec![ram.clone()])?.start()
}

fn missing(ram: &Arc<Mapping>) -> Result<(), MemoryError> {
    MissingFaults::start(vec![ram.clone()], |_, _| ()).map(drop)
}

fn minor(ram: &Arc<Mapping>) -> Result<(), MemoryError> {
    MinorFaults::start(vec![ram.clone()], |_, _| ()).map(drop)
}

fn place(_: &Arc<Mapping>) -> Result<(), MemoryError> {
    let ram = Arc::new(MappingOptions::anonymous().map("ram", SIZE)?);
    let missing = MissingFaults::start(vec![ram], |_, _| ())?;
    missing.pages().place(0, 0, &[1; 4096]).map(drop)
}

fn map(_: &Arc<Mapping>) -> Result<(), MemoryError> {
    MappingOptions::anonymous().map("more", SIZE).map(drop)
}

fn prefault(_: &Arc<Mapping>) -> Result<(), MemoryError> {
    MappingOptions::anonymous().prefault(true).map("more", SIZE).map(drop)
}

fn assert_errors(restriction: Restriction, tests: &[Test], expected: &str) {
    for test in tests {
        for error in errors(restriction, *test) {
            assert!(error.contains(expected), "{restriction:?}: {error}");
        }
    }
}

#[test]
fn restrictions_without_effect_change_nothing() {
    if !is_supported() {
        return;
    }
    let none = Restriction::Call(libc::SYS_reboot, Errno::PERM);
    assert_errors(none, &[write_protect, missing, minor, place, map, prefault], "success");
}

#[test]
fn missing_permissions_name_the_remedy() {
    if !is_supported() {
        return;
    }
    let all: [Test; 3] = [write_protect, missing, minor];
    let remedy = "allow `userfaultfd` and /proc/self/pagemap in the seccomp filter or container";
    assert_errors(Restriction::Call(libc::SYS_userfaultfd, Errno::PERM), &all, remedy);
    let remedy = "allow PAGEMAP_SCAN in the seccomp filter or container";
    assert_errors(Restriction::Ioctl(PAGEMAP_SCAN, Errno::ACCESS), &[write_protect], remedy);
    let unprivileged = errors(Restriction::Undumpable, write_protect).pop().unwrap();
    assert!(unprivileged.contains("/proc/self/pagemap"), "{unprivileged}");
}

#[test]
fn old_kernels_name_the_version_that_is_required() {
    if !is_supported() {
        return;
    }
    for old in [Restriction::Call(libc::SYS_userfaultfd, Errno::NOSYS), Restriction::Ioctl(UFFDIO_API, Errno::INVAL)] {
        assert_errors(
            old,
            &[write_protect],
            "(Linux 6.7, CONFIG_USERFAULTFD); update the kernel, or use another method",
        );
        assert_errors(old, &[missing], "(Linux 5.11, CONFIG_USERFAULTFD); update the kernel, or use another method");
        assert_errors(old, &[minor], "(Linux 5.14, CONFIG_USERFAULTFD); update the kernel, or use another method");
    }
    assert_errors(Restriction::Ioctl(PAGEMAP_SCAN, Errno::NOTTY), &[write_protect], "update the kernel: PAGEMAP_SCAN");
}

#[test]
fn exhausted_resources_name_the_remedy() {
    if !is_supported() {
        return;
    }
    let all: [Test; 3] = [write_protect, missing, minor];
    assert_errors(Restriction::Files, &all, "close files or free memory");
    assert_errors(Restriction::Ioctl(UFFDIO_REGISTER, Errno::NOMEM), &all, "RAM block `ram` failed; free memory");
    assert_errors(Restriction::Ioctl(UFFDIO_COPY, Errno::NOMEM), &[place], "RAM block `ram` failed; free memory");
    assert_errors(Restriction::AddressSpace, &[map, prefault], "free memory or select a smaller size");
    assert_errors(Restriction::AddressSpace, &[minor], "free memory, or raise the limit of address space");
    let no_pages = Restriction::Call(libc::SYS_madvise, Errno::NOMEM);
    assert_errors(no_pages, &[prefault], "free memory, select a smaller size, or map without prefaulting");
    for test in [missing, minor] {
        let unprivileged = errors(Restriction::Threads, test).pop().unwrap();
        assert!(unprivileged.contains("raise the limits of threads and open files"), "{unprivileged}");
    }
}
