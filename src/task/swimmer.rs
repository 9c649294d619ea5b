//! The swimmer's tail, which Playground and dm_control write into its MJCF when they load it.
//!
//! Everything here follows `_make_model` of their `swimmer.py`: the model compiles to the same bytes.

use std::fmt::Write as _;

use roxmltree::Document;

/// Adds the segments, motors and sensors of a swimmer with so many links to the text of `swimmer.xml`, which holds the head alone. The file's
/// tracking cameras fit 6 links.
///
/// # Errors
/// A sentence that says what is wrong with the file.
pub(super) fn generate(xml: &str, links: usize) -> Result<String, String> {
    let document = Document::parse(xml).map_err(|e| format!("is not well-formed XML: {e}"))?;
    let root = document.root_element();
    let head = root
        .children()
        .find(|n| n.has_tag_name("worldbody"))
        .and_then(|world| world.children().find(|n| n.has_tag_name("body")))
        .ok_or("has no body in its worldbody to hang the swimmer's segments on")?;
    // Where the closing tags start; the element ends with its own.
    let closing = |node: roxmltree::Node<'_, '_>| {
        let range = node.range();
        xml[range.clone()].rfind("</").map(|i| range.start + i).ok_or("ends a body without a closing tag")
    };
    let (head, root) = (closing(head)?, closing(root)?);
    Ok(format!("{}{}{}{}{}", &xml[..head], segments(links), &xml[head..root], motors_and_sensors(links), &xml[root..]))
}

/// Each segment is the last child of the one before it.
fn segments(links: usize) -> String {
    let limit = 360.0 / links as f64;
    let mut text = String::new();
    for k in 0..links.saturating_sub(1) {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "<body name=\"segment_{k}\" pos=\"0 .1 0\">\
             <geom class=\"visual\" name=\"visual_{k}\"/>\
             <geom class=\"inertial\" name=\"inertial_{k}\"/>\
             <site name=\"site_{k}\"/>\
             <joint name=\"joint_{k}\" range=\"-{limit} {limit}\"/>"
        );
    }
    text + &"</body>\n".repeat(links.saturating_sub(1))
}

fn motors_and_sensors(links: usize) -> String {
    let mut motors = String::new();
    let mut sensors = String::new();
    for k in 0..links.saturating_sub(1) {
        let _ = writeln!(motors, "<motor name=\"motor_{k}\" joint=\"joint_{k}\"/>");
        let _ = writeln!(
            sensors,
            "<velocimeter name=\"velocimeter_{k}\" site=\"site_{k}\"/><gyro name=\"gyro_{k}\" site=\"site_{k}\"/>"
        );
    }
    format!("<actuator>\n{motors}</actuator>\n<sensor>\n{sensors}</sensor>\n")
}
