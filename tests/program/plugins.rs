//! Plugins of MuJoCo, its own and a user's: what is loaded, what a recording says of it, and what is refused.

use std::path::PathBuf;
use std::process::Command;

use dynsparse::dataset::schema::Var;
use dynsparse::dataset::{Attribute, Recording};
use serde_json::Value;

use crate::common::{Place, Ran};

const PID: &str = r#"<mujoco><extension><plugin plugin="mujoco.pid"><instance name="p"><config key="kp" value="40"/>
    <config key="ki" value="15"/></instance></plugin></extension><worldbody><body><joint name="a" type="slide" axis="0 0 1"/>
    <geom size=".1" mass="1"/></body></worldbody>
    <actuator><plugin joint="a" plugin="mujoco.pid" instance="p" actdim="1" ctrlrange="-1 1"/></actuator></mujoco>"#;

/// A body that moves along x under the plugin of [`source`], 1 kg, with a step of 0.01 s.
const MINE: &str = r#"<mujoco><option timestep=".01" gravity="0 0 0"/><extension><plugin plugin="my.force"/></extension><worldbody>
    <body><plugin plugin="my.force"/><joint name="x" type="slide" axis="1 0 0"/><geom size=".1" mass="1"/></body></worldbody></mujoco>"#;

/// A plugin with the passive force `gain` (-v + s) + hidden, where s is its state, the sum of all velocities, if it has one.
fn source(gain: f64, state: bool, hidden: bool) -> String {
    let (state, hidden) = (i32::from(state), i32::from(hidden));
    format!(
        r#"#include <mujoco/mujoco.h>
static double hidden;
static int nstate(const mjModel* m, int i) {{ return {state}; }}
static int init(const mjModel* m, mjData* d, int i) {{ return 0; }}
static void reset(const mjModel* m, mjtNum* state, void* data, int i) {{ if ({state}) state[0] = 0; }}
static void compute(const mjModel* m, mjData* d, int i, int capability) {{
  double s = {state} ? d->plugin_state[m->plugin_stateadr[i]] : 0;
  d->qfrc_passive[0] += {gain} * (s - d->qvel[0]) + hidden;
  hidden += {hidden} * 1e-3;
}}
static void advance(const mjModel* m, mjData* d, int i) {{ if ({state}) d->plugin_state[m->plugin_stateadr[i]] += d->qvel[0]; }}
__attribute__((constructor)) static void enter(void) {{
  mjpPlugin p;
  mjp_defaultPlugin(&p);
  p.name = "my.force";
  p.capabilityflags = mjPLUGIN_PASSIVE;
  p.nstate = nstate;
  p.init = init;
  p.reset = reset;
  p.compute = compute;
  p.advance = advance;
  mjp_registerPlugin(&p);
}}
"#
    )
}

/// Compiles a plugin of one's own into the folder of the test.
fn build(place: &Place, library: &str, source: &str) -> PathBuf {
    place.write("mine.c", source);
    let to = place.path(library);
    let include = mujoco().join("../include");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let shared = if cfg!(target_os = "macos") {
        ["-dynamiclib", "-undefined", "dynamic_lookup"]
    } else {
        ["-shared", "-fPIC", "-O1"]
    };
    let mut command = Command::new(compiler);
    command.args(shared).arg("-I").arg(include).arg(place.path("mine.c")).arg("-o").arg(&to);
    let ran = command.output().expect("a C compiler, as the build needs one");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    to
}

/// The folder of MuJoCo's library.
fn mujoco() -> PathBuf {
    PathBuf::from(std::env::var("MUJOCO_DYNAMIC_LINK_DIR").expect("cargo says where MuJoCo is"))
}

/// The library of MuJoCo's own plugin for actuators.
fn pid_library() -> PathBuf {
    let folders = ["plugin", "../bin/mujoco_plugin"].map(|folder| mujoco().join(folder));
    let named = |folder: &PathBuf| ["libactuator.so", "libactuator.dylib"].map(|name| folder.join(name));
    let mut all = folders.iter().flat_map(named);
    all.find(|path| path.is_file()).expect("the plugins of MuJoCo: run `cargo xtask setup`")
}

