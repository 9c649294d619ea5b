//! The commands of Slurm that a sweep calls, and what they say.

use std::path::Path;
use std::process::{Command, Stdio};

use super::SlurmError;

/// Runs a command of Slurm's and returns what it prints.
fn ask(program: &'static str, args: &[&str]) -> Result<String, SlurmError> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => SlurmError::Missing { program },
        _ => SlurmError::Failed { program, words: e.to_string() },
    })?;
    if !output.status.success() {
        return Err(SlurmError::Failed { program, words: words(program, &String::from_utf8_lossy(&output.stderr)) });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A program's complaint as one line, without its own name on every line of it.
fn words(program: &str, stderr: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in stderr.lines() {
        let line = line.strip_prefix(program).and_then(|l| l.strip_prefix(": ")).unwrap_or(line);
        let line = line.strip_prefix("error: ").unwrap_or(line).trim();
        if !line.is_empty() && !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() { "it says nothing".to_owned() } else { lines.join("; ") }
}

/// The cluster's MaxArraySize.
///
/// # Errors
/// [`SlurmError::NoArrays`], or that of `scontrol`.
pub(super) fn max_array_size() -> Result<u32, SlurmError> {
    let text = ask("scontrol", &["show", "config"])?;
    let size = setting(&text, "MaxArraySize").unwrap_or("not known").to_owned();
    size.parse().ok().filter(|n| *n > 0).ok_or(SlurmError::NoArrays { size })
}

/// A value of `scontrol show config`.
fn setting<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('=').map(str::trim))
}

/// Submits a script that starts when the jobs `after` have ended, however they end, and returns its job.
///
/// # Errors
/// [`SlurmError::Refused`] with sbatch's words and the setting they are likely about.
pub(super) fn submit(script: &Path, after: &[u64]) -> Result<u64, SlurmError> {
    let name = script.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let path = script.to_string_lossy();
    let dependency = after.iter().map(|id| format!(":{id}")).collect::<String>();
    let dependency = format!("--dependency=afterany{dependency}");
    let mut args = vec!["--parsable"];
    if !after.is_empty() {
        args.push(&dependency);
    }
    args.push(&path);
    let refused = |words: String| SlurmError::Refused { hint: hint(&words), script: name.clone(), words };
    let text = ask("sbatch", &args).map_err(|error| match error {
        SlurmError::Failed { words, .. } => refused(words),
        other => other,
    })?;
    // A site's own plug-ins may print more; the job's number, with `;CLUSTER` on some, comes last.
    let number = text.lines().rev().find_map(|line| line.split(';').next()?.trim().parse().ok());
    number.ok_or_else(|| refused(format!("no job number in \"{}\"", text.trim().escape_default())))
}

/// The setting that a refusal of sbatch's is likely about.
fn hint(words: &str) -> String {
    let words = words.to_ascii_lowercase();
    let about = [
        (
            &["unable to contact", "connect failure", "timed out"][..],
            "; the controller does not answer, try again later",
        ),
        (&["array"], "; look at slurm.max-array-size"),
        (
            &["submitjob", "submit job", "job submit limit", "maxsubmit", "qos policy", "qos policy"],
            "; the cluster limits your jobs: look at slurm.qos and slurm.time, or have fewer array tasks by slurm.jobs-per-task or slurm.episodes-per-job",
        ),
        (&["partition"], "; look at slurm.partition"),
        (&["qos"], "; look at slurm.qos"),
        (&["account"], "; look at slurm.account"),
        (&["time"], "; look at slurm.time"),
        (&["memory", "--mem"], "; look at slurm.mem"),
        (&["processor", "cpu"], "; look at slurm.cpus"),
        (&["node configuration"], "; look at slurm.cpus, slurm.mem and slurm.extra"),
        (
            &["feature", "gres", "generic resource", "constraint", "option", "reservation", "license"],
            "; look at slurm.extra",
        ),
    ];
    let found = about.iter().find(|(marks, _)| marks.iter().any(|mark| words.contains(mark)));
    found.map(|(_, hint)| (*hint).to_owned()).unwrap_or_default()
}

/// Cancels jobs.
///
/// # Errors
/// That of `scancel`.
pub(super) fn cancel(jobs: &[u64]) -> Result<(), SlurmError> {
    let jobs: Vec<String> = jobs.iter().map(u64::to_string).collect();
    let args: Vec<&str> = jobs.iter().map(String::as_str).collect();
    ask("scancel", &args).map(drop)
}

/// Puts a job back into the queue.
///
/// # Errors
/// That of `scontrol`.
pub(super) fn requeue(job: &str) -> Result<(), SlurmError> {
    ask("scontrol", &["requeue", job]).map(drop)
}

/// What is left of a job to do, in Slurm's eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Waits for a node, a dependency, or its turn.
    Pending,
    /// Has a node.
    Running,
    /// Is on its way out, or into the queue again.
    Completing,
    /// Has ended.
    Over,
}

/// A job or an array task that Slurm knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Queued {
    /// The job, or the array's job.
    pub(super) job: u64,
    /// Its index in the array.
    pub(super) index: Option<u64>,
    /// Slurm's word for its state, such as `NODE_FAIL`.
    pub(super) state: String,
    /// Slurm's word for why.
    pub(super) reason: String,
}

