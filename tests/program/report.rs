//! The page of some recordings: whole, by itself, and the same on any number of threads.

use base64::Engine as _;
use roxmltree::{Document, Node};
use serde_json::Value;

use crate::common::browser::Browser;
use crate::common::{Place, Ran};

/// Two recordings, the second without zero masks.
fn two() -> Place {
    let place = Place::new();
    place.small("tested.h5", &[]).ok();
    place.small("plain.h5", &["--no-zero-test"]).ok();
    place
}

fn page(place: &Place, name: &str) -> String {
    String::from_utf8(place.read(name)).expect("UTF-8")
}

/// The page with the parts of its recordings where its script would put them.
fn unpacked(page: &str) -> String {
    let mut text = page.to_owned();
    while let Some(from) = text.find(r#"<script type="application/gzip" id="packed-"#) {
        let (open, close) =
            (text[from..].find('>').expect("it begins"), text[from..].find("</script>").expect("it ends"));
        let id = text[from..].split('"').nth(3).and_then(|id| id.strip_prefix("packed-")).expect("an id").to_owned();
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(&text[from + open + 1..from + close]).expect("base64");
        let mut part = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut part).expect("gzip");
        text.replace_range(from..from + close + "</script>".len(), "");
        let place = text.find(&format!(r#" id="{id}""#)).expect("its place");
        let end = place + text[place..].find("</details>").expect("an end");
        text.insert_str(end, &part);
    }
    text
}

/// The page as XML: what is not XML in HTML is taken out, everything else must balance.
fn as_xml(page: &str) -> String {
    let mut text = unpacked(page).replace("<!DOCTYPE html>", "");
    for tag in ["style", "script"] {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        let (from, to) = (text.find(&open).expect("it begins"), text.find(&close).expect("it ends"));
        text.replace_range(from..to + close.len(), "");
    }
    for alone in ["<meta ", "<input "] {
        while let Some(from) = text.find(alone) {
            let to = from + text[from..].find('>').expect("it ends");
            text.replace_range(from..=to, "");
        }
    }
    text
}

fn text(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|n| n.text()).collect()
}

/// Cells of the rows of a table's body.
fn rows(table: Node<'_, '_>) -> Vec<Vec<String>> {
    let body = table.descendants().find(|n| n.has_tag_name("tbody")).expect("a body");
    let cells = |row: Node<'_, '_>| row.children().filter(|c| c.has_tag_name("td")).map(text).collect();
    body.children().filter(|n| n.has_tag_name("tr")).map(cells).collect()
}

fn with<'a, 'b>(document: &'a Document<'b>, attribute: &str, value: &str) -> Node<'a, 'b> {
    let found = document.descendants().find(|n| n.attribute(attribute) == Some(value));
    found.unwrap_or_else(|| panic!("nothing has {attribute}={value}"))
}

/// It went on after recordings that cannot be read: exit status 1 and a line for each.
#[track_caller]
fn went_on(ran: &Ran, lines: &[&[&str]]) {
    ran.sane();
    assert_eq!(ran.status.code(), Some(1), "{}", ran.stderr);
    let found: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(found.len(), lines.len(), "{}", ran.stderr);
    for (line, parts) in found.iter().zip(lines) {
        assert!(line.starts_with("error: ") && parts.iter().all(|p| line.contains(p)), "no {parts:?} in {line}");
    }
}

/// No two elements have one name, and no link leads to a name that is not there.
fn links_lead_somewhere(document: &Document<'_>) {
    let mut ids = std::collections::BTreeSet::new();
    for id in document.descendants().filter_map(|n| n.attribute("id")) {
        assert!(ids.insert(id), "two elements are called {id}");
    }
    for link in document.descendants().filter(|n| n.has_tag_name("a")) {
        let href = link.attribute("href").expect("a place");
        match href.strip_prefix('#') {
            Some(id) => assert!(ids.contains(id), "a link leads to {id}, which is not there"),
            None => assert!(href.starts_with("data:") || href == "https://arxiv.org/abs/2511.08086", "{href}"),
        }
    }
}

