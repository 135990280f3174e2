//! Runs a command whose system calls on files are seen, and may be refused, before the kernel carries them out.
//!
//! The kernel asks this process about each call (seccomp_unotify(2), Linux 5.6). So calls that never pass through the C
//! library are seen too, which a preloaded library would miss: `tempfile` renames that way.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Kind of a system call, by its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Opens a file or directory that is to be there.
    Open,
    /// Opens a file that is made if it is absent, or emptied.
    Create,
    Read,
    List,
    Stat,
    Write,
    Truncate,
    Sync,
    Rename,
    Link,
    MakeDir,
    Remove,
    Lock,
    Mode,
    /// Starts a thread.
    Thread,
}

impl Kind {
    /// True if the call can change what is on the disk: only between such calls does a kill's moment matter.
    pub fn changes(self) -> bool {
        match self {
            Self::Create | Self::Write | Self::Truncate | Self::Rename | Self::Link | Self::MakeDir | Self::Remove => {
                true
            }
            Self::Open | Self::Read | Self::List | Self::Stat | Self::Sync | Self::Lock | Self::Mode | Self::Thread => {
                false
            }
        }
    }
}

/// A call that is about to be carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub kind: Kind,
    /// The file; of a [`Kind::Thread`] the directory in which the process works.
    pub path: PathBuf,
    /// Where a [`Kind::Rename`] or [`Kind::Link`] leads.
    pub to: Option<PathBuf>,
}

/// How a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Carry,
    /// It fails with this `errno`.
    Fail(i32),
    /// The process is interrupted, as by Ctrl-C, and goes on with it.
    Interrupt,
    /// The process is killed before it.
    Kill,
    /// The process is killed half way through it, if it writes; else before it.
    Tear,
}

/// Number in the kernel's table, and what it does.
const CALLS: &[(libc::c_long, Kind)] = &[
    (libc::SYS_openat, Kind::Open),
    (libc::SYS_read, Kind::Read),
    (libc::SYS_pread64, Kind::Read),
    (libc::SYS_readv, Kind::Read),
    (libc::SYS_getdents64, Kind::List),
    (libc::SYS_statx, Kind::Stat),
    (libc::SYS_newfstatat, Kind::Stat),
    (libc::SYS_write, Kind::Write),
    (libc::SYS_pwrite64, Kind::Write),
    (libc::SYS_writev, Kind::Write),
    (libc::SYS_ftruncate, Kind::Truncate),
    (libc::SYS_fsync, Kind::Sync),
    (libc::SYS_fdatasync, Kind::Sync),
    (libc::SYS_renameat, Kind::Rename),
    (libc::SYS_renameat2, Kind::Rename),
    (libc::SYS_linkat, Kind::Link),
    (libc::SYS_mkdirat, Kind::MakeDir),
    (libc::SYS_unlinkat, Kind::Remove),
    (libc::SYS_flock, Kind::Lock),
    (libc::SYS_fchmod, Kind::Mode),
    (libc::SYS_clone3, Kind::Thread),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, Kind::Open),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_stat, Kind::Stat),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_lstat, Kind::Stat),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_rename, Kind::Rename),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mkdir, Kind::MakeDir),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_unlink, Kind::Remove),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_rmdir, Kind::Remove),
];

/// Where the watched process keeps the descriptor on which its calls are answered, for this one to fetch.
const LISTENER: i32 = 200;

