//! Searches programs for words that identify them (busybox, UPX, paths of the build machine).
//!
//! The words are written backwards here, so that hardpan's own program does not hold them.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::program_kind::{KINDS, KindMarks, ProgramKind};
use crate::{elf::Sparse, report::Limits};

/// The markers that were found in a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// `busybox` or `toybox`.
    pub(crate) multi_call: Option<&'static str>,
    /// It checks certificates against those of the system.
    pub(crate) tls: Option<&'static str>,
    /// It carries certificates of its own.
    pub(crate) own_roots: bool,
    /// It calls the stack protector.
    pub(crate) canary: bool,
    /// It is packed by UPX.
    pub(crate) packed: bool,
    /// Texts of shells and tools.
    pub(crate) kinds: KindMarks,
    /// Paths of the machine that built it; the first few.
    pub(crate) paths: Vec<String>,
}

/// The meaning of a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    BusyBox,
    ToyBox,
    ToyBoxVersion,
    Tls(&'static str),
    OwnRoots,
    Canary,
    Path,
}

/// The words, backwards.
const WORDS: [(&str, Sign); 14] = [
    ("v xoBysuB", Sign::BusyBox),
    (" xobyot", Sign::ToyBoxVersion),
    ("yranib llacitlum", Sign::ToyBox),
    ("yfireV.)etacifitreC*(.905x/otpyrc", Sign::Tls("Go's crypto/x509")),
    ("shtap_yfirev_tluafed_tes_XTC_LSS", Sign::Tls("OpenSSL")),
    ("strec_evitan_sltsur", Sign::Tls("rustls-native-certs")),
    ("stoor_ikpbew", Sign::OwnRoots),
    ("liaf_khc_kcats__", Sign::Canary),
    ("/emoh/", Sign::Path),
    ("/sresU/", Sign::Path),
    ("/toor/", Sign::Path),
    ("/dliub/", Sign::Path),
    ("/crs/yrtsiger/ograc.", Sign::Path),
    ("\\sresU\\:C", Sign::Path),
];

/// Bytes that are kept between two chunks: the longest word, and what of a path stands before and behind it.
const OVERLAP: usize = 256;

/// The search through one file.
#[derive(Debug, Default)]
pub(super) struct Search {
    marks: Marks,
    /// The end of the last chunk, which is searched again.
    window: Vec<u8>,
    /// How much of the window was looked at.
    done: usize,
}

fn marker_search() -> Option<&'static AhoCorasick> {
    static WORDS_FOUND: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    WORDS_FOUND
        .get_or_init(|| {
            let kinds = KINDS.iter().flat_map(|(_, texts)| texts);
            let words = WORDS.iter().map(|(word, _)| word).chain(kinds);
            let forwards = words.map(|word| word.bytes().rev().collect::<Vec<u8>>());
            AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(forwards).ok()
        })
        .as_ref()
}

impl Search {
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.window.extend_from_slice(chunk);
        if self.window.len() >= 4 * OVERLAP {
            self.search_window(OVERLAP);
        }
    }

    /// Searches the window except for its last `keep` bytes, and drops what is no longer needed.
    fn search_window(&mut self, keep: usize) {
        let Some(words) = marker_search() else { return };
        let end = self.window.len().saturating_sub(keep);
        let from = self.done;
        let mut resume = from;
        let found: Vec<_> = words
            .find_iter(self.window.get(from..).unwrap_or_default())
            .map(|found| (found.pattern().as_usize(), from + found.start(), from + found.end()))
            .take_while(|(_, at, _)| *at < end)
            .collect();
        for (word, start, stop) in found {
            resume = stop;
            match WORDS.get(word) {
                Some((_, sign)) => self.mark(*sign, start, stop),
                None => self.marks.kinds.see(word - WORDS.len()),
            }
        }
        self.done = end.max(resume.min(self.window.len()));
        let forget = self.done.saturating_sub(OVERLAP);
        self.window.drain(..forget);
        self.done -= forget;
    }

    fn mark(&mut self, sign: Sign, start: usize, end: usize) {
        let behind = self.window.get(end).copied().unwrap_or_default();
        match sign {
            Sign::BusyBox if behind.is_ascii_digit() => self.marks.multi_call = Some("busybox"),
            Sign::ToyBoxVersion if behind.is_ascii_digit() => self.marks.multi_call = Some("toybox"),
            Sign::ToyBox => {
                let before = self.window.get(start.saturating_sub(64)..start).unwrap_or_default();
                let name: Vec<u8> = "xobyot".bytes().rev().collect();
                let before = before.to_ascii_lowercase();
                if memchr::memmem::find(&before, &name).is_some() {
                    self.marks.multi_call = Some("toybox");
                }
            }
            Sign::Tls(library) => self.marks.tls = Some(library),
            Sign::OwnRoots => self.marks.own_roots = true,
            Sign::Canary => self.marks.canary = true,
            Sign::Path => self.path(start, end),
            Sign::BusyBox | Sign::ToyBoxVersion => {}
        }
    }

    /// Records a path of the build machine: it begins here, and has at least two names below the folder.
    fn path(&mut self, start: usize, end: usize) {
        if self.marks.paths.len() >= Limits::AUDIT_SAMPLES {
            return;
        }
        let in_path = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@\\:".contains(&byte);
        let before = self.window.get(..start).unwrap_or_default();
        let registry = self.window.get(start).is_some_and(|byte| *byte == b'.');
        let begin = if registry {
            let name = before.iter().rev().take(128).take_while(|byte| in_path(**byte)).count();
            start - name
        } else if before.last().is_some_and(|byte| in_path(*byte)) {
            return;
        } else {
            start
        };
        let rest = self.window.get(end..).unwrap_or_default();
        let more = rest.iter().take(128).take_while(|byte| in_path(**byte)).count();
        let tail = rest.get(..more).unwrap_or_default();
        let text = String::from_utf8_lossy(self.window.get(begin..end + more).unwrap_or_default()).into_owned();
        let names: Vec<&[u8]> = tail.split(|byte| matches!(byte, b'/' | b'\\')).filter(|name| name.len() > 1).collect();
        // `/home/alice/main.c` is a source, and `/root/.ssh` a place and no leak.
        let is_file = |name: &&[u8]| name.iter().skip(1).any(|byte| *byte == b'.') && !name.ends_with(b".");
        let is_source = matches!(names.as_slice(), [first, last] if !first.starts_with(b".") && is_file(last));
        // Rust's own sources are at `/rustc/<commit>/`; hardpan's builds have no folder of a machine below `/build`.
        let is_usual = text.contains("/rustc/")
            || NEUTRAL.iter().any(|folder| text.starts_with(folder))
            || !registry && names.len() < 3 && !is_source;
        if !is_usual && !self.marks.paths.contains(&text) {
            self.marks.paths.push(text);
        }
    }

    pub(super) fn finish(mut self, file: &Sparse) -> Marks {
        self.search_window(0);
        // Their banner may be another one than usual.
        for kind in self.marks.kinds.kinds() {
            if matches!(kind, ProgramKind::BusyBox | ProgramKind::ToyBox) {
                self.marks.multi_call = Some(kind.name());
            }
        }
        // UPX writes its mark right behind the program headers.
        let head = file.head();
        let mark: Vec<u8> = "!XPU".bytes().rev().collect();
        self.marks.packed = memchr::memmem::find(head.get(..1024).unwrap_or(head), &mark).is_some();
        self.marks
    }
}

