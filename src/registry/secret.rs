//! [`Secret`]: a password or token, which no message and no log shows.

use std::fmt;

/// What must never be shown: a password, a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text out of sight.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Foreign text as it may be shown: nothing of it, when one of `secrets` is in it. What is left around a secret that
    /// was cut out can tell as much.
    pub(super) fn hide(secrets: &[Self], text: String) -> String {
        let lower = text.to_lowercase();
        let holds = |secret: &Self| !secret.0.is_empty() && lower.contains(&secret.0.to_lowercase());
        if secrets.iter().any(holds) { "***".to_owned() } else { text }
    }

    /// The text itself, for a request.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_a_secret_in_them_are_not_shown() {
        let secrets = [Secret::new("Hunter2"), Secret::new("")];
        let hide = |text: &str| Secret::hide(&secrets, text.to_owned());
        assert_eq!(hide("bad hunter2secret"), "***");
        assert_eq!(hide("bad login"), "bad login");
        assert_eq!(hide(""), "");
    }
}
