//! What an ablation varies: named sets of settings, or the values of one setting.

use super::super::args::{PolicyName, Settings};
use super::super::config;
use dynsparse::jacobian::{Difference, EngineChoice};
use dynsparse::physics::SolverMode;
use dynsparse::record::StepKind;

/// A recording of an ablation.
pub(super) struct Variant {
    /// Its name, which its file has too.
    pub(super) name: String,
    /// What it has of its own.
    pub(super) settings: Settings,
}

/// What ablations have names.
pub(super) const NAMED: [&str; 5] = ["threshold", "method", "step", "policy", "physics"];

/// Settings that decide nothing of what a Jacobian is.
const NOT_CONTENT: [&str; 5] = ["task", "output", "threads", "compression", "assets"];

/// The variants that `over` asks for: a name of [`NAMED`], or SETTING=VALUE,VALUE,... with the settings of
/// `dynsparse record`.
pub(super) fn of(over: &str, base: &Settings) -> anyhow::Result<Vec<Variant>> {
    if let Some((key, values)) = over.split_once('=') {
        return values_of(key.trim(), values);
    }
    Ok(match over {
        "threshold" => vec![variant("recording", Settings::default())],
        "method" => methods(),
        "step" => [("control-steps", StepKind::Control), ("physics-steps", StepKind::Physics)]
            .map(|(name, step)| variant(name, Settings { step: Some(step), ..Settings::default() }))
            .into(),
        "policy" => policies(base),
        "physics" => physics(base)?,
        _ => anyhow::bail!(
            "--over {over}: give one of {}, or a setting of `dynsparse record` with values, such as beta=0,1,2",
            NAMED.join(", ")
        ),
    })
}

/// Every variant of `a` with every one of `b`.
pub(super) fn product(a: &[Variant], b: &[Variant]) -> Vec<Variant> {
    let pair = |x: &Variant, y: &Variant| {
        variant(&format!("{},{}", x.name, y.name), y.settings.clone().or(x.settings.clone()))
    };
    a.iter().flat_map(|x| b.iter().map(move |y| pair(x, y))).collect()
}

fn variant(name: &str, settings: Settings) -> Variant {
    Variant { name: name.to_owned(), settings }
}

fn values_of(key: &str, values: &str) -> anyhow::Result<Vec<Variant>> {
    anyhow::ensure!(
        !NOT_CONTENT.contains(&key),
        "--over {key}: it decides nothing of a Jacobian; give another setting"
    );
    let values: Vec<&str> = values.split(',').map(str::trim).filter(|v| !v.is_empty()).collect();
    anyhow::ensure!(!values.is_empty(), "--over {key}=: give its values, such as --over beta=0,1,2");
    let one = |value: &&str| Ok(variant(&file_name(key, value), config::setting(key, value)?));
    values.iter().map(one).collect()
}

/// The name of a file that says the value.
fn file_name(key: &str, value: &str) -> String {
    let name = if key == "set" { value.to_owned() } else { format!("{key}={value}") };
    name.replace(['/', '\\'], "_")
}

fn methods() -> Vec<Variant> {
    let difference = |name: &str, eps: f64, difference: Difference, solver: SolverMode| {
        let settings = Settings {
            engine: Some(EngineChoice::TransitionFd),
            eps: Some(eps),
            difference: Some(difference),
            solver: Some(solver),
            ..Settings::default()
        };
        variant(name, settings)
    };
    let implicit = |name: &str, solver: SolverMode| {
        variant(name, Settings { engine: Some(EngineChoice::Implicit), solver: Some(solver), ..Settings::default() })
    };
    use Difference::{Centered, Forward};
    use SolverMode::{Converged, Task};
    vec![
        implicit("implicit", Converged),
        difference("fd-centered-1e-4", 1e-4, Centered, Converged),
        difference("fd-centered-1e-6", 1e-6, Centered, Converged),
        difference("fd-centered-1e-8", 1e-8, Centered, Converged),
        difference("fd-forward-1e-6", 1e-6, Forward, Converged),
        implicit("implicit,task-solver", Task),
        difference("fd-centered-1e-6,task-solver", 1e-6, Centered, Task),
    ]
}

