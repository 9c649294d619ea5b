//! `dynsparse view`: the numbers on the page are those of the recording, and in a real browser it does what it says.

use std::collections::BTreeMap;
use std::io::Read as _;

use base64::Engine as _;
use dynsparse::dataset::Recording;
use dynsparse::dataset::schema::{Axis, Var};
use serde_json::{Value, json};

use crate::common::browser::Browser;
use crate::common::{self, Place, vendor};

/// Everything of a page is there.
const READY: &str = "document.documentElement?.dataset.ready";

/// A foot on a leg that hops, beside a ball that rolls: contacts that come and go, a limit, a spatial tendon, a free joint.
const HOPPER: &str = r#"<mujoco><option timestep="0.002"/><worldbody><geom name="ground" type="plane" size="5 5 1"/>
  <site name="hook" pos="0 0 1"/>
  <body name="hip" pos="0 0 .3"><joint name="z" type="slide" axis="0 0 1"/><geom size=".05" rgba="1 0 0 1"/>
    <body name="shank" pos="0 0 -.1"><joint name="leg" type="slide" axis="0 0 1" range="-.1 .02" limited="true" stiffness="300" damping="2"/>
      <geom name="foot" size=".04"/><site name="sole"/></body></body>
  <body name="ball" pos=".5 0 .3"><freejoint name="rolls"/><geom name="skin" type="ellipsoid" size=".05 .06 .07" group="3"/></body></worldbody>
  <tendon><spatial name="cord"><site site="hook"/><site site="sole"/></spatial></tendon>
  <actuator><motor name="push" joint="leg" gear="20" ctrlrange="-1 1"/></actuator></mujoco>"#;

fn hopper(extra: &[&str]) -> Place {
    let place = Place::new();
    place.write("hopper.xml", HOPPER);
    let job = ["record", "hopper.xml", "--substeps", "5", "--episodes", "2", "-o", "h.h5"];
    let steps: &[&str] = if extra.contains(&"--steps") { &[] } else { &["--steps", "90"] };
    place.run(&[&job[..], steps, extra].concat()).ok();
    place
}

/// A page, read as its scripts read it.
struct Page {
    html: String,
    about: Value,
}

impl Page {
    fn read(place: &Place, name: &str) -> Self {
        let html = String::from_utf8(place.read(name)).expect("UTF-8");
        let about = element(&html, "about").expect("an element about");
        Self { about: serde_json::from_str(about).expect("JSON"), html }
    }

    /// The arrays of a pack, as doubles, by their names.
    fn pack(&self, name: &str) -> BTreeMap<String, Vec<f64>> {
        let text = element(&self.html, &format!("pack-{name}")).expect("a pack");
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
        let mut plain = Vec::new();
        flate2::read::ZlibDecoder::new(&bytes[..]).read_to_end(&mut plain).expect("zlib");
        let places = self.about["packs"][name].as_array().expect("places");
        let numbers = |place: &Value| {
            let [at, n] = ["at", "length"].map(|k| place[k].as_u64().expect("a number") as usize);
            let kind = place["type"].as_str().expect("a type");
            let size = kind[1..].parse::<usize>().expect("bits") / 8;
            let number = |i: usize| {
                let mut raw = [0_u8; 8];
                (0..size).for_each(|k| raw[k] = plain[at + k * n + i]);
                match kind {
                    "f64" => f64::from_le_bytes(raw),
                    "f32" => f32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]).into(),
                    "i16" => i16::from_le_bytes([raw[0], raw[1]]).into(),
                    _ => u64::from_le_bytes(raw) as f64,
                }
            };
            (0..n).map(number).collect()
        };
        places.iter().map(|place| (place["name"].as_str().expect("a name").to_owned(), numbers(place))).collect()
    }

    fn steps(&self) -> usize {
        self.about["steps"].as_u64().expect("steps") as usize
    }

    /// By step, an array that the blocks of the page have by entry.
    fn blocks(&self, name: &str) -> Vec<Vec<f64>> {
        let block = self.about["kept"]["block"].as_u64().expect("steps of a block") as usize;
        let mut out = Vec::new();
        for (i, first) in (0..self.steps()).step_by(block).enumerate() {
            let n = block.min(self.steps() - first);
            let all = self.pack(&format!("block{i}")).remove(name).expect("an array");
            out.extend((0..n).map(|t| all.iter().skip(t).step_by(n).copied().collect::<Vec<f64>>()));
        }
        out
    }
}

