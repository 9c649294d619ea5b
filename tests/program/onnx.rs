//! The policy onnx: networks are written here byte by byte, so that nothing reads them but what is tested.

use dynsparse::policy::OnnxFile;

use crate::common::onnx::{Net, bytes, cheetah, floats, node, node_with, number, remembering, text, value, whole};
use crate::common::{self, Dice, Place, fuzz, vendor};

/// One product with a matrix.
fn linear(seen: usize, actions: usize, weights: &[f32]) -> Net {
    Net {
        nodes: vec![node("MatMul", &["seen", "w"], "action")],
        tensors: vec![floats("w", &[seen, actions], weights)],
        inputs: vec![value("seen", &[seen as u64])],
        outputs: vec![value("action", &[actions as u64])],
        ..Net::default()
    }
}

const RECORD: [&str; 8] = ["record", "CheetahRun", "--episodes", "2", "--steps", "30", "--onnx-file", "p.onnx"];

fn place(net: &Net) -> Place {
    let place = Place::new();
    place.write("p.onnx", net.file());
    place
}

fn read(place: &Place, file: &str, name: &str) -> ndarray::Array2<f64> {
    let file = hdf5::File::open(place.path(file)).expect("a recording");
    file.dataset(name).and_then(|d| d.read_2d()).expect(name)
}

#[test]
fn a_network_says_what_numpy_says() {
    let place = place(&cheetah());
    let net = OnnxFile::open(&place.path("p.onnx"), 17, 6).expect("a network");
    let reference: serde_json::Value =
        serde_json::from_str(include_str!("../reference/onnx.json")).expect("tests/reference/onnx.json");
    let rows = reference["actions"].as_array().expect("actions");
    assert_eq!(rows.len(), 5);
    let mut largest = 0.0f64;
    for (row, expected) in rows.iter().enumerate() {
        let seen: Vec<f64> = (0..17).map(|i| 2.0 * (0.7 * f64::from(i) + row as f64).sin()).collect();
        let mut action = [0.0; 6];
        net.act(&seen, &mut net.memory(), &mut action).expect("an action");
        let expected: Vec<f64> = expected.as_array().expect("a row").iter().filter_map(|x| x.as_f64()).collect();
        let off = action.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        // Sums in another order, nothing else.
        assert!(off < 1e-14, "{action:?} instead of {expected:?}");
        largest = expected.iter().fold(largest, |all, x| all.max(x.abs()));
    }
    assert!(largest > 0.3, "{largest}");
}

/// Records a.h5 on one thread and b.h5 on two, which have the same bytes.
fn on_one_thread_and_two(place: &Place) {
    let assets = vendor();
    for (file, threads) in [("a.h5", "1"), ("b.h5", "2")] {
        let to = ["--assets", &assets, "-o", file, "--threads", threads];
        place.run(&[&RECORD[..], &to].concat()).ok();
    }
    assert_eq!(place.read("a.h5"), place.read("b.h5"), "one thread and two");
}

