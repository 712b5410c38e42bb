//! The HTML writer of the report: text of hardpan as it is, everything else escaped.

use std::fmt::Display;

use crate::report::printable;

/// HTML in the making. Only text that is in this program's source gets in as it is: [`html`](Self::html) takes `'static`
/// text alone, whatever is made at run time goes through [`text`](Self::text).
#[derive(Debug, Default)]
pub(super) struct HtmlText(String);

impl HtmlText {
    /// Our own HTML.
    pub(super) fn html(&mut self, html: &'static str) -> &mut Self {
        self.0.push_str(html);
        self
    }

    /// Any text, as an element's content or between the double quotes of an attribute.
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        for c in printable(&text.to_string()).chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
        self
    }

    /// Foreign text between `<code>` tags; its direction of writing does not leak out.
    pub(super) fn code(&mut self, text: impl Display) -> &mut Self {
        self.html("<code dir=\"ltr\">").text(text).html("</code>")
    }

    /// A sentence, the names in its backticks as code.
    pub(super) fn prose(&mut self, text: &str) -> &mut Self {
        let mut parts = text.split('`').peekable();
        let mut inside = false;
        while let Some(part) = parts.next() {
            // A backtick without a second one is a backtick.
            if inside && parts.peek().is_none() {
                self.html("`").text(part);
            } else if inside {
                self.code(part);
            } else {
                self.text(part);
            }
            inside = !inside;
        }
        self
    }

    /// The style sheet: our own file, and places of boxes, which are numbers.
    pub(super) fn style(&mut self, css: &str) -> &mut Self {
        self.0.push_str(css);
        self
    }

    /// Another page's part.
    pub(super) fn part(&mut self, part: &Self) -> &mut Self {
        self.0.push_str(&part.0);
        self
    }

    /// The whole.
    pub(super) fn done(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_make_code_in_pairs_only() {
        let mut page = HtmlText::default();
        page.prose("a `<b>` c `d");
        assert_eq!(page.done(), "a <code dir=\"ltr\">&lt;b&gt;</code> c `d");
    }

    #[test]
    fn text_can_neither_open_a_tag_nor_leave_an_attribute() {
        let mut page = HtmlText::default();
        page.text("</p><script>'\"&\u{202e}\n");
        assert_eq!(page.done(), "&lt;/p&gt;&lt;script&gt;&#39;&quot;&amp;\\u{202e}\\n");
    }
}
