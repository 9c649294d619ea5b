//! Reports for people, within 80 columns.

use comfy_table::{ContentArrangement, Table, presets};
use dynsparse::check::{Agreement, CheckReport, EntryAt, Errors, Found, Known, Seen};

use super::super::output;
use super::super::table::Table as Columns;

const WIDTH: usize = 80;

/// Everything about one task.
pub(super) fn task(report: &CheckReport) -> String {
    let CheckReport { states, smooth, .. } = report;
    let left_out = states - smooth;
    let share = 100.0 * left_out as f64 / *states as f64;
    let mut out = format!(
        "{}: {states} states, {left_out} of them ({share:.1} %) without a derivative\n",
        output::short(&report.task)
    );
    for (engine, reason) in &report.not_covered {
        out.push_str(&output::wrapped("", &format!("{engine} does not cover {reason}")));
    }
    out.push('\n');
    out.push_str(&errors(report));
    for chunk in chunks(report) {
        out.push('\n');
        out.push_str(&parts(report, chunk));
    }
    out.push('\n');
    out.push_str(&flags(report));
    if let Some(table) = zeros(report) {
        out.push('\n');
        out.push_str(&table);
    }
    for (title, found) in [("Worst states", &report.worst), ("Without a derivative", &report.kinks)] {
        if !found.is_empty() {
            out.push_str(&format!("\n{title}:\n"));
            found.iter().for_each(|f| out.push_str(&state(report, f)));
        }
    }
    out.push('\n');
    out
}

/// All tasks, a table for each engine.
pub(super) fn summary(reports: &[CheckReport], failed: &[(String, String)]) -> String {
    let mut engines: Vec<&str> = Vec::new();
    for engine in reports.iter().flat_map(|r| &r.engines) {
        if !engines.contains(&engine.engine.as_str()) {
            engines.push(&engine.engine);
        }
    }
    let mut out = String::new();
    for engine in engines {
        let mut table = table(["task", "states", "kinks %", engine, "", "", "arbiter"]);
        table.add_row(["", "", "", "median", "99 %", "max", "99 %"]);
        for report in reports {
            let found = report.engines.iter().find(|e| e.engine == engine);
            let counted = found.map_or(report.smooth, |e| e.errors.map_or(0, |e| e.states));
            let share = 100.0 * (report.states - counted) as f64 / report.states as f64;
            let [median, p99, max] = match found {
                None => ["not covered", "", ""].map(str::to_owned),
                Some(found) => three(&found.errors),
            };
            let reference = report.reference.map_or(String::new(), |e| number(e.p99));
            let task = output::short(&report.task);
            table.add_row([task, report.states.to_string(), format!("{share:.1}"), median, p99, max, reference]);
        }
        output::right_aligned(&mut table, 1);
        out.push_str(&output::table(&table));
        out.push('\n');
    }
    for report in reports {
        for (engine, reason) in &report.not_covered {
            out.push_str(&output::wrapped("", &format!("{}: {engine} does not cover {reason}", report.task)));
        }
    }
    for (task, reason) in failed {
        out.push_str(&output::wrapped("failed", &format!("{task}: {reason}")));
    }
    out
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table
}

fn number(x: f64) -> String {
    if x == 0.0 { "0".to_owned() } else { format!("{x:.1e}") }
}

fn three(errors: &Option<Errors>) -> [String; 3] {
    errors.map_or([const { String::new() }; 3], |e| [e.median, e.p99, e.max].map(number))
}

fn errors(report: &CheckReport) -> String {
    let engines = report.engines.iter().map(|e| (e.engine.as_str(), e.errors));
    let cell = |errors: Option<Errors>, of: fn(Errors) -> f64| errors.map_or(String::new(), |e| number(of(e)));
    Columns::of(engines.chain([("arbiter, by itself", report.reference)]))
        .words("relative error", |(name, _)| name.to_owned())
        .number("states", |(_, errors)| errors.map_or(0, |e| e.states).to_string())
        .number("median", |(_, errors)| cell(errors, |e| e.median))
        .number("99 %", |(_, errors)| cell(errors, |e| e.p99))
        .number("max", |(_, errors)| cell(errors, |e| e.max))
        .text()
}

/// Engines that fit side by side.
fn chunks(report: &CheckReport) -> Vec<std::ops::Range<usize>> {
    const FIRST: usize = 22;
    let mut chunks = Vec::new();
    let (mut from, mut width) = (0, FIRST);
    for (i, engine) in report.engines.iter().enumerate() {
        let column = engine.engine.len().max(16) + 3;
        if width + column > WIDTH && i > from {
            chunks.push(from..i);
            (from, width) = (i, FIRST);
        }
        width += column;
    }
    if from < report.engines.len() {
        chunks.push(from..report.engines.len());
    }
    chunks
}