#[test]
fn the_action_of_every_step_follows_from_its_observation() {
    let place = place(&cheetah());
    let assets = vendor();
    let record = [&RECORD[..], &["--assets", &assets]].concat();
    on_one_thread_and_two(&place);

    let net = OnnxFile::open(&place.path("p.onnx"), 17, 6).expect("a network");
    let (seen, ctrl) = (read(&place, "a.h5", "observation"), read(&place, "a.h5", "ctrl"));
    assert_eq!((seen.dim(), ctrl.dim()), ((60, 17), (60, 6)));
    for (seen, ctrl) in seen.rows().into_iter().zip(ctrl.rows()) {
        let mut action = [0.0; 6];
        net.act(seen.as_slice().expect("a row"), &mut net.memory(), &mut action).expect("an action");
        assert_eq!(Some(&action[..]), ctrl.as_slice());
    }
    assert!(ctrl.rows().into_iter().any(|row| row != ctrl.row(0)), "it acts by what it sees");

    // Neither needs the network: the actions are in the file.
    std::fs::rename(place.path("p.onnx"), place.path("q.onnx")).expect("renamed");
    let verified = place.run(&["verify", "a.h5"]).ok();
    assert!(verified.stdout.contains("under the actions in the file: every bit"), "{}", verified.stdout);
    place.run(&["record", "CheetahRun", "--assets", &assets, "--replay", "a.h5", "-o", "c.h5"]).ok();
    assert_eq!(read(&place, "a.h5", "zero_floor"), read(&place, "c.h5", "zero_floor"));

    // The network is part of the recipe: the same one under another name is another file, another one is refused.
    let info: serde_json::Value =
        serde_json::from_str(&place.run(&["info", "--json", "a.h5"]).ok().stdout).expect("JSON");
    let policy = &info["attributes"]["recipe"]["job"]["policy"];
    assert_eq!((policy["kind"].as_str(), policy["file"].as_str()), (Some("onnx"), Some("p.onnx")));
    assert_eq!(policy["sha256"], net.sha256());
    let command = info["attributes"]["command"].as_str().expect("a command");
    assert!(command.contains("--onnx-file p.onnx"), "{command}");
    let mut other = cheetah();
    other.nodes.push(node("Identity", &["x0"], "unused"));
    place.write("p.onnx", other.file());
    place.run(&[&record[..], &["-o", "a.h5"]].concat()).refused(&["a.h5", "policy.sha256"]);
}

/// Layers with a memory, over five actions: their states come back as inputs, and begin at zero.
#[test]
fn a_network_with_a_memory_says_what_numpy_says() {
    let reference: serde_json::Value =
        serde_json::from_str(include_str!("../reference/onnx.json")).expect("tests/reference/onnx.json");
    for kind in ["LSTM", "GRU", "GRU before", "RNN", "RNN relu"] {
        let place = place(&remembering(kind, 17, 6));
        let net = OnnxFile::open(&place.path("p.onnx"), 17, 6).expect("a network");
        let mut memory = net.memory();
        let mut first = [0.0; 6];
        for (row, expected) in reference["remembered"][kind].as_array().expect(kind).iter().enumerate() {
            let seen: Vec<f64> = (0..17).map(|i| 2.0 * (0.7 * f64::from(i) + row as f64).sin()).collect();
            let mut action = [0.0; 6];
            net.act(&seen, &mut memory, &mut action).expect("an action");
            let expected: Vec<f64> = expected.as_array().expect("a row").iter().filter_map(|x| x.as_f64()).collect();
            let off = action.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(off < 1e-13, "{kind}, action {row}: {action:?} instead of {expected:?}");
            if row == 0 {
                first = action;
            }
            let mut forgetful = [0.0; 6];
            net.act(&seen, &mut net.memory(), &mut forgetful).expect("an action");
            assert_eq!(forgetful == action, row == 0, "{kind}: what it remembers counts");
        }
        assert!(first.iter().any(|u| u.abs() > 0.02), "{kind}: {first:?}");
    }
}

/// Every episode begins with an empty memory, on any thread.
#[test]
fn a_network_with_a_memory_acts() {
    let place = place(&remembering("LSTM", 17, 6));
    on_one_thread_and_two(&place);
    let net = OnnxFile::open(&place.path("p.onnx"), 17, 6).expect("a network");
    let (seen, ctrl) = (read(&place, "a.h5", "observation"), read(&place, "a.h5", "ctrl"));
    let mut memory = net.memory();
    for (row, (seen, ctrl)) in seen.rows().into_iter().zip(ctrl.rows()).enumerate() {
        if row == 30 {
            memory = net.memory();
        }
        let mut action = [0.0; 6];
        net.act(seen.as_slice().expect("a row"), &mut memory, &mut action).expect("an action");
        let clamped = action.map(|u| u.clamp(-1.0, 1.0));
        assert_eq!(Some(&clamped[..]), ctrl.as_slice(), "step {row}");
    }
    place.run(&["verify", "a.h5"]).ok();
}

