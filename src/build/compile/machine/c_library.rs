//! Tells headers of the C library and the kernel from those of other libraries in folders that all of them share.
//!
//! The packages `libc6-dev`, `linux-libc-dev` and `libcrypt-dev` of Debian 12 and `musl-dev` have them. A header that is
//! not here is one of another library: it has to be named.

use std::path::Path;

/// The owner of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderKind {
    /// The compiler's, the C library's, and what these read of the kernel's.
    Base,
    /// Another one of the kernel's. They change with every update of a kernel, and few programs read them.
    Kernel,
    /// Another library's.
    Other,
}

/// Folders of the C library, and of the kernel for one processor, which hardly change.
const FOLDERS: &[&str] = &[
    "arpa",
    "asm",
    "asm-generic",
    "bits",
    "finclude",
    "gnu",
    "net",
    "netash",
    "netatalk",
    "netax25",
    "neteconet",
    "netinet",
    "netipx",
    "netiucv",
    "netpacket",
    "netrom",
    "netrose",
    "nfs",
    "protocols",
    "rpc",
    "scsi",
    "sys",
];

/// Folders of the kernel.
const KERNEL_FOLDERS: &[&str] = &["drm", "linux", "misc", "mtd", "rdma", "sound", "video", "xen"];

/// Headers in the kernel's folders that `errno.h`, `limits.h`, `unistd.h` and their like include.
const KERNEL_BASE: &[&str] = &[
    "linux/byteorder/big_endian.h",
    "linux/byteorder/little_endian.h",
    "linux/close_range.h",
    "linux/const.h",
    "linux/errno.h",
    "linux/falloc.h",
    "linux/ioctl.h",
    "linux/kernel.h",
    "linux/limits.h",
    "linux/param.h",
    "linux/posix_types.h",
    "linux/stat.h",
    "linux/stddef.h",
    "linux/swab.h",
    "linux/sysinfo.h",
    "linux/types.h",
];

/// In the folder of a compiler: headers of other languages, which come with packages of their own.
const OTHER_LANGUAGES: &[&str] = &["ISO_Fortran_binding.h", "objc"];

/// Files beside these folders, without their ending `.h`.
const FILES: &[&str] = &[
    "a.out",
    "aio",
    "aliases",
    "alloca",
    "ar",
    "argp",
    "argz",
    "assert",
    "byteswap",
    "complex",
    "cpio",
    "crypt",
    "ctype",
    "dirent",
    "dlfcn",
    "elf",
    "endian",
    "envz",
    "err",
    "errno",
    "error",
    "execinfo",
    "fcntl",
    "features",
    "features-time64",
    "fenv",
    "float",
    "fmtmsg",
    "fnmatch",
    "fpu_control",
    "fstab",
    "fts",
    "ftw",
    "gconv",
    "getopt",
    "glob",
    "gnu-versions",
    "grp",
    "gshadow",
    "iconv",
    "ieee754",
    "ifaddrs",
    "inttypes",
    "iso646",
    "langinfo",
    "lastlog",
    "libgen",
    "libintl",
    "limits",
    "link",
    "locale",
    "malloc",
    "math",
    "mcheck",
    "memory",
    "mntent",
    "monetary",
    "mqueue",
    "netdb",
    "nl_types",
    "nss",
    "obstack",
    "paths",
    "poll",
    "printf",
    "proc_service",
    "pthread",
    "pty",
    "pwd",
    "re_comp",
    "regex",
    "regexp",
    "resolv",
    "sched",
    "search",
    "semaphore",
    "setjmp",
    "sgtty",
    "shadow",
    "signal",
    "spawn",
    "stab",
    "stdalign",
    "stdarg",
    "stdbit",
    "stdbool",
    "stdc-predef",
    "stdckdint",
    "stddef",
    "stdint",
    "stdio",
    "stdio_ext",
    "stdlib",
    "stdnoreturn",
    "string",
    "strings",
    "stropts",
    "syscall",
    "sysexits",
    "syslog",
    "tar",
    "termio",
    "termios",
    "tgmath",
    "thread_db",
    "threads",
    "time",
    "ttyent",
    "uchar",
    "ucontext",
    "ulimit",
    "unistd",
    "utime",
    "utmp",
    "utmpx",
    "values",
    "wait",
    "wchar",
    "wctype",
    "wordexp",
];

/// The owner of the header at `path`, relative to a folder of headers. `is_shared` says whether all libraries of a system put
/// theirs there.
pub(super) fn kind_of(path: &Path, is_shared: bool) -> HeaderKind {
    let mut components = path.components().map(|component| component.as_os_str().to_string_lossy());
    let Some(first) = components.next() else { return HeaderKind::Other };
    let is_below = components.next().is_some();
    if is_below && KERNEL_FOLDERS.contains(&&*first) {
        let is_base = path.to_str().is_some_and(|path| KERNEL_BASE.contains(&path));
        return if is_base { HeaderKind::Base } else { HeaderKind::Kernel };
    }
    let is_base = if !is_shared {
        !OTHER_LANGUAGES.contains(&&*first)
    } else if is_below {
        FOLDERS.contains(&&*first)
    } else {
        first.strip_suffix(".h").is_some_and(|stem| FILES.binary_search(&stem).is_ok())
    };
    if is_base { HeaderKind::Base } else { HeaderKind::Other }
}

/// Whether a folder in a shared folder of headers holds any of the C library or the kernel.
pub(super) fn is_folder_of_it(name: &str) -> bool {
    FOLDERS.contains(&name) || KERNEL_FOLDERS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::{HeaderKind::*, *};

    #[test]
    fn headers_of_other_libraries_are_none_of_the_c_library() {
        assert!(FILES.is_sorted());
        for (path, expected, alone) in [
            ("stdio.h", Base, Base),
            ("sys/types.h", Base, Base),
            ("bits/types/FILE.h", Base, Base),
            ("linux/errno.h", Base, Base),
            ("linux/bpf.h", Kernel, Kernel),
            ("zlib.h", Other, Base),
            ("openssl/ssl.h", Other, Base),
            ("objc/objc.h", Other, Other),
            ("sys", Other, Base),
            ("stdio", Other, Base),
            ("stdio.h/x", Other, Base),
        ] {
            assert_eq!((kind_of(Path::new(path), true), kind_of(Path::new(path), false)), (expected, alone), "{path}");
        }
    }
}
