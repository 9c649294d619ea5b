//! The files of suites, and the names of their tasks.

use super::document::parse;
use super::*;

/// A suite of one task.
const SUITE: &str = r#"
[suite]
name = "mine"
package = "mine 1.0"
description = "A suite"
[model.robot]
xml = "mine/robot.xml"
[reset.start]
base = "qpos0"
[rules.fall]
done = [{ when = "qpos", range = [0, 1], bounds = { low = 0.0, high = 1.0 } }]
[reward.go]
kind = "gymnasium"
terms = [{ term = "control", weight = 1.0 }]
observe = [{ what = { part = "qpos" } }]
[[task]]
name = "Go-v1"
description = "It goes"
model = "robot"
reset = "start"
rules = "fall"
reward = "go"
substeps = 2
episode_length = 10
"#;

#[test]
fn a_task_has_the_name_that_its_users_write() {
    let suite = parse(SUITE, "").unwrap();
    let task = &suite.tasks[0];
    assert_eq!((task.name.as_str(), task.suite.as_str()), ("mine/Go-v1", "mine"));
    assert_eq!(task.fetch, "cargo xtask setup --suite mine");
    assert_eq!(task.spec().done.len(), 1);
    assert!(task.spec().reward.is_some());
    assert_eq!(file_stem(&task.name), "mine-Go-v1");

    let walker = find("WalkerRun").unwrap();
    assert_eq!((walker.name.as_str(), walker.full_name().as_str()), ("WalkerRun", "playground/WalkerRun"));
    assert_eq!(find("playground/WalkerRun").unwrap().name, "WalkerRun");
    assert_eq!(find("gymnasium/Ant-v5").unwrap().name, "gymnasium/Ant-v5");
    assert!(find("Ant-v5").is_none() && nearest("Ant-v5")[0] == "gymnasium/Ant-v5");
}

#[test]
fn every_name_is_there_once_and_is_one_of_a_file() {
    let mut stems: Vec<String> = catalogue().map(|e| file_stem(&e.name)).collect();
    let all = stems.len();
    stems.sort_unstable();
    stems.dedup();
    assert_eq!(stems.len(), all);
    for suite in suites() {
        assert!(!suite.tasks.is_empty() && suite.bare() == (suite.name == "playground"), "{}", suite.name);
        assert!(suite.tasks.iter().all(|e| !e.description.is_empty()), "{}", suite.name);
    }
}

#[test]
fn a_name_is_told_from_a_file() {
    for name in ["gymnasium/Ant-v5", "gymnasium/Nothing", "playground/WalkerRun"] {
        assert!(names_suite(name), "{name}");
    }
    for file in ["gymnasium/ant.xml", "./gymnasium/Ant-v5", "robots/go1", "gymnasium/", "gymnasium/a/b", "WalkerRun"] {
        assert!(!names_suite(file), "{file}");
    }
}

#[test]
fn what_is_wrong_with_a_suite_is_named() {
    let refused = |from: &str, to: &str| {
        assert!(SUITE.contains(from), "{from}");
        parse(&SUITE.replacen(from, to, 1), "").unwrap_err()
    };
    for (from, to, said) in [
        ("model = \"robot\"", "model = \"other\"", "Go-v1: there is no [model.other]"),
        ("reset = \"start\"", "reset = \"other\"", "Go-v1: there is no [reset.other]"),
        ("rules = \"fall\"", "rules = \"other\"", "Go-v1: there is no [rules.other]"),
        ("reward = \"go\"", "reward = \"other\"", "Go-v1: there is no [reward.other]"),
        ("substeps = 2", "substeps = 0", "Go-v1: substeps is 0"),
        ("substeps = 2", "substep = 2", "unknown field `substep`"),
        ("substeps = 2", "substeps = 2\ntimestep = -0.1", "Go-v1: the timestep is -0.1 s"),
        ("episode_length = 10", "episode_length = 0", "Go-v1: episode_length is 0"),
        ("name = \"Go-v1\"", "name = \"Go/v1\"", "the name of a task is \"Go/v1\""),
        ("name = \"mine\"", "name = \"../mine\"", "the suite's name is \"../mine\""),
        ("xml = \"mine/robot.xml\"", "xml = \"/robot.xml\"", "[model.robot]: \"/robot.xml\" does not lie below"),
        ("xml = \"mine/robot.xml\"", "xml = \"../robot.xml\"", "[model.robot]: \"../robot.xml\" does not lie below"),
        ("[reset.start]", "[model.spare]\nxml = \"a.xml\"\n[reset.start]", "[model.spare] belongs to no task"),
        ("kind = \"gymnasium\"", "kind = \"gymnastics\"", "unknown variant `gymnastics`"),
    ] {
        let error = refused(from, to);
        assert!(error.contains(said), "{to}: {error}");
    }
    let task = SUITE.split_once("[[task]]").unwrap().1;
    assert!(parse(&format!("{SUITE}[[task]]{task}"), "").unwrap_err().contains("Go-v1: is there twice"));
}
