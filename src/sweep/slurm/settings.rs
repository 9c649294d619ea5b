//! The `[slurm]` table of a sweep's file.

use serde::{Deserialize, Serialize};

use super::{SlurmError, options};
use crate::record::MOST_THREADS;

/// What a cluster is asked for. Everything has a default; what is left out is left to the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SlurmSettings {
    /// Partition of all jobs.
    pub partition: Option<String>,
    /// Account to charge.
    pub account: Option<String>,
    /// Quality of service.
    pub qos: Option<String>,
    /// Time limit of an array task, as sbatch takes it: `30` (minutes), `12:00:00`, `2-00:00:00`.
    pub time: Option<String>,
    /// Memory of an array task, as sbatch takes it: `2G`.
    pub mem: Option<String>,
    /// Cores, and threads, of an array task; 1 if left out.
    pub cpus: Option<u32>,
    /// The cluster's MaxArraySize; asked of `scontrol` if left out.
    pub max_array_size: Option<u32>,
    /// Array tasks that may run at once.
    pub max_running: Option<u64>,
    /// Array tasks for one task of the sweep; 1 if left out.
    pub jobs_per_task: Option<u64>,
    /// Instead of `jobs-per-task`: at most so many episodes in one array task.
    pub episodes_per_job: Option<u64>,
    /// Whether an array task that runs out of time, is preempted or loses its node goes back into the queue;
    /// true if left out.
    pub requeue: Option<bool>,
    /// Environment modules to load before the program starts.
    pub modules: Vec<String>,
    /// Shell lines to run before the program starts.
    pub setup: Option<String>,
    /// Further options of sbatch, each as one string such as `--constraint=skylake`.
    pub extra: Vec<String>,
    /// The program on the compute nodes, word by word; the one that submits if left out.
    pub program: Vec<String>,
}

/// Array tasks of a submission, at most.
pub(super) const MOST_UNITS: u64 = 1_000_000;

impl SlurmSettings {
    /// Refuses what sbatch, or the shell that reads the scripts, would take for something else.
    ///
    /// # Errors
    /// [`SlurmError::Setting`] with the setting's name.
    pub fn validate(&self) -> Result<(), SlurmError> {
        let words = [("partition", &self.partition), ("account", &self.account), ("qos", &self.qos)];
        for (name, value) in words {
            if let Some(value) = value {
                word(name, value)?;
            }
        }
        if let Some(time) = &self.time
            && minutes(time).is_none_or(|m| m == 0)
        {
            return refuse(
                "time",
                format!("\"{time}\" is no time limit; write minutes (30), hours (12:00:00) or days (2-00:00:00)"),
            );
        }
        if let Some(mem) = &self.mem
            && !is_memory(mem)
        {
            return refuse(
                "mem",
                format!("\"{mem}\" is no amount of memory; write a number with K, M, G or T, such as 2G"),
            );
        }
        for (name, zero) in [
            ("cpus", self.cpus == Some(0)),
            ("max-array-size", self.max_array_size == Some(0)),
            ("max-running", self.max_running == Some(0)),
            ("jobs-per-task", self.jobs_per_task == Some(0)),
            ("episodes-per-job", self.episodes_per_job == Some(0)),
        ] {
            if zero {
                return refuse(name, "is 0; give at least 1, or leave it out".to_owned());
            }
        }
        for (name, n, most) in [
            ("cpus", self.cpus.map(u64::from), MOST_THREADS as u64),
            // Slurm's own bound.
            ("max-array-size", self.max_array_size.map(u64::from), 4_000_001),
            ("max-running", self.max_running, 4_000_001),
            ("jobs-per-task", self.jobs_per_task, MOST_UNITS),
            ("episodes-per-job", self.episodes_per_job, 100_000_000),
            ("modules", Some(self.modules.len() as u64), 100),
            ("extra", Some(self.extra.len() as u64), 100),
            ("program", Some(self.program.len() as u64), 100),
        ] {
            if let Some(n) = n.filter(|n| *n > most) {
                return refuse(name, format!("is {n}; give at most {most}"));
            }
        }
        if self.jobs_per_task.is_some() && self.episodes_per_job.is_some() {
            return refuse(
                "jobs-per-task",
                "and episodes-per-job say the same thing twice; give one of them".to_owned(),
            );
        }
        for module in &self.modules {
            word("modules", module)?;
        }
        if self.setup.iter().flat_map(|text| text.lines()).any(|line| line.trim_start().starts_with("#SBATCH")) {
            return refuse(
                "setup",
                "has a line of options (#SBATCH), which sbatch obeys; put it into extra".to_owned(),
            );
        }
        for option in &self.extra {
            options::check(option).or_else(|reason| refuse("extra", reason))?;
        }
        if self.program.iter().any(|word| word.is_empty() || word.contains(['\n', '\0'])) {
            return refuse("program", "has an empty word or a line break; give its words, each one string".to_owned());
        }
        Ok(())
    }

    /// Threads of an array task.
    pub fn threads(&self) -> usize {
        self.cpus.map_or(1, |n| n as usize).clamp(1, MOST_THREADS)
    }

    /// Whether array tasks go back into the queue.
    pub fn requeues(&self) -> bool {
        self.requeue.unwrap_or(true)
    }

    /// Into how many array tasks the episodes of a task are dealt.
    pub fn parts(&self, episodes: u64) -> u64 {
        let parts = match self.episodes_per_job {
            Some(most) => episodes.div_ceil(most),
            None => self.jobs_per_task.unwrap_or(1),
        };
        parts.clamp(1, episodes.max(1))
    }
}

fn refuse<T>(name: &'static str, reason: String) -> Result<T, SlurmError> {
    Err(SlurmError::Setting { name, reason })
}

