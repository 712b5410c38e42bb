//! Parses the rules of `make` in which compilers and linkers list the files that they read.

use std::path::PathBuf;

/// The prerequisites of every rule in `text`, in their order: `target: a b\ c \` and the next line. `\ ` is a blank, `$$` a
/// dollar, `\#` a number sign, and a `\` at the end of a line joins the next one (gcc's `-M`, rustc's dep-info, the
/// `--dependency-file` of GNU ld and lld). Rules without prerequisites and comments say nothing.
pub(in super::super) fn prerequisites(text: &str) -> Vec<PathBuf> {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let rules = joined.lines().filter(|line| !line.starts_with('#'));
    rules.filter_map(|rule| rule.split_once(':').filter(is_rule)).flat_map(|(_, list)| words(list)).collect()
}

/// Whether what follows the colon is a list: a colon within a name is followed by more of it.
fn is_rule((_, list): &(&str, &str)) -> bool {
    list.is_empty() || list.starts_with([' ', '\t'])
}

fn words(list: &str) -> Vec<PathBuf> {
    let mut words = vec![String::new()];
    let mut chars = list.chars().peekable();
    while let Some(c) = chars.next() {
        let Some(word) = words.last_mut() else { break };
        match (c, chars.peek()) {
            ('\\', Some(' ' | '#' | '\\')) | ('$', Some('$')) => word.extend(chars.next()),
            (' ' | '\t', _) => words.push(String::new()),
            (c, _) => word.push(c),
        }
    }
    words.into_iter().filter(|word| !word.is_empty()).map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_gcc_rustc_and_linkers_write_them() {
        for (text, expected) in [
            (
                "/t/app.d: src/main.rs a\\ b.txt ../x\n\nsrc/main.rs:\n# env-dep:X=1\n",
                &["src/main.rs", "a b.txt", "../x"][..],
            ),
            (
                "a.out: \\\n /usr/lib/crt1.o \\\n  /usr/lib/libc.a\n\n/usr/lib/crt1.o:\n\n",
                &["/usr/lib/crt1.o", "/usr/lib/libc.a"],
            ),
            (
                "x.o: /usr/include/stdio.h \\\n /usr/include/features.h\ny.o: /usr/include/z.h\n",
                &["/usr/include/stdio.h", "/usr/include/features.h", "/usr/include/z.h"],
            ),
            ("x: a$$b c\\#d\n", &["a$b", "c#d"]),
            ("", &[]),
            ("x:\n", &[]),
        ] {
            assert_eq!(prerequisites(text), expected.iter().map(PathBuf::from).collect::<Vec<_>>(), "{text}");
        }
    }
}