impl Queued {
    /// What the state means for the work.
    pub(super) fn phase(&self) -> Phase {
        match self.state.as_str() {
            "PENDING" | "REQUEUED" | "REQUEUE_FED" | "REQUEUE_HOLD" | "SPECIAL_EXIT" | "RESV_DEL_HOLD" => {
                Phase::Pending
            }
            "RUNNING" | "CONFIGURING" | "SUSPENDED" | "RESIZING" | "SIGNALING" | "STAGE_OUT" | "STOPPED" => {
                Phase::Running
            }
            "COMPLETING" => Phase::Completing,
            _ => Phase::Over,
        }
    }
}

/// The jobs of a name, an entry for each array task. For some minutes (MinJobAge) those that have ended are
/// there too.
///
/// # Errors
/// That of `squeue`.
pub(super) fn queue(name: &str) -> Result<Vec<Queued>, SlurmError> {
    let name = format!("--name={name}");
    let text = ask("squeue", &["--noheader", "--array", "--states=all", &name, "--format=%F|%K|%T|%r"])?;
    Ok(text.lines().filter_map(queued).collect())
}

/// A job by its number; None when Slurm does not know it any more.
///
/// # Errors
/// That of `squeue`.
pub(super) fn job(id: &str) -> Result<Option<Queued>, SlurmError> {
    let text = ask("squeue", &["--noheader", "--array", "--states=all", "--jobs", id, "--format=%F|%K|%T|%r"])?;
    Ok(text.lines().find_map(queued))
}

/// What accounting knows of array tasks that the queue has forgotten. Nothing where there is no accounting.
pub(super) fn history(jobs: &[u64]) -> Vec<Queued> {
    let jobs = jobs.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    let args = ["--noheader", "--parsable2", "--allocations", "--format=JobID,State", "--jobs", &jobs];
    ask("sacct", &args).map(|text| text.lines().filter_map(accounted).collect()).unwrap_or_default()
}

/// A line of sacct's: `41_3|OUT_OF_MEMORY` or `42|CANCELLED by 1000`.
fn accounted(line: &str) -> Option<Queued> {
    let (id, state) = line.trim().split_once('|')?;
    let (job, index) = id.split_once('_').map_or((id, None), |(job, index)| (job, Some(index)));
    let index = index.map(str::parse).transpose().ok()?;
    let state = state.split_whitespace().next()?.to_owned();
    Some(Queued { job: job.parse().ok()?, index, state, reason: String::new() })
}

fn queued(line: &str) -> Option<Queued> {
    let mut fields = line.trim().splitn(4, '|');
    let mut next = || fields.next().map(str::trim);
    let job = next()?.parse().ok()?;
    let index = next()?.parse().ok();
    Some(Queued { job, index, state: next()?.to_owned(), reason: next()?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_one_line() {
        let said = "sbatch: error: invalid partition specified: no\nsbatch: error: Batch job submission failed: Invalid partition name specified\n";
        assert_eq!(
            words("sbatch", said),
            "invalid partition specified: no; Batch job submission failed: Invalid partition name specified"
        );
        assert_eq!(words("squeue", "\n"), "it says nothing");
    }

    /// The words are those of Slurm 22.05.
    #[test]
    fn refusals_name_a_setting() {
        for (words, setting) in [
            ("Batch job submission failed: Invalid partition name specified", "slurm.partition"),
            ("Batch job submission failed: Invalid qos specification", "slurm.qos"),
            (
                "Batch job submission failed: Invalid account or account/partition combination specified",
                "slurm.partition",
            ),
            ("Batch job submission failed: Invalid account", "slurm.account"),
            ("Batch job submission failed: Invalid job array specification", "slurm.max-array-size"),
            ("Invalid --time specification", "slurm.time"),
            (
                "Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)",
                "slurm.time",
            ),
            ("Memory specification can not be satisfied", "slurm.mem"),
            ("Batch job submission failed: Requested node configuration is not available", "slurm.cpus"),
            ("Batch job submission failed: More processors requested than permitted", "slurm.cpus"),
            ("Batch job submission failed: Invalid feature specification", "slurm.extra"),
            ("unrecognized option '--foo'", "slurm.extra"),
            (
                "QOSMaxSubmitJobPerUserLimit; Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
                "slurm.jobs-per-task",
            ),
            ("Unable to contact slurm controller (connect failure)", "try again later"),
        ] {
            assert!(hint(words).contains(setting), "{words}: {}", hint(words));
        }
        assert_eq!(hint("something else"), "");
    }

    #[test]
    fn the_queue_is_read() {
        let task = queued("13|1|RUNNING|None").unwrap();
        assert_eq!((task.job, task.index, task.phase()), (13, Some(1), Phase::Running));
        let job = queued("14|N/A|PENDING|Dependency").unwrap();
        assert_eq!((job.job, job.index, job.phase()), (14, None, Phase::Pending));
        assert_eq!(queued("13|0|OUT_OF_MEMORY|OutOfMemory").unwrap().phase(), Phase::Over);
        assert_eq!(queued("slurm_load_jobs error: down"), None);
        let old = accounted("41_3|CANCELLED by 1000").unwrap();
        assert_eq!((old.job, old.index, old.state.as_str()), (41, Some(3), "CANCELLED"));
        assert_eq!(accounted("42|NODE_FAIL").unwrap().index, None);
        assert_eq!(accounted("41_[5-9]|PENDING"), None);
        assert_eq!(setting("MailProg = x\nMaxArraySize            = 1001\n", "MaxArraySize"), Some("1001"));
    }
}
