//! The filter of the HTML report: its controls, which only the script shows, and the script.

use super::html_text::HtmlText;
use crate::report::Severity;

/// The script of the page, whose digest is in the page's policy. It writes text and hides elements, and nothing else.
pub(super) const SCRIPT: &str = include_str!("page.js");

/// The controls. Where no script runs they would do nothing, and stay hidden.
pub(super) fn controls(page: &mut HtmlText) {
    page.html("<section class=\"card filter\" id=\"filter\" aria-label=\"Filter of the findings\" hidden>\n");
    page.html("<fieldset><legend>Show findings of severity</legend>\n");
    for severity in Severity::ALL.iter().rev() {
        page.html("<label><input type=\"checkbox\" value=\"").text(severity.name()).html("\" checked> ");
        page.text(severity.name()).html("</label>\n");
    }
    page.html("</fieldset>\n<label for=\"filter-text\">with these words</label>\n");
    page.html("<input type=\"search\" id=\"filter-text\" autocomplete=\"off\" spellcheck=\"false\">\n");
    page.html("<p class=\"meta\" id=\"filter-count\" role=\"status\"></p>\n</section>\n");
}
