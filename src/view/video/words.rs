//! Names and numbers as people read them; the page's `words.js` says the same.

use crate::text;

/// A name as it can be shown.
pub(super) fn name(name: &str) -> String {
    text::strict(name).into_owned()
}

/// The name of an entry of the state without what the caption of its block says, and without the word "joint" that many end with.
pub(super) fn entry(label: &str) -> String {
    let own = ["pos:", "vel:", "act:"].iter().find_map(|part| label.strip_prefix(part)).unwrap_or(label);
    let at = own.find("_joint").filter(|at| *at > 0 && matches!(own[at + 6..].chars().next(), None | Some('.')));
    name(&at.map_or_else(|| own.to_owned(), |at| format!("{}{}", &own[..at], &own[at + 6..])))
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    let digits = if share > 0.0 && share < 0.0995 { 2 } else { 1 };
    format!("{:.digits$} %", 100.0 * share)
}

/// A time of a step of `dt`.
pub(super) fn seconds(t: f64, dt: f64) -> String {
    let digits = if dt < 0.01 { 3 } else { 2 };
    format!("{t:.digits$} s").replace('-', "−")
}

/// A distance.
pub(super) fn millimetres(x: f64) -> String {
    let (mm, size) = (1e3 * x, 1e3 * x.abs());
    let text = match size {
        s if s >= 100.0 => format!("{mm:.0}"),
        s if s >= 1.0 => format!("{mm:.1}"),
        s if s >= 0.01 => format!("{mm:.2}"),
        0.0 => "0".to_owned(),
        _ => "below 0.01".to_owned(),
    };
    text.replace('-', "−") + " mm"
}

/// A power of ten.
pub(super) fn power(exponent: i32) -> String {
    let digits = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised = |c: char| c.to_digit(10).map_or('⁻', |d| digits[d as usize]);
    format!("10{}", exponent.to_string().chars().map(raised).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_read_once() {
        assert_eq!(entry("pos:left_knee_joint"), "left_knee");
        assert_eq!(entry("vel:floating_base_joint.rx"), "floating_base.rx");
        assert_eq!(entry("act:_joint"), "_joint");
        assert_eq!(entry("vel:a_jointed"), "a_jointed");
        assert_eq!(entry("pos:a\u{202e}\nb"), "a\\u202e\\u000ab");
        assert_eq!((percent(0.0), percent(0.0525), percent(0.247)), ("0.0 %".into(), "5.25 %".into(), "24.7 %".into()));
        assert_eq!(
            [1.5e-3, -0.25, 3e-5, 1e-9, 0.0].map(millimetres),
            ["1.5 mm", "−250 mm", "0.03 mm", "below 0.01 mm", "0 mm"]
        );
        assert_eq!((power(-12), power(3)), ("10⁻¹²".into(), "10³".into()));
    }
}
