//! The batch scripts. What is written here is a function of its arguments, and is what runs.

use std::fmt::Write as _;
use std::path::Path;

use super::arrays::Array;
use super::{SlurmError, SlurmSettings};
use crate::record::in_quotes;

/// Seconds before the time limit at which an array task is told. Slurm may be a minute early. A recording
/// stops within a step, so this is plenty.
const WARNING: u32 = 60;

/// What all scripts of one submission have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scripts<'a> {
    /// The cluster's settings.
    pub settings: &'a SlurmSettings,
    /// Name of all jobs of this sweep.
    pub name: &'a str,
    /// Folder of the submission, an absolute path.
    pub folder: &'a Path,
    /// The program, an absolute path; `settings.program` wins.
    pub program: &'a Path,
}

impl Scripts<'_> {
    /// Refuses a folder that sbatch cannot be told: it expands `%` in a working folder, and has no escape for
    /// quotes and line breaks.
    ///
    /// # Errors
    /// [`SlurmError::Folder`].
    pub(super) fn check_folder(&self) -> Result<(), SlurmError> {
        let text = self.folder.to_str();
        match text.and_then(|t| t.chars().find(|c| "%\"\\`$'".contains(*c) || c.is_control())) {
            None if text.is_some() => Ok(()),
            _ => Err(SlurmError::Folder { folder: self.folder.to_owned() }),
        }
    }

    /// The script of an array: each of its tasks does one unit.
    pub(super) fn array(&self, array: &Array) -> String {
        let last = array.units.len().saturating_sub(1);
        let limit = array.limit.map(|n| format!("%{n}")).unwrap_or_default();
        let mut out = self.head("logs/%A_%a.log");
        option(&mut out, &format!("--array=0-{last}{limit}"));
        option(&mut out, &format!("--cpus-per-task={}", self.settings.threads()));
        if let Some(mem) = &self.settings.mem {
            option(&mut out, &format!("--mem={mem}"));
        }
        if let Some(time) = &self.settings.time {
            option(&mut out, &format!("--time={time}"));
        }
        option(&mut out, &format!("--signal=B:USR1@{WARNING}"));
        self.body(&mut out, &format!("unit $(({} + SLURM_ARRAY_TASK_ID))", array.units.start));
        out
    }

    /// The script of the job that checks and joins, after all arrays.
    pub(super) fn merge(&self) -> String {
        let mut out = self.head("logs/merge_%j.log");
        option(&mut out, &format!("--cpus-per-task={}", self.settings.threads()));
        if let Some(mem) = &self.settings.mem {
            option(&mut out, &format!("--mem={mem}"));
        }
        if let Some(time) = &self.settings.time {
            option(&mut out, &format!("--time={time}"));
        }
        self.body(&mut out, "merge");
        out
    }

    fn head(&self, log: &str) -> String {
        // A login shell, because that is where clusters define `module`.
        let mut out = "#!/bin/bash -l\n".to_owned();
        option(&mut out, &format!("--job-name={}", self.name));
        option(&mut out, &format!("--chdir=\"{}\"", self.folder.display()));
        option(&mut out, &format!("--output={log}"));
        option(&mut out, "--open-mode=append");
        option(&mut out, if self.settings.requeues() { "--requeue" } else { "--no-requeue" });
        for (name, value) in
            [("partition", &self.settings.partition), ("account", &self.settings.account), ("qos", &self.settings.qos)]
        {
            if let Some(value) = value {
                option(&mut out, &format!("--{name}={value}"));
            }
        }
        for extra in &self.settings.extra {
            option(&mut out, extra);
        }
        option(&mut out, "--nodes=1");
        option(&mut out, "--ntasks=1");
        out
    }

    /// The program takes the place of the shell, so that it is the one that Slurm's signals reach, once.
    fn body(&self, out: &mut String, work: &str) {
        out.push('\n');
        for module in &self.settings.modules {
            let module = in_quotes(module);
            let _ =
                writeln!(out, "module load {module} || {{ echo 'error: module load {module} failed' >&2; exit 1; }}");
        }
        if let Some(setup) = &self.settings.setup {
            let _ = writeln!(out, "{}", setup.trim_end());
        }
        let program = match self.settings.program.as_slice() {
            [] => in_quotes(&self.program.to_string_lossy()),
            words => words.iter().map(|word| in_quotes(word)).collect::<Vec<_>>().join(" "),
        };
        let (verb, unit) = work.split_once(' ').unwrap_or((work, ""));
        let folder = in_quotes(&self.folder.to_string_lossy());
        let _ = writeln!(out, "{}", format!("exec {program} slurm-job {verb} {folder} {unit}").trim_end());
    }
}

fn option(out: &mut String, text: &str) {
    let _ = writeln!(out, "#SBATCH {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str = "/project/my sweep/slurm/run-0001";

    fn scripts(settings: &SlurmSettings) -> Scripts<'_> {
        let (folder, program) = (Path::new(FOLDER), Path::new("/opt/it's/dynsparse"));
        Scripts { settings, name: "dynsparse-my-sweep", folder, program }
    }

    #[test]
    fn script_with_defaults() {
        let settings = SlurmSettings::default();
        let array = Array { units: 0..12, limit: None, after: None };
        insta::assert_snapshot!(scripts(&settings).array(&array));
        insta::assert_snapshot!(scripts(&settings).merge());
    }

    #[test]
    fn script_with_everything() {
        let settings: SlurmSettings = toml::from_str(
            r#"
            partition = "cpu"
            account = "proj"
            qos = "long"
            time = "1-00:00:00"
            mem = "2G"
            cpus = 4
            requeue = false
            modules = ["gcc/13", "apptainer"]
            setup = "ulimit -c 0\n"
            extra = ["--constraint=skylake"]
            program = ["apptainer", "exec", "/project/d.sif", "dynsparse"]
            "#,
        )
        .unwrap();
        settings.validate().unwrap();
        let array = Array { units: 1001..2002, limit: Some(50), after: Some(0) };
        insta::assert_snapshot!(scripts(&settings).array(&array));
        insta::assert_snapshot!(scripts(&settings).merge());
    }

    #[test]
    fn folders_that_sbatch_misreads_are_refused() {
        let settings = SlurmSettings::default();
        for folder in ["/a/50%j", "/a\"b", "/a\nb", "/a$b"] {
            let refused = Scripts { folder: Path::new(folder), ..scripts(&settings) }.check_folder();
            assert!(refused.is_err(), "{folder}");
        }
        scripts(&settings).check_folder().unwrap();
    }
}