#[test]
fn memories_that_are_not_clear_are_refused() {
    let assets = vendor();
    let refused = |net: &Net, parts: &[&str]| {
        let ran = place(net).run(&[&RECORD[..], &["--assets", &assets]].concat()).refused(parts);
        assert!(ran.stderr.starts_with("error: p.onnx: "), "{}", ran.stderr);
    };
    let mut other = remembering("GRU", 17, 6);
    other.inputs[1] = value("h_in", &[1, 1, 9]);
    refused(&other, &["2 inputs (obs, h_in) and 2 outputs (actions, h_out)", "h0 and hn"]);
    let layer = |attributes: &[Vec<u8>]| {
        let mut net = remembering("GRU", 17, 6);
        net.nodes[1] = node_with("GRU", &["x", "w", "r", "b", "", "h_in"], &["y", "h_out"], attributes);
        net
    };
    refused(&layer(&[text("direction", "bidirectional")]), &["GRU", "backwards in time"]);
    refused(&layer(&[whole("layout", 1)]), &["layout 1"]);
    refused(&layer(&[whole("hidden_size", 7)]), &["its W has the shape [1, 24, 17]"]);
    refused(&layer(&[whole("clip", 1)]), &["attribute \"clip\" is not known"]);
    let mut wrong = remembering("GRU", 17, 6);
    wrong.tensors[1] = floats("r", &[1, 24, 7], &[0.0; 24 * 7]);
    refused(&wrong, &["its R has the shape [1, 24, 7]"]);
}

/// A tensor of floats whose numbers lie in another file.
fn outside(name: &str, shape: &[usize], entries: &[(&str, &str)]) -> Vec<u8> {
    let dims: Vec<u8> = shape.iter().flat_map(|d| number(1, *d as u64)).collect();
    let entry = |(key, text): &(&str, &str)| bytes(13, &[bytes(1, key.as_bytes()), bytes(2, text.as_bytes())].concat());
    let entries: Vec<u8> = entries.iter().flat_map(entry).collect();
    [dims, number(2, 1), bytes(8, name.as_bytes()), entries, number(14, 1)].concat()
}

/// Weights in a file of their own are part of the network: of what it does, and of its SHA-256.
#[test]
fn numbers_beside_the_network_belong_to_it() {
    let weights: Vec<f32> = (0..102).map(|i| (i as f32).sin()).collect();
    let whole = linear(17, 6, &weights);
    let raw: Vec<u8> = [1.0f32; 3].iter().chain(&weights).flat_map(|x| x.to_le_bytes()).collect();
    let with = |entries: &[(&str, &str)]| {
        let mut net = whole.clone();
        net.tensors = vec![outside("w", &[17, 6], entries)];
        let place = place(&net);
        place.write("p.onnx.data", raw.clone());
        place
    };
    let open = |place: &Place| OnnxFile::open(&place.path("p.onnx"), 17, 6);
    let split = with(&[("location", "p.onnx.data"), ("offset", "12"), ("length", "408")]);
    let act = |net: &OnnxFile| {
        let mut action = [0.0; 6];
        net.act(&[0.3; 17], &mut net.memory(), &mut action).expect("an action");
        action
    };
    let net = open(&split).expect("a network");
    assert_eq!(act(&net), act(&open(&place(&whole)).expect("a network")));
    // What a network was read from is no output, by force either.
    let assets = vendor();
    let over = [&RECORD[..], &["--assets", &assets, "-o", "p.onnx.data", "--force"]].concat();
    split.run(&over).refused(&["p.onnx.data", "is read by this command"]);
    assert_eq!(split.read("p.onnx.data"), raw);
    let both = [split.read("p.onnx"), raw.clone()].concat();
    assert_eq!(net.sha256(), dynsparse::seal::sha256_hex(&both));

    let refused = |place: &Place, parts: &[&str]| {
        let text = open(place).unwrap_err().to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    };
    refused(&with(&[("location", "p.onnx.data"), ("offset", "16")]), &["101 numbers for the shape [17, 6]"]);
    refused(&with(&[("location", "p.onnx.data"), ("offset", "999")]), &["beyond the end of \"p.onnx.data\""]);
    refused(&with(&[("location", "p.onnx.data"), ("offset", "12"), ("length", "18446744073709551615")]), &["beyond"]);
    refused(&with(&[("location", "p.onnx.data"), ("offset", "-4")]), &["its offset is \"-4\""]);
    refused(&with(&[("location", "none")]), &["\"none\" beside it, which cannot be read", "copy both"]);
    for away in ["../p.onnx.data", "/etc/passwd", "", ".", "a/../../b"] {
        refused(&with(&[("location", away)]), &["not in the network's folder"]);
    }
    let linked = with(&[("location", "link")]);
    std::os::unix::fs::symlink("/etc/hostname", linked.path("link")).expect("a link");
    refused(&linked, &["a link that leads out"]);
}