/// Runs `command` to its end and asks `answer` about every call on a file below `under`, one after the other.
///
/// # Errors
/// It cannot be started or watched.
pub fn watch(command: &mut Command, under: &Path, mut answer: impl FnMut(&Call) -> Answer) -> io::Result<Output> {
    let filter = filter();
    // SAFETY: between fork and exec the closure only makes system calls, on memory that was asked for before.
    unsafe { command.pre_exec(move || install(&filter)) };
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let process = child.id() as i32;
    let listener = fetch(process, LISTENER)?;
    std::thread::scope(|scope| {
        // The kernel hangs up once the process is waited for.
        let output = scope.spawn(|| child.wait_with_output());
        let requests = || next(&listener).inspect_err(|_| signal(process, libc::SIGKILL));
        while let Some(request) = requests()? {
            let caller = Caller { id: request.pid };
            let call = caller.call(&request.data).filter(|call| is_below(call, under));
            match call.map_or(Answer::Carry, |call| answer(&call)) {
                Answer::Carry => respond(&listener, request.id, 0),
                Answer::Fail(errno) => respond(&listener, request.id, errno),
                Answer::Interrupt => {
                    signal(process, libc::SIGINT);
                    respond(&listener, request.id, 0);
                }
                Answer::Kill => signal(process, libc::SIGKILL),
                Answer::Tear => {
                    // What cannot be torn is not begun.
                    let _ = caller.write_half(&request.data);
                    signal(process, libc::SIGKILL);
                }
            }
        }
        output.join().expect("waiting does not panic")
    })
}

/// Why calls cannot be watched here, if so.
pub fn hindrance() -> Option<String> {
    let seen = watch(&mut Command::new("/bin/sh"), Path::new("/"), |_| Answer::Carry);
    seen.err().map(|error| format!("the kernel lets no process watch another's system calls: {error}"))
}

fn is_below(call: &Call, under: &Path) -> bool {
    call.path.starts_with(under) || call.to.as_ref().is_some_and(|to| to.starts_with(under))
}

/// A program for the kernel: ask about the listed calls, allow all others.
fn filter() -> Vec<libc::sock_filter> {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    // The call's number is the first word of what the program sees.
    let mut program = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0)];
    for (number, _) in CALLS {
        let code = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        program.push(libc::sock_filter { code, jt: 0, jf: 1, k: *number as u32 });
        program.push(statement(libc::BPF_RET, libc::SECCOMP_RET_USER_NOTIF));
    }
    program.push(statement(libc::BPF_RET, libc::SECCOMP_RET_ALLOW));
    program
}

fn checked(result: libc::c_long) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as i32) }
}

/// In the new process: from here on the kernel asks about its calls.
fn install(filter: &[libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the arguments are those of prctl(2), seccomp(2) and dup2(2); the program lives until they return.
    unsafe {
        checked(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0).into())?;
        let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
        let listener = checked(libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &program))?;
        // The copy survives exec, the original closes.
        checked(libc::dup2(listener, LISTENER).into())?;
    }
    Ok(())
}

/// A copy of a descriptor of another process.
fn fetch(process: i32, descriptor: i32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open(2) and pidfd_getfd(2) give descriptors that nobody else owns.
    unsafe {
        let handle = OwnedFd::from_raw_fd(checked(libc::syscall(libc::SYS_pidfd_open, process, 0))?);
        let copy = checked(libc::syscall(libc::SYS_pidfd_getfd, handle.as_raw_fd(), descriptor, 0))?;
        Ok(OwnedFd::from_raw_fd(copy))
    }
}

/// The next call; none once the process has ended.
fn next(listener: &OwnedFd) -> io::Result<Option<libc::seccomp_notif>> {
    loop {
        let mut poll = libc::pollfd { fd: listener.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one descriptor, which lives as long as the call.
        checked(unsafe { libc::poll(&raw mut poll, 1, -1) }.into())?;
        if poll.revents & libc::POLLIN == 0 {
            return Ok(None);
        }
        // SAFETY: the struct is plain numbers, and the kernel wants it zeroed.
        let mut request: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel fills the struct that belongs to this number.
        let received = unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut request) };
        match checked(received.into()) {
            Ok(_) => return Ok(Some(request)),
            // Its thread died in between.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Lets a call go on, or fail with `errno`.
fn respond(listener: &OwnedFd, id: u64, errno: i32) {
    let flags = if errno == 0 { libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32 } else { 0 };
    let mut response = libc::seccomp_notif_resp { id, val: 0, error: -errno, flags };
    // SAFETY: the kernel reads the struct that belongs to this number. A thread that has died needs no answer.
    unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut response) };
}