fn record(place: &Place, model: &str, extra: &[&str]) -> Ran {
    place.write("model.xml", model);
    let args = ["record", "model.xml", "--episodes", "2", "--steps", "6", "--seed", "3", "--reset-noise", "0.5"];
    let output: &[&str] = if extra.contains(&"-o") { &[] } else { &["-o", "out.h5"] };
    place.run(&[&args[..], output, extra].concat())
}

/// The program where no plugin lies beside MuJoCo.
fn without_plugins(place: &Place, args: &[&str]) -> Ran {
    std::fs::create_dir_all(place.path("none")).expect("a folder");
    let mut command = place.command(args);
    command.env("MUJOCO_PLUGIN_DIR", place.path("none"));
    place.run_command(command)
}

fn text(recording: &Recording, name: &str) -> Option<String> {
    recording.attributes().iter().find(|(n, _)| n == name).map(|(_, value)| match value {
        Attribute::Text(text) => text.clone(),
        other => panic!("{name} is {other:?}"),
    })
}

fn open(place: &Place, name: &str) -> Recording {
    Recording::open(&place.path(name)).expect("a recording")
}

/// The recording names the plugin with its library, is the same on any number of threads, and is verified.
#[test]
fn plugins_that_lie_beside_mujoco() {
    let place = Place::new();
    record(&place, PID, &["--threads", "1", "-o", "one.h5"]).ok();
    record(&place, PID, &["--threads", "2", "-o", "two.h5"]).ok();
    assert_eq!(place.read("one.h5"), place.read("two.h5"));
    let recording = open(&place, "one.h5");
    let plugins: Value = serde_json::from_str(&text(&recording, "plugins").expect("it names them")).unwrap();
    let library = pid_library();
    assert_eq!(plugins[0]["name"], "mujoco.pid");
    assert_eq!(plugins[0]["library"], library.file_name().unwrap().to_str().unwrap());
    let sha256 = dynsparse::seal::sha256_hex(&std::fs::read(&library).unwrap());
    assert_eq!(plugins[0]["sha256"], sha256);
    assert_eq!((text(&recording, "untested_plugins"), text(&recording, "held_state")), (None, None));
    let info = place.run(&["info", "one.h5"]).ok();
    assert!(info.stdout.contains("mujoco.pid (libactuator"), "{}", info.stdout);
    place.run(&["verify", "one.h5"]).ok();
    let check =
        place.run(&["check-jacobian", "model.xml", "--states", "4", "--episodes", "1", "--engines", "whole-step"]).ok();
    assert!(check.stdout.contains("whole-step"), "{}", check.stdout);
}

#[test]
fn a_plugin_that_is_missing_is_named_with_the_fix() {
    let place = Place::new();
    place.write("model.xml", PID);
    let args = ["record", "model.xml", "--steps", "2", "-o", "out.h5"];
    without_plugins(&place, &args).failed(&[
        "model.xml",
        "the plugin mujoco.pid is not loaded",
        "--plugin FILE",
        "none is loaded",
    ]);
    record(&place, MINE, &[]).refused(&["model.xml", "my.force", "--plugin FILE", "mujoco.elasticity.cable"]);
    // And where it is named, it is there.
    place.write("model.xml", PID);
    let library = pid_library();
    let named = [&args[..], &["--plugin", library.to_str().unwrap()]].concat();
    without_plugins(&place, &named).ok();
    let folder = library.parent().unwrap().to_str().unwrap();
    without_plugins(&place, &["verify", "out.h5", "--plugin", folder]).ok();
    without_plugins(&place, &["verify", "out.h5"]).failed(&["mujoco.pid", "--plugin FILE"]);
}