#[test]
fn an_action_beyond_the_range_is_clamped_and_verified() {
    let place = place(&linear(17, 6, &[40.0; 17 * 6]));
    let assets = vendor();
    for (file, more) in [("a.h5", &[][..]), ("b.h5", &["--explore-scale", "0.1"])] {
        place.run(&[&RECORD[..], &["--assets", &assets, "-o", file], more].concat()).ok();
        let ctrl = read(&place, file, "ctrl");
        assert!(ctrl.iter().all(|u| u.abs() <= 1.0) && ctrl.iter().any(|u| u.abs() == 1.0));
        // What is flagged is flagged again under the actions in the file.
        place.run(&["verify", file]).ok();
    }
}

#[test]
fn networks_that_cannot_act_are_refused() {
    let assets = vendor();
    let refused = |bytes: Vec<u8>, parts: &[&str]| {
        let place = Place::new();
        place.write("p.onnx", bytes);
        let ran = place.run(&[&RECORD[..], &["--assets", &assets]].concat()).refused(parts);
        assert!(ran.stderr.starts_with("error: p.onnx: "), "{}", ran.stderr);
    };
    refused(b"PK\x03\x04 a zip".to_vec(), &["is no ONNX model"]);
    refused(Vec::new(), &["is no ONNX model"]);
    let whole = cheetah().file();
    refused(whole[..whole.len() / 2].to_vec(), &["is no ONNX model"]);
    refused(linear(5, 6, &[0.0; 30]).file(), &["its input seen has the shape [5]", "17 numbers", "[1, 17]"]);
    refused(linear(17, 4, &[0.0; 68]).file(), &["its output has the shape [4]", "action 6 numbers"]);
    refused(linear(17, 6, &[f32::NAN; 102]).file(), &["entry 0 of its output is NaN"]);
    let mut two = cheetah();
    two.inputs.push(value("state", &[1, 4]));
    refused(two.file(), &["2 inputs (seen, state)", "one input for the observation", "h_in and h_out"]);
    let mut two = cheetah();
    two.outputs = vec![value("mean", &[1, 6]), value("mode", &[1, 6])];
    refused(two.file(), &["2 outputs (mean, mode)", "call that one \"action\""]);
    let mut none = cheetah();
    none.inputs.clear();
    refused(none.file(), &["0 inputs"]);
    let mut strange = cheetah();
    strange.nodes[0] = node("Conv", &["seen", "mean"], "centred");
    refused(strange.file(), &["the operator Conv", "Tanh"]);
    let mut loose = cheetah();
    loose.nodes[0] = node("Sub", &["seen", "nobody"], "centred");
    refused(loose.file(), &["node Sub takes \"nobody\""]);
    let mut wrong = cheetah();
    wrong.tensors[0] = floats("mean", &[17], &[0.0; 3]);
    refused(wrong.file(), &["tensor \"mean\"", "3 numbers for the shape [17]"]);
    let mut wrong = cheetah();
    wrong.tensors[0] = floats("mean", &[4], &[0.0; 4]);
    refused(wrong.file(), &["node Sub (Sub) cannot be run", "[1, 17]", "[4]"]);
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let place = place(&cheetah());
    let assets = vendor();
    let refused = |args: &[&str], parts: &[&str]| {
        drop(place.run(&[&["record"], args, &["--steps", "2", "--assets", &assets]].concat()).refused(parts));
    };
    refused(&["CheetahRun", "--onnx-file", "none.onnx"], &["none.onnx: cannot be read"]);
    refused(&["CheetahRun", "--policy", "onnx"], &["the policy onnx needs a network", "--onnx-file"]);
    refused(&["CheetahRun", "--policy", "uniform", "--onnx-file", "p.onnx"], &["--onnx-file has no meaning"]);
    refused(&["CheetahRun", "--onnx-file", "p.onnx", "--beta", "1"], &["--beta has no meaning for the policy onnx"]);
    refused(&["--onnx-file", "p.onnx"], &["policy onnx: the task Juggler has no observation", "export_playground.py"]);
    refused(&["WalkerRun", "--onnx-file", "p.onnx"], &["p.onnx: its input seen", "24 numbers"]);
}

