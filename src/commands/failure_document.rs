//! A failure as JSON, in the documents of verbs and in metadata files.

use serde_json::{Value, json};

use crate::report::{Failure, FailurePlace, Failures};

/// A failure as JSON: the name in `error[NAME]`, the exit code that it alone ends with, its place, sentence and hint.
pub fn failure_document(failure: &Failure) -> Value {
    let mut document = json!({
        "name": failure.label(),
        "exit": Failures(vec![failure.clone()]).exit_code(),
        "message": failure.what,
    });
    let Some(object) = document.as_object_mut() else { return document };
    match &failure.place {
        Some(FailurePlace::Recipe(origin)) => {
            let (line, column) = origin.line_column();
            object.insert("path".to_owned(), json!(origin.source.path));
            object.insert("line".to_owned(), json!(line));
            object.insert("column".to_owned(), json!(column));
        }
        Some(FailurePlace::Path(path)) => {
            object.insert("path".to_owned(), json!(path.to_string_lossy()));
        }
        None => {}
    }
    if let Some(hint) = &failure.hint {
        object.insert("hint".to_owned(), json!(hint));
    }
    document
}
