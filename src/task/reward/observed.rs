//! What a user lets a policy see: parts of the state in an order of his own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::observation::Draft;

/// A part of an observation, as text: `qpos`, `qvel`, `act`, `ctrl` or `sensordata`, each with `[FROM:TO]` behind it where not
/// all of it is meant (as in Python either end may be left out, and counts from the end where it is negative), or `sensor:NAME`.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(try_from = "String", into = "String")]
pub enum ObservedPart {
    /// Entries of an array of the simulation.
    Entries {
        /// Which array.
        of: ObservedArray,
        /// Its first entry; None: from the beginning.
        from: Option<i64>,
        /// The entry behind the last; None: to the end.
        to: Option<i64>,
    },
    /// All values of the sensor of this name.
    Sensor(String),
}

/// Arrays that a policy may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObservedArray {
    /// Positions (nq), of the end of the control step.
    Qpos,
    /// Velocities (nv), of the end of the control step.
    Qvel,
    /// Activations (na), of the end of the control step.
    Act,
    /// Controls (nu) of the control step that was taken.
    Ctrl,
    /// Values of sensors (nsensordata), of the start of the last physics step, as MuJoCo leaves them.
    Sensordata,
}

impl ObservedArray {
    const ALL: [Self; 5] = [Self::Qpos, Self::Qvel, Self::Act, Self::Ctrl, Self::Sensordata];

    fn name(self) -> &'static str {
        match self {
            Self::Qpos => "qpos",
            Self::Qvel => "qvel",
            Self::Act => "act",
            Self::Ctrl => "ctrl",
            Self::Sensordata => "sensordata",
        }
    }
}

impl FromStr for ObservedPart {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(name) = text.strip_prefix("sensor:") {
            return Ok(Self::Sensor(name.to_owned()));
        }
        let known = || {
            let names = ObservedArray::ALL.map(ObservedArray::name).join(", ");
            format!("\"{text}\" is no part of an observation: name {names}, a part of one as qpos[2:], or sensor:NAME")
        };
        let (name, slice) = match text.split_once('[') {
            Some((name, rest)) => (name, Some(rest.strip_suffix(']').ok_or_else(known)?)),
            None => (text, None),
        };
        let of = ObservedArray::ALL.into_iter().find(|of| of.name() == name).ok_or_else(known)?;
        let Some(slice) = slice else { return Ok(Self::Entries { of, from: None, to: None }) };
        let (from, to) = slice.split_once(':').ok_or_else(known)?;
        let end = |text: &str| match text {
            "" => Ok(None),
            text if text.starts_with('+') => Err(known()),
            text => text.parse().map(Some).map_err(|_| known()),
        };
        Ok(Self::Entries { of, from: end(from)?, to: end(to)? })
    }
}

impl fmt::Display for ObservedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |x: &Option<i64>| x.map(|x| x.to_string()).unwrap_or_default();
        match self {
            Self::Sensor(name) => write!(f, "sensor:{name}"),
            Self::Entries { of, from: None, to: None } => f.write_str(of.name()),
            Self::Entries { of, from, to } => write!(f, "{}[{}:{}]", of.name(), end(from), end(to)),
        }
    }
}

impl TryFrom<String> for ObservedPart {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ObservedPart> for String {
    fn from(part: ObservedPart) -> Self {
        part.to_string()
    }
}

impl ObservedPart {
    /// Parts with commas between them. A comma inside a sensor's name is one if no part begins behind it.
    ///
    /// # Errors
    /// What is no part.
    pub fn list(text: &str) -> Result<Vec<Self>, String> {
        let mut parts: Vec<String> = Vec::new();
        for piece in text.split(',') {
            let begins = piece.starts_with("sensor:") || piece.parse::<Self>().is_ok();
            match parts.last_mut().filter(|last| !begins && last.starts_with("sensor:")) {
                Some(last) => *last = format!("{last},{piece}"),
                None => parts.push(piece.to_owned()),
            }
        }
        parts.iter().map(|part| part.parse()).collect()
    }

    /// Puts the part into an observation.
    pub(super) fn add(&self, draft: &mut Draft<'_>) -> Result<(), String> {
        match self {
            Self::Sensor(name) => draft.whole_sensor(name),
            Self::Entries { of, from, to } => {
                let all = draft.length(*of);
                let place = |end: i64| if end < 0 { end.saturating_add(all as i64) } else { end };
                let ends = [place(from.unwrap_or(0)), place(to.unwrap_or(all as i64))];
                if ends[0] < 0 || ends[0] >= ends[1] || ends[1] > all as i64 {
                    return Err(format!(
                        "{self} names no entries, or more than there are: the model has {all} of {}",
                        of.name()
                    ));
                }
                draft.entries(*of, ends[0] as usize..ends[1] as usize);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_read_as_they_are_written() {
        for text in
            ["qpos", "qvel[1:]", "act[:2]", "ctrl[0:3]", "qpos[-2:-1]", "sensordata", "sensor:a b[0]", "sensor:"]
        {
            let part: ObservedPart = text.parse().unwrap();
            assert_eq!(part.to_string(), text);
            assert_eq!(serde_json::from_str::<ObservedPart>(&serde_json::to_string(&part).unwrap()).unwrap(), part);
        }
        let parts =
            |text: &str| ObservedPart::list(text).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(parts("qpos[1:],qvel").unwrap(), ["qpos[1:]", "qvel"]);
        assert_eq!(parts("sensor:a,b,qvel,sensor:c").unwrap(), ["sensor:a,b", "qvel", "sensor:c"]);
        assert!(parts("qpos,b").unwrap_err().contains("\"b\"") && parts("").is_err() && parts("qpos,").is_err());
        for text in ["", "qpo", "qpos[", "qpos[1]", "qpos[+1:]", "qpos[1:2", "qpos[1:x]", "qpos[1:2:3]", "QPOS"] {
            let error = text.parse::<ObservedPart>().unwrap_err();
            assert!(error.contains("sensor:NAME") && error.contains(text), "{text}: {error}");
        }
    }
}