/// Whatever is changed in a file, the answer is an action or one line.
#[test]
fn a_damaged_file_is_no_panic() {
    let whole = cheetah().file();
    let place = Place::new();
    let mut dice = Dice(11);
    for _ in 0..400 {
        let mut bytes = whole.clone();
        for _ in 0..=dice.below(3) {
            // Most bytes are weights; the structure is behind and before them.
            let at = if dice.below(2) == 0 { dice.below(900) } else { dice.below(bytes.len() as u64) };
            bytes[at as usize] = dice.below(256) as u8;
        }
        place.write("p.onnx", bytes);
        if let Ok(net) = OnnxFile::open(&place.path("p.onnx"), 17, 6) {
            let _ = net.act(&[0.5; 17], &mut net.memory(), &mut [0.0; 6]);
        }
    }
}

/// A network whose sizes grow from node to node ends with a line, not with the memory of the machine.
#[test]
fn a_network_that_grows_is_refused() {
    let assets = vendor();
    let axis = bytes(5, &[bytes(1, b"axis"), number(3, 0)].concat());
    let refused = |copies: usize, nodes: usize| {
        let mut net = linear(17, 6, &[0.1; 102]);
        let mut last = "seen".to_owned();
        for i in 0..nodes {
            let next = format!("t{i}");
            net.nodes.push([node("Concat", &vec![&*last; copies], &next), axis.clone()].concat());
            last = next;
        }
        net.outputs = vec![value(&last, &[6])];
        let ran = place(&net).run(&[&RECORD[..], &["--assets", &assets]].concat());
        let ran = ran.refused(&["its node Concat (Concat) cannot be run", "numbers"]);
        assert!(ran.stderr.len() < 400, "{}", ran.stderr);
    };
    refused(2, 60);
    // At once, and until the sizes do not fit into 64 bits.
    refused(3000, 3);
    refused(3000, 9);
}

#[test]
fn versions_and_attributes_that_nobody_has_compared_are_refused() {
    let assets = vendor();
    let refused = |net: &Net, parts: &[&str]| {
        let ran = place(net).run(&[&RECORD[..], &["--assets", &assets]].concat()).refused(parts);
        assert!(ran.stderr.starts_with("error: p.onnx: "), "{}", ran.stderr);
    };
    for (opset, part) in [
        (number(2, 6), "opset 6"),
        (number(2, 99), "opset 99"),
        (number(2, u64::MAX), "opset -1"),
        ([bytes(1, b"com.microsoft"), number(2, 1)].concat(), "does not say which opset"),
    ] {
        refused(&Net { opsets: Some(vec![opset]), ..cheetah() }, &[part, "opset_version from 7 to 25"]);
    }
    refused(&Net { opsets: Some(vec![]), ..cheetah() }, &["does not say which opset"]);
    refused(&Net { opsets: Some(vec![number(2, 17), number(2, 13)]), ..cheetah() }, &["several opsets"]);
    refused(&Net { format: Some(99), ..cheetah() }, &["ONNX format 99"]);
    let mut net = cheetah();
    net.nodes[0].extend(bytes(5, &[bytes(1, b"broadcast"), number(3, 1)].concat()));
    refused(&net, &["its node Sub: its attribute \"broadcast\" is not known here"]);
    let mut net = cheetah();
    net.nodes.push(node("Neg", &["x0"], "action"));
    refused(&net, &["it gives \"action\" twice"]);
    // A circle is a node that takes what comes after it.
    let mut net = cheetah();
    net.nodes[0] = node("Sub", &["seen", "mode"], "centred");
    refused(&net, &["takes \"mode\", which nothing gives before it"]);
    let mut net = cheetah();
    net.tensors[0] = [number(1, 17), number(2, 1), bytes(8, b"mean"), number(14, 1)].concat();
    refused(&net, &["its tensor \"mean\"", "not in the network's folder"]);
    let mut net = cheetah();
    net.nodes[0] = node("Sub", &["seen", "mean\u{1b}[2J"], "centred");
    refused(&net, &["takes \"mean\\u001b[2J\""]);
    let mut net = cheetah();
    net.nodes = vec![Vec::new(); 300_000];
    refused(&net, &["too many nodes"]);
    let endless = ["record", "CheetahRun", "--onnx-file", "/dev/zero", "--assets", &assets];
    Place::new().run(&endless).refused(&["/dev/zero: cannot be read", "regular file"]);
}