/// Medians and maxima by block and by what pushes.
fn parts(report: &CheckReport, engines: std::ops::Range<usize>) -> String {
    let engines = &report.engines[engines];
    let mut table = table(["median, max", "states"]);
    let mut header = vec!["median, max", "states"];
    header.extend(engines.iter().map(|e| e.engine.as_str()));
    table.set_header(header);
    let Some(first) = engines.first() else { return String::new() };
    let cell = |errors: &Option<Errors>| {
        errors.map_or(String::new(), |e| format!("{} {:>8}", number(e.median), number(e.max)))
    };
    let mut row = |label: &str, states: usize, cells: Vec<String>| {
        let mut out = vec![label.to_owned(), states.to_string()];
        out.extend(cells);
        table.add_row(out);
    };
    for (i, (block, _)) in first.blocks.iter().enumerate() {
        let states = engines.iter().filter_map(|e| Some(e.blocks[i].1?.states)).max().unwrap_or(0);
        row(block.label(), states, engines.iter().map(|e| cell(&e.blocks[i].1)).collect());
    }
    for (i, (contacts, _)) in first.contacts.iter().enumerate() {
        let states = engines.iter().filter_map(|e| Some(e.contacts[i].1?.states)).max().unwrap_or(0);
        if states > 0 {
            row(contacts.label(), states, engines.iter().map(|e| cell(&e.contacts[i].1)).collect());
        }
    }
    output::right_aligned(&mut table, 1);
    output::table(&table)
}

fn flags(report: &CheckReport) -> String {
    let engines = report.engines.iter().filter(|e| e.flags.states > 0);
    let rows = engines.map(|e| (e.engine.as_str(), e.flags, Some(e.agreement)));
    let count = |agreement: Option<Agreement>, of: fn(Agreement) -> usize| {
        agreement.map_or(String::new(), |a| of(a).to_string())
    };
    Columns::of([("arbiter", report.arbiter, None)].into_iter().chain(rows))
        .words("no derivative", |(name, ..)| name.to_owned())
        .number("states", |(_, flags, _)| flags.states.to_string())
        .number("contact", |(_, flags, _)| flags.contact.to_string())
        .number("shape", |(_, flags, _)| flags.shape.to_string())
        .number("limit", |(_, flags, _)| flags.limit.to_string())
        .number("friction", |(_, flags, _)| flags.friction.to_string())
        .number("other", |(_, flags, _)| flags.other.to_string())
        .number("both", |(.., agreement)| count(agreement, |a| a.both))
        .number("only", |(.., agreement)| count(agreement, |a| a.engine_only))
        .text()
}

/// Verdicts against the arbiter; None where no engine gives any.
fn zeros(report: &CheckReport) -> Option<String> {
    let (mut rows, mut below) = (Vec::new(), String::new());
    for engine in &report.engines {
        let Some(zeros) = &engine.zeros else { continue };
        rows.extend([
            (engine.engine.as_str(), "zeros", zeros.zero),
            ("", "nonzeros", zeros.nonzero),
            ("", "unknowns", zeros.unknown),
        ]);
        if zeros.zero.nonzero > 0 {
            let most = number(zeros.largest_false);
            below.push_str(&format!("{}: it gives zeros that it calls nonzero up to {most}\n", engine.engine));
            below.push_str(&place(&engine.false_nonzero));
        }
        if zeros.nonzero.zero > 0 {
            let most = number(zeros.largest_missed);
            below.push_str(&format!("{}: the largest nonzero called zero is {most}\n", engine.engine));
            below.push_str(&place(&engine.missed));
        }
    }
    let table = |rows: &[(&str, &str, Known)]| {
        Columns::of(rows.iter().copied())
            .words("verdicts", |(name, ..)| name.to_owned())
            .words("the arbiter's", |(_, truth, _)| truth.to_owned())
            .number("zero", |(.., known)| known.zero.to_string())
            .number("nonzero", |(.., known)| known.nonzero.to_string())
            .number("undecided", |(.., known)| known.undecided.to_string())
            .text()
    };
    (!rows.is_empty()).then(|| table(&rows) + &below)
}

fn place(found: &Option<EntryAt>) -> String {
    let Some(EntryAt { episode, step, substep, entry: [row, column] }) = found else { return String::new() };
    output::wrapped("", &format!("episode {episode}, step {step}, physics step {substep}: d {row}' / d {column}"))
}

fn state(report: &CheckReport, found: &Found) -> String {
    let [value, error] = found.arbiter;
    let near = match found.switch {
        None => "nothing of the constraints switches up to a nudge of 1e-3".to_owned(),
        Some((kind, nudge)) => {
            let kind = format!("{kind:?}").to_lowercase();
            format!("nearest switch: {kind} within a nudge of {nudge:.0e}")
        }
    };
    let mut out = format!("  episode {}, step {}, physics step {}\n", found.episode, found.step, found.substep);
    let [row, column] = &found.entry;
    out.push_str(&output::wrapped("", &format!("d {row}' / d {column}; {near}")));
    if found.kink > 0.0 {
        out.push_str(&format!("    one-sided derivatives {} apart\n", number(found.kink)));
    }
    out.push_str(&format!("    {:<20} {value:>24.15e} +- {}\n", "arbiter", number(error)));
    for (engine, Seen { error, value, switches }) in report.engines.iter().zip(&found.engines) {
        let said = if switches.is_empty() { String::new() } else { format!(", {}", switches.join(" ")) };
        out.push_str(&format!("    {:<20} {value:>24.15e} error {}{said}\n", engine.engine, number(*error)));
    }
    out
}
