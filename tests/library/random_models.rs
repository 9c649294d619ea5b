//! Random models: the engine that each gets agrees with the arbiter, and no attribute of MJCF is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use dynsparse::check::random::{self, RandomSettings};
use dynsparse::jacobian::EngineRequest;
use dynsparse::physics::{Model, xml_schema};

/// What becomes of every attribute; its first lines say how to read it.
const TABLE: &str = include_str!("../schema/attributes.txt");

#[test]
fn engines_agree_with_the_arbiter_on_random_models() {
    let report =
        random::check_random(&RandomSettings { models: 300, shrink: 5, tries: 200, ..RandomSettings::default() });
    let sum = |f: fn(&random::Tally) -> usize| report.engines.values().map(f).sum::<usize>();
    // Else the models are broken, or no state is judged.
    let refused: u64 = report.refused.values().sum();
    assert!(refused < 30, "{:?}", report.refused);
    assert!(report.engines["implicit"].models > 60, "{:?}", report.fallbacks);
    assert!(sum(|t| t.smooth) > 500 && sum(|t| t.both) > 5, "{:?}", report.engines);
    let mut text = String::new();
    for failure in &report.failures {
        text.push_str(&format!("model {}: {} ({:?})\n", failure.model, failure.cause(), failure.verdict));
        text.push_str(failure.shrunk.as_deref().unwrap_or_default());
    }
    assert!(report.failures.is_empty(), "{} failures\n{text}", report.failures.len());
}

#[test]
fn the_same_seed_gives_the_same_models_and_others_others() {
    let text = |seed, index| random::model(seed, index).text();
    assert_eq!(text(3, 7), text(3, 7));
    assert_ne!(text(3, 7), text(3, 8));
    assert_ne!(text(3, 7), text(4, 7));
}

/// A row of the table.
struct Row<'a> {
    class: &'a str,
    why: &'a str,
}

/// The table by element and attribute.
fn table() -> BTreeMap<(&'static str, &'static str), Row<'static>> {
    let mut out = BTreeMap::new();
    for line in TABLE.lines().filter(|l| !l.starts_with('#')) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [element, class, why, attributes] = cells[..] else { panic!("not four columns: {line}") };
        assert!(["exercised", "inert", "refused", "written-out"].contains(&class), "{line}");
        for attribute in attributes.split_whitespace() {
            let twice = out.insert((element, attribute), Row { class, why }).is_some();
            assert!(!twice, "{element} {attribute} is there twice");
        }
    }
    out
}

/// What differs between two sets, in words.
fn apart(there: &BTreeSet<(String, String)>, missing_from: &BTreeSet<(String, String)>) -> String {
    there.difference(missing_from).map(|(e, a)| format!("{e}.{a}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_attribute_of_mujocos_schema_is_in_the_table_and_no_other() {
    let schema: BTreeSet<_> = xml_schema().unwrap().into_iter().filter(|(_, a)| !a.is_empty()).collect();
    assert!(schema.len() > 1500, "{}", schema.len());
    let table: BTreeSet<_> = table().into_keys().map(|(e, a)| (e.to_owned(), a.to_owned())).collect();
    assert_eq!(apart(&schema, &table), "", "MuJoCo has attributes that tests/schema/attributes.txt lacks");
    assert_eq!(apart(&table, &schema), "", "tests/schema/attributes.txt has attributes that MuJoCo lacks");
}

#[test]
fn what_is_called_exercised_is_and_nothing_else() {
    let table = table();
    let mut found = BTreeSet::new();
    for index in 0..30_000 {
        found.extend(random::model(0, index).attributes_used());
    }
    let found: BTreeSet<(String, String)> =
        found.into_iter().filter(|(_, a)| !a.is_empty()).map(|(e, a)| (e, a.to_owned())).collect();
    let said: BTreeSet<(String, String)> = table
        .iter()
        .filter(|(_, row)| row.class == "exercised")
        .map(|((e, a), _)| ((*e).to_owned(), (*a).to_owned()))
        .collect();
    assert_eq!(apart(&said, &found), "", "called exercised, but none of 30 000 models has it");
    assert_eq!(apart(&found, &said), "", "a random model has it, but the table does not call it exercised");
    // What the compiler writes out must be exercised where it ends.
    let elements: BTreeSet<&str> = said.iter().map(|(e, _)| e.as_str()).collect();
    for ((element, attribute), row) in &table {
        if row.class == "written-out" {
            assert!(elements.contains(row.why), "{element} {attribute}: {} is not exercised", row.why);
        }
    }
}

#[test]
fn what_is_called_refused_is_by_that_word() {
    let joint = r#"<worldbody><body><joint name="j"/><geom size=".1"/></body></worldbody>"#;
    let models = BTreeMap::from([
        ("plugin", r#"<extension><plugin plugin="mujoco.nothing"/></extension>"#.to_owned() + joint),
        ("delay", format!(r#"{joint}<sensor><jointpos joint="j" delay=".01" nsample="8"/></sensor>"#)),
        ("user", format!(r#"{joint}<actuator><general joint="j" dyntype="user" actdim="2"/></actuator>"#)),
        ("coordinate", r#"<compiler coordinate="global"/>"#.to_owned() + joint),
        (
            "flex",
            r#"<worldbody><body><flexcomp name="f" type="grid" dim="2" count="3 3 1" spacing=".1 .1 .1" radius=".01"
                mass="1"/></body></worldbody>"#
                .to_owned(),
        ),
    ]);
    let words: BTreeSet<&str> = table().into_values().filter(|r| r.class == "refused").map(|r| r.why).collect();
    assert_eq!(words, models.keys().copied().collect::<BTreeSet<_>>(), "one model for each word of the table");
    for (word, body) in models {
        let reason = match Model::from_text("refused.xml", &format!("<mujoco>{body}</mujoco>")) {
            Err(error) => error.to_string(),
            Ok(model) => EngineRequest::default().resolve(&model).fallback.unwrap_or_default(),
        };
        assert!(reason.contains(word), "{word}: \"{reason}\"");
    }
}
