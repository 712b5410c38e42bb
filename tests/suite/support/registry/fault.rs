//! What may go wrong with a request.

use std::time::Duration;

/// What becomes of a request instead of what should.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status, with these fields and this body, and nothing is done.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// The same, with a body that is no text.
    Bytes(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// This status, and a body without an end.
    Endless(u16),
    /// The connection ends after so many bytes of the body; the registry keeps them.
    Cut(usize),
    /// The same, and the registry forgets them.
    Drop(usize),
    /// As many bytes of the body are kept, and that is called good.
    Keep(usize),
    /// All is done, and the connection ends without an answer.
    Lost,
    /// All is done, and the answer is this status alone.
    Done(u16),
    /// All is done, and these fields are in the answer instead of its own; an empty one is left out.
    Fields(Vec<(&'static str, String)>),
    /// The session that it is about is forgotten, and it is told so.
    Forget,
    /// What arrives is stored without its last byte, and called good.
    Truncate,
    /// All is done, in HTTP/1.0: no length, and the connection is the answer's end.
    Old,
    /// All is done, and the answer's body comes byte by byte with such a pause.
    Drip(Duration),
    /// All is done, and the request's body is taken in small sips with such a pause.
    Sip(Duration),
}

impl Fault {
    pub fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), String::new())
    }

    /// A refusal in the specification's form.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = format!("{{\"errors\":[{{\"code\":\"{code}\",\"message\":\"{message}\"}}]}}");
        Self::Answer(status, Vec::new(), body)
    }

    /// A status with fields and no body.
    pub fn fields(status: u16, fields: &[(&'static str, &str)]) -> Self {
        let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self::Answer(status, fields, String::new())
    }
}