/// Whatever is changed in a network, the program records or says in one line why not.
#[test]
fn mutated_networks_are_no_panic() {
    let assets = vendor();
    let place = Place::new();
    let seeds = [common::onnx::seed(), remembering("LSTM", 17, 6).file()];
    fuzz::short(60, |number| {
        place.write("p.onnx", common::onnx::mutate(&seeds[(number % 2) as usize], number));
        let sizes =
            ["record", "CheetahRun", "--episodes", "1", "--steps", "2", "--threads", "1", "-o", "out.h5", "--force"];
        place.run(&[&sizes[..], &["--onnx-file", "p.onnx", "--assets", &assets]].concat())
    });
}

/// A cart with a pole, a filtered motor and two sensors, in the user's own MJCF.
const OWN: &str = r#"<mujoco><option timestep="0.01" integrator="RK4"/><worldbody>
    <body name="cart"><joint name="x" type="slide" axis="1 0 0"/><geom size=".1" mass="1"/>
      <body name="pole" pos="0 0 .1"><joint name="hinge" axis="0 1 0"/><geom type="capsule" size=".03" fromto="0 0 0 0 0 .6"/>
        <site name="tip" pos="0 0 .6"/></body></body></worldbody>
    <actuator><general name="motor" joint="x" dyntype="filter" dynprm=".05" gainprm="5" ctrlrange="-1 1" ctrllimited="true"/></actuator>
    <sensor><framepos name="where" objtype="site" objname="tip"/><jointvel name="turning" joint="hinge"/></sensor></mujoco>"#;

