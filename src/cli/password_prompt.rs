//! [`PasswordPrompt`]: asks at the terminal, and reads a password without showing it.

use std::io::{self, Read as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::report::{ErrorName, Failure, Limits};

/// What Ctrl-C and Ctrl-D send.
const INTERRUPT: u8 = 3;
const END: u8 = 4;
/// What the backspace key sends, and Ctrl-H.
const ERASE: [u8; 2] = [0x7f, 8];

/// Shows a question. One that cannot be shown is still one.
pub(super) fn show(question: &str) {
    let mut stderr = anstream::stderr();
    let _ = write!(stderr, "{question}").and_then(|()| stderr.flush());
}

/// The terminal that standard input is. What it shows is as it was when the prompt is dropped.
#[derive(Debug, Default)]
pub(super) struct PasswordPrompt {
    before: Option<Termios>,
}

impl PasswordPrompt {
    /// Shows a question, and reads a line that is not shown.
    ///
    /// # Errors
    /// The terminal cannot be read or set; Ctrl-C; no password, or one that is too long or not UTF-8.
    pub(super) fn password(&mut self, question: &str) -> Result<String, Failure> {
        let fault = |error: io::Error| Failure::io("read the password", "the terminal", &error);
        let stdin = io::stdin();
        let before = tcgetattr(&stdin).map_err(|error| fault(error.into()))?;
        let mut silent = before.clone();
        // Byte by byte, so that Ctrl-C comes as one and the terminal is never left silent.
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(&stdin, OptionalActions::Flush, &silent).map_err(|error| fault(error.into()))?;
        self.before = Some(before);
        show(question);
        let typed = read_line(&mut stdin.lock());
        self.restore();
        show("\n");
        let wrong = |what: &str| Failure::error(ErrorName::Credentials, what.to_owned());
        let bytes = typed.map_err(fault)?.ok_or_else(|| wrong("interrupted: no password was given"))?;
        let text = String::from_utf8(bytes).map_err(|_| wrong("the password is not UTF-8"))?;
        if text.is_empty() {
            return Err(wrong("the password is empty"));
        }
        if text.len() as u64 > Limits::PASSWORD_BYTES || text.contains('\0') {
            return Err(wrong("the password is too long"));
        }
        Ok(text)
    }

    fn restore(&mut self) {
        if let Some(before) = self.before.take() {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        }
    }
}

impl Drop for PasswordPrompt {
    fn drop(&mut self) {
        self.restore();
    }
}

/// The bytes up to the end of the line; none after Ctrl-C.
fn read_line(from: &mut impl io::BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line: Vec<u8> = Vec::new();
    for byte in from.take(Limits::PASSWORD_BYTES + 1).bytes() {
        match byte? {
            INTERRUPT => return Ok(None),
            b'\n' | b'\r' | END => break,
            byte if ERASE.contains(&byte) => {
                // A character, not a byte.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            byte => line.push(byte),
        }
    }
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_terminal_are_read() {
        let typed = |bytes: &[u8]| read_line(&mut &*bytes).ok().flatten().map(String::from_utf8);
        let line = |text: &str| Some(Ok(text.to_owned()));
        assert_eq!(typed(b"secret\nrest"), line("secret"));
        assert_eq!(typed("a\u{e4}\u{7f}b\r".as_bytes()), line("ab"));
        assert_eq!(typed(b"\x7f\x08x\x04"), line("x"));
        assert_eq!(typed(b"secret\x03"), None);
        assert_eq!(typed(b""), line(""));
    }
}
