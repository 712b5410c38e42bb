//! Which headers belong to the C library and the kernel, in folders that all libraries of a system share.
//!
//! The packages `libc6-dev`, `linux-libc-dev` and `libcrypt-dev` of Debian 12 and `musl-dev` have them. A header that is
//! not here is one of another library: it has to be named.

use std::path::Path;

/// Folders whose files all belong to the C library or the kernel.
const FOLDERS: &[&str] = &[
    "arpa",
    "asm",
    "asm-generic",
    "bits",
    "drm",
    "finclude",
    "gnu",
    "linux",
    "misc",
    "mtd",
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
    "rdma",
    "rpc",
    "scsi",
    "sound",
    "sys",
    "video",
    "xen",
];

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

/// Whether the header at `path`, relative to a shared folder, is one of the C library or the kernel.
pub(super) fn has(path: &Path) -> bool {
    let mut components = path.components().map(|component| component.as_os_str().to_string_lossy());
    let (Some(first), rest) = (components.next(), components.next()) else { return false };
    match rest {
        Some(_) => FOLDERS.contains(&&*first),
        None => first.strip_suffix(".h").is_some_and(|stem| FILES.binary_search(&stem).is_ok()),
    }
}

/// The entries of a shared folder that may hold such headers.
pub(super) fn may_have(entry: &str) -> bool {
    FOLDERS.contains(&entry) || has(Path::new(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_other_libraries_are_none_of_the_c_library() {
        assert!(FILES.is_sorted());
        for (path, expected) in [
            ("stdio.h", true),
            ("sys/types.h", true),
            ("bits/types/FILE.h", true),
            ("linux/if.h", true),
            ("zlib.h", false),
            ("openssl/ssl.h", false),
            ("sys", false),
            ("stdio", false),
            ("stdio.h/x", false),
        ] {
            assert_eq!(has(Path::new(path)), expected, "{path}");
        }
        assert!(may_have("sys") && may_have("stdio.h") && !may_have("openssl"));
    }
}