#[test]
fn what_is_no_plugin_library_is_refused() {
    let place = Place::new();
    place.write("model.xml", PID).write("text.so", "no library");
    std::fs::create_dir_all(place.path("empty")).unwrap();
    let refused = |path: &str, parts: &[&str]| {
        place.run(&["record", "model.xml", "-o", "out.h5", "--plugin", path]).refused(parts);
    };
    refused("gone.so", &["gone.so", "cannot be read"]);
    refused("text.so", &["text.so", "cannot be loaded", "name a plugin library of MuJoCo 3.17.0"]);
    refused("empty", &["empty", "no library"]);
    refused("/dev/null", &["/dev/null", "no regular file"]);
    let bare = build(&place, "bare.so", "int nothing;\n");
    refused(bare.to_str().unwrap(), &["bare.so", "registers no plugin"]);
}

/// The step x' = x + h v', v' = v + h gain (s - v), s' = s + v' of [`source`]: A over one step holds s, over three steps it counts
/// what v does through s in between.
#[test]
fn a_plugin_of_ones_own_with_a_state() {
    let (h, gain) = (0.01, 7.0);
    let place = Place::new();
    let library = build(&place, "mine.so", &source(gain, true, false));
    let library = library.to_str().unwrap();
    for steps in [1, 3] {
        let (mut v, mut x, mut s) = (1.0, 0.0, 0.0);
        for _ in 0..steps {
            v += h * gain * (s - v);
            x += h * v;
            s += v;
        }
        let count = steps.to_string();
        let ran = record(&place, MINE, &["--plugin", library, "--substeps", &count, "--force"]).ok();
        assert!(ran.stderr.contains("my.force is not one that the tests know"), "{}", ran.stderr);
        let recording = open(&place, "out.h5");
        assert_eq!(text(&recording, "untested_plugins").as_deref(), Some("my.force"));
        assert!(text(&recording, "command").unwrap().ends_with(" --plugin mine.so"));
        assert_eq!(text(&recording, "held_state").as_deref(), Some("state of the plugin my.force"));
        for a in recording.read::<f64>(Var::A, 0..12).unwrap().chunks(4) {
            for (found, right) in a.iter().zip([1.0, x, 0.0, v]) {
                assert!((found - right).abs() < 1e-10, "{steps} steps: {found} for {right}");
            }
        }
        place.run(&["verify", "out.h5", "--plugin", library]).ok();
    }
    // mjd_transitionFD knows single steps alone.
    record(&place, MINE, &["--plugin", library, "--engine", "transition-fd", "--force"])
        .failed(&["state of the plugin my.force", "use --engine whole-step"]);
}

#[test]
fn another_library_than_the_one_that_recorded_is_named() {
    let place = Place::new();
    let first = build(&place, "first.so", &source(2.0, false, false));
    record(&place, MINE, &["--plugin", first.to_str().unwrap()]).ok();
    let second = build(&place, "second.so", &source(2.5, false, false));
    let ran = place.run(&["verify", "out.h5", "--plugin", second.to_str().unwrap()]);
    assert_eq!(ran.status.code(), Some(1), "{}", ran.stderr);
    for part in ["the plugin my.force is in another library", "first.so", "second.so"] {
        assert!(ran.stderr.contains(part), "no \"{part}\" in {}", ran.stderr);
    }
    assert!(ran.stdout.contains("differs") && ran.stdout.contains("plugins"), "{}", ran.stdout);
    // Going on from there is another recording.
    record(&place, MINE, &["--plugin", second.to_str().unwrap()]).failed(&["other settings", "plugins"]);
}

/// What a plugin keeps beside its state makes two steps from one state differ, which is no function to differentiate.
#[test]
fn a_plugin_with_a_hidden_state_is_refused() {
    let place = Place::new();
    let library = build(&place, "mine.so", &source(1.0, false, true));
    record(&place, MINE, &["--plugin", library.to_str().unwrap()]).failed(&[
        "my.force",
        "does not come out the same",
        "mjData.plugin_state",
    ]);
}

#[test]
fn two_libraries_with_one_plugin_end_in_words() {
    let place = Place::new();
    let first = build(&place, "first.so", &source(2.0, false, false));
    let second = build(&place, "second.so", &source(2.5, false, false));
    let both = ["--plugin", first.to_str().unwrap(), "--plugin", second.to_str().unwrap()];
    record(&place, MINE, &both).refused(&["second.so", "'my.force' is already registered", "one library"]);
}
