//! The entries of a foreign layer are read, or it is refused.

pub fn run(bytes: &[u8]) {
    if let Ok(entries) = hardpan::inspect::entries(bytes, 1000, &mut hardpan::inspect::ReportBudget::default()) {
        assert!(entries.len() <= 1000);
        assert!(entries.iter().all(|entry| entry.path.starts_with('/')));
    }
}
