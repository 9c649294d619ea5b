//! Results as a table for programs, and as pages for people.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::results::Results;

/// How many of the worst models are named.
const NAMED: usize = 15;

/// One model. Numbers that do not exist are None.
struct Row<'a> {
    line: &'a Value,
}

impl<'a> Row<'a> {
    fn text(&self, pointer: &str) -> &'a str {
        self.line.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, pointer: &str) -> Option<f64> {
        self.line.pointer(pointer).and_then(Value::as_f64)
    }

    fn count(&self, pointer: &str) -> u64 {
        self.line.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
    }

    /// Of the report's one engine.
    fn engine(&self, field: &str) -> Option<f64> {
        self.number(&format!("/survey/report/engines/0/{field}"))
    }

    /// States that `who` flags: both, engine_only, arbiter_only.
    fn flagged(&self, who: &str) -> u64 {
        self.count(&format!("/survey/report/engines/0/agreement/{who}"))
    }

    fn states(&self) -> u64 {
        self.count("/survey/report/states")
    }

    fn judged(&self) -> bool {
        self.states() > 0
    }

    fn implicit(&self) -> bool {
        self.text("/facts/engine").starts_with("implicit")
    }

    /// What `auto` falls back for, without the words that are always there.
    fn fallback(&self) -> &'a str {
        let text = self.text("/facts/fallback");
        text.split_once("does not cover ").map_or(text, |(_, reason)| reason)
    }

    /// Why there is nothing to report, without the file's name.
    fn refusal(&self) -> &'a str {
        let text = match self.text("/survey/refused") {
            "" => self.text("/error"),
            text => text,
        };
        text.rsplit_once(".xml: ").map_or(text, |(_, reason)| reason)
    }

    /// A Jacobian's cost in steps of `mj_step`, and as a share of centred mjd_transitionFD.
    fn steps(&self) -> Option<f64> {
        Some(self.number("/survey/cost/jacobian_us")? / self.number("/survey/cost/step_us")?)
    }

    fn share(&self) -> Option<f64> {
        Some(self.number("/survey/cost/jacobian_us")? / self.number("/survey/cost/transition_fd_us")?)
    }
}

/// The models among the lines: what MuJoCo loads and can move, once.
fn models(results: &Results) -> Vec<Row<'_>> {
    let mut seen = BTreeSet::new();
    let rows = results.lines.iter().map(|line| Row { line });
    rows.filter(|row| {
        let sha256 = row.text("/facts/sha256");
        !sha256.is_empty() && seen.insert(sha256)
    })
    .collect()
}

/// One line about a model that was just judged.
pub(crate) fn brief(line: &Value) -> String {
    let row = Row { line };
    let name = row.text("/file");
    if line["facts"].is_null() {
        return if line["broken"] == true {
            format!("{name}: {}", row.refusal())
        } else {
            format!("{name}: no model by itself")
        };
    }
    let head = format!("{name}: nv {}, {}", row.count("/facts/nv"), row.text("/facts/engine"));
    if !row.judged() {
        return format!("{head}, {}", row.refusal());
    }
    let error = match row.engine("errors/max") {
        Some(error) => format!("error {error:.1e} at most"),
        None => "no state to compare".to_owned(),
    };
    format!(
        "{head}, {error}, flagged {} of {} ({} by the engine alone), {} s",
        row.flagged("both") + row.flagged("engine_only") + row.flagged("arbiter_only"),
        row.states(),
        row.flagged("engine_only"),
        row.number("/seconds").unwrap_or(0.0),
    )
}

