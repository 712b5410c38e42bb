//! TOOL010 and TOOL011: dumps of databases, and what processes and editors left of their memory.

use super::{
    super::{image_view::ImageView, rule_notes::RuleNotes},
    group::Groups,
    rule_check::RuleCheck,
};
use crate::report::{Rule, Severity};
use crate::rootfs::{DataKind, FileContent, TarEntry, parent};

pub(super) const CHECK: RuleCheck =
    RuleCheck { rules: &[Rule::DatabaseDump, Rule::MemoryDump], files: true, run: check_dumps };

/// Ends of the names of dumps that are packed, so that nothing is known of their rows.
const PACKED: [&str; 8] =
    [".sql.gz", ".sql.zst", ".sql.xz", ".sql.bz2", ".sql.zip", ".dump.gz", ".dump.zst", ".bson.gz"];

/// Folders whose databases are those of the system and of packages.
const OF_SYSTEM: [&str; 4] = ["/usr/", "/var/lib/rpm/", "/var/cache/", "/var/lib/dnf/"];

/// Folders of packages, wherever they are.
const OF_PACKAGES: [&str; 4] = ["/node_modules/", "/site-packages/", "/dist-packages/", "/gems/"];

/// A database of SQLite as large as this has more than its tables' definitions in it, which take a page or two.
const FILLED: u64 = 16 << 10;

fn check_dumps(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let mut dumps = Groups::new(Rule::DatabaseDump);
    let mut memory = Groups::new(Rule::MemoryDump);
    for (path, node, entry) in view.files() {
        let kind = match view.content(node.inode) {
            Some(FileContent::Data(kind)) => Some(*kind),
            _ => None,
        };
        let place = || view.place(node.inode);
        if let Some((severity, what)) = database(path, entry, kind) {
            dumps.add(severity, format!("{what} in `{}`", parent(path)), place);
        } else if let Some((severity, what)) = kind.and_then(memory_of) {
            memory.add(severity, format!("{what} in `{}`", parent(path)), place);
        }
    }
    dumps.report(notes, said);
    memory.report(notes, said);
}

/// What is said of the files of one kind in one folder.
fn said(what: &str, number: usize) -> String {
    if number == 1 { what.to_owned() } else { format!("{what}, and {} more", number - 1) }
}

/// What a file is as the dump of a database, and what it weighs.
fn database(path: &str, entry: &TarEntry, kind: Option<DataKind>) -> Option<(Severity, &'static str)> {
    let is_of_package = || {
        OF_SYSTEM.iter().any(|folder| path.starts_with(folder))
            || OF_PACKAGES.iter().any(|folder| path.contains(folder))
    };
    match kind {
        Some(DataKind::SqlDump) => Some((Severity::Medium, "the dump of a database with its rows")),
        Some(DataKind::PostgresArchive) => Some((Severity::Medium, "an archive of PostgreSQL")),
        Some(DataKind::RedisState) => Some((Severity::Medium, "the state of a Redis")),
        Some(DataKind::Sqlite) if entry.size >= FILLED && !is_of_package() => {
            Some((Severity::Low, "a filled database of SQLite"))
        }
        None if entry.size > 0 && PACKED.iter().any(|end| entry.name().ends_with(end)) && !is_of_package() => {
            Some((Severity::Low, "what its name calls a packed dump of a database"))
        }
        _ => None,
    }
}

/// What a file is as the memory of a process, and what it weighs.
fn memory_of(kind: DataKind) -> Option<(Severity, &'static str)> {
    match kind {
        DataKind::Core => Some((Severity::Medium, "the memory of a process that crashed")),
        DataKind::SwapArea => Some((Severity::Medium, "a file for swapped memory")),
        DataKind::EditorSwap => Some((Severity::Low, "what vim kept of a file")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, found, has};
    use super::*;

    #[test]
    fn dumps_of_databases_are_known_by_their_bytes_and_packed_ones_by_their_names() {
        let with = |path: &str, bytes: &[u8]| {
            let audit = SampleImage::new().layer([SampleFile::new(path, bytes)]).audit();
            assert_eq!(has(&audit, &[Rule::MemoryDump]), []);
            found(&audit, Rule::DatabaseDump).first().map(|one| one.severity)
        };
        let dump = b"-- MySQL dump 10.13\n\nINSERT INTO `t` VALUES (1);\n";
        assert_eq!(with("srv/x.txt", dump), Some(Severity::Medium));
        assert_eq!(with("srv/x.sql", b"CREATE TABLE t (id int);\nINSERT INTO t VALUES (1);\n"), None, "a migration");
        assert_eq!(with("srv/x.sql", b"-- MySQL dump 10.13\n\nCREATE TABLE t (id int);\n"), None, "a schema");
        assert_eq!(with("srv/x", b"PGDMP\x01\x0e\0"), Some(Severity::Medium));
        assert_eq!(with("srv/dump.rdb", b"REDIS0011\xfa"), Some(Severity::Medium));
        let mut sqlite = b"SQLite format 3\0".to_vec();
        assert_eq!(with("srv/empty.db", &sqlite), None);
        sqlite.resize(20_000, 1);
        assert_eq!(with("srv/x.db", &sqlite), Some(Severity::Low));
        assert_eq!(with("usr/share/x.db", &sqlite), None);
        assert_eq!(with("srv/backup.sql.gz", b"x"), Some(Severity::Low));
        assert_eq!(with("app/node_modules/x/test.sql.gz", b"x"), None);
    }

    #[test]
    fn memory_of_processes_and_editors_is_known_by_its_bytes() {
        let with = |bytes: &[u8]| {
            let audit = SampleImage::new().layer([SampleFile::new("srv/core", bytes)]).audit();
            found(&audit, Rule::MemoryDump).first().map(|one| one.severity)
        };
        let mut core = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04\0".to_vec();
        core.resize(64, 0);
        assert_eq!(with(&core), Some(Severity::Medium));
        assert_eq!(with(b"b0VIM 9.1\0"), Some(Severity::Low));
        let mut swap = vec![0; 4086];
        swap.extend(b"SWAPSPACE2");
        assert_eq!(with(&swap), Some(Severity::Medium));
        assert_eq!(with(b"core"), None);
    }
}
