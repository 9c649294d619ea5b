//! Killed at any instant, the same command goes on, and the file is the same to the byte.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Dice, Place, Ran, finish, wait};

/// Big enough that dozens of kills fall into it: the start, the episodes and the joining.
const JOB: [&str; 9] = ["record", "--episodes", "24", "--steps", "60", "--threads", "2", "-o", "out.h5"];

/// Kills in all.
const KILLS: u32 = 50;

fn undisturbed() -> Vec<u8> {
    let place = Place::new();
    place.run(&JOB).ok();
    place.read("out.h5")
}

fn start(place: &Place, args: &[&str]) -> Child {
    place.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

fn nothing_left_but(place: &Place, names: &[&str]) {
    let there: Vec<String> = place.listing().keys().map(|k| k.display().to_string()).collect();
    assert_eq!(there, names, "files were left behind");
}

#[test]
fn fifty_kills_change_no_byte() {
    let expected = undisturbed();
    let mut dice = Dice(7);
    let (mut kills, mut rounds, mut progressed) = (0, 0, false);
    // How much later kills come where none came after an episode: a loaded machine starts late.
    let mut later = 1;
    while kills < KILLS {
        rounds += 1;
        assert!(rounds < 20 * KILLS, "the job ends before a kill ever lands");
        let place = Place::new();
        // One job dies again and again until it is done; then the next one begins.
        loop {
            let before = shards(&place);
            let mut child = start(&place, &JOB);
            let reach = later * if kills % 2 == 0 { 60_000 } else { 200_000 };
            let pause = Duration::from_micros(1000 + dice.below(reach));
            let ended = wait(&mut child, pause);
            if ended.is_none() {
                child.kill().expect("a kill is sent");
            }
            let (status, _, stderr) = finish(child);
            if status.success() {
                break;
            }
            assert_eq!(status.code(), None, "not killed, but failed: {stderr}");
            kills += 1;
            progressed |= shards(&place) > before;
            if !progressed && kills % 8 == 0 {
                later *= 2;
            }
            assert!(!place.has("out.h5") || place.read("out.h5") == expected, "a file that is not whole has the name");
            if kills >= KILLS {
                place.run(&JOB).ok();
                break;
            }
        }
        assert!(place.read("out.h5") == expected, "after {kills} kills the bytes differ");
        place.run(&JOB).ok();
        nothing_left_but(&place, &["out.h5"]);
    }
    assert!(progressed, "no kill came after an episode was finished; the test shows nothing");
}

/// Finished episodes.
fn shards(place: &Place) -> usize {
    let whole =
        |name: &std::path::Path| name.extension().is_some_and(|e| e == "h5") && name.starts_with("out.h5.parts");
    place.listing().keys().filter(|k| whole(k)).count()
}

/// Sends a signal once two episodes are finished; returns how it ended and how long that took.
fn signalled(place: &Place, args: &[&str], signal: &str) -> (Ran, Duration) {
    let child = start(place, args);
    let begun = Instant::now();
    while shards(place) < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "no episode is ever finished");
        std::thread::sleep(Duration::from_millis(2));
    }
    let before = place.listing();
    let sent = Instant::now();
    let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(kill.is_ok_and(|s| s.success()), "the signal is not sent");
    let (status, stdout, stderr) = finish(child);
    let ran = Ran { what: format!("{args:?} {signal}"), status, stdout, stderr, before, after: place.listing() };
    (ran, sent.elapsed())
}