/// A row for each model.
pub(crate) fn csv(results: &Results) -> String {
    const TEXTS: [(&str, &str); 6] = [
        ("collection", "/collection"),
        ("file", "/file"),
        ("sha256", "/facts/sha256"),
        ("integrator", "/facts/integrator"),
        ("cone", "/facts/cone"),
        ("engine", "/facts/engine"),
    ];
    const NUMBERS: [(&str, &str); 24] = [
        ("nv", "/facts/nv"),
        ("na", "/facts/na"),
        ("nu", "/facts/nu"),
        ("states", "/survey/report/states"),
        ("smooth", "/survey/report/smooth"),
        ("kinks", "/survey/kinks"),
        ("counted", "/survey/report/engines/0/errors/states"),
        ("median", "/survey/report/engines/0/errors/median"),
        ("worst", "/survey/report/engines/0/errors/max"),
        ("arbiter_worst", "/survey/report/reference/max"),
        ("both", "/survey/report/engines/0/agreement/both"),
        ("engine_only", "/survey/report/engines/0/agreement/engine_only"),
        ("arbiter_only", "/survey/report/engines/0/agreement/arbiter_only"),
        ("engine_only_contact", "/survey/alarms/by/contact"),
        ("engine_only_limit", "/survey/alarms/by/limit"),
        ("engine_only_friction", "/survey/alarms/by/friction"),
        ("engine_only_other", "/survey/alarms/by/other"),
        ("engine_only_kink", "/survey/alarms/kink"),
        ("largest_missed", "/survey/report/engines/0/zeros/largest_missed"),
        ("largest_false", "/survey/report/engines/0/zeros/largest_false"),
        ("step_us", "/survey/cost/step_us"),
        ("jacobian_us", "/survey/cost/jacobian_us"),
        ("transition_fd_us", "/survey/cost/transition_fd_us"),
        ("seconds", "/seconds"),
    ];
    let header = TEXTS.iter().chain(&NUMBERS).map(|c| c.0).chain(["fallback", "refusal"]);
    let mut out = header.collect::<Vec<_>>().join(",") + "\n";
    for row in models(results) {
        let mut cells: Vec<String> = TEXTS.iter().map(|(_, pointer)| field(row.text(pointer))).collect();
        cells.extend(NUMBERS.iter().map(|(_, p)| row.line.pointer(p).filter(|v| v.is_number())).map(|v| match v {
            Some(v) => v.to_string(),
            None => String::new(),
        }));
        cells.extend([field(row.fallback()), field(row.refusal())]);
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    out
}

/// In quotes where a comma or quote is in it (RFC 4180).
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// Tables by collection, engine and reason, and the models that stand out.
pub(crate) fn markdown(results: &Results) -> String {
    let rows = models(results);
    let parts = results.lines.iter().filter(|line| line["facts"].is_null());
    let broken = results.lines.iter().filter(|line| line["facts"].is_null() && line["broken"] == true).count();
    let mut out = format!(
        "{} files, {} different models with degrees of freedom; {} files are no model by themselves",
        results.lines.len(),
        rows.len(),
        parts.count() - broken,
    );
    if broken > 0 {
        out.push_str(&format!(", and {broken} end the process or take too long to load"));
    }
    out.push_str(&format!(
        ".\nMade with {}.\n\n",
        results.settings["program"].as_str().unwrap_or("an unknown program")
    ));

    out.push_str(&by_collection(&rows));
    for (title, of) in [("Fallback for", true), ("Refused or not finished", false)] {
        let mut reasons = BTreeMap::<&str, u64>::new();
        for row in &rows {
            let reason = if of { row.fallback() } else { row.refusal() };
            if !reason.is_empty() {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        if !reasons.is_empty() {
            let mut reasons: Vec<_> = reasons.into_iter().collect();
            reasons.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
            let lines = reasons.into_iter().map(|(reason, n)| vec![cell(reason), n.to_string()]);
            out.push_str(&table(&[title, "models"], lines));
        }
    }

    let mut judged: Vec<&Row> = rows.iter().filter(|row| row.engine("errors/max").is_some()).collect();
    let worst = |row: &Row| row.engine("errors/max").unwrap_or(0.0);
    judged.sort_by(|x, y| worst(y).total_cmp(&worst(x)));
    let lines = judged.iter().take(NAMED).map(|row| {
        let entry = row.line.pointer("/survey/report/worst/0/entry");
        let entry = |i: usize| entry.and_then(|e| e[i].as_str()).unwrap_or_default();
        vec![
            cell(row.text("/file")),
            row.count("/facts/nv").to_string(),
            row.text("/facts/engine").to_owned(),
            number(row.engine("errors/median")),
            number(row.engine("errors/max")),
            number(row.number("/survey/report/reference/max")),
            cell(&format!("{}' / {}", entry(0), entry(1))),
        ]
    });
    out.push_str(&table(&["largest errors", "nv", "engine", "median", "worst", "arbiter's own", "entry"], lines));

    let mut alarms: Vec<&Row> = rows.iter().filter(|row| row.flagged("engine_only") > 0).collect();
    alarms.sort_by_key(|row| std::cmp::Reverse(row.flagged("engine_only") * 1000 / row.states().max(1)));
    let lines = alarms.iter().take(NAMED).map(|row| {
        let by = |kind: &str| row.count(&format!("/survey/alarms/by/{kind}")).to_string();
        let mut cells = vec![
            cell(row.text("/file")),
            row.text("/facts/engine").to_owned(),
            row.flagged("engine_only").to_string(),
            row.states().to_string(),
        ];
        cells.extend(["contact", "limit", "friction", "other"].map(by));
        cells
    });
    let header = ["flags of the engine alone", "engine", "only", "states", "contact", "limit", "friction", "other"];
    if !alarms.is_empty() {
        out.push_str(&table(&header, lines));
    }
    out
}

fn by_collection(rows: &[Row]) -> String {
    let names: BTreeSet<&str> = rows.iter().map(|row| row.text("/collection")).collect();
    let lines = names.into_iter().map(Some).chain([None]).map(|name| {
        let of: Vec<&Row> = rows.iter().filter(|row| name.is_none_or(|n| n == row.text("/collection"))).collect();
        let judged: Vec<&&Row> = of.iter().filter(|row| row.judged()).collect();
        let implicit = judged.iter().filter(|row| row.implicit()).count();
        let sum = |who: &str| judged.iter().map(|row| row.flagged(who)).sum::<u64>().to_string();
        let values = |of: &dyn Fn(&Row) -> Option<f64>| judged.iter().filter_map(|row| of(row)).collect::<Vec<f64>>();
        let of_implicit = |of: &dyn Fn(&Row) -> Option<f64>| values(&|row| if row.implicit() { of(row) } else { None });
        let worst = values(&|row| row.engine("errors/max"));
        vec![
            name.unwrap_or("all").to_owned(),
            of.len().to_string(),
            implicit.to_string(),
            (judged.len() - implicit).to_string(),
            (of.len() - judged.len()).to_string(),
            number(quantile(values(&|row| row.engine("errors/median")), 0.5)),
            number(quantile(worst.clone(), 0.9)),
            number(quantile(worst, 1.0)),
            judged.iter().map(|row| row.states()).sum::<u64>().to_string(),
            sum("both"),
            sum("engine_only"),
            sum("arbiter_only"),
            plain(quantile(of_implicit(&|row| row.steps()), 0.5)),
            plain(quantile(of_implicit(&|row| row.share()), 0.5)),
        ]
    });
    let header = [
        "collection",
        "models",
        "implicit",
        "fallback",
        "refused",
        "median error",
        "worst, 90 %",
        "worst",
        "states",
        "flagged by both",
        "engine only",
        "arbiter only",
        "steps per Jacobian",
        "of transition-fd",
    ];
    table(&header, lines)
}

/// The nearest rank.
fn quantile(mut values: Vec<f64>, q: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let rank = (q * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).copied()
}

fn number(x: Option<f64>) -> String {
    match x {
        None => String::new(),
        Some(0.0) => "0".to_owned(),
        Some(x) => format!("{x:.1e}"),
    }
}

fn plain(x: Option<f64>) -> String {
    x.map_or(String::new(), |x| if x < 10.0 { format!("{x:.2}") } else { format!("{x:.0}") })
}

/// Text that cannot end a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn table(header: &[&str], lines: impl Iterator<Item = Vec<String>>) -> String {
    let mut out = format!("| {} |\n|{}\n", header.join(" | "), "---|".repeat(header.len()));
    for cells in lines {
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::corpus::results::Results;

    fn results() -> (tempfile::TempDir, Results) {
        let model = |file: &str, sha: &str, survey: Value, error: Value| {
            json!({ "file": file, "collection": "gymnasium", "seconds": 1.0, "broken": false, "error": error,
                "facts": { "sha256": sha, "nv": 3, "engine": "implicit", "fallback": null }, "survey": survey })
        };
        let report = |worst: f64, only: u64| {
            json!({ "refused": null, "kinks": 0, "alarms": { "by": { "limit": only }, "kink": 0.0 },
                "cost": { "step_us": 2.0, "jacobian_us": 9.0, "transition_fd_us": 90.0 },
                "report": { "states": 8, "engines": [{ "errors": { "states": 8, "median": 1e-11, "max": worst },
                    "agreement": { "both": 1, "engine_only": only, "arbiter_only": 0 } }] } })
        };
        let lines = [
            model("a.xml", "1", report(1e-9, 0), Value::Null),
            model("again.xml", "1", report(1e-9, 0), Value::Null),
            model("b.xml", "2", report(3e-3, 4), Value::Null),
            model("c.xml", "3", json!({ "refused": "RK4, and more" }), Value::Null),
            model("d.xml", "4", Value::Null, json!("over the time limit")),
            json!({ "file": "part.xml", "collection": "gymnasium", "broken": false, "facts": null, "survey": null }),
        ];
        let dir = tempfile::tempdir().unwrap();
        let mut results = Results::open(&dir.path().join("m.jsonl"), &json!({ "program": "dynsparse 1" })).unwrap();
        lines.into_iter().for_each(|line| results.add(line).unwrap());
        (dir, results)
    }

    #[test]
    fn models_are_counted_once_and_by_what_came_of_them() {
        let (_dir, results) = results();
        let text = markdown(&results);
        assert!(text.starts_with("6 files, 4 different models"), "{text}");
        assert!(text.contains("; 1 files are no model"), "{text}");
        let all = "| all | 4 | 2 | 0 | 2 | 1.0e-11 | 3.0e-3 | 3.0e-3 | 16 | 2 | 4 | 0 | 4.50 | 0.10 |";
        assert!(text.contains(all), "{text}");
        assert!(text.contains("| RK4, and more | 1 |") && text.contains("| over the time limit | 1 |"), "{text}");
        assert!(text.contains("| b.xml | implicit | 4 | 8 | 0 | 4 | 0 | 0 |"), "{text}");
    }

    #[test]
    fn every_row_has_every_column() {
        let (_dir, results) = results();
        let text = csv(&results);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5);
        let columns = lines[0].split(',').count();
        assert!([1, 2, 4].iter().all(|i| lines[*i].split(',').count() == columns), "{text}");
        assert!(lines[3].ends_with(",\"RK4, and more\""), "{text}");
        assert!(lines[2].contains(",0.003,"), "{text}");
    }

    #[test]
    fn quantiles_are_nearest_ranks() {
        assert_eq!(quantile(vec![3.0, 1.0, 2.0], 0.5), Some(2.0));
        assert_eq!((quantile(vec![1.0], 0.9), quantile(Vec::new(), 0.5)), (Some(1.0), None));
    }
}
