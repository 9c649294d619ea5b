//! Text from outside, made safe to show: names in models and recordings are whatever their author has put there.
//!
//! Characters that a terminal obeys, that turn the direction of what follows, or that XML forbids are written as `\u001b`,
//! four hexadecimal digits. Within a string of JSON that means the same character.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character does something else than show itself.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // The direction of text, and invisible ends of lines.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Marks of byte order, and what is no character.
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
}

/// A name, or another text of one line.
pub fn plain(text: &str) -> Cow<'_, str> {
    written(text, is_hidden)
}

/// As [`plain`], and without what has no width: words of a file that no model needs.
pub fn strict(text: &str) -> Cow<'_, str> {
    let no_width = |c| matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}');
    written(text, |c| is_hidden(c) || no_width(c))
}

/// A text of several lines, which may have tabs.
pub fn lines(text: &str) -> Cow<'_, str> {
    written(text, |c| c != '\n' && c != '\t' && is_hidden(c))
}

fn written(text: &str, is_hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 5);
    for c in text.chars() {
        if is_hidden(c) {
            // Writing to a string cannot fail; all of them have four digits at most.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        for (text, shown) in [
            ("knee", "knee"),
            ("Gelenk µ – 関節", "Gelenk µ – 関節"),
            ("a\x1b[2Jb", "a\\u001b[2Jb"),
            ("a\nb\tc\rd", "a\\u000ab\\u0009c\\u000dd"),
            ("a\u{7f}\u{9b}31m", "a\\u007f\\u009b31m"),
            ("gnp.\u{202e}exe", "gnp.\\u202eexe"),
            ("\u{feff}x\u{ffff}", "\\ufeffx\\uffff"),
        ] {
            assert_eq!(plain(text), shown);
        }
        assert!(matches!(plain("knee"), Cow::Borrowed(_)));
        assert_eq!(lines("a\n\tb\x07"), "a\n\tb\\u0007");
    }

    #[test]
    fn within_json_it_is_the_same_character() {
        let name = "a\u{202e}\u{9b}b";
        let json = serde_json::to_string(name).unwrap();
        assert_ne!(plain(&json), json);
        assert_eq!(serde_json::from_str::<String>(&plain(&json)).unwrap(), name);
    }
}
