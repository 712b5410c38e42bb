//! A recipe is parsed or refused.

use hardpan::{recipe, report::FailurePlace};

pub fn run(text: &str) {
    if let Err(failure) = recipe::parse("fuzz.toml", text) {
        assert!(!failure.what.is_empty());
        if let Some(FailurePlace::Recipe(origin)) = &failure.place {
            assert!(origin.source.text.get(origin.span.clone()).is_some());
            let (line, column) = origin.line_column();
            assert!(line > 0 && column > 0);
        }
        assert!(!failure.to_string().chars().any(|c| c.is_control() && c != '\n'));
    }
}