fn signal(process: i32, signal: i32) {
    // SAFETY: the process is our child; until it is waited for its number is nobody else's.
    unsafe { libc::kill(process, signal) };
}

/// `path` from `directory`, whose `..` lead up.
fn climbed(directory: &Path, path: &Path) -> PathBuf {
    let mut at = directory.to_path_buf();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                at.pop();
            }
            Component::CurDir => {}
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => at.push(part),
        }
    }
    at
}

/// A thread that waits in a call.
struct Caller {
    id: u32,
}

impl Caller {
    /// The call that it is about to make, if it concerns a file.
    fn call(&self, data: &libc::seccomp_data) -> Option<Call> {
        let [a, b, c, d, ..] = data.args;
        let kind = CALLS.iter().find(|(number, _)| *number == libc::c_long::from(data.nr))?.1;
        let here = libc::AT_FDCWD as u64;
        let (path, to) = match libc::c_long::from(data.nr) {
            libc::SYS_openat | libc::SYS_mkdirat | libc::SYS_unlinkat | libc::SYS_statx | libc::SYS_newfstatat => {
                (self.path(a, b)?, None)
            }
            libc::SYS_renameat | libc::SYS_renameat2 | libc::SYS_linkat => (self.path(a, b)?, self.path(c, d)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_rename => (self.path(here, a)?, self.path(here, b)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_open
            | libc::SYS_stat
            | libc::SYS_lstat
            | libc::SYS_mkdir
            | libc::SYS_unlink
            | libc::SYS_rmdir => (self.path(here, a)?, None),
            libc::SYS_clone3 => (self.descriptor(here)?, None),
            _ => (self.descriptor(a)?, None),
        };
        let flags = if libc::c_long::from(data.nr) == libc::SYS_openat { c } else { b } as i32;
        let makes = kind == Kind::Open && flags & (libc::O_CREAT | libc::O_TRUNC) != 0;
        Some(Call { kind: if makes { Kind::Create } else { kind }, path, to })
    }

    /// The file behind a descriptor.
    fn descriptor(&self, descriptor: u64) -> Option<PathBuf> {
        let link = match descriptor as i32 {
            libc::AT_FDCWD => format!("/proc/{}/cwd", self.id),
            number => format!("/proc/{}/fd/{number}", self.id),
        };
        fs::read_link(link).ok()
    }

    /// The path at `address`, which counts from the directory behind a descriptor.
    fn path(&self, directory: u64, address: u64) -> Option<PathBuf> {
        let mut text = vec![0; libc::PATH_MAX as usize];
        let length = self.memory()?.read_at(&mut text, address).ok()?;
        text.truncate(text[..length].iter().position(|byte| *byte == 0)?);
        let path = PathBuf::from(OsString::from_vec(text));
        if path.is_absolute() { Some(path) } else { Some(climbed(&self.descriptor(directory)?, &path)) }
    }

    fn memory(&self) -> Option<File> {
        File::open(format!("/proc/{}/mem", self.id)).ok()
    }

    /// Writes the first half of what a `write` was about to write.
    fn write_half(&self, data: &libc::seccomp_data) -> Option<()> {
        if libc::c_long::from(data.nr) != libc::SYS_write {
            return None;
        }
        let mut bytes = vec![0; data.args[2] as usize / 2];
        self.memory()?.read_exact_at(&mut bytes, data.args[1]).ok()?;
        let status = fs::read_to_string(format!("/proc/{}/status", self.id)).ok()?;
        let process = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()?;
        io::Write::write_all(&mut File::from(fetch(process, data.args[0] as i32).ok()?), &bytes).ok()
    }
}