/// From no control to the whole range, and from white noise to red; an expert where there is one to replay.
fn policies(base: &Settings) -> Vec<Variant> {
    let policy = |name: &str, policy: PolicyName, beta: Option<f64>, scale: Option<f64>| {
        variant(name, Settings { policy: Some(policy), beta, scale, ..Settings::default() })
    };
    let mut all = vec![
        policy("zero", PolicyName::Zero, None, None),
        policy("sinusoid", PolicyName::Sinusoid, None, None),
        policy("uniform", PolicyName::Uniform, None, None),
        policy("white", PolicyName::Colored, Some(0.0), Some(1.0)),
        policy("pink", PolicyName::Colored, Some(1.0), Some(1.0)),
        policy("red", PolicyName::Colored, Some(2.0), Some(1.0)),
        policy("pink,scale=0.3", PolicyName::Colored, Some(1.0), Some(0.3)),
    ];
    if let Some(file) = &base.replay {
        let settings = Settings { policy: Some(PolicyName::Replay), replay: Some(file.clone()), ..Settings::default() };
        all.push(variant("replay", settings));
    }
    all
}

/// The time step halved and quartered, and contacts from stiff to soft: the time constant of the reference
/// acceleration (0.02 s by default; MuJoCo takes no less than two time steps), and the impedance at no and at full
/// penetration (solref and solimp of MuJoCo's XML reference).
fn physics(base: &Settings) -> anyhow::Result<Vec<Variant>> {
    let timestep = base.task()?.model(SolverMode::Converged)?.timestep();
    let finer = |name: &str, by: f64| variant(name, Settings { timestep: Some(timestep / by), ..Settings::default() });
    let set = |name: &str, edits: &[&str]| {
        let own = edits.iter().map(|e| (*e).to_owned());
        let set = base.set.iter().flatten().cloned().chain(own).collect();
        variant(name, Settings { set: Some(set), ..Settings::default() })
    };
    Ok(vec![
        variant("model", Settings::default()),
        finer("timestep-half", 2.0),
        finer("timestep-quarter", 4.0),
        set("solref-0.04", &["geom_solref[0]=0.04"]),
        set("solref-0.1", &["geom_solref[0]=0.1"]),
        set("solref-0.2", &["geom_solref[0]=0.2"]),
        set("solimp-0.5-0.9", &["geom_solimp[0]=0.5", "geom_solimp[1]=0.9"]),
        set("solimp-0.95-0.99", &["geom_solimp[0]=0.95", "geom_solimp[1]=0.99"]),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_takes_the_names_of_a_recording() {
        let all = of("beta=0,1.5", &Settings::default()).unwrap();
        assert_eq!(all.iter().map(|v| v.name.as_str()).collect::<Vec<_>>(), ["beta=0", "beta=1.5"]);
        assert_eq!(all[1].settings.beta, Some(1.5));
        let all = of("engine=implicit,transition-fd", &Settings::default()).unwrap();
        assert_eq!(all[1].settings.engine, Some(EngineChoice::TransitionFd));
        let all = of("set=geom_solref[0]=0.01,geom_solref[0]=0.1", &Settings::default()).unwrap();
        assert_eq!(all[1].settings.set, Some(vec!["geom_solref[0]=0.1".to_owned()]));
        for (over, said) in [
            ("beta=", "values"),
            ("beta=soft", "beta"),
            ("threads=1,2", "decides nothing"),
            ("colour=1", "colour"),
            ("everything", "threshold, method"),
        ] {
            let error = of(over, &Settings::default()).err().unwrap().to_string();
            assert!(error.contains(said), "{over}: {error}");
        }
    }

    #[test]
    fn two_settings_multiply() {
        let base = Settings::default();
        let all = product(&of("beta=0,1", &base).unwrap(), &of("step", &base).unwrap());
        assert_eq!(all.len(), 4);
        assert_eq!(all[3].name, "beta=1,physics-steps");
        assert_eq!((all[3].settings.beta, all[3].settings.step), (Some(1.0), Some(StepKind::Physics)));
    }
}