/// A value that is one word on a line of `#SBATCH` and to the shell.
fn word(name: &'static str, value: &str) -> Result<(), SlurmError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+,:=@%".contains(c);
    if value.is_empty() || value.starts_with('-') || !value.chars().all(plain) {
        return refuse(name, format!("\"{}\" is no single word", value.escape_default()));
    }
    Ok(())
}

/// A time limit of sbatch's, in minutes rounded up: `M`, `M:S`, `H:M:S`, `D-H`, `D-H:M`, `D-H:M:S`.
fn minutes(text: &str) -> Option<u64> {
    let number = |text: &str| -> Option<u64> {
        text.parse().ok().filter(|_| text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit()))
    };
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(number(days)?), rest),
        None => (None, text),
    };
    let fields = rest.split(':').map(number).collect::<Option<Vec<u64>>>()?;
    let seconds = match (days, fields.as_slice()) {
        (None, [m]) => m * 60,
        (None, [m, s]) => m * 60 + s,
        (_, [h, m, s]) => h * 3600 + m * 60 + s,
        (Some(_), [h]) => h * 3600,
        (Some(_), [h, m]) => h * 3600 + m * 60,
        _ => return None,
    };
    Some((days.unwrap_or(0) * 86400 + seconds).div_ceil(60))
}

fn is_memory(text: &str) -> bool {
    let digits = text.strip_suffix(['K', 'M', 'G', 'T', 'k', 'm', 'g', 't']).unwrap_or(text);
    !digits.is_empty()
        && digits.len() <= 12
        && digits.bytes().all(|b| b.is_ascii_digit())
        && digits.bytes().any(|b| b != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(), String> {
        let settings: SlurmSettings = toml::from_str(text).map_err(|e| e.message().to_owned())?;
        settings.validate().map_err(|e| e.to_string())
    }

    #[test]
    fn everything_that_a_cluster_takes() {
        read(
            r#"
            partition = "cpu"
            account = "proj-1"
            qos = "normal"
            time = "2-12:00:00"
            mem = "2G"
            cpus = 4
            max-array-size = 1001
            max-running = 50
            episodes-per-job = 10
            requeue = false
            modules = ["gcc/13.2", "hdf5"]
            setup = "source env.sh\nulimit -c 0"
            extra = ["--constraint=skylake&ib", "--exclusive", "-x node7", "--mem-bind=local"]
            program = ["apptainer", "exec", "/project/a b.sif", "dynsparse"]
            "#,
        )
        .unwrap();
        read("").unwrap();
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_name() {
        for (text, part) in [
            ("partition = \"a b\"", "slurm.partition: \"a b\""),
            ("account = \"\"", "slurm.account: "),
            ("qos = \"x\\n#SBATCH --exclusive\"", "slurm.qos: "),
            ("time = \"1h\"", "slurm.time: \"1h\" is no time limit"),
            ("time = \"0\"", "slurm.time: "),
            ("time = \"1-2-3\"", "slurm.time: "),
            ("time = \"1:2:3:4\"", "slurm.time: "),
            ("mem = \"2GB\"", "slurm.mem: "),
            ("mem = \"0\"", "slurm.mem: "),
            ("cpus = 0", "slurm.cpus: is 0"),
            ("cpus = 20000", "slurm.cpus: is 20000; give at most 1024"),
            ("max-array-size = 0", "slurm.max-array-size: is 0"),
            ("jobs-per-task = 2\nepisodes-per-job = 3", "slurm.jobs-per-task: "),
            ("modules = [\"a; rm\"]", "slurm.modules: "),
            ("extra = [\"--array=0-3\"]", "not yours to give: `jobs-per-task`"),
            ("extra = [\"-n4\"]", "one process"),
            ("extra = [\"--output out\"]", "the logs"),
            ("extra = [\"exclusive\"]", "no option of sbatch"),
            ("extra = [\"--exclusive\\necho\"]", "more than one option"),
            ("jobs-per-task = 100000000", "slurm.jobs-per-task: is 100000000; give at most 1000000"),
            ("max-array-size = 4294967295", "slurm.max-array-size: is 4294967295"),
            ("setup = \"\"\"\nulimit -c 0\n #SBATCH --output=x\n\"\"\"", "slurm.setup: has a line of options"),
            ("program = [\"\"]", "slurm.program: "),
            ("partiton = \"x\"", "unknown field `partiton`"),
            ("cpus = -1", "integer"),
        ] {
            let refused = read(text).expect_err(text);
            assert!(refused.contains(part), "{text}: {refused}");
        }
    }

    #[test]
    fn times_are_read_as_sbatch_reads_them() {
        for (text, expected) in [
            ("30", Some(30)),
            ("1:30", Some(2)),
            ("12:00:00", Some(720)),
            ("1-0", Some(1440)),
            ("1-2:30", Some(1590)),
            ("2-00:00:30", Some(2881)),
            ("-1", None),
            ("", None),
            ("1-", None),
            ("+5", None),
        ] {
            assert_eq!(minutes(text), expected, "{text}");
        }
    }

    #[test]
    fn episodes_are_dealt_to_array_tasks() {
        let parts = |jobs, episodes_per_job, episodes| {
            SlurmSettings { jobs_per_task: jobs, episodes_per_job, ..SlurmSettings::default() }.parts(episodes)
        };
        assert_eq!(parts(None, None, 10), 1);
        assert_eq!(parts(Some(4), None, 10), 4);
        assert_eq!(parts(Some(4), None, 3), 3);
        assert_eq!(parts(None, Some(4), 10), 3);
        assert_eq!(parts(None, Some(40), 10), 1);
    }
}
