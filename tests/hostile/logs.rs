//! Logs of robots in every layout, and the maps that say what they are.

use crate::case::{Case, Files, files_of};
use crate::common::bytes::{FLOATS, damage, one_in, pick};
use crate::common::log::{self, Rows};
use crate::common::{Dice, Place, toml};
use crate::drive::Target;

const MODEL: &str = r#"<mujoco><worldbody><body><joint name="a" range="-90 90" damping="1"/><geom size=".1" pos=".2 0 0"/></body></worldbody>
<actuator><position name="a" joint="a" kp="5" kv="1"/></actuator></mujoco>"#;

const MAP: &str = "keyframe = \"qpos0\"\n[time]\ncolumn = \"time\"\nunit = \"s\"\nrate = 50\nsubsteps = 2\nrows = \"logged\"\n\
    interpolation = \"linear\"\nmax_gap = 0.1\n[velocity]\nfilter = \"savitzky-golay\"\nwindow = 5\norder = 2\n\
    [joint.a]\ncolumn = \"x\"\nunit = \"rad\"\nsign = 1\nscale = 1.0\noffset = 0.0\n\
    [actuator.a]\nkind = \"position\"\ncolumn = \"u\"\nunit = \"rad\"\n";

/// Rows of an episode.
const ROWS: usize = 12;

/// Logs and maps.
pub(crate) struct Logs {
    /// By layout: what is recorded, and its files.
    seeds: Vec<(&'static str, Files)>,
}

fn rows(value: impl Fn(usize) -> f64) -> Rows {
    let of = |f: &dyn Fn(usize) -> f64| (0..ROWS).map(f).collect::<Vec<_>>();
    vec![("time", 1, of(&|k| 0.02 * k as f64)), ("x", 1, of(&value)), ("u", 1, of(&|k| 0.01 * k as f64))]
}

impl Target for Logs {
    fn new() -> Self {
        let sound = rows(|k| 0.3 * (0.2 * k as f64).sin());
        let seed = |name: &'static str, write: &dyn Fn(&Place)| {
            let place = Place::new();
            write(&place);
            (name, files_of(&place))
        };
        let twice = [sound.clone(), sound.clone()];
        #[cfg_attr(not(feature = "parquet"), expect(unused_mut, reason = "LeRobot's files are Parquet"))]
        let mut seeds = vec![
            seed("l.csv", &|place| {
                place.write("l.csv", log::csv(&sound));
            }),
            seed("l.npz", &|place| log::npz(&place.path("l.npz"), &sound)),
            seed("l.h5", &|place| log::grouped(&place.path("l.h5"), "", "episode_", &twice)),
            seed("d.h5", &|place| log::d4rl(&place.path("d.h5"), &twice)),
        ];
        #[cfg(feature = "parquet")]
        {
            seeds.push(seed("two", &|place| log::lerobot(&place.path("two"), "v2.1", &twice, &[])));
            seeds.push(seed("three", &|place| log::lerobot(&place.path("three"), "v3.0", &twice, &[])));
        }
        Self { seeds }
    }

    fn case(&self, dice: &mut Dice) -> Case {
        let (name, files) = pick(dice, &self.seeds);
        let mut map = MAP.as_bytes().to_vec();
        if one_in(dice, 2) {
            map = toml::mutate(&map, dice.below(u64::MAX));
        }
        let mut case = Case::of("map.toml", map);
        let hit = pick(dice, &files.keys().cloned().collect::<Vec<_>>()).clone();
        for (file, bytes) in files {
            let hostile = *file == hit && one_in(dice, 2);
            let bytes = if !hostile {
                bytes.as_ref().clone()
            } else if *name == "l.csv" && one_in(dice, 2) {
                let at = dice.below(ROWS as u64) as usize;
                let value: f64 = pick(dice, &FLOATS).parse().unwrap_or(f64::NAN);
                log::csv(&rows(|k| if k == at { value } else { 0.01 * k as f64 })).into_bytes()
            } else {
                damage(bytes, dice)
            };
            if hostile {
                case.hostile.push(file.clone());
            }
            case = case.with(file, bytes);
        }
        case.with("m.xml", MODEL.as_bytes().to_vec())
            .command(&format!("replay-map {name} m.xml -o first.toml"))
            .command(&format!("record m.xml --log {name} --map map.toml --threads 1 -o out.h5"))
            .command("info out.h5")
    }
}