#[test]
fn the_page_is_whole_and_fetches_nothing() {
    let place = two();
    let ran = place.run(&["report", "tested.h5", "plain.h5", "-o", "r.html"]).ok();
    assert!(ran.stdout.starts_with("r.html: 2 recordings, "), "{}", ran.stdout);
    let page = unpacked(&page(&place, "r.html"));
    for fetched in [" src=", "<link", "url(", "@import", "fetch(", "XMLHttpRequest", "<img", "<iframe"] {
        assert!(!page.contains(fetched), "{fetched}");
    }
    let xml = as_xml(&page);
    let document = Document::parse(&xml).unwrap_or_else(|e| panic!("{e}"));
    links_lead_somewhere(&document);
    let figures: Vec<_> = document.descendants().filter(|n| n.has_tag_name("figure")).collect();
    assert!(figures.len() >= 20, "{} figures", figures.len());
    for figure in figures {
        let svg = figure.descendants().filter(|n| n.has_tag_name(("http://www.w3.org/2000/svg", "svg")));
        assert_eq!(svg.count(), 1, "{}", text(figure));
        assert!(figure.descendants().any(|n| n.attribute("data-table").is_some()), "{}", text(figure));
        assert!(!text(figure).contains("NaN"), "{}", text(figure));
    }
    // The cells of a heatmap say what the table says, by the full names of their entries.
    let part = with(&document, "data-name", "tested");
    let hover = part.descendants().filter_map(|n| n.attribute("data-hover"));
    let hover: Vec<Value> = hover.map(|json| serde_json::from_str(json).expect("JSON")).collect();
    let grids = hover.iter().find_map(|h| h["grids"].as_array().filter(|grids| grids.len() == 2)).expect("A and B");
    for grid in grids {
        let sizes = ["rows", "columns", "cells"].map(|key| grid[key].as_array().expect("a list").len());
        assert_eq!(sizes[0] * sizes[1], sizes[2]);
        let texts = grid["texts"].as_array().expect("texts");
        assert!(texts.iter().any(|text| text == "never zero" || text == "zero in every step"), "{texts:?}");
    }
    assert!(hover.iter().filter(|h| !h["marks"].as_array().expect("marks").is_empty()).count() >= 6);
    // Addresses hold base64, in which anything can stand.
    let shown = document.descendants().flat_map(|n| n.attributes().filter(|a| a.name() != "href"));
    let numbers: String = shown.map(|a| format!("{} ", a.value())).chain([text(document.root())]).collect();
    assert!(!numbers.contains("NaN") && !numbers.contains("inf "), "a number without a meaning");
}

#[test]
fn its_numbers_are_those_of_analyze() {
    let place = two();
    place.run(&["report", "tested.h5", "plain.h5", "-o", "r.html"]).ok();
    let all: Value =
        serde_json::from_str(&place.run(&["analyze", "tested.h5", "plain.h5", "--json"]).ok().stdout).expect("JSON");
    let page = page(&place, "r.html");
    let xml = as_xml(&page);
    let document = Document::parse(&xml).expect("XML");
    let front = rows(with(&document, "class", "front"));
    assert_eq!(front.len(), 2);
    assert_eq!(
        ["tested", "plain"].map(|name| with(&document, "data-name", name).attribute("data-task")),
        [Some("Juggler"); 2]
    );
    for (row, recording) in front.iter().zip(all["recordings"].as_array().expect("recordings")) {
        let global = &recording["global"];
        let expected = [
            recording["subject"]["name"].as_str().expect("a name").to_owned(),
            recording["subject"]["state"].as_array().expect("labels").len().to_string(),
            recording["subject"]["control"].as_array().expect("labels").len().to_string(),
            recording["selection"]["samples"].to_string(),
            global[0]["zero"].to_string(),
            global[0]["undecided"].to_string(),
            global[1]["zero"].to_string(),
            global[1]["undecided"].to_string(),
        ];
        assert_eq!(row[..8], expected);
        assert_eq!(row[10], recording["state"][0]["patterns"]["distinct"].to_string());
    }
    assert_eq!([&front[0][15], &front[1][15]], ["zero test", "1e-7"]);
    // What was recorded without masks is named, and nothing else.
    let warning = text(with(&document, "class", "warn"));
    assert!(warning.contains("Fixed thresholds only: no zero masks were recorded in plain."), "{warning}");
    // The data behind the figures, plain or compressed.
    let data = |name: &str| {
        let row = with(&document, "id", &format!("data-{name}"));
        let href = row.descendants().find_map(|n| n.attribute("href")).expect("data").to_owned();
        let (kind, data) = href.split_once(',').expect("a data address");
        let bytes = base64::engine::general_purpose::STANDARD.decode(data).expect("base64");
        let mut csv = String::new();
        if kind.contains("gzip") {
            std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut csv).expect("gzip");
        } else {
            csv = String::from_utf8(bytes).expect("UTF-8");
        }
        csv.lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    let trace = data("trace");
    assert_eq!(trace.len(), 1 + 2 * 40, "a head, and episode 0 of both");
    assert!(data("entries").iter().any(|l| l.starts_with("tested,Juggler,A,")));
}

