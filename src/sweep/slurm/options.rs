//! Further options of sbatch that a user may give: known by name, one a string, and nothing that a script reads as more.

/// Whether an option has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Value,
    /// With or without.
    Either,
}
use Takes::{Either, Nothing, Value};

/// The options of sbatch that may be given, by their long names and their letters (sbatch's manual, Slurm 25.05). Part of a
/// name is none: sbatch takes `--arr` for `--array`.
const KNOWN: &[(&str, &str, Takes)] = &[
    ("--acctg-freq", "", Value),
    ("--batch", "", Value),
    ("--bb", "", Value),
    ("--bbf", "", Value),
    ("--begin", "-b", Value),
    ("--cluster-constraint", "", Value),
    ("--clusters", "-M", Value),
    ("--comment", "", Value),
    ("--consolidate-segments", "", Nothing),
    ("--constraint", "-C", Value),
    ("--container", "", Value),
    ("--container-id", "", Value),
    ("--contiguous", "", Nothing),
    ("--core-spec", "-S", Value),
    ("--cores-per-socket", "", Value),
    ("--cpu-freq", "", Value),
    ("--cpus-per-gpu", "", Value),
    ("--deadline", "", Value),
    ("--delay-boot", "", Value),
    ("--distribution", "-m", Value),
    ("--exclude", "-x", Value),
    ("--exclusive", "", Either),
    ("--export", "", Value),
    ("--extra", "", Value),
    ("--extra-node-info", "-B", Value),
    ("--get-user-env", "", Either),
    ("--gpu-bind", "", Value),
    ("--gpu-freq", "", Value),
    ("--gpus", "-G", Value),
    ("--gpus-per-node", "", Value),
    ("--gpus-per-socket", "", Value),
    ("--gpus-per-task", "", Value),
    ("--gres", "", Value),
    ("--gres-flags", "", Value),
    ("--hint", "", Value),
    ("--hold", "-H", Nothing),
    ("--kill-on-invalid-dep", "", Value),
    ("--licenses", "-L", Value),
    ("--mail-type", "", Value),
    ("--mail-user", "", Value),
    ("--mcs-label", "", Value),
    ("--mem-bind", "", Value),
    ("--mem-per-cpu", "", Value),
    ("--mem-per-gpu", "", Value),
    ("--mincpus", "", Value),
    ("--network", "", Value),
    ("--nice", "", Either),
    ("--no-kill", "-k", Either),
    ("--nodefile", "-F", Value),
    ("--nodelist", "-w", Value),
    ("--oom-kill-step", "", Either),
    ("--overcommit", "-O", Nothing),
    ("--oversubscribe", "-s", Nothing),
    ("--power", "", Value),
    ("--prefer", "", Value),
    ("--priority", "", Value),
    ("--profile", "", Value),
    ("--propagate", "", Either),
    ("--quiet", "-Q", Nothing),
    ("--reboot", "", Nothing),
    ("--reservation", "", Value),
    ("--resv-ports", "", Either),
    ("--segment", "", Value),
    ("--sockets-per-node", "", Value),
    ("--spread-job", "", Nothing),
    ("--spread-segments", "", Nothing),
    ("--stepmgr", "", Nothing),
    ("--switches", "", Value),
    ("--thread-spec", "", Value),
    ("--threads-per-core", "", Value),
    ("--time-min", "", Value),
    ("--tmp", "", Value),
    ("--tres-bind", "", Value),
    ("--tres-per-task", "", Value),
    ("--use-min-nodes", "", Nothing),
    ("--verbose", "-v", Nothing),
    ("--wait-all-nodes", "", Value),
    ("--wckey", "", Value),
];

/// Options of sbatch that the sweep sets by itself, and what to set instead.
const OURS: &[(&str, &str)] = &[
    ("--array", "`jobs-per-task` and `max-running` decide it"),
    ("-a", "`jobs-per-task` and `max-running` decide it"),
    ("--partition", "set `partition`"),
    ("-p", "set `partition`"),
    ("--account", "set `account`"),
    ("-A", "set `account`"),
    ("--qos", "set `qos`"),
    ("-q", "set `qos`"),
    ("--time", "set `time`"),
    ("-t", "set `time`"),
    ("--mem", "set `mem`"),
    ("--cpus-per-task", "set `cpus`"),
    ("-c", "set `cpus`"),
    ("--requeue", "set `requeue`"),
    ("--no-requeue", "set `requeue`"),
    ("--ntasks", "an array task is one process"),
    ("-n", "an array task is one process"),
    ("--nodes", "an array task is one process"),
    ("-N", "an array task is one process"),
    ("--job-name", "it is how the sweep finds its jobs"),
    ("-J", "it is how the sweep finds its jobs"),
    ("--output", "the logs lie in the sweep's folder"),
    ("-o", "the logs lie in the sweep's folder"),
    ("--error", "the logs lie in the sweep's folder"),
    ("-e", "the logs lie in the sweep's folder"),
    ("--open-mode", "a log goes on after a requeue"),
    ("--chdir", "jobs run in the sweep's folder"),
    ("-D", "jobs run in the sweep's folder"),
    ("--dependency", "the merge waits for the array"),
    ("-d", "the merge waits for the array"),
    ("--signal", "it is how an array task learns that its time is up"),
    ("--parsable", "it is how the sweep learns the job's number"),
    ("--wait", "`dynsparse sweep --slurm` does not wait"),
    ("-W", "`dynsparse sweep --slurm` does not wait"),
    ("--wrap", "the sweep writes the script"),
    ("--test-only", "`--dry-run` shows the scripts"),
];