#[test]
fn a_network_acts_on_any_model_by_what_it_is_said_to_see() {
    let weights = [0.1, -0.7, 0.3, 0.2, -0.4, 0.5, -0.3];
    let place = place(&linear(7, 1, &weights));
    place.write("own.xml", OWN);
    let seen = "qpos[1:],qvel,act,sensor:where";
    let record =
        ["record", "own.xml", "--onnx-file", "p.onnx", "--reset-noise", "0.1", "--episodes", "2", "--steps", "20"];
    place.run(&record).refused(&["own", "no observation", "--observe qpos,qvel"]);
    place.run(&[&record[..], &["--observe", seen, "-o", "a.h5"]].concat()).ok();
    let [observed, next, qpos, qvel, act, ctrl] =
        ["observation", "observation_next", "qpos", "qvel", "act", "ctrl"].map(|name| read(&place, "a.h5", name));
    for step in 0..40 {
        let state = [qpos[(step, 1)], qvel[(step, 0)], qvel[(step, 1)], act[(step, 0)]];
        assert_eq!(observed.row(step).to_vec()[..4], state, "step {step}");
        let asked: f64 = observed.row(step).iter().zip(weights).map(|(x, w)| x * f64::from(w)).sum();
        assert!((ctrl[(step, 0)] - asked.clamp(-1.0, 1.0)).abs() < 1e-15, "step {step}");
        if step % 20 > 0 {
            assert_eq!(observed.row(step), next.row(step - 1), "step {step}");
        }
    }
    assert!(observed.column(4).iter().any(|x| *x != 0.0), "where the tip is");
    let file = hdf5::File::open(place.path("a.h5")).unwrap();
    let labels = file.dataset("observation_entry").unwrap().read_1d::<hdf5::types::VarLenUnicode>().unwrap();
    let labels: Vec<&str> = labels.iter().map(|label| label.as_str()).collect();
    let expected =
        ["qpos:hinge", "qvel:x", "qvel:hinge", "act:motor", "sensor:where[0]", "sensor:where[1]", "sensor:where[2]"];
    assert_eq!(labels, expected);
    assert!(file.dataset("reward").is_err(), "nothing is rewarded");
    drop(file);
    place.run(&["verify", "a.h5"]).ok();
    let info = place.run(&["info", "--json", "a.h5"]).ok().stdout;
    assert!(info.contains("--observe 'qpos[1:],qvel,act,sensor:where'"), "{info}");
    // It is part of the recipe.
    place
        .run(&[&record[..], &["--observe", "qvel,qpos[1:],act,sensor:where", "-o", "a.h5"]].concat())
        .refused(&["a.h5", "observe"]);
    // Without a network too, from a configuration, and with half of a sensor's values.
    place.write(
        "c.toml",
        "task = \"own.xml\"\noutput = \"b.h5\"\nepisodes = 1\nsteps = 3\nobserve = [\"sensordata[-2:]\", \"ctrl\"]\n",
    );
    place.run(&["record", "--config", "c.toml"]).ok();
    assert_eq!(read(&place, "b.h5", "observation").dim(), (3, 3));
    for (parts, said) in [
        ("qpos,height", &["\"height\" is no part of an observation", "qpos, qvel, act, ctrl, sensordata"][..]),
        ("qpos[2:]", &["qpos[2:] names no entries", "2 of qpos"]),
        ("qvel[0:3]", &["qvel[0:3] names no entries"]),
        ("qvel[-3:]", &["qvel[-3:] names no entries"]),
        ("", &["\"\" is no part"]),
        ("qvel,qpos,qvel[1:]", &["qvel:hinge is observed twice"]),
        ("sensor:tip", &["\"tip\"", "its sensors: [\"where\", \"turning\"]"]),
        ("qpos", &["its input seen has the shape [7]", "--observe"]),
    ] {
        place.run(&[&record[..], &["--observe", parts, "-o", "c.h5"]].concat()).refused(said);
    }
}

#[test]
fn another_observation_leaves_the_reward_of_a_task() {
    let place = Place::new();
    let assets = vendor();
    let record = ["record", "CheetahRun", "--episodes", "1", "--steps", "20", "--assets", &assets];
    place.run(&[&record[..], &["-o", "a.h5"]].concat()).ok();
    place.run(&[&record[..], &["--observe", "qvel[:3]", "-o", "b.h5"]].concat()).ok();
    let reward =
        |file: &str| hdf5::File::open(place.path(file)).unwrap().dataset("reward").unwrap().read_1d::<f64>().unwrap();
    assert_eq!(reward("a.h5"), reward("b.h5"));
    assert_eq!(read(&place, "b.h5", "observation").dim(), (20, 3));
    place.run(&["verify", "b.h5"]).ok();
}

/// Exporters write values and log probabilities beside the action, by operators that a policy needs not.
#[test]
fn of_several_outputs_the_action_is_taken() {
    let assets = vendor();
    let whole = place(&cheetah());
    whole.run(&[&RECORD[..], &["--assets", &assets, "-o", "a.h5"]].concat()).ok();
    let mut net = cheetah();
    net.nodes.insert(0, node("Multinomial", &["seen"], "value"));
    net.outputs.insert(0, value("value", &[1, 1]));
    let several = place(&net);
    several.run(&[&RECORD[..], &["--assets", &assets, "-o", "a.h5"]].concat()).ok();
    assert_eq!(read(&whole, "a.h5", "ctrl"), read(&several, "a.h5", "ctrl"));
}