#[test]
fn threads_do_not_change_a_byte() {
    let place = two();
    for threads in ["1", "2"] {
        let (file, folder) = (format!("{threads}.html"), format!("figures{threads}"));
        place.run(&["report", "tested.h5", "plain.h5", "-o", &file, "--figures", &folder, "--threads", threads]).ok();
    }
    assert!(place.read("1.html") == place.read("2.html"), "the pages differ");
    for name in ["all-global.svg", "all-global.png", "tested/trace.png", "data/trace.csv"] {
        let [one, two] = ["1", "2"].map(|n| place.read(&format!("figures{n}/{name}")));
        assert!(one == two, "{name} differs");
    }
}

#[test]
fn figures_for_papers() {
    let place = two();
    let ran = place.run(&["report", "tested.h5", "-o", "r.html", "--figures", "figures"]).ok();
    assert!(ran.stdout.contains("figures as SVG and PNG"), "{}", ran.stdout);
    for name in ["tested/zero-share", "tested/trace", "tested/distribution", "tested/thresholds", "all-distribution"] {
        let svg = String::from_utf8(place.read(&format!("figures/{name}.svg"))).expect("UTF-8");
        let document = Document::parse(&svg).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(!svg.contains("var(") && svg.contains("<style>"), "{name}: its colours are not in it");
        let width: f64 = document.root_element().attribute("width").and_then(|w| w.parse().ok()).expect("a width");
        let png = place.read(&format!("figures/{name}.png"));
        assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n", "{name}");
        let pixels = u32::from_be_bytes(png[16..20].try_into().expect("four bytes"));
        assert!((f64::from(pixels) - 3.0 * width).abs() <= 3.0, "{name}: {pixels} pixels for {width}");
    }
    let csv = String::from_utf8(place.read("figures/data/global.csv")).expect("UTF-8");
    assert!(csv.starts_with("# global: ") && csv.contains("tested,Juggler,A,"), "{csv}");
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_goes_on() {
    let place = two();
    let whole = place.read("tested.h5");
    place.write("cut.h5", &whole[..whole.len() / 2]).write("text.h5", "no recording");
    std::fs::create_dir(place.path("busy.h5.parts")).expect("a folder");
    let ran = place.run(&["report", "tested.h5", "cut.h5", "text.h5", "busy.h5", "gone.h5", "-o", "r.html"]);
    let lines: [&[&str]; 4] =
        [&["cut.h5"], &["text.h5"], &["busy.h5", "still being recorded"], &["gone.h5", "no such file"]];
    went_on(&ran, &lines);
    let page = page(&place, "r.html");
    assert!(page.contains("4 recordings are missing from this page"));
    for name in ["cut.h5", "text.h5", "busy.h5", "gone.h5"] {
        assert!(page.contains(name), "{name}");
    }
    Document::parse(&as_xml(&page)).expect("XML");
}

#[test]
fn bad_input() {
    let place = two();
    place.run(&["report", "gone.h5"]).refused(&["gone.h5: no such file"]);
    place.run(&["report", "tested.h5", "-o", "gone/r.html"]).refused(&["gone/r.html", "there is no folder gone"]);
    place.run(&["report", "tested.h5", "-o", "."]).refused(&["is a folder"]);
    place.run(&["report", "tested.h5", "--threads", "0"]).refused(&["threads is 0"]);
    place.run(&["report", "plain.h5", "--zero", "mask"]).refused(&["plain.h5", "no zero masks"]);
    place.run(&["report", "tested.h5", "--exclude", "nonsense"]).refused(&["there is no flag \"nonsense\""]);
    place.run(&["report"]).usage(&["FILE"]);
    std::fs::create_dir(place.path("empty")).expect("a folder");
    place.run(&["report", "empty"]).refused(&["empty", "no finished recording"]);
}

/// A table without a row is not in the data, and is not linked to.
#[test]
fn what_there_is_nothing_of_is_not_linked_to() {
    let place = Place::new();
    place.write("pendulum.xml", "<mujoco><worldbody><body><joint name='j' axis='0 1 0'/><geom size='.1' pos='.3 0 0'/></body></worldbody><actuator><motor joint='j'/></actuator></mujoco>");
    place.run(&["record", "pendulum.xml", "--episodes", "2", "--steps", "20", "-o", "p.h5"]).ok();
    place.run(&["report", "p.h5", "-o", "r.html"]).ok();
    let xml = as_xml(&page(&place, "r.html"));
    let document = Document::parse(&xml).expect("XML");
    links_lead_somewhere(&document);
    let heatmap = document.descendants().find(|n| n.attribute("data-table") == Some("entries"));
    let caption = heatmap.and_then(|link| link.parent()).expect("the caption of the heatmap");
    assert!(!caption.children().any(|link| link.attribute("data-table") == Some("global_cells")), "{}", text(caption));
}

/// A name goes into the page as text, whatever it is.
#[test]
fn names_are_no_markup() {
    let place = Place::new();
    place.small("a&b <i>.h5", &[]).ok();
    place.run(&["report", "a&b <i>.h5", "-o", "r.html", "--title", "<b>\"T\" & more", "--figures", "f"]).ok();
    let page = page(&place, "r.html");
    let xml = as_xml(&page);
    let document = Document::parse(&xml).expect("XML");
    assert!(document.descendants().any(|n| n.has_tag_name("h1") && text(n) == "<b>\"T\" & more"));
    assert_eq!(rows(with(&document, "class", "front"))[0][0], "a&b <i>");
    assert!(place.has("f/a_b__i/trace.png"));
}

#[test]
fn a_reader_opens_searches_and_asks() {
    let Some(mut browser) = Browser::start() else { return };
    let place = two();
    place.small("third.h5", &["--seed", "3"]).ok();
    place.run(&["report", "tested.h5", "plain.h5", "third.h5", "-o", "r.html"]).ok();
    // Else the mouse would have to follow a page that glides.
    browser.prefer("prefers-reduced-motion", "reduce");
    browser.open(&place.path("r.html"), "document.readyState === 'complete' && document.getElementById('find')");
    // Only an address, or a click, opens one of three parts.
    assert_eq!(browser.value("document.querySelectorAll('article').length"), 0);
    let link = browser.middle("document.querySelector('.front tbody a')");
    browser.click(link);
    browser.wait("document.querySelectorAll('#r0[open] article figure').length > 8");
    let typed = "find.value = 'PLAIN'; find.dispatchEvent(new Event('input'));";
    browser.value(&format!("{typed} 1"));
    assert_eq!(browser.value("document.getElementById('found').textContent"), "1 of 3");
    let rows = "[...document.querySelectorAll('.front tbody tr')].filter((row) => row.offsetParent).length";
    assert_eq!(browser.value(rows), 1);
    // What an address names is shown, whatever was searched for.
    browser.value("location.hash = '#r2'; 1");
    browser.wait("document.querySelectorAll('#r2[open] article figure').length > 8");
    assert_eq!(browser.value(rows), 3);
    let heatmap = "[...document.querySelectorAll('#r2 [data-hover]')].find((box) => spots(box).grids.length)";
    browser.value(&format!("{heatmap}.focus(); 1"));
    browser.key("ArrowRight");
    let first = browser.value("tip.hidden ? '' : tip.textContent");
    let labels = browser.value(&format!("[spots({heatmap}).grids[0].rows[0], spots({heatmap}).grids[0].columns[0]]"));
    let said = first.as_str().unwrap_or_default();
    assert!(
        labels.as_array().is_some_and(|two| two.iter().all(|l| said.contains(l.as_str().unwrap()))),
        "{said}: {labels}"
    );
    assert!(said.contains("zero"), "{said}");
    let mark = "[...document.querySelectorAll('#r2 [data-hover]')].find((box) => spots(box).marks.length)";
    browser.value(&format!("{mark}.focus(); 1"));
    browser.key("ArrowRight");
    assert!(browser.value("tip.textContent").as_str().is_some_and(|text| text.lines().count() >= 2));
    browser.is_content();
}
