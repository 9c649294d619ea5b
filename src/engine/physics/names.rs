//! Names of everything a Jacobian's axes run over.

use std::collections::{HashMap, HashSet};
use std::ffi::CStr;

use dynsparse_base::text;
use mujoco_rs::mujoco_c::{mj_id2name, mjModel, mjtJoint, mjtObj};

use super::Model;
use super::elements::{Slices, Variant};

/// Labels of the model's coordinates. Every list is free of repetitions, so that a label selects one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// One per qpos entry (nq): the joint's name, with `.x` `.y` `.z` `.qw` ... for free and ball joints.
    pub qpos: Vec<String>,
    /// One per dof (nv): the joint's name, with `.tx` `.ty` `.tz` `.rx` `.ry` `.rz` for free and ball joints.
    pub dof: Vec<String>,
    /// One per activation (na): the actuator's name.
    pub act: Vec<String>,
    /// One per control (nu): the actuator's name.
    pub ctrl: Vec<String>,
    /// One per geom (ngeom).
    pub geom: Vec<String>,
    /// One per sensor value (nsensordata): the sensor's name, with `[i]` where it has several values.
    pub sensor: Vec<String>,
    /// One per joint (njnt).
    pub joint: Vec<String>,
    /// One per mocap body (nmocap).
    pub mocap: Vec<String>,
}

impl Names {
    /// Labels of the tangent state (2 nv + na): `pos:` and `vel:` of every dof, `act:` of every activation.
    pub fn state(&self) -> Vec<String> {
        let tag = |t: &'static str| move |n: &String| format!("{t}:{n}");
        self.dof
            .iter()
            .map(tag("pos"))
            .chain(self.dof.iter().map(tag("vel")))
            .chain(self.act.iter().map(tag("act")))
            .collect()
    }

    pub(super) fn read(m: &mjModel) -> Self {
        let all = Slices(m);
        let object = |kind: mjtObj, prefix: &str, n: usize| {
            unique((0..n).map(|i| name(m, kind, i).unwrap_or_else(|| format!("{prefix}{i}"))).collect())
        };
        let joint = object(mjtObj::mjOBJ_JOINT, "joint", m.njnt as usize);
        let actuator = object(mjtObj::mjOBJ_ACTUATOR, "actuator", m.nactuator as usize);
        let sensor = object(mjtObj::mjOBJ_SENSOR, "sensor", m.nsensor as usize);

        let body = object(mjtObj::mjOBJ_BODY, "body", m.nbody as usize);
        let mut mocap = numbered("mocap", m.nmocap as usize);
        for (slot, label) in all.body_mocapid().iter().zip(&body) {
            if let Some(entry) = usize::try_from(*slot).ok().and_then(|s| mocap.get_mut(s)) {
                entry.clone_from(label);
            }
        }

        let mut qpos = Vec::with_capacity(m.nq as usize);
        let mut dof = Vec::with_capacity(m.nv as usize);
        for (kind, joint) in all.jnt_type().iter().zip(&joint) {
            let (q, v): (&[&str], &[&str]) = match Variant::of(*kind) {
                Ok(mjtJoint::mjJNT_FREE) => {
                    (&[".x", ".y", ".z", ".qw", ".qx", ".qy", ".qz"], &[".tx", ".ty", ".tz", ".rx", ".ry", ".rz"])
                }
                Ok(mjtJoint::mjJNT_BALL) => (&[".qw", ".qx", ".qy", ".qz"], &[".rx", ".ry", ".rz"]),
                Ok(mjtJoint::mjJNT_SLIDE | mjtJoint::mjJNT_HINGE) | Err(_) => (&[""], &[""]),
            };
            qpos.extend(q.iter().map(|s| format!("{joint}{s}")));
            dof.extend(v.iter().map(|s| format!("{joint}{s}")));
        }

        let spread = |out: &mut Vec<String>, address: i32, count: i32, label: &str| {
            for k in 0..count.max(0) as usize {
                let slot = address as usize + k;
                if slot < out.len() {
                    out[slot] = if count == 1 { label.to_owned() } else { format!("{label}[{k}]") };
                }
            }
        };
        let mut act = numbered("act", m.na as usize);
        let mut ctrl = numbered("ctrl", m.nu as usize);
        for (i, label) in actuator.iter().enumerate() {
            spread(&mut act, all.actuator_actadr()[i], all.actuator_actnum()[i], label);
            spread(&mut ctrl, all.actuator_ctrladr()[i], all.actuator_ctrlnum()[i], label);
        }
        let mut sensors = numbered("sensordata", m.nsensordata as usize);
        for (i, label) in sensor.iter().enumerate() {
            spread(&mut sensors, all.sensor_adr()[i], all.sensor_dim()[i], label);
        }

        Self {
            qpos: unique(qpos),
            dof: unique(dof),
            act: unique(act),
            ctrl: unique(ctrl),
            geom: object(mjtObj::mjOBJ_GEOM, "geom", m.ngeom as usize),
            sensor: unique(sensors),
            joint,
            mocap,
        }
    }
}

fn numbered(prefix: &str, n: usize) -> Vec<String> {
    (0..n).map(|i| format!("{prefix}{i}")).collect()
}

/// The name of object `i` as it can be shown, or None where it has none.
impl Model {
    /// Names of the bodies (nbody), `body3` and the like where there is none; free of repetitions.
    pub fn body_names(&self) -> Vec<String> {
        let m = self.raw();
        let called = |i| name(m, mjtObj::mjOBJ_BODY, i).unwrap_or_else(|| format!("body{i}"));
        unique((0..m.nbody as usize).map(called).collect())
    }
}

pub(super) fn name(m: &mjModel, kind: mjtObj, i: usize) -> Option<String> {
    // SAFETY: mj_id2name checks the id against the model and returns null or a string that lives as long
    // as the model.
    let text = unsafe { mj_id2name(m, kind as i32, i as i32) };
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, NUL-terminated, inside the model's name buffer.
    let name = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    (!name.is_empty()).then(|| text::plain(&name).into_owned())
}

/// Makes repeated labels different by a `#k` behind them, which no other label has.
fn unique(labels: Vec<String>) -> Vec<String> {
    let given: HashSet<String> = labels.iter().cloned().collect();
    let mut seen: HashMap<String, usize> = HashMap::new();
    labels
        .into_iter()
        .map(|label| {
            let n = seen.entry(label.clone()).or_insert(0);
            loop {
                *n += 1;
                let numbered = if *n == 1 { label.clone() } else { format!("{label}#{n}") };
                if *n == 1 || !given.contains(&numbered) {
                    return numbered;
                }
            }
        })
        .collect()
}