/// The prefixes by which hardpan replaces paths of the build machine (`build::compile`).
const NEUTRAL: [&str; 7] = [
    "/build/cargo/",
    "/build/checkout/",
    "/build/home/",
    "/build/registry/",
    "/build/source/",
    "/build/target/",
    "/build/tmp/",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(text: &str, chunk: usize) -> Marks {
        let mut search = Search::default();
        text.as_bytes().chunks(chunk).for_each(|part| search.push(part));
        search.finish(&Sparse::default())
    }

    fn forwards(text: &str) -> String {
        text.chars().rev().collect()
    }

    #[test]
    fn words_are_found_wherever_chunks_end() {
        let pad = "x".repeat(3000);
        let text = format!("{pad}\0{}1.36.1 (2024)\0{pad}\0{}\0", forwards("v xoBysuB"), forwards("liaf_khc_kcats__"));
        for chunk in [1, 7, 255, 1024, 100_000] {
            let found = marks(&text, chunk);
            assert_eq!((found.multi_call, found.canary), (Some("busybox"), true), "{chunk}");
        }
        assert_eq!(marks(&format!("{}%s", forwards("v xoBysuB")), 9).multi_call, None);
    }

    #[test]
    fn programs_are_known_by_two_texts_and_by_no_single_one() {
        for (kind, [first, second]) in KINDS {
            let (first, second) = (forwards(first), forwards(second));
            let both = format!("{}\0{first} %s\0{}\0{second}\0", "x".repeat(700), "y".repeat(3000));
            for chunk in [1, 255, 4096] {
                assert_eq!(marks(&both, chunk).kinds.kinds().collect::<Vec<_>>(), [kind], "{first}, {chunk}");
            }
            for one in [&first, &second] {
                let text = format!("\0{one}\0{one}\0");
                assert_eq!(marks(&text, 64).kinds.kinds().next(), None, "{one}");
            }
        }
        let renamed = format!("\0{}\0{}", forwards("dnuof ton telppa :"), forwards("senibmoc taht yranib llac-itlum"));
        assert_eq!(marks(&renamed, 9).multi_call, Some("busybox"));
    }

    /// With more the search has no vector instructions to look ahead with, and takes three times as long.
    #[test]
    fn the_words_are_not_more_than_a_vector_search_takes() {
        assert!(WORDS.len() + 2 * KINDS.len() <= 64);
    }

    #[test]
    fn paths_of_builders_are_told_and_paths_of_the_compiler_are_not() {
        let leak = "\0/home/alice/src/server/main.c\0";
        assert_eq!(marks(leak, 5).paths, ["/home/alice/src/server/main.c"]);
        assert_eq!(marks("\0/home/alice/main.c\0", 5).paths, ["/home/alice/main.c"]);
        assert_eq!(marks("\0/root/.cargo/registry/src/index/a-1.0/src/lib.rs\0", 64).paths.len(), 1);
        let usual = "\0/build/registry/ring-0.17/src/hmac.rs\0/rustc/0123456789012345678901234567890123456789/library/core/src/home/a/b/c.rs\0/home/\0/root/.ssh\0src/build/a/b/c\0";
        assert_eq!(marks(usual, 64).paths, Vec::<String>::new());
    }

    #[test]
    fn the_program_that_looks_does_not_find_itself() {
        let own = std::fs::read(std::env::current_exe().expect("a test has a program")).expect("it can be read");
        let mut search = Search::default();
        own.chunks(64 << 10).for_each(|part| search.push(part));
        let found = search.finish(&Sparse::default());
        assert_eq!((found.multi_call, found.tls, found.packed), (None, None, false));
        assert_eq!(found.kinds.kinds().next(), None);
    }
}
