//! The page: markup, style, scripts, and the numbers as elements of their own that no browser runs.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::json;

use super::{Parts, ViewError, subject};
use crate::dataset::Recording;
use crate::dataset::schema::attribute;
use crate::report::{head, scale, themed};
use crate::text;

/// The scripts, in the order in which they need each other.
const SCRIPTS: [&str; 12] = [
    include_str!("page/data.js"),
    include_str!("page/algebra.js"),
    include_str!("page/shapes.js"),
    include_str!("page/camera.js"),
    include_str!("page/stage.js"),
    include_str!("page/words.js"),
    include_str!("page/matrix.js"),
    include_str!("page/curve.js"),
    include_str!("page/timeline.js"),
    include_str!("page/acting.js"),
    include_str!("page/player.js"),
    include_str!("page/main.js"),
];

/// What the element around a pack takes, bytes.
pub(super) const PACK: usize = 80;

/// The whole page.
pub(super) fn page(recording: &Recording, parts: &Parts, program: &str) -> Result<String, ViewError> {
    let (title, policy) = subject(recording);
    let about = embedded(&about(recording, parts)?);
    let body = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&format!("{title}, episode {}: dynamic sparsity", parts.episode), &style()))
            body {
                (header(&title, &policy, parts))
                (main())
                (timeline())
                div id="tip" role="tooltip" hidden {}
                div id="said" class="unseen" aria-live="polite" {}
                (keys(program))
                script type="application/json" id="about" { (PreEscaped(about)) }
                @for (name, packed) in &parts.packs {
                    script type="text/plain" id=(format!("pack-{name}")) { (PreEscaped(&packed.base64)) }
                }
                script { (PreEscaped(SCRIPTS.concat())) }
            }
        }
    };
    // Names are as their authors wrote them; HTML has no control characters either.
    Ok(text::lines(&body.into_string()).into_owned())
}

/// Bytes of the page with the packs that there are.
pub(super) fn own_size(recording: &Recording, parts: &Parts) -> Result<usize, ViewError> {
    // Names of packs and the words of the page's head are far below what this leaves.
    const ROOM: usize = 4096;
    let packs: usize = parts.packs.iter().map(|(_, packed)| packed.base64.len() + PACK).sum();
    let scripts: usize = SCRIPTS.iter().map(|script| script.len()).sum();
    let markup = main().into_string().len() + timeline().into_string().len() + keys("").into_string().len();
    Ok(embedded(&about(recording, parts)?).len() + style().len() + scripts + markup + packs + ROOM)
}

/// What the scripts know besides arrays of numbers.
fn about(recording: &Recording, parts: &Parts) -> Result<serde_json::Value, ViewError> {
    let (title, _) = subject(recording);
    let places: serde_json::Map<String, serde_json::Value> =
        parts.packs.iter().map(|(name, packed)| (name.clone(), packed.places.clone())).collect();
    Ok(json!({
        "title": title,
        "episode": parts.episode,
        "end": parts.end,
        "from": parts.steps.start,
        "steps": parts.steps.len(),
        "length": parts.length,
        "dt": parts.dt,
        "substeps": recording.int_attribute(attribute::SUBSTEPS),
        "axes": serde_json::to_value(&parts.axes)?,
        "scene": serde_json::to_value(&parts.scene)?,
        "events": serde_json::to_value(&parts.events)?,
        "kept": serde_json::to_value(parts.kept)?,
        "decades": parts.tally.decades(),
        "scale": scale(),
        "notes": parts.notes,
        "packs": places,
    }))
}

