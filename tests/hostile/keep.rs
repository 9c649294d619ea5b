//! Inputs that fail, with the commands that show it.

use std::fmt::Write as _;
use std::path::Path;

use crate::case::Case;
use crate::judge::Verdict;

/// Keeps an input in a folder of its own: its files, `run.sh`, and what it did. `whole` is the input before it was
/// made small; its hostile files are kept too.
pub(crate) fn keep(folder: &Path, target: &str, seed: u64, number: u64, case: &Case, verdict: &Verdict, whole: &Case) {
    let Some(fault) = &verdict.fault else { return };
    let folder = folder.join(format!("{target}-{}-{seed}-{number}", fault.kind));
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("below a folder")).expect("a folder is made");
        std::fs::write(path, bytes).expect("a file is written");
    };
    for (name, bytes) in &case.files {
        write(&format!("files/{name}"), bytes);
    }
    for name in whole.hostile.iter().filter(|name| whole.files.get(*name) != case.files.get(*name)) {
        write(&format!("whole/{name}"), &whole.files[name]);
    }
    let mut script = format!(
        "#!/bin/sh\n# {target}, seed {seed}, input {number}: {}: {}\ncd \"$(dirname \"$0\")/files\" || exit\n",
        fault.kind,
        fault.what.replace('\n', " ")
    );
    if !case.what.is_empty() {
        writeln!(script, "# done to it: {}", case.what.escape_debug()).expect("a String");
    }
    if let Some((name, before)) = case.hostile.first().zip(case.undamaged.as_ref()) {
        let now = &case.files[name];
        let differs: Vec<usize> = (0..now.len().min(before.len())).filter(|i| now[*i] != before[*i]).collect();
        writeln!(script, "# {} bytes differ, at {:?} ...", differs.len(), &differs[..differs.len().min(20)])
            .expect("a String");
    }
    script.push_str("ulimit -c 0; ulimit -t 25; ulimit -v 6291456\n");
    for command in &case.commands[..=fault.command] {
        let words: Vec<String> = command.iter().map(|w| format!("'{}'", w.replace('\'', "'\\''"))).collect();
        writeln!(script, "\"${{DYNSPARSE:-dynsparse}}\" {}; echo \"exit code $?\"", words.join(" ")).expect("a String");
    }
    write("run.sh", script.as_bytes());
    write("stderr.txt", verdict.stderr.as_bytes());
}
