//! Numbers and words for people, within 80 columns.

/// Reasons, contact sets and cells that are shown; the files have all.
pub(super) const SHOWN: usize = 6;

pub(in super::super) fn heading(title: &str) -> String {
    format!("\n{title}\n")
}

/// A share as percent.
pub(in super::super) fn percent(share: f64) -> String {
    match 100.0 * share {
        x if x > 0.0 && x < 0.005 => format!("{x:.0e}"),
        x if x > 0.0 && x < 0.05 => format!("{x:.2}"),
        x => format!("{x:.1}"),
    }
}

/// A share as percent, where there is one.
pub(in super::super) fn share(x: Option<f64>) -> String {
    x.map_or_else(|| "-".to_owned(), percent)
}

/// What the words of a table mean.
pub(in super::super) fn note(text: &str) -> String {
    let mut out = String::from(" ");
    let mut width = 1;
    for word in text.split(' ') {
        if width + 1 + word.chars().count() > 79 {
            out.push_str("\n ");
            width = 1;
        }
        out.push(' ');
        out.push_str(word);
        width += 1 + word.chars().count();
    }
    out + "\n"
}

/// A number with three digits that count.
pub(super) fn short(x: f64) -> String {
    match x.abs() {
        0.0 => "0".to_owned(),
        a if !(1e-3..1e5).contains(&a) => format!("{x:.1e}"),
        a if a >= 100.0 => format!("{x:.0}"),
        a if a >= 10.0 => format!("{x:.1}"),
        a if a >= 1.0 => format!("{x:.2}"),
        _ => format!("{x:.3}"),
    }
}

/// The same of a number that there may not be.
pub(in super::super) fn maybe(x: Option<f64>) -> String {
    x.map_or_else(|| "-".to_owned(), short)
}

pub(in super::super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    format!("{}~", text.chars().take(most - 1).collect::<String>())
}
