//! ELF003 to ELF009, ELF011 and ELF012: how programs are hardened, and what they disclose.

use std::cell::OnceCell;

use super::{
    super::{
        image_view::{Entrypoint, ImageView},
        rule_notes::RuleNotes,
    },
    rule_check::RuleCheck,
};
use crate::rootfs::{ElfFile, EntryIndex, TarEntry, TarEntryKind};
use crate::{
    elf::{Elf, Hardening, Language, NotElf, Relro, Stack},
    report::{Rule, Severity},
};

pub(super) const CHECK: RuleCheck = RuleCheck {
    rules: &[
        Rule::MissingCertificates,
        Rule::NotPie,
        Rule::ExecutableStack,
        Rule::NoRelro,
        Rule::NoStackCanary,
        Rule::DebugInfo,
        Rule::BuildPaths,
        Rule::PackedBinary,
        Rule::NoDependencyData,
        Rule::HostPath,
        Rule::NeedsCgo,
    ],
    files: true,
    run: check_programs,
};

/// Where programs look for CA certificates.
const CERTIFICATES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/share/ca-certificates",
];

/// Names of sections hold so much of nothing that this is no debug information.
const DEBUG_BYTES: u64 = 4 << 10;

fn check_programs(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let entrypoint = match view.entrypoint() {
        Entrypoint::At(path, _) => view.find(path).ok().map(|(_, node, _)| node.inode),
        _ => None,
    };
    // Searched lazily: few images have a program that needs them, and there are many places.
    let known = OnceCell::new();
    let certificates = || *known.get_or_init(|| has_certificates(view));
    let why = "an image does not record the folders of the machine that built it; `build-paths` finds the usual ones";
    notes.not_applicable(Rule::HostPath, why);
    let why = "an image does not record which packages of a program are stubs; `hardpan build` finds them";
    notes.not_applicable(Rule::NeedsCgo, why);
    for (path, node, entry) in view.files() {
        let Some(file) = view.elf(node.inode) else { continue };
        let main = Some(node.inode) == entrypoint;
        let subject = Subject { view, path, at: node.inode, main };
        if file.marks.packed && entry.is_executable() {
            subject.found(
                notes,
                Rule::PackedBinary,
                format!("`{path}` is packed, which hides its content from scanners"),
            );
        }
        match &file.headers {
            Ok(elf) => match &file.hardening {
                Some(hardening) => {
                    check_hardening(&subject, notes, entry, elf, hardening, file);
                    check_disclosures(&subject, notes, entry, elf, hardening, file, &certificates);
                }
                None => subject.unread(notes, "its headers or the names of its sections cannot be read"),
            },
            // Objects and cores are not run; what is broken is not run either, and the kernel says so.
            Err(NotElf::TooFar) => {
                subject.unread(notes, "its headers lead farther from its beginning than the audit looks");
            }
            Err(_) => {}
        }
    }
}

/// One ELF file of an image.
struct Subject<'v, 'a> {
    view: &'v ImageView<'a>,
    path: &'v str,
    at: EntryIndex,
    /// It is what the container starts.
    main: bool,
}

impl Subject<'_, '_> {
    fn found(&self, notes: &mut RuleNotes, rule: Rule, message: String) {
        self.weigh(notes, rule, rule.facts().severity, message);
    }

    fn weigh(&self, notes: &mut RuleNotes, rule: Rule, severity: Severity, message: String) {
        notes.weigh(rule, severity, self.view.place(self.at), message);
    }

    /// Reports a program that cannot be read: for the entrypoint the rules have no answer, for others there is a finding.
    fn unread(&self, notes: &mut RuleNotes, why: &str) {
        if self.main {
            notes.unknown(Rule::ExecutableStack, self.view.place(self.at), why);
        }
    }
}

fn check_hardening(
    subject: &Subject<'_, '_>,
    notes: &mut RuleNotes,
    entry: &TarEntry,
    elf: &Elf,
    hardening: &Hardening,
    file: &ElfFile,
) {
    let path = subject.path;
    let started = elf.starts && entry.is_executable();
    if started && hardening.fixed {
        // Without a loader there is little to relocate, and Go's default is this.
        let light = hardening.is_static || hardening.language == Language::Go;
        let severity = if light { Severity::Low } else { Severity::Medium };
        subject.weigh(notes, Rule::NotPie, severity, format!("`{path}` is not position independent"));
    }
    if hardening.writable_code {
        subject.found(notes, Rule::ExecutableStack, format!("`{path}` has a segment that is writable and executable"));
    } else if hardening.stack == Stack::Executable {
        subject.found(notes, Rule::ExecutableStack, format!("`{path}` has an executable stack (PT_GNU_STACK)"));
    } else if hardening.text_relocations {
        subject.found(notes, Rule::ExecutableStack, format!("`{path}` has text relocations (DT_TEXTREL)"));
    } else if hardening.stack == Stack::Absent && started && matches!(elf.machine.number, 3 | 40 | 62) {
        let message =
            format!("`{path}` has no PT_GNU_STACK header: the kernel decides whether its stack is executable");
        // Linux gives 64 bit programs a plain stack since 5.8, and others one that code can run on.
        let severity = if elf.machine.number == 62 { Severity::Medium } else { Severity::High };
        subject.weigh(notes, Rule::ExecutableStack, severity, message);
    }
    // A static program at a fixed address has nothing that is relocated.
    let relocated = !(hardening.is_static && hardening.fixed);
    if started && relocated && hardening.relro == Relro::None {
        let severity = if hardening.language == Language::Go { Severity::Low } else { Severity::Medium };
        subject.weigh(notes, Rule::NoRelro, severity, format!("the relocations of `{path}` stay writable (no RELRO)"));
    }
    if started && hardening.language == Language::C && !hardening.is_static && !file.marks.canary {
        let message = format!("`{path}` does not call the stack protector");
        subject.found(notes, Rule::NoStackCanary, message);
    }
}