fn stops_and_goes_on(signal: &str, code: i32) {
    let long = ["record", "--episodes", "16", "--steps", "300", "--threads", "2", "-o", "out.h5"];
    let place = Place::new();
    let (ran, took) = signalled(&place, &long, signal);
    assert_eq!(ran.status.code(), Some(code), "{}", ran.stderr);
    assert!(took < Duration::from_secs(2), "it took {took:?} to stop");
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("error: stopped; finished episodes are kept"), "{}", ran.stderr);
    assert!(!place.has("out.h5"));
    let temporary = ran.after.keys().find(|k| k.extension().is_some_and(|e| e == "tmp"));
    assert!(temporary.is_none(), "left {temporary:?}");
    assert!(shards(&place) >= 2, "finished episodes are gone");

    let again = place.run(&long).ok();
    assert!(again.stderr.contains("of 16 episodes are there already"), "it began anew: {}", again.stderr);
    let other = Place::new();
    other.run(&long).ok();
    assert!(place.read("out.h5") == other.read("out.h5"), "the bytes differ after {signal}");
    nothing_left_but(&place, &["out.h5"]);
}

#[test]
fn sigterm_ends_with_143_and_keeps_episodes() {
    stops_and_goes_on("-TERM", 143);
}

#[test]
fn sigint_ends_with_130_and_keeps_episodes() {
    stops_and_goes_on("-INT", 130);
}

/// A signal while the program is at the first Jacobian of a model for which it needs more than some seconds.
fn in_the_middle_of_a_jacobian(model: &str, args: &[&str], words: &str) {
    let place = Place::new();
    place.write("large.xml", model);
    let all = [&["record", "large.xml", "--steps", "2", "--episodes", "1", "-o", "out.h5"], args].concat();
    let stopped = |pause| {
        let child = start(&place, &all);
        std::thread::sleep(Duration::from_millis(pause));
        let kill = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(kill.is_ok_and(|s| s.success()), "the signal is not sent");
        finish(child)
    };
    // The first signals may come before the program listens, or while it compiles.
    let mut ends = [1000, 2000, 4000].into_iter().map(stopped);
    let ended = ends.find(|(status, _, stderr)| status.code() == Some(143) && !stderr.contains("compiled"));
    let (_, stdout, stderr) = ended.expect("it listens in the end");
    assert!(stdout.is_empty() && stderr.starts_with(words), "{stdout}{stderr}");
    assert!(!place.has("out.h5"));
}

#[test]
fn a_jacobian_that_takes_long_is_stopped_in_the_middle() {
    let cloth = r#"<mujoco><worldbody><flexcomp name="f" type="grid" count="16 16 1" spacing=".1 .1 .1" dim="2" radius=".005" mass="1">
        <edge equality="true" damping=".01"/><contact selfcollide="none"/></flexcomp></worldbody></mujoco>"#;
    in_the_middle_of_a_jacobian(cloth, &[], "error: stopped; finished episodes are kept");
}

/// mjd_transitionFD looks at no flag.
#[test]
fn what_looks_at_no_flag_ends_in_time() {
    let pile = r#"<mujoco><worldbody><geom type="plane" size="9 9 1"/><replicate count="300" offset=".19 0 0"><body pos="0 0 .099">
        <freejoint/><geom size=".1"/></body></replicate></worldbody></mujoco>"#;
    in_the_middle_of_a_jacobian(pile, &["--engine", "transition-fd"], "error: stopped in the middle of a step");
}

#[test]
fn a_stopped_verification_says_so() {
    let place = Place::new();
    place.small("out.h5", &["--episodes", "6", "--steps", "400"]).ok();
    // On a busy machine the first signals come before the program listens, and just end it.
    let stopped = |pause| {
        let child = start(&place, &["verify", "out.h5", "--threads", "1"]);
        std::thread::sleep(Duration::from_millis(pause));
        let kill = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(kill.is_ok_and(|s| s.success()), "the signal is not sent");
        finish(child)
    };
    let ended = [100, 200, 400, 800].into_iter().map(stopped).find(|(status, ..)| status.code().is_some());
    let (status, stdout, stderr) = ended.expect("it listens in the end");
    assert_eq!(status.code(), Some(143), "{stdout}{stderr}");
    assert!(stdout.is_empty(), "a verdict on a part of the file: {stdout}");
    assert!(stderr.starts_with("error: stopped"), "{stderr}");
}
