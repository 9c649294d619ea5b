//! Tables as CSV. Names in them come from users, and a spreadsheet runs a cell that begins like a formula: such a text gets a
//! single quote in front, which spreadsheets take for "this is text". Numbers stay as they are.

use serde_json::Value;

use super::AnalysisError;
use crate::text::lines;

/// What a formula begins with; spreadsheets take the wide forms for the narrow ones.
const BEGINS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A text as a cell holds it.
pub fn quoted(text: &str) -> String {
    if text.starts_with(BEGINS) { format!("'{text}") } else { text.to_owned() }
}

/// A value as a cell holds it; null is an empty cell.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => quoted(&lines(text)),
        other => other.to_string(),
    }
}

/// A table: the header, then the rows.
///
/// # Errors
/// [`AnalysisError::Write`], which a writer into memory does not give.
pub fn text(header: &[&str], rows: impl IntoIterator<Item = Vec<Value>>) -> Result<Vec<u8>, AnalysisError> {
    append(Vec::new(), header, rows)
}

/// As [`text`], behind what is there already.
///
/// # Errors
/// As [`text`].
pub(super) fn append(
    before: Vec<u8>,
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<Value>>,
) -> Result<Vec<u8>, AnalysisError> {
    let trouble = |e: &dyn std::fmt::Display| AnalysisError::Write { file: "CSV".into(), reason: e.to_string() };
    let mut writer = csv::Writer::from_writer(before);
    writer.write_record(header).map_err(|e| trouble(&e))?;
    for row in rows {
        writer.write_record(row.iter().map(cell)).map_err(|e| trouble(&e))?;
    }
    writer.into_inner().map_err(|e| trouble(&e.error()))
}

/// JSON for a line of comment. A spreadsheet takes that line apart at its commas too, so what begins like a formula behind one
/// is written as JSON's escape.
pub(super) fn comment(value: &Value) -> String {
    let mut out = String::new();
    let (mut inside, mut escaped, mut before) = (false, false, ' ');
    for c in value.to_string().chars() {
        if inside && !escaped && matches!(before, ',' | ';') && BEGINS.contains(&c) {
            out.push_str(&format!("\\u{:04x}", c as u32));
        } else {
            out.push(c);
        }
        inside ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_no_formulas_and_numbers_are_numbers() {
        let rows = [
            vec![json!("=1+2"), json!(-1.5)],
            vec![json!("-x"), json!(null)],
            vec![json!("@a"), json!(3)],
            vec![json!("+a"), json!(true)],
            vec![json!("\tb"), json!("a,\"b\"\nc")],
            vec![json!("＝1"), json!("a=1\u{1b}[31m")],
        ];
        let text = String::from_utf8(text(&["name", "value"], rows).unwrap()).unwrap();
        let expected = "name,value\n'=1+2,-1.5\n'-x,\n'@a,3\n'+a,true\n'\tb,\"a,\"\"b\"\"\nc\"\n'＝1,a=1\\u001b[31m\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn comments_hold_the_same_json() {
        let value = json!({"a,=b": ["x;@y", "q\\\",-1", "\",+"], "n": [0, -1]});
        let text = comment(&value);
        assert!(!text.contains(",=") && !text.contains(";@") && !text.contains(",+"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