fn check_disclosures(
    subject: &Subject<'_, '_>,
    notes: &mut RuleNotes,
    entry: &TarEntry,
    elf: &Elf,
    hardening: &Hardening,
    file: &ElfFile,
    certificates: &dyn Fn() -> bool,
) {
    let path = subject.path;
    if hardening.debug_bytes > DEBUG_BYTES {
        let message = format!("`{path}` holds {} bytes of debug information", hardening.debug_bytes);
        subject.found(notes, Rule::DebugInfo, message);
    } else if hardening.symbol_bytes > DEBUG_BYTES && entry.is_executable() {
        let message = format!("`{path}` holds {} bytes of symbols", hardening.symbol_bytes);
        subject.found(notes, Rule::DebugInfo, message);
    }
    if !file.marks.paths.is_empty() {
        let shown = file.marks.paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
        subject.found(notes, Rule::BuildPaths, format!("`{path}` holds paths of the machine that built it: {shown}"));
    }
    let started = elf.starts && entry.is_executable();
    let tls = file.marks.tls.or_else(|| {
        let openssl = elf.needed.iter().any(|name| name.starts_with("libssl.so"));
        openssl.then_some("OpenSSL")
    });
    if let Some(library) = tls.filter(|_| started && !file.marks.own_roots && !certificates()) {
        let severity = if subject.main { Severity::Medium } else { Severity::Low };
        let message =
            format!("`{path}` checks certificates with {library}, and there are no CA certificates in the image");
        subject.weigh(notes, Rule::MissingCertificates, severity, message);
    }
    if subject.main && !hardening.dependencies {
        subject.found(notes, Rule::NoDependencyData, format!("`{path}` has no list of its dependencies"));
    }
}

fn has_certificates(view: &ImageView<'_>) -> bool {
    let own = view.env().into_iter().filter(|(name, _)| matches!(*name, "SSL_CERT_FILE" | "SSL_CERT_DIR"));
    let named: Vec<&str> = own.map(|(_, value)| value).filter(|value| value.starts_with('/')).collect();
    let hashed = || view.nodes().any(|(path, _, entry)| path.starts_with("/etc/ssl/certs/") && entry.size > 0);
    let any = CERTIFICATES.iter().copied().chain(named).any(|path| match view.look_up(path) {
        Ok((_, Some((_, entry)))) => entry.kind == TarEntryKind::Directory || entry.size > 0,
        Ok((_, None)) => true,
        Err(_) => false,
    });
    // A layer that was not read may have them.
    any || !view.complete || hashed()
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, SampleProgram, found, has};
    use super::*;

    fn audit(program: &[u8], more: Vec<SampleFile>) -> super::super::super::Audit {
        let files = more.into_iter().chain([SampleFile::new("app", program).mode(0o555)]);
        SampleImage::new().entrypoint(&["/app"]).layer(files).audit()
    }

    fn rules(program: &SampleProgram) -> Vec<Rule> {
        let mut rules = has(&audit(&program.bytes(), vec![]), CHECK.rules);
        // The test's programs tell nothing of themselves.
        rules.retain(|rule| *rule != Rule::NoDependencyData);
        rules
    }

    #[test]
    fn hardening_is_read_from_the_headers() {
        let good = SampleProgram::default;
        assert_eq!(rules(&good()), []);
        assert_eq!(rules(&SampleProgram { fixed: true, ..good() }), [Rule::NotPie]);
        assert_eq!(rules(&SampleProgram { stack: 7, ..good() }), [Rule::ExecutableStack]);
        assert_eq!(rules(&SampleProgram { code: 7, ..good() }), [Rule::ExecutableStack]);
        assert_eq!(rules(&SampleProgram { relro: false, ..good() }), [Rule::NoRelro]);
    }

    #[test]
    fn tls_without_certificates_and_paths_of_builders_are_found() {
        let word: String = "shtap_yfirev_tluafed_tes_XTC_LSS".chars().rev().collect();
        let mut program = SampleProgram::default().bytes();
        program.extend(format!("\0{word}\0/home/alice/src/app/main.c\0").bytes());
        let all = has(&audit(&program, vec![]), CHECK.rules);
        assert!(all.contains(&Rule::MissingCertificates) && all.contains(&Rule::BuildPaths), "{all:?}");
        let bundle = SampleFile::text("etc/ssl/certs/ca-certificates.crt", "x");
        assert!(found(&audit(&program, vec![bundle]), Rule::MissingCertificates).is_empty());
    }
}
