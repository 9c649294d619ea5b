//! Tables of documents that are made from files: between `<!-- table: FILE -->` and `<!-- end -->` lies what the file says.
//!
//! A file is CSV behind a comment, `# command: ...; commit ...`: what its numbers come from.

use anyhow::{Context as _, Result, bail, ensure};

const BEGIN: &str = "<!-- table: ";
const END: &str = "<!-- end -->";

/// The text of a document with its tables made anew; `read` reads the file of a table.
pub(super) fn refreshed(text: &str, read: impl Fn(&str) -> Result<String>) -> Result<String> {
    let mut new = String::with_capacity(text.len());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        new.push_str(line);
        new.push('\n');
        let Some(file) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(" -->")) else { continue };
        let table = table(&read(file)?).with_context(|| file.to_owned())?;
        new.push_str(&format!("\n{table}\n{END}\n"));
        ensure!(lines.by_ref().any(|line| line == END), "{line} has no {END}");
    }
    Ok(new)
}

/// A file as a table in Markdown.
fn table(file: &str) -> Result<String> {
    let mut lines = file.lines();
    let first = lines.next().unwrap_or_default();
    if !first.starts_with("# command: ") || !first.contains("; commit ") {
        bail!("its first line is not `# command: ...; commit ...`");
    }
    let mut table = String::new();
    let mut columns = 0;
    for (number, line) in lines.enumerate() {
        let cells = cells(line).with_context(|| line.to_owned())?;
        if number == 0 {
            columns = cells.len();
        }
        ensure!(cells.len() == columns, "{line}: {} cells under {columns} names", cells.len());
        let cells: Vec<String> = cells.iter().map(|cell| grouped(cell).replace('|', "\\|")).collect();
        table.push_str(&format!("| {} |\n", cells.join(" | ")));
        if number == 0 {
            table.push_str(&format!("|{}\n", "---|".repeat(columns)));
        }
    }
    ensure!(columns > 0, "it has no columns");
    Ok(table)
}

/// The cells of a line of CSV; one with a comma or a quote in it stands in quotes.
fn cells(line: &str) -> Result<Vec<String>> {
    ensure!(line.matches('"').count().is_multiple_of(2), "a quote is open");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
    let record = reader.records().next().context("an empty line")??;
    Ok(record.iter().map(str::to_owned).collect())
}

/// Whole numbers of five digits and more in groups of three.
fn grouped(cell: &str) -> String {
    if cell.len() < 5 || !cell.bytes().all(|b| b.is_ascii_digit()) {
        return cell.to_owned();
    }
    let mut text = String::new();
    for (i, digit) in cell.chars().enumerate() {
        if i > 0 && (cell.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# command: make; commit 0\ntask,\"worst, 90 %\"\n\"a \"\"b\"\" | c\",1234567\nd,4313\n";

    #[test]
    fn a_table_is_made_from_its_file() {
        let old = "text\n\n<!-- table: x.csv -->\nold\n<!-- end -->\n\nmore\n";
        let new = refreshed(old, |name| if name == "x.csv" { Ok(FILE.to_owned()) } else { bail!("{name}") }).unwrap();
        let table = "| task | worst, 90 % |\n|---|---|\n| a \"b\" \\| c | 1 234 567 |\n| d | 4313 |\n";
        assert_eq!(new, format!("text\n\n<!-- table: x.csv -->\n\n{table}\n<!-- end -->\n\nmore\n"));
        assert_eq!(refreshed(&new, |_| Ok(FILE.to_owned())).unwrap(), new);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let old = "<!-- table: x.csv -->\n<!-- end -->\n";
        let said = |file: &'static str| {
            refreshed(old, |_| Ok(file.to_owned())).map_err(|error| format!("{error:#}")).unwrap_err()
        };
        assert!(said("a,b\n").contains("its first line"));
        assert!(said("# command: x; commit 0\n").contains("no columns"));
        assert!(said("# command: x; commit 0\na,b\n1\n").contains("1 cells under 2 names"));
        assert!(said("# command: x; commit 0\na,\"b\n").contains("a quote is open"));
        let open = refreshed("<!-- table: x.csv -->\n", |_| Ok(FILE.to_owned())).unwrap_err();
        assert!(open.to_string().contains("has no"), "{open}");
    }
}