/// What is in an element for scripts.
fn element<'a>(html: &'a str, id: &str) -> Option<&'a str> {
    let (_, rest) = html.split_once(&format!("id=\"{id}\">"))?;
    Some(rest.split_once("</script>")?.0)
}

fn open(place: &Place, name: &str) -> Recording {
    Recording::open(&place.path(name)).expect("a recording opens")
}

fn rows<T: dynsparse::dataset::Element>(recording: &Recording, var: Var, from: usize, steps: usize) -> Vec<Vec<T>> {
    let all: Vec<T> = recording.read(var, from..from + steps).expect("numbers");
    all.chunks(all.len() / steps).map(<[T]>::to_vec).collect()
}

#[test]
fn the_numbers_are_those_of_the_recording() {
    let place = hopper(&[]);
    let ran = place.run(&["view", "h.h5", "--episode", "1", "--from", "3", "--to", "80"]).ok();
    assert!(ran.stdout.starts_with("h.html: episode 1, steps 3 to 80 of 90, "), "{}", ran.stdout);
    let (page, file) = (Page::read(&place, "h.html"), open(&place, "h.h5"));
    let (from, steps) = (93, 78);
    assert_eq!((&page.about["from"], page.steps()), (&json!(3), steps));
    assert_eq!(page.about["axes"]["state"], json!(file.labels(Axis::State).expect("labels")));
    assert_eq!(page.about["axes"]["control"], json!(["push"]));

    for (var, mask) in [(Var::A, Var::AZero), (Var::B, Var::BZero)] {
        let (values, masks) = (rows::<f64>(&file, var, from, steps), rows::<u8>(&file, mask, from, steps));
        let found = page.blocks(var.spec().name);
        let verdicts = page.blocks(&format!("{}Zero", var.spec().name));
        assert_eq!((found.len(), verdicts.len()), (steps, steps));
        for t in 0..steps {
            assert_eq!(verdicts[t], masks[t].iter().map(|v| f64::from(*v)).collect::<Vec<_>>(), "step {t}");
            for (exact, short) in values[t].iter().zip(&found[t]) {
                assert!((exact - short).abs() <= exact.abs() * 2_f64.powi(-15) * 1.001, "{exact} {short}");
            }
        }
        let motion = page.pack("motion");
        for (code, name) in [(1, "zeros"), (2, "undecided")] {
            let count = |mask: &Vec<u8>| mask.iter().filter(|v| **v == code).count() as f64;
            assert_eq!(motion[&format!("{name}{}", var.spec().name)], masks.iter().map(count).collect::<Vec<_>>());
        }
    }
    let motion = page.pack("motion");
    assert_eq!(motion["time"], file.read::<f64>(Var::Time, from..from + steps).expect("times"));
    let flags: Vec<u32> = file.read(Var::Flags, from..from + steps).expect("flags");
    assert_eq!(motion["flags"], flags.iter().map(|f| f64::from(*f)).collect::<Vec<_>>());
    // Bodies are where MuJoCo says: a free joint is its body's place, a slide along z moves the hip up from 0.3 m.
    let (qpos, bodies) = (rows::<f64>(&file, Var::Qpos, from, steps), &page.about["scene"]["bodies"]);
    let names: Vec<&str> =
        bodies.as_array().expect("bodies").iter().map(|b| b["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["world", "hip", "shank", "ball"]);
    for t in 0..steps {
        let at = |body: usize, k: usize| motion["pos"][(3 * body + k) * steps + t];
        let turn = |body: usize, k: usize| motion["quat"][(4 * body + k) * steps + t] / 32767.0;
        assert!((at(1, 2) - 0.3 - qpos[t][0]).abs() < 1e-6 && (at(2, 2) - 0.2 - qpos[t][0] - qpos[t][1]).abs() < 1e-6);
        assert!((0..3).all(|k| (at(3, k) - qpos[t][2 + k]).abs() < 1e-6), "step {t}");
        assert!((0..4).all(|k| (turn(3, k) - qpos[t][5 + k]).abs() < 1e-4), "step {t}");
        // The tendon goes from the hook to the sole.
        let path = &motion["path"][6 * t..6 * t + 6];
        assert!((path[2] - 1.0).abs() < 1e-6 && (path[5] - at(2, 2)).abs() < 1e-6, "step {t}: {path:?}");
    }
    assert_eq!(page.about["axes"]["state_bodies"][1], json!([2]), "the leg moves the shank");
    assert_eq!(page.about["axes"]["control_bodies"], json!([[2]]));
}

/// Which pairs of geoms touch and which limits push, and where, against the recording's own tables.
#[test]
fn what_acts_is_what_was_recorded() {
    let place = hopper(&[]);
    place.run(&["view", "h.h5"]).ok();
    let (page, file) = (Page::read(&place, "h.html"), open(&place, "h.h5"));
    let (motion, events) = (page.pack("motion"), &page.about["events"]);
    let pairs: Vec<[i64; 2]> = serde_json::from_value(events["pairs"].clone()).expect("pairs");
    let geoms = file.labels(Axis::Geom).expect("labels");
    let part = |name: &str, first: &str, t: usize| {
        let [from, to] = [t, t + 1].map(|i| motion[first][i] as usize);
        motion[name][from..to].to_vec()
    };
    let (mut touched, mut limited) = (0, 0);
    for t in 0..90 {
        let [n, offset] = [
            file.read::<i32>(Var::Ntouch, t..t + 1).expect("n")[0] as usize,
            file.read::<i64>(Var::TouchOffset, t..t + 1).expect("offset")[0] as usize,
        ];
        let read = |var| file.read::<i32>(var, offset..offset + n).expect("a column");
        let expected: Vec<[i64; 2]> =
            read(Var::TouchGeom1).iter().zip(read(Var::TouchGeom2)).map(|(a, b)| [(*a).into(), b.into()]).collect();
        let found: Vec<[i64; 2]> = part("touchPair", "touchFirst", t).iter().map(|p| pairs[*p as usize]).collect();
        assert_eq!(found, expected, "step {t}");
        touched += n;
        // Points are those of the contacts at the step's start: on the ground.
        let ncon = file.read::<i32>(Var::Ncon, t..t + 1).expect("ncon")[0] as usize;
        let points = part("pointGeom1", "pointFirst", t);
        assert_eq!(points.len(), ncon, "step {t}");
        let first = motion["pointFirst"][t] as usize;
        assert!((0..ncon).all(|i| motion["pointPos"][3 * (first + i) + 2].abs() < 0.02), "step {t}");
        let [nefc, row] = [
            file.read::<i32>(Var::Nefc, t..t + 1).expect("n")[0] as usize,
            file.read::<i64>(Var::ConstraintOffset, t..t + 1).expect("offset")[0] as usize,
        ];
        let kinds: Vec<u8> = file.read(Var::ConstraintType, row..row + nefc).expect("types");
        let states: Vec<u8> = file.read(Var::ConstraintState, row..row + nefc).expect("states");
        let limits = kinds.iter().zip(&states).filter(|(k, s)| **k == 3 && **s != 0).count();
        assert_eq!(part("acting", "actingFirst", t).len(), limits, "step {t}");
        limited += limits;
    }
    assert!(touched > 10 && limited > 3, "{touched} touches, {limited} limits: the robot does something");
    assert!(pairs.iter().all(|p| geoms[p[0] as usize] == "ground"), "{pairs:?}");
    assert_eq!(events["constraints"][0], json!({"type": "limit_joint", "name": "leg"}));
    // What is only there to collide is on the page, and not shown.
    let shown: Vec<bool> =
        page.about["scene"]["geoms"].as_array().expect("geoms").iter().map(|g| g["shown"] == true).collect();
    assert_eq!(shown, [true, true, true, false]);
}

#[test]
fn every_kind_of_recording_has_its_page() {
    for (store, values, test) in [("f32", true, true), ("masks", false, true), ("f64", true, false)] {
        let place = hopper(&[&["--store", store][..], if test { &[] } else { &["--no-zero-test"] }].concat());
        place.run(&["view", "h.h5"]).ok();
        let (page, file) = (Page::read(&place, "h.html"), open(&place, "h.h5"));
        let kept = &page.about["kept"];
        assert_eq!((&kept["values"], &kept["test"]), (&json!(values), &json!(test)), "{store}");
        let note = page.about["notes"][0].as_str().unwrap_or_default().to_owned();
        let expected = if !values {
            "Verdicts alone"
        } else if !test {
            "No zero test was recorded: an entry below 1e-7"
        } else {
            ""
        };
        assert!(note.starts_with(expected) && note.is_empty() == expected.is_empty(), "{store}: {note}");
        let block = page.pack("block0");
        assert_eq!(block.contains_key("A"), values, "{store}");
        if !test {
            // Zero is what is below the threshold.
            let values = rows::<f64>(&file, Var::A, 0, 90);
            let expected: Vec<f64> = values[5].iter().map(|x| f64::from(u8::from(x.abs() < 1e-7))).collect();
            assert_eq!(page.blocks("AZero")[5], expected);
            assert_eq!(kept["threshold"], json!(1e-7));
        }
    }
}

/// Models that lack something, or have what no picture shows.
#[test]
fn models_of_all_kinds() {
    let ball =
        r#"<worldbody><body><joint type="ball"/><geom type="capsule" size=".1 .3" pos="0 0 -.4"/></body></worldbody>"#;
    let cloth = r#"<worldbody><flexcomp name="cloth" type="grid" count="3 3 1" spacing=".1 .1 .1" dim="2" mass=".1" radius=".01"/></worldbody>"#;
    let hidden = r#"<worldbody><body><joint/><geom size=".1" group="4" pos="0 0 -.4"/></body></worldbody>"#;
    let field = r#"<asset><hfield name="f" nrow="3" ncol="3" size="1 1 .2 .1" elevation="0 1 0 1 0 1 0 1 0"/></asset>
        <worldbody><geom type="hfield" hfield="f"/><body pos="0 0 1"><freejoint/><geom type="box" size=".1 .1 .1"/></body></worldbody>"#;
    for (name, body, note) in [
        ("ball", ball, None),
        ("cloth", cloth, Some("Flexes are drawn as their vertices.")),
        ("hidden", hidden, Some("The model shows no geom that moves, so that all are drawn.")),
        ("field", field, None),
    ] {
        let place = Place::new();
        place.write("m.xml", format!("<mujoco>{body}</mujoco>"));
        place.run(&["record", "m.xml", "--episodes", "1", "--steps", "3", "--policy", "zero", "-o", "m.h5"]).ok();
        let ran = place.run(&["view", "m.h5"]).ok();
        let page = Page::read(&place, "m.html");
        assert_eq!(page.about["axes"]["control"], json!([]), "{name}");
        assert_eq!(page.about["notes"], note.map_or(json!([]), |n| json!([n])), "{name}");
        assert!(note.is_none_or(|n| ran.stdout.contains(n)), "{name}: {}", ran.stdout);
        assert_eq!(
            page.pack("block0")["A"].len(),
            3 * page.about["axes"]["state"].as_array().expect("names").len().pow(2)
        );
        match name {
            "cloth" => assert_eq!(page.about["scene"]["soft"][0]["vertices"].as_array().expect("vertices").len(), 9),
            "field" => assert_eq!(page.about["scene"]["meshes"][0]["faces"], json!(8)),
            _ => {}
        }
    }
}

/// Names are text, whatever they are.
#[test]
fn names_end_nothing() {
    let place = Place::new();
    let long = "n".repeat(10_000);
    place.write(
        "m.xml",
        format!(
            r#"<mujoco><worldbody><body name="&lt;/script&gt;&lt;script&gt;document.title='owned'&lt;/script&gt;">
            <joint name="a&quot;b'&lt;!--&#10;&amp;amp;"/><geom size=".1" name="{long}" pos="0 0 -.2"/></body></worldbody></mujoco>"#
        ),
    );
    place.run(&["record", "m.xml", "--episodes", "1", "--steps", "3", "--policy", "zero", "-o", "m.h5"]).ok();
    place.run(&["view", "m.h5"]).ok();
    let page = Page::read(&place, "m.html");
    let name = "</script><script>document.title='owned'</script>";
    assert_eq!(page.about["scene"]["bodies"][1]["name"], json!(name));
    assert_eq!(page.about["axes"]["state"][0], json!("pos:a\"b'<!--\\u000a&amp;"));
    assert_eq!(page.about["scene"]["geoms"][0]["name"], json!(long));
    assert!(!page.html.contains("<script>document.title"), "a name is markup");
    // About, three packs, and the program.
    assert_eq!(page.html.matches("</script>").count(), 5);
    let Some(mut browser) = Browser::start() else { return };
    browser.open(&place.path("m.html"), READY);
    browser.value("chooseEntry({matrix: 'A', row: 0, column: 1})");
    browser.wait("document.querySelector('#entry h2')?.textContent.includes('pos:a\"b')");
    assert_eq!(browser.value("document.title"), json!("m, episode 0: dynamic sparsity"));
    assert_eq!(
        browser.value("document.scripts.length"),
        json!(2),
        "about and the program; packs go when they are read"
    );
    browser.is_content();
}

#[test]
fn a_page_keeps_to_its_budget() {
    let place = hopper(&["--steps", "1500"]);
    place.run(&["view", "h.h5"]).ok();
    let whole = place.read("h.html").len();
    assert!((230_000..1_000_000).contains(&whole), "{whole} bytes");
    let ran = place.run(&["view", "h.h5", "--budget-mb", "0.2"]).ok();
    let page = Page::read(&place, "h.html");
    assert!(page.html.len() <= 200_000 && page.html.len() > 150_000, "{} bytes", page.html.len());
    let last = page.steps() - 1;
    assert!(last < 1499 && ran.stdout.contains(&format!("steps 0 to {last} of 1500")), "{}", ran.stdout);
    let note = format!("Steps 0 to {last} of 1500 are shown: as many as the page has room for.");
    assert_eq!(page.about["notes"], json!([note]));
    assert_eq!(page.blocks("A").len(), page.steps());
    place.run(&["view", "h.h5", "--budget-mb", "0.2", "--to", "1499"]).refused(&[
        "h.h5: ",
        "1500 steps",
        "0.2 MB",
        "--from, --to",
        "--budget-mb",
    ]);
    // The same recording gives the same bytes.
    place.run(&["view", "h.h5", "--to", "99"]).ok();
    place.run(&["view", "h.h5", "--to", "99", "-o", "again.html"]).ok();
    assert!(place.read("h.html") == place.read("again.html"), "two pages differ");
}

#[test]
fn bad_input() {
    let place = hopper(&[]);
    let refused = |args: &[&str], parts: &[&str]| drop(place.run(&[&["view"], args].concat()).refused(parts));
    refused(&["none.h5"], &["none.h5: no such file"]);
    refused(&["hopper.xml"], &["hopper.xml", "HDF5"]);
    refused(&["h.h5", "--episode", "7"], &["h.h5: there is no episode 7; its episodes are 0 to 1"]);
    refused(&["h.h5", "--from", "90"], &["h.h5: episode 0 has no step 90; its steps are 0 to 89"]);
    refused(&["h.h5", "--to", "90"], &["h.h5: episode 0 has no step 90"]);
    refused(&["h.h5", "--from", "9", "--to", "3"], &["the last step, 3, comes before the first one, 9"]);
    refused(&["h.h5", "-o", "h.h5"], &["h.h5: a page is HTML", ".html"]);
    refused(&["h.h5", "-o", "none/h.html"], &["none/h.html: there is no folder none"]);
    place.run(&["view", "h.h5", "--budget-mb", "0.1"]).usage(&["--budget-mb", "0.2 to 500"]);
    place.run(&["view", "h.h5", "--budget-mb", "NaN"]).usage(&["--budget-mb"]);
    let file = common::open_to_change(&place.path("h.h5"));
    file.dataset("qpos").and_then(|d| d.write_slice(&[f64::NAN], ndarray::s![100, 0..1])).expect("written");
    drop(file);
    refused(&["h.h5", "--episode", "1"], &["h.h5", "step 10 of episode 1 cannot be drawn", "not finite"]);
}

/// Entries whose verdict goes from zero to nonzero or back at a step where a pair of geoms begins or ends to touch, by the recording's
/// own tables, as the page counts them.
fn switching(file: &Recording, pair: [i32; 2], steps: usize) -> (usize, Vec<usize>) {
    let masks = rows::<u8>(file, Var::AZero, 0, steps);
    let touches: Vec<bool> = (0..steps)
        .map(|t| {
            let n = file.read::<i32>(Var::Ntouch, t..t + 1).expect("n")[0] as usize;
            let offset = file.read::<i64>(Var::TouchOffset, t..t + 1).expect("offset")[0] as usize;
            let read = |var| file.read::<i32>(var, offset..offset + n).expect("a column");
            read(Var::TouchGeom1).iter().zip(read(Var::TouchGeom2)).any(|(a, b)| [*a, b] == pair)
        })
        .collect();
    let switches: Vec<usize> = (1..steps).filter(|t| touches[*t] != touches[*t - 1]).collect();
    let switched = |k: usize| switches.iter().filter(|t| masks[**t][k] + masks[**t - 1][k] == 1).count();
    (switches.len(), (0..masks[0].len()).map(switched).collect())
}

#[test]
fn a_person_uses_the_page() {
    let place = hopper(&[]);
    place.run(&["view", "h.h5"]).ok();
    let file = open(&place, "h.h5");
    let Some(mut browser) = Browser::start() else { return };
    browser.resize(1280, 800);
    browser.open(&place.path("h.html"), READY);
    let text = |browser: &mut Browser, id: &str| {
        let text = browser.value(&format!("document.getElementById('{id}').textContent"));
        text.as_str().expect("text").to_owned()
    };
    let step = |browser: &mut Browser| browser.value("player.step").as_u64().expect("a step") as usize;
    assert!(text(&mut browser, "now").starts_with("step 0 · 0.00"), "{}", text(&mut browser, "now"));
    // The robot is drawn: the red hip is there.
    let red = "(() => { stage.draw(0, glowing()); const g = stage.gl, [w, h] = [g.drawingBufferWidth, g.drawingBufferHeight], p = new Uint8Array(4 * w * h); \
        g.readPixels(0, 0, w, h, g.RGBA, g.UNSIGNED_BYTE, p); let n = 0; for (let i = 0; i < p.length; i += 4) n += p[i] > 120 && p[i + 1] < 70 && p[i + 2] < 70; return n; })()";
    assert!(browser.value(red).as_u64().expect("pixels") > 100, "no robot");

    // Scrubbing: by mouse, then by keys.
    let line = browser.middle("document.getElementById('line')");
    browser.drag(&[line, [line[0] + 60.0, line[1]], [line[0] - 200.0, line[1]]]);
    let scrubbed = step(&mut browser);
    assert!((20..45).contains(&scrubbed), "{scrubbed}");
    browser.value("document.activeElement.blur()");
    for (key, expected) in [("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 89)] {
        browser.key(key);
        assert_eq!(step(&mut browser), expected, "{key}");
    }
    browser.value("goTo(40)");
    browser.wait("document.getElementById('now').textContent.startsWith('step 40 ')");

    // An entry by mouse: its value, as the file has it, and the bodies that it joins.
    browser.value("document.getElementById('matrix').scrollIntoView()");
    let at = browser.value(
        "(() => { const b = matrix.canvas.getBoundingClientRect(), e = {matrix: 'A', row: 9, column: 1}; return [b.x + matrix.x(e) + matrix.cell / 2, b.y + matrix.y(9) + matrix.tall / 2]; })()",
    );
    browser.click(serde_json::from_value(at).expect("a place"));
    assert_eq!(browser.value("state.entry"), json!({"matrix": "A", "row": 9, "column": 1}));
    browser.wait("document.getElementById('value')");
    let exact = rows::<f64>(&file, Var::A, 40, 1)[0][9 * 16 + 1];
    let shown =
        browser.value("document.querySelector('#value .number').textContent.replace('−', '-').replace('−', '-')");
    let shown: f64 = shown.as_str().expect("text").parse().expect("a number");
    assert!((shown - exact).abs() <= 1e-3 * exact.abs(), "{shown} instead of {exact}");
    let joined = text(&mut browser, "joined");
    assert!(joined.contains("changes: shank") || joined.contains("moved: shank"), "{joined}");
    // And by keys, from where it is; the curve follows.
    browser.key("ArrowLeft");
    browser.key("ArrowUp");
    assert_eq!(browser.value("state.entry"), json!({"matrix": "A", "row": 8, "column": 0}));
    browser.wait("document.getElementById('said').textContent.startsWith('A: ∂ vel:z / ∂ pos:z: ')");

    // A contact: the entries that switch with it, counted from the file.
    browser.value("goTo(touches.pairs[0].indexOf(1))");
    let pair: [i32; 2] = serde_json::from_value(browser.value("ABOUT.events.pairs[0]")).expect("a pair");
    browser.wait("document.querySelector('[data-pair=\"0\"]')");
    let button = browser.middle("document.querySelector('[data-pair=\"0\"]')");
    browser.click(button);
    assert_eq!(browser.value("state.pair"), json!(0));
    let (switches, counts) = switching(&file, pair, 90);
    assert!(switches > 1 && counts.iter().any(|n| *n > 0), "{switches} switches: something to find");
    assert_eq!(browser.value("state.found.steps.length"), json!(switches));
    assert_eq!(browser.value("[...state.found.A]"), json!(counts));
    let all = counts.iter().filter(|n| **n > 0).count();
    browser.wait(&format!("document.getElementById('acting').textContent.includes('with it {all} entries of A')"));

    // Playing goes on by itself, and stops.
    browser.value("document.activeElement.blur(); goTo(0)");
    browser.key(" ");
    browser.wait("player.playing && player.step > 3");
    browser.key(" ");
    assert_eq!(browser.value("player.playing"), json!(false));
    browser.key("Escape");
    assert_eq!(browser.value("[state.entry, state.pair]"), json!([null, null]));

    looks_right(&mut browser);
    browser.is_content();
}

/// In each size and theme: nothing is wider than the page, all that can be used can be reached by Tab, and colours are those of the theme.
fn looks_right(browser: &mut Browser) {
    for (width, height) in [(1280, 800), (400, 860), (820, 1100)] {
        browser.resize(width, height);
        for theme in ["light", "dark"] {
            browser.prefer("prefers-color-scheme", theme);
            let wide = browser.value("document.documentElement.scrollWidth").as_u64().expect("a width") as usize;
            assert!(wide <= width, "{wide} px at {width} px");
            let paper = browser.value("getComputedStyle(document.getElementById('time')).backgroundColor");
            assert_eq!(paper, json!(if theme == "dark" { "rgb(20, 25, 31)" } else { "rgb(255, 255, 255)" }));
        }
        let small = browser.value(
            "[...document.querySelectorAll('#stage,#matrix,#line,#play')].filter((e) => e.clientWidth < 40 || e.clientHeight < 20).map((e) => e.id)",
        );
        assert_eq!(small, json!([]), "{width} px");
    }
    browser.value("document.activeElement.blur(); scrollTo(0, 0)");
    let mut reached = Vec::new();
    for _ in 0..30 {
        browser.key("Tab");
        reached.push(browser.value("document.activeElement.id").as_str().expect("an id").to_owned());
    }
    for id in ["stage", "follow", "matrix", "acting", "play", "speed", "line", "theme"] {
        assert!(reached.iter().any(|r| r == id), "{id} is not reached by Tab: {reached:?}");
    }
    // A finger chooses an entry, too.
    browser.resize(400, 860);
    browser.middle("document.getElementById('matrix')");
    // The page is laid out anew in its next frames, which take their time on a busy machine: until the place stays where it is.
    let at = browser.value(
        "new Promise((done) => { let before = '', same = 0; const look = () => { const b = matrix.canvas.getBoundingClientRect(), e = {matrix: 'A', row: 3, column: 3}; const at = [b.x + matrix.x(e) + matrix.cell / 2, b.y + matrix.y(3) + matrix.tall / 2]; same = String(at) === before && Math.abs(b.width - matrix.canvas.clientWidth) < 1 && innerWidth === 400 ? same + 1 : 0; before = String(at); if (same > 20) done(at); else requestAnimationFrame(look); }; look(); })",
    );
    browser.tap(serde_json::from_value(at).expect("a place"));
    browser.wait("state.entry?.row === 3 && state.entry.column === 3");
}

/// Meshes of a robot: as many triangles as the page says, and not more than a browser draws with ease.
#[test]
fn robots_with_meshes() {
    let assets = dynsparse::task::Assets::find(Some(vendor().as_ref()));
    for task in common::present(&["LeapCubeReorient"], &assets) {
        let place = Place::new();
        place.run(&["record", task, "--episodes", "1", "--steps", "4", "--assets", &vendor(), "-o", "r.h5"]).ok();
        place.run(&["view", "r.h5"]).ok();
        let page = Page::read(&place, "r.html");
        assert!(page.html.len() < 15_000_000);
        let meshes = page.about["scene"]["meshes"].as_array().expect("meshes");
        let sum = |what: &str| meshes.iter().map(|m| m[what].as_u64().expect("a number") as usize).sum::<usize>();
        let pack = page.pack("scene");
        assert_eq!((pack["vertices"].len(), pack["faces"].len()), (3 * sum("vertices"), 3 * sum("faces")));
        assert!((10_000..200_000).contains(&sum("faces")), "{}", sum("faces"));
        let note = page.about["notes"][0].as_str().expect("a note");
        assert!(note.starts_with("Meshes are thinned from "), "{note}");
        let Some(mut browser) = Browser::start() else { return };
        browser.open(&place.path("r.html"), READY);
        // Corners are vertices of their mesh, and all of each mesh is used.
        let sound = browser.value("stage.items.filter((i) => i.geom.kind === 'mesh').every((i) => i.surface.n === 3 * ABOUT.scene.meshes[i.geom.mesh].faces)");
        assert_eq!(sound, json!(true));
        browser.is_content();
    }
}
