//! Where outputs may go: no input, no device, nobody else's file or folder; and many processes at once on one output.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{self, Place, finish};

const BALL: &str = r#"<mujoco><worldbody><body><joint name="j" type="slide"/><geom size=".1"/></body></worldbody>
<actuator><motor joint="j"/></actuator></mujoco>"#;

/// A place with the recording `x.h5`.
fn recorded() -> Place {
    let place = Place::new();
    place.small("x.h5", &["--episodes", "2", "--steps", "20"]).ok();
    place
}

#[test]
fn a_page_does_not_replace_what_it_is_made_of() {
    let place = recorded();
    place
        .run(&["report", "x.h5", "-o", "x.h5"])
        .refused(&["error: x.h5: is read by this command; name another output"]);
    // By other names.
    std::fs::hard_link(place.path("x.h5"), place.path("hard.html")).unwrap();
    symlink("x.h5", place.path("soft.html")).unwrap();
    for name in ["./x.h5", "hard.html", "soft.html"] {
        place.run(&["report", "x.h5", "-o", name]).refused(&[name, "is read by this command (x.h5)"]);
    }
    place.run(&["render", "x.h5", "-o", "x.h5"]).refused(&["x.h5: a picture is a PNG"]);
    std::fs::hard_link(place.path("x.h5"), place.path("hard.png")).unwrap();
    place.run(&["render", "x.h5", "-o", "hard.png"]).refused(&["hard.png: is read by this command (x.h5)"]);
}

/// A process that was killed at the very end of its work has left the lock of a folder that is nobody's any more.
#[test]
fn the_rest_of_a_removed_folder_goes() {
    let place = recorded();
    let again = || place.small("x.h5", &["--episodes", "2", "--steps", "20"]).ok();
    std::fs::create_dir(place.path("x.h5.parts")).unwrap();
    place.write("x.h5.parts/lock", "");
    again();
    assert!(!place.has("x.h5.parts"));
    // Somebody's own folder of that name stays.
    std::fs::create_dir(place.path("x.h5.parts")).unwrap();
    place.write("x.h5.parts/lock", "").write("x.h5.parts/notes", "mine");
    again();
    assert!(place.has("x.h5.parts/notes") && place.has("x.h5.parts/lock"));
}

#[test]
fn what_is_there_is_replaced_by_its_own_kind_alone() {
    let place = recorded();
    place
        .write("other.h5", place.read("x.h5"))
        .write("m.xml", BALL)
        .write("notes.txt", "mine\n")
        .write("empty.html", "");
    let page = |name: &str| place.run(&["report", "x.h5", "-o", name]);
    page("other.h5").refused(&["other.h5: is an HDF5 file, which an HTML page does not replace; remove it"]);
    page("m.xml").refused(&["m.xml: is an XML file"]);
    page("notes.txt").refused(&["notes.txt: is a text file"]);
    page("empty.html").ok();
    page("empty.html").ok();
    // A link stays one, and leads to the new page.
    symlink("empty.html", place.path("link.html")).unwrap();
    page("link.html").ok();
    assert!(place.path("link.html").is_symlink() && !place.path("empty.html").is_symlink());
}

