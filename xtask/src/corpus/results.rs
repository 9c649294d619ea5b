//! One line of JSON for each model file, appended as it comes.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::child::{End, Ran};
use super::collections::ModelFile;

/// Results with the settings that they were made with.
pub(crate) struct Results {
    pub(crate) settings: Value,
    pub(crate) lines: Vec<Value>,
    file: Option<File>,
}

impl Results {
    /// Of a file, to look at.
    pub(crate) fn read(path: &Path) -> Result<Results> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read: run `cargo xtask corpus` first", path.display()))?;
        // The last line of a run that was ended may be half a line.
        let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let settings = lines.next().with_context(|| format!("{} holds no results", path.display()))?;
        Ok(Results { settings, lines: lines.collect(), file: None })
    }

    /// Of a file, to go on with: a new one is begun where there is none.
    pub(crate) fn open(path: &Path, settings: &Value) -> Result<Results> {
        let old = if path.exists() { Results::read(path).ok() } else { None };
        let lines = match old {
            Some(old) if old.settings == *settings => old.lines,
            Some(old) => bail!(
                "the results in {} were made with {}, not with {settings}: add --fresh, or another folder by --out",
                path.display(),
                old.settings
            ),
            None => Vec::new(),
        };
        let unwritable = || format!("{} cannot be written", path.display());
        let text: String = std::iter::once(settings).chain(&lines).map(|line| format!("{line}\n")).collect();
        let draft = path.with_extension("draft");
        fs::write(&draft, text).with_context(unwritable)?;
        fs::rename(&draft, path).with_context(unwritable)?;
        let file = File::options().append(true).open(path).with_context(unwritable)?;
        Ok(Results { settings: settings.clone(), lines, file: Some(file) })
    }

    /// The files that have a line.
    pub(crate) fn files(&self) -> BTreeSet<String> {
        self.lines.iter().filter_map(|line| Some(line["file"].as_str()?.to_owned())).collect()
    }

    /// Takes one more.
    pub(crate) fn add(&mut self, line: Value) -> Result<()> {
        if let Some(file) = &mut self.file {
            file.write_all(format!("{line}\n").as_bytes()).context("a result cannot be written")?;
        }
        self.lines.push(line);
        Ok(())
    }
}

/// What came of one model file. `facts` and `survey` are the program's own lines; `error` says why one of them is missing.
pub(crate) fn line(file: &ModelFile, ran: &Ran) -> Value {
    let mut said = ran.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let (facts, survey) = (said.next(), said.next());
    let last = ran.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    let error = match ran.end {
        End::Code(0) if survey.is_some() => None,
        End::Code(0) => Some("it said nothing".to_owned()),
        End::Code(1) => Some(last.trim_start_matches("error: ").to_owned()),
        End::Code(code) => Some(format!("exit code {code}: {last}")),
        End::Signal(signal) => Some(format!("signal {signal}: {last}")),
        End::Late => Some("over the time limit".to_owned()),
    };
    json!({
        "file": file.name,
        "collection": file.collection,
        "seconds": (ran.seconds * 100.0).round() / 100.0,
        // A refusal by exit code 1 is an answer; anything else is not.
        "broken": !matches!(ran.end, End::Code(0 | 1)),
        "error": error,
        "facts": facts,
        "survey": survey,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(end: End, stdout: &str, stderr: &str) -> Value {
        let file = ModelFile { collection: "gymnasium", name: "gymnasium/a.xml".to_owned() };
        line(&file, &Ran { end, stdout: stdout.to_owned(), stderr: stderr.to_owned(), seconds: 1.234 })
    }

    #[test]
    fn a_line_says_what_is_known_and_why_no_more() {
        let good = ran(End::Code(0), "{\"nv\":1}\n{\"kinks\":0}\n", "");
        assert_eq!((&good["facts"]["nv"], &good["error"], &good["broken"]), (&1.into(), &Value::Null, &false.into()));
        let late = ran(End::Late, "{\"nv\":1}\n", "");
        assert_eq!((&late["facts"]["nv"], &late["survey"]), (&1.into(), &Value::Null));
        assert_eq!((&late["error"], &late["broken"]), (&"over the time limit".into(), &true.into()));
        let part = ran(End::Code(1), "", "warning\nerror: no joint\n");
        assert_eq!((&part["error"], &part["broken"]), (&"no joint".into(), &false.into()));
        assert!(ran(End::Signal(11), "", "").to_string().contains("signal 11"));
    }

    #[test]
    fn a_run_goes_on_where_the_last_one_was_ended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("models.jsonl");
        let settings = json!({ "states": 8 });
        let mut results = Results::open(&path, &settings).unwrap();
        results.add(json!({ "file": "a" })).unwrap();
        results.add(json!({ "file": "b" })).unwrap();
        drop(results);
        // The third line is torn.
        File::options().append(true).open(&path).unwrap().write_all(b"{\"file\":").unwrap();
        let mut results = Results::open(&path, &settings).unwrap();
        assert_eq!(results.files(), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        results.add(json!({ "file": "c" })).unwrap();
        assert_eq!(Results::read(&path).unwrap().lines.len(), 3);
        let error = Results::open(&path, &json!({ "states": 9 })).err().unwrap().to_string();
        assert!(error.contains("--fresh"), "{error}");
    }
}