/// JSON within an element of HTML: nothing in it ends the element, or begins a comment in it.
fn embedded(json: &serde_json::Value) -> String {
    json.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn style() -> String {
    themed(include_str!("page/style.css"))
}

/// The first words of a text.
fn brief(text: &str) -> String {
    const MOST: usize = 60;
    let mut letters = text.chars();
    let start: String = letters.by_ref().take(MOST).collect();
    if letters.next().is_some() { start + "…" } else { start }
}

fn header(title: &str, policy: &str, parts: &Parts) -> Markup {
    let steps = &parts.steps;
    html! {
        header {
            div.what {
                h1 title=(title) { (title) }
                p.soft {
                    "Episode " (parts.episode) ", steps " (steps.start) " to " (steps.end - 1)
                    @if steps.len() < parts.length { " of " (parts.length) }
                    @if !policy.is_empty() { ", " span title=(policy) { "policy " (brief(policy)) } }
                }
            }
            div.tools {
                @if !parts.notes.is_empty() {
                    button type="button" id="notes-button" aria-expanded="false" aria-controls="notes" { "Notes (" (parts.notes.len()) ")" }
                }
                button type="button" id="keys-button" aria-haspopup="dialog" { "Keys" }
                button type="button" id="theme" aria-label="Light or dark" { "Light / dark" }
            }
            div id="notes" hidden { ul { @for note in &parts.notes { li { (note) } } } }
        }
    }
}

fn main() -> Markup {
    html! {
        main {
            section id="robot" aria-label="The robot" {
                canvas id="stage" tabindex="0" role="img" aria-label="The robot. Arrow keys turn the camera, plus and minus come nearer and go away." {}
                p id="no-stage" hidden {}
                div.over.top {
                    button type="button" id="follow" aria-pressed="true" title="The camera goes along (F)" { "Follow" }
                    button type="button" id="collide" aria-pressed="false" title="Draw what collides but is not shown" { "Collision geoms" }
                    button type="button" id="reset-camera" title="The camera as at first (R)" { "Reset view" }
                }
                div.over.bottom id="joined" hidden {}
            }
            section id="jacobian" aria-label="A and B of this step" {
                div.head {
                    h2 id="matrix-title" { "A = ∂s′/∂s, B = ∂s′/∂a" }
                    fieldset.modes {
                        legend.unseen { "What entries show" }
                        @for (id, name) in [("size", "size"), ("verdict", "verdict"), ("both", "both")] {
                            label { input type="radio" name="mode" value=(id) checked[id == "both"]; span { (name) } }
                        }
                    }
                }
                div.frame { canvas id="matrix" tabindex="0" role="application" aria-roledescription="matrix" aria-label="A and B. Arrow keys move from entry to entry, Escape leaves." {} }
                div id="legend" {}
            }
            section id="acting" aria-label="What acts at this step" tabindex="0" {}
            section id="entry" aria-label="The chosen entry" tabindex="0" {}
        }
    }
}

/// The buttons beside the time line: element, name, what they do with its key, and the outlines of their icons.
const STEPPERS: [(&str, &str, &str, &str); 5] = [
    ("first", "First step", "First step (Home)", "M3 3h2v10H3zM13 3v10L6 8z"),
    ("back", "One step back", "One step back (←)", "M11 3v10L4 8z"),
    ("play", "Play", "Play or pause (Space)", "M4 2l10 6-10 6z"),
    ("on", "One step on", "One step on (→)", "M5 3v10l7-5z"),
    ("last", "Last step", "Last step (End)", "M11 3h2v10h-2zM3 3v10l7-5z"),
];

fn icon(path: &str) -> Markup {
    html! { svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" { path d=(path) {} @if path == STEPPERS[2].3 { path.pause d="M3 2h4v12H3zM9 2h4v12H9z" {} } } }
}

fn timeline() -> Markup {
    html! {
        footer id="time" {
            div.controls {
                @for (id, label, title, path) in STEPPERS {
                    button type="button" id=(id) aria-label=(label) title=(title) { (icon(path)) }
                }
                label.speed { span { "Speed" } select id="speed" aria-label="Speed" {
                    @for (value, name) in [("0.02", "1/50"), ("0.1", "1/10"), ("0.25", "1/4"), ("0.5", "1/2"), ("1", "1"), ("2", "2"), ("4", "4")] {
                        option value=(value) selected[value == "0.25"] { (name) " ×" }
                    }
                } }
                output id="now" {}
                span id="key" {}
            }
            div.track { canvas id="line" tabindex="0" role="slider" aria-label="Step" aria-valuemin="0" {} i.mark.handle {} }
        }
    }
}

fn keys(program: &str) -> Markup {
    let all = [
        ("Space", "play or pause"),
        ("← →", "one step back or on; with Shift ten"),
        ("Home End", "first and last step"),
        ("< >", "slower, faster"),
        ("[ ]", "the contact switch, limit or flag before, and the next one"),
        ("M", "what entries show: size, verdict, both"),
        ("F", "the camera goes along, or stays"),
        ("R", "the camera as at first"),
        ("T", "light or dark"),
        ("Esc", "lets go of the entry and the contact"),
        (
            "Tab",
            "to the matrix: arrow keys go from entry to entry; to the robot: they turn the camera, + and − zoom; to a contact: Enter chooses it",
        ),
    ];
    html! {
        dialog id="keys" aria-label="Keys" {
            h2 { "Keys" }
            dl { @for (key, what) in all { dt { kbd { (key) } } dd { (what) } } }
            p.soft { "Mouse and touch: drag on the robot to turn, with two fingers or Shift to move, wheel or pinch to zoom; drag on the time line to scrub; click an entry or a contact." }
            p.soft { "Numbers are rounded to four digits. Made by " (program) "." }
            form method="dialog" { button { "Close" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_data_ends_its_element() {
        let name = "</script><script>alert(1)</script><!-- \" ' \n & \u{2028}";
        let json = json!({ name: [name] });
        let text = embedded(&json);
        assert!(!text.contains(['<', '>', '&']), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), json);
        // What the page writes out as a whole is the same text to a reader of JSON.
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text::lines(&text)).unwrap(), json);
    }
}