#[test]
fn tables_do_not_replace_what_they_are_not() {
    let place = recorded();
    for (name, kind) in
        [("tables/analysis.json", "is a text file, which a JSON file"), ("figures/data/global.csv", "is an HDF5 file")]
    {
        let file = place.path(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let bytes = if kind.contains("HDF5") { place.read("x.h5") } else { b"my own\n".to_vec() };
        std::fs::write(&file, &bytes).unwrap();
        let args: &[&str] = match name {
            "tables/analysis.json" => &["analyze", "x.h5", "-o", "tables"],
            _ => &["report", "x.h5", "--figures", "figures"],
        };
        place.run(args).failed(&[name, kind]);
        assert!(place.read(name) == bytes, "{name} was replaced");
        std::fs::remove_file(&file).unwrap();
        place.run(args).ok();
        place.run(args).ok();
    }
    let locks: Vec<PathBuf> = place.listing().into_keys().filter(|k| k.to_string_lossy().ends_with("lock")).collect();
    assert!(locks.is_empty(), "{locks:?} were left");
}

#[test]
fn a_table_of_errors_replaces_no_model() {
    let place = Place::new();
    place.write("m.xml", BALL).write("notes.txt", "mine\n").write("old.csv", "task,nv\na,1\n");
    let check = |csv: &str| place.run(&["check-jacobian", "m.xml", "--states", "2", "--episodes", "1", "--csv", csv]);
    check("m.xml").refused(&["m.xml: is read by this command"]);
    check("notes.txt").refused(&["notes.txt: is a text file, which a CSV table does not replace"]);
    check("none/x.csv").refused(&["none/x.csv: there is no folder none"]);
    check("old.csv").ok();
    assert!(String::from_utf8(place.read("old.csv")).unwrap().starts_with("task,nv,states,"));
}

#[test]
fn a_recording_does_not_replace_what_it_is_made_of() {
    let place = recorded();
    std::fs::create_dir(place.path("model")).unwrap();
    let body = BALL.replace("<worldbody>", "<include file=\"part.xml\"/><worldbody>");
    place
        .write("model/m.xml", body)
        .write("model/part.xml", "<mujocoinclude><option/></mujocoinclude>")
        .write("job.toml", "episodes = 1\nsteps = 3\n");
    for force in [&[][..], &["--force"]] {
        for (args, output) in [
            (&["record", "model/m.xml"][..], "model/m.xml"),
            (&["record", "model/m.xml"], "model/part.xml"),
            (&["record", "--config", "job.toml"], "job.toml"),
            (&["record", "--replay", "x.h5"], "x.h5"),
            (&["merge", "model/m.xml"], "model/m.xml"),
        ] {
            let args = [args, &["-o", output], force].concat();
            place.run(&args).refused(&[&format!("error: {output}: is read by this command")]);
        }
    }
    place.run(&["record", "model/m.xml", "--steps", "3", "--episodes", "1", "-o", "model/m.h5"]).ok();
}

/// Runs without a look at the files, since a pipe cannot be read.
fn refused(place: &Place, args: &[&str], parts: &[&str]) {
    let child = place.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (status, _, stderr) = finish(child);
    assert_eq!(status.code(), Some(1), "{args:?}: {stderr}");
    for part in parts {
        assert!(stderr.starts_with("error: ") && stderr.contains(part), "{args:?}: no \"{part}\" in {stderr}");
    }
}

#[test]
fn devices_pipes_and_circles_are_no_files() {
    let place = recorded();
    place.write("m.xml", BALL);
    for name in ["pipe", "pipe.png", "pipe.xml"] {
        assert!(Command::new("mkfifo").arg(place.path(name)).status().unwrap().success());
    }
    symlink("b.html", place.path("a.html")).unwrap();
    symlink("a.html", place.path("b.html")).unwrap();
    for (output, what) in
        [("pipe", "is a pipe and not a regular file"), ("/dev/null", "is a device"), ("a.html", "circle")]
    {
        refused(&place, &["report", "x.h5", "-o", output], &[output, what]);
        refused(&place, &["record", "--steps", "2", "-o", output], &[output, what]);
        refused(&place, &["record", "--steps", "2", "-o", output, "--force"], &[output, what]);
        refused(&place, &["check-jacobian", "m.xml", "--csv", output], &[output, what]);
    }
    refused(&place, &["render", "x.h5", "-o", "pipe.png"], &["pipe.png", "is a pipe"]);
    refused(&place, &["record", "pipe.xml", "-o", "out.h5"], &["pipe.xml: is not a regular file"]);
    for name in ["pipe", "pipe.png", "pipe.xml"] {
        let kind = std::fs::symlink_metadata(place.path(name)).unwrap().file_type();
        assert!(!kind.is_file() && !kind.is_dir(), "{name} was replaced");
    }
    assert!(!place.has("pipe.parts") && !place.has("out.h5"));
}

#[test]
fn a_folder_without_our_mark_is_nobody_elses_to_remove() {
    let place = Place::new();
    std::fs::create_dir(place.path("u.h5.parts")).unwrap();
    place.write("u.h5.parts/data.bin", "mine");
    let parts = ["u.h5.parts: holds files and has no mark of dynsparse", "choose another output", "remove it"];
    for extra in [&[][..], &["--force"], &["--shard", "1/2"]] {
        place.small("u.h5", extra).refused(&parts);
    }
    // A recording that is whole needs no folder, and takes none.
    place.small("other.h5", &[]).ok();
    std::fs::rename(place.path("other.h5"), place.path("u.h5")).unwrap();
    let again = place.small("u.h5", &[]).ok();
    assert!(again.stdout.contains("is there already"), "{}", again.stdout);
    assert_eq!(place.read("u.h5.parts/data.bin"), b"mine");

    // With the mark but with more in it: what is ours goes.
    place.small("v.h5", &["--shard", "1/2"]).ok();
    place.write("v.h5.parts/data.bin", "mine");
    let ran = place.small("v.h5", &[]).ok();
    assert!(ran.stderr.contains("v.h5.parts: is left, for it holds data.bin"), "{}", ran.stderr);
    assert_eq!(place.read("v.h5.parts/data.bin"), b"mine");
    assert!(!place.has("v.h5.parts/recipe.json") && place.read("v.h5") == place.read("u.h5"));
}

/// A kill between the steps of removing a folder leaves one that is still ours.
#[test]
fn a_folder_whose_removal_was_cut_short_is_ours() {
    let place = Place::new();
    place.small("expected.h5", &[]).ok();
    std::fs::create_dir(place.path("a.h5.parts")).unwrap();
    place.small("a.h5", &[]).ok();
    std::fs::create_dir(place.path("b.h5.parts")).unwrap();
    place.write("b.h5.parts/lock", "").write("b.h5.parts/.dynsparse.0123456789abcdef.tmp", "dyn");
    place.small("b.h5", &[]).ok();
    assert!(!place.has("a.h5.parts") && !place.has("b.h5.parts"));
    assert!(place.read("a.h5") == place.read("expected.h5") && place.read("b.h5") == place.read("expected.h5"));
}

#[test]
fn a_sweep_removes_only_what_can_be_its_own() {
    let place = Place::new();
    let sweep = |extra: &[&str]| place.run(&[&["sweep", "Juggler", "--out", "s", "--episodes", "1"], extra].concat());
    std::fs::create_dir(place.path("s")).unwrap();
    place.write("s/index.h5", "mine");
    sweep(&["--steps", "2"]).failed(&["s/index.h5: is not the index of a sweep"]);
    assert_eq!(place.read("s/index.h5"), b"mine");
    std::fs::remove_file(place.path("s/index.h5")).unwrap();
    sweep(&["--steps", "2"]).ok();
    let manifest = String::from_utf8(place.read("s/manifest.json")).unwrap();
    let mut other: serde_json::Value = serde_json::from_str(&manifest.replace("Juggler.h5", "notes.txt")).unwrap();
    other.as_object_mut().unwrap().remove("checksum");
    place.write("s/manifest.json", dynsparse::seal::pretty(&other).unwrap()).write("s/notes.txt", "mine");
    // A manifest that names a file which no sweep writes is none.
    sweep(&["--steps", "3", "--force"]).ok();
    assert_eq!(place.read("s/notes.txt"), b"mine");
    place.write("s/Juggler.h5", "mine");
    sweep(&["--steps", "2", "--force"]).failed(&["s/Juggler.h5: is in the way and no HDF5 file"]);
    assert_eq!(place.read("s/Juggler.h5"), b"mine");
    std::fs::remove_file(place.path("s/Juggler.h5")).unwrap();
    std::fs::create_dir(place.path("s/Juggler.h5.parts")).unwrap();
    place.write("s/Juggler.h5.parts/data", "mine");
    sweep(&["--steps", "3", "--force"]).failed(&["s/Juggler.h5.parts: holds files and has no mark"]);
    assert_eq!(place.read("s/Juggler.h5.parts/data"), b"mine");
}

/// Holds a lock as another process would. It is let go by `unlock`: what another test starts in this very moment has the
/// open file for an instant too.
fn held(path: &Path) -> File {
    let file = File::options().create(true).append(true).open(path).unwrap();
    file.lock().unwrap();
    file
}

#[test]
fn one_process_at_a_time_writes_a_result() {
    let place = recorded();
    std::fs::create_dir(place.path("tables")).unwrap();
    std::fs::create_dir(place.path("figures")).unwrap();
    let locks: Vec<File> =
        [".r.html.lock", "tables/.lock", "figures/.lock"].map(|name| held(&place.path(name))).into_iter().collect();
    let busy = "another process is writing it; wait for it";
    place.run(&["report", "x.h5", "-o", "r.html"]).refused(&["r.html", busy]);
    place.run(&["analyze", "x.h5", "-o", "tables"]).refused(&["tables", busy]);
    place.run(&["report", "x.h5", "-o", "s.html", "--figures", "figures"]).failed(&["figures", busy]);
    locks.iter().for_each(|lock| lock.unlock().unwrap());
    // What a process that was killed has left: its lock, free, and half a page.
    place.write("r.html.0123456789abcdef.tmp", "<!DOC").write("mine.html.0123456789abcdef.tmp", "<!DOC");
    place.run(&["report", "x.h5", "-o", "r.html", "--figures", "figures"]).ok();
    assert!(!place.has(".r.html.lock") && !place.has("r.html.0123456789abcdef.tmp"));
    assert!(place.has("mine.html.0123456789abcdef.tmp"), "it is another page's");
}

#[test]
fn a_folder_of_networks_is_one_process_own() {
    let place = Place::new();
    place.write("slide.xml", BALL);
    place.run(&["record", "slide.xml", "--episodes", "8", "--steps", "20", "--reset-noise", "0.1", "-o", "x.h5"]).ok();
    let learn = |output: &str, steps: &str| {
        place.run(&["learn", "x.h5", "-o", output, "--steps", steps, "--batch", "8", "--width", "4", "--states", "4"])
    };
    std::fs::create_dir(place.path("mine")).unwrap();
    place.write("mine/results.json", "{}");
    learn("mine", "2").refused(&["mine: holds files and has no mark of dynsparse", "choose a new folder with -o"]);
    learn("out", "2").ok();
    let lock = held(&place.path("out/lock"));
    learn("out", "2").refused(&["out: another process is training into it"]);
    lock.unlock().unwrap();
    place.write("out/results.json.0123456789abcdef.tmp", "{");
    learn("out", "2").ok();
    assert!(!place.has("out/results.json.0123456789abcdef.tmp"));
}

/// As many processes as a careless script starts; their numbers could be equal, for no name has them.
#[test]
fn many_processes_at_once_on_one_output() {
    let place = Place::new();
    place.small("expected.h5", &[]).ok();
    let expected = place.read("expected.h5");
    let start = |args: &[&str]| {
        let small = [args, &common::SMALL].concat();
        place.command(&small).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    for round in 0..3 {
        let output = format!("out{round}.h5");
        let children: Vec<_> = (0..6).map(|_| start(&["record", "-o", &output])).collect();
        for child in children {
            let (status, _, stderr) = finish(child);
            assert!(status.success() || stderr.contains("another process is recording into"), "{stderr}");
        }
        assert!(place.read(&output) == expected, "round {round}");
        // All of them record the same episodes into one folder.
        let output = format!("shared{round}.h5");
        let children: Vec<_> = (0..6).map(|_| start(&["record", "-o", &output, "--shard", "1/1"])).collect();
        for child in children {
            let (status, _, stderr) = finish(child);
            assert!(status.success(), "{stderr}");
        }
        let (status, _, stderr) = finish(start(&["merge", "-o", &output]));
        assert!(status.success() && place.read(&output) == expected, "round {round}: {stderr}");
    }
    place.small("x.h5", &[]).ok();
    let report = ["report", "x.h5", "-o", "r.html", "--figures", "figures"];
    let pages: Vec<_> =
        (0..4).map(|_| place.command(&report).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()).collect();
    let pages: Vec<_> = pages.into_iter().map(finish).collect();
    assert!(pages.iter().any(|(status, ..)| status.success()));
    assert!(
        pages.iter().all(|(status, _, stderr)| status.success() || stderr.contains("another process is writing it"))
    );
    let left: Vec<PathBuf> = place.listing().into_keys().filter(|k| is_left(k)).collect();
    assert!(left.is_empty(), "{left:?} were left");
}

fn is_left(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.ends_with(".tmp") || name.ends_with(".parts") || name.ends_with("lock")
}

/// The sources of the program without their tests.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut waiting = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                waiting.push(path);
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((name, text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()));
            }
        }
    }
    assert!(found.len() > 200, "{} sources", found.len());
    found
}

#[test]
fn files_are_written_in_one_place() {
    // Scratch folders with random names of their own, and what was just made and came to nothing.
    let own = [("record/restored.rs", "fs::write("), ("sweep/slurm/submit.rs", "remove_dir_all(")];
    let words =
        ["process::id()", "File::create", "fs::write(", "fs::rename(", "remove_dir_all(", "fs::copy(", ".persist("];
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        for word in words {
            // Only the room of files opens, renames and removes; not even it has names by the number of a process.
            let allowed = file.starts_with("files/") && word != "process::id()" || own.contains(&(file.as_str(), word));
            if text.contains(word) && !allowed {
                wrong.push(format!("src/{file} has {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "write files by crate::files: {}", wrong.join(", "));
}