/// Characters of a value besides letters and digits: those of host lists, constraints, sizes and times. No space, quote,
/// `#` or backslash, with which a line of `#SBATCH` becomes another one.
const PLAIN: &str = "-_./+,:=@%&|*[]()~!";

/// Refuses what is not one known option of sbatch with a plain value.
///
/// # Errors
/// Why, with the option's name.
pub(super) fn check(option: &str) -> Result<(), String> {
    let shown = option.escape_default();
    if option.contains(['\n', '\r', '#']) {
        return Err(format!("\"{shown}\" is more than one option; give each one a string of its own"));
    }
    let (name, value) = parsed(option)
        .ok_or_else(|| format!("\"{shown}\" is no option of sbatch; write such as \"--constraint=skylake\""))?;
    if let Some((_, instead)) = OURS.iter().find(|(ours, _)| name == *ours) {
        return Err(format!("\"{shown}\" is not yours to give: {instead}"));
    }
    let known = KNOWN.iter().find(|(long, short, _)| name == *long || name == *short);
    let Some((_, _, takes)) = known else {
        return Err(format!("\"{shown}\" is no option of sbatch that is known here; write its whole name"));
    };
    match (value, takes) {
        (Some(""), _) | (None, Value) => Err(format!("\"{shown}\" has no value; write it as in --constraint=skylake")),
        (Some(_), Nothing) => Err(format!("\"{shown}\" has a value, and {name} takes none")),
        (Some(value), _) => match value.chars().find(|c| !c.is_ascii_alphanumeric() && !PLAIN.contains(*c)) {
            Some(odd) => {
                let odd = odd.escape_default();
                Err(format!("\"{shown}\" has \"{odd}\" in its value; give letters, digits and {PLAIN}"))
            }
            None => Ok(()),
        },
        (None, _) => Ok(()),
    }
}

/// The name and the value of `--name`, `--name=value`, `-x`, `-xvalue` or `-x value`.
fn parsed(option: &str) -> Option<(&str, Option<&str>)> {
    if option.starts_with("--") {
        let end = option.find(['=', ' ']).unwrap_or(option.len());
        let (name, value) = option.split_at(end);
        return (name.len() > 2).then(|| (name, value.get(1..)));
    }
    let letter = option.strip_prefix('-')?.chars().next().filter(char::is_ascii_alphabetic)?;
    let (name, value) = option.split_at(1 + letter.len_utf8());
    Some((name, (!value.is_empty()).then(|| value.strip_prefix(' ').unwrap_or(value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_sites_need_are_taken() {
        for option in [
            "--constraint=skylake&ib",
            "--constraint=[rack1*2&rack2*4]",
            "-C skylake|haswell",
            "-x node[7-9]",
            "-xnode7",
            "--exclusive",
            "--exclusive=user",
            "--gres=gpu:a100:1",
            "--mail-user=a.b@c.org",
            "--mem-bind=local",
            "--nice",
            "--begin=now+1hour",
            "-H",
        ] {
            assert_eq!(check(option), Ok(()), "{option}");
        }
    }

    #[test]
    fn what_a_script_would_read_otherwise_is_refused() {
        for (option, part) in [
            ("--array=0-3", "`jobs-per-task`"),
            ("-a0-3", "`jobs-per-task`"),
            ("--arr=0-3", "known here"),
            ("--wra=x", "known here"),
            ("--wrap=rm", "the sweep writes the script"),
            ("--dependency=afterok:1", "the merge waits"),
            ("-n4", "one process"),
            ("-o out", "the logs"),
            ("--comment", "has no value"),
            ("--comment=", "has no value"),
            ("--comment=a --array=0-3", "has \" \" in its value"),
            ("-x node7 --array=0-3", "has \" \" in its value"),
            ("--comment=\"a\"", "in its value"),
            ("--comment=a\\", "in its value"),
            ("--comment=$(id)", "has \"$\""),
            ("--comment=a;b", "has \";\""),
            ("--comment=ü", "in its value"),
            ("--contiguous=1", "takes none"),
            ("-Hv", "takes none"),
            ("--exclusive # x", "more than one option"),
            ("--exclusive\r--hold", "more than one option"),
            ("--", "no option of sbatch"),
            ("-", "no option of sbatch"),
            ("-1", "no option of sbatch"),
            ("", "no option of sbatch"),
            ("exclusive", "no option of sbatch"),
            ("--help", "known here"),
            ("--uid=0", "known here"),
        ] {
            let refused = check(option).expect_err(option);
            assert!(refused.contains(part), "{option}: {refused}");
        }
    }

    #[test]
    fn names_are_there_once_and_ours_are_not_theirs() {
        for (i, (long, short, _)) in KNOWN.iter().enumerate() {
            assert!(!KNOWN[..i].iter().any(|(l, s, _)| l == long || s == short && !s.is_empty()), "{long}");
            assert!(!OURS.iter().any(|(ours, _)| ours == long || ours == short), "{long}");
        }
    }
}
