//! What a network with a memory carries from one action to the next: inputs that the outputs of the call before are.
//!
//! The file does not say which output goes into which input, so names do, as exporters write them: `h_in` and `h_out`, `h0` and
//! `hn`, `state` and `next_state`.

use super::names;
use super::proto;
use super::tensor::{Tensor, count};

/// The memory of one episode, as the network left it at its last action.
#[derive(Debug, Clone, Default)]
pub struct NetworkMemory {
    pub(super) held: Vec<Tensor>,
}

/// A part of the memory: the input that it goes into, the output that it comes from.
#[derive(Debug, PartialEq)]
pub(super) struct Carried {
    pub(super) input: String,
    pub(super) output: String,
    pub(super) shape: Vec<usize>,
}

/// Words of a name that say which side of a step it is, and those that may number it as well.
const SIDES: [&str; 10] = ["in", "out", "input", "output", "next", "new", "prev", "previous", "last", "old"];
const COUNTS: [&str; 3] = ["0", "1", "n"];

/// What a name is about, without the side of the step that it is on; `counted` takes 0, 1 and n for sides, too.
fn about(name: &str, counted: bool) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let words = words.filter_map(|word| match word {
        "hin" | "hout" | "hx" | "hy" => Some("h"),
        "cin" | "cout" | "cx" | "cy" => Some("c"),
        "h0" | "hn" | "h1" if counted => Some("h"),
        "c0" | "cn" | "c1" if counted => Some("c"),
        side if SIDES.contains(&side) || counted && COUNTS.contains(&side) => None,
        other => Some(other),
    });
    words.collect::<Vec<_>>().join("_")
}

/// Sizes of an input or output; one that has only a name is one observation, or one of a batch.
fn sizes(info: &proto::ValueInfo) -> Option<Vec<usize>> {
    let shape = info.kind.as_ref()?.tensor.as_ref()?.shape.as_ref()?;
    shape.dim.iter().map(|d| usize::try_from(d.value).ok().map(|n| n.max(1))).collect()
}

/// The observation among inputs, and what is carried from the others' outputs.
///
/// # Errors
/// A reason where there is not one observation, or an input that nothing gives.
pub(super) fn paired<'a>(
    inputs: &[&'a proto::ValueInfo],
    outputs: &[proto::ValueInfo],
) -> Result<(&'a proto::ValueInfo, Vec<Carried>), String> {
    if let [only] = inputs {
        return Ok((*only, Vec::new()));
    }
    // States of several layers are numbered: what pairs all of them without a look at numbers goes first.
    let found = [false, true].into_iter().find_map(|counted| by_name(inputs, outputs, counted));
    let (observation, carried) = found.ok_or_else(|| {
        format!(
            "it has {} inputs ({}) and {} outputs ({}); a policy has one input for the observation, and for each state that \
             it carries an input and an output of one shape and name (h_in and h_out, h0 and hn, state and next_state)",
            inputs.len(),
            names(inputs.iter().copied()),
            outputs.len(),
            names(outputs)
        )
    })?;
    carried.iter().try_for_each(|c| count(&c.shape).map(drop))?;
    Ok((observation, carried))
}

/// The same by names that are [`about`] the same; None where one input is not left, or an output goes into two.
fn by_name<'a>(
    inputs: &[&'a proto::ValueInfo],
    outputs: &[proto::ValueInfo],
    counted: bool,
) -> Option<(&'a proto::ValueInfo, Vec<Carried>)> {
    let mut carried: Vec<Carried> = Vec::new();
    let mut rest = Vec::new();
    for input in inputs {
        let name = about(&input.name, counted);
        let same = |o: &&proto::ValueInfo| about(&o.name, counted) == name && sizes(o) == sizes(input);
        let found: Vec<_> = outputs.iter().filter(same).collect();
        match (&found[..], sizes(input)) {
            ([output], Some(shape)) if !name.is_empty() => {
                if carried.iter().any(|other| other.output == output.name) {
                    return None;
                }
                carried.push(Carried { input: input.name.clone(), output: output.name.clone(), shape });
            }
            _ => rest.push(*input),
        }
    }
    let [observation] = rest[..] else { return None };
    Some((observation, carried))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str, shape: &[i64]) -> proto::ValueInfo {
        let dim = shape.iter().map(|n| proto::Dim { value: *n }).collect();
        let tensor = proto::TensorType { elem_type: proto::FLOAT, shape: Some(proto::Shape { dim }) };
        proto::ValueInfo { name: name.to_owned(), kind: Some(proto::Type { tensor: Some(tensor) }) }
    }

    #[test]
    fn names_of_both_sides_are_about_the_same() {
        for (a, b) in
            [("h_in", "h_out"), ("h0", "hn"), ("state", "next_state"), ("lstm.h.0", "lstm.h.n"), ("C0", "c_n")]
        {
            assert_eq!(about(a, true), about(b, true), "{a}, {b}");
        }
        assert_eq!(about("hx", false), about("hy", false));
        assert_ne!(about("h0_in", false), about("h1_out", false));
        assert_ne!(about("h_in", true), about("c_out", true));
        assert_ne!(about("state", true), about("action", true));
    }

    #[test]
    fn inputs_are_the_observation_or_carried() {
        let [obs, h, c] = [value("obs", &[1, 5]), value("h_in", &[1, 0, 8]), value("c_in", &[1, 1, 8])];
        let outputs = [value("actions", &[1, 2]), value("c_out", &[1, 1, 8]), value("h_out", &[1, 1, 8])];
        let (observation, carried) = paired(&[&h, &obs, &c], &outputs).unwrap();
        assert_eq!(observation.name, "obs");
        let names: Vec<_> = carried.iter().map(|c| (&*c.input, &*c.output, c.shape.clone())).collect();
        assert_eq!(names, [("h_in", "h_out", vec![1, 1, 8]), ("c_in", "c_out", vec![1, 1, 8])]);
        let [h0, h1] = ["h0", "h1"].map(|name| value(name, &[1, 1, 8]));
        let layers = [value("h1_out", &[1, 1, 8]), value("actions", &[1, 2]), value("h0_out", &[1, 1, 8])];
        let (_, carried) = paired(&[&obs, &h0, &h1], &layers).unwrap();
        assert_eq!(carried.iter().map(|c| &*c.output).collect::<Vec<_>>(), ["h0_out", "h1_out"]);
        // Another shape, no output, or two for one: nothing is guessed.
        assert!(paired(&[&obs, &value("h_in", &[1, 1, 9])], &outputs).unwrap_err().contains("2 inputs (obs, h_in)"));
        assert!(paired(&[&obs, &value("goal", &[1, 3])], &outputs).is_err());
        assert!(paired(&[&obs, &h, &value("h0", &[1, 1, 8])], &outputs).is_err());
        assert!(paired(&[&h, &c], &outputs).is_err(), "no observation is left");
    }
}
