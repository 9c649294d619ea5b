//! What policies do: ranges, spectra, settings.

use proptest::prelude::*;
use rustfft::FftPlanner;
use rustfft::num_complex::Complex64;

use super::*;
use crate::physics::Model;

fn unit(nu: usize) -> ControlRanges {
    ControlRanges { lo: vec![-1.0; nu], hi: vec![1.0; nu], limited: vec![true; nu] }
}

/// A range so wide that nothing is clamped and a control is 1e6 x.
fn wide(nu: usize) -> ControlRanges {
    ControlRanges { lo: vec![-1e6; nu], hi: vec![1e6; nu], limited: vec![true; nu] }
}

fn all_kinds() -> Vec<PolicySpec> {
    vec![
        PolicySpec::Zero,
        PolicySpec::Uniform,
        PolicySpec::Gaussian { scale: 0.7 },
        PolicySpec::Colored { beta: 1.0, scale: 0.7 },
        PolicySpec::Sinusoid { frequency: 1.5, amplitude: 0.9 },
    ]
}

fn run(spec: &PolicySpec, ranges: &ControlRanges, seed: u64, episode: u64, steps: usize) -> Vec<f64> {
    let nu = ranges.lo.len();
    let mut policy = build(spec, ranges, seed, episode, steps, 0.02).unwrap();
    let mut out = vec![f64::NAN; steps * nu];
    for (step, row) in out.chunks_exact_mut(nu).enumerate() {
        policy.act(step, row);
    }
    out
}

fn toml_spec(text: &str) -> Result<PolicySpec, String> {
    toml::from_str(text).map_err(|e| e.to_string())
}

#[test]
fn toml_round_trips_and_refuses_what_it_does_not_know() {
    assert_eq!(toml_spec("kind = 'zero'").unwrap(), PolicySpec::Zero);
    assert_eq!(toml_spec("kind = 'gaussian'\nscale = 1").unwrap(), PolicySpec::Gaussian { scale: 1.0 });
    let replay = toml_spec("kind = 'replay'\nfile = 'a.h5'\nwith = 'states'").unwrap();
    assert_eq!(replay, PolicySpec::Replay { file: "a.h5".into(), with: ReplayWith::States, sha256: None });
    for spec in all_kinds().into_iter().chain([replay]) {
        assert_eq!(toml_spec(&toml::to_string(&spec).unwrap()).unwrap(), spec);
        assert_eq!(serde_json::from_str::<PolicySpec>(&serde_json::to_string(&spec).unwrap()).unwrap(), spec);
        assert!(!spec.describe().contains('\n'));
    }
    for (text, word) in [
        ("kind = 'zero'\nscale = 1.0", "unknown field `scale`"),
        ("kind = 'uniform'\nbeta = 1.0", "unknown field `beta`"),
        ("kind = 'gaussian'\nscale = 1.0\nbeta = 1.0", "unknown field `beta`"),
        ("kind = 'colored'\nbeta = 1.0", "missing field `scale`"),
        ("kind = 'pink'", "unknown variant `pink`"),
        ("scale = 1.0", "missing field `kind`"),
        ("kind = 'replay'\nfile = 'a.h5'\nwith = 'both'", "unknown variant `both`"),
    ] {
        let error = toml_spec(text).unwrap_err();
        assert!(error.contains(word), "{text}: {error}");
    }
}

#[test]
fn settings_out_of_bounds_are_named() {
    let replay = |file: &str, sum: Option<&str>| PolicySpec::Replay {
        file: file.into(),
        with: ReplayWith::Controls,
        sha256: sum.map(str::to_owned),
    };
    for (spec, field) in [
        (PolicySpec::Gaussian { scale: -1.0 }, "scale"),
        (PolicySpec::Gaussian { scale: f64::NAN }, "scale"),
        (PolicySpec::Colored { beta: 2.1, scale: 1.0 }, "beta"),
        (PolicySpec::Colored { beta: 1.0, scale: f64::INFINITY }, "scale"),
        (PolicySpec::Sinusoid { frequency: -1.0, amplitude: 1.0 }, "frequency"),
        (PolicySpec::Sinusoid { frequency: 1.0, amplitude: 1.1 }, "amplitude"),
        (replay("", None), "file"),
        (replay("a.h5", Some("abc")), "sha256"),
    ] {
        match spec.validate() {
            Err(PolicyError::Setting { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{spec:?}: {other:?}"),
        }
    }
    assert!(replay("a.h5", Some(&"Ab".repeat(32))).validate().is_ok());
    assert!(all_kinds().iter().all(|s| s.validate().is_ok()));
}

#[test]
fn build_refuses_what_has_no_meaning() {
    let refuse = |spec: &PolicySpec, ranges: &ControlRanges, dt| build(spec, ranges, 0, 0, 10, dt).err().unwrap();
    let replay = PolicySpec::Replay { file: "a".into(), with: ReplayWith::States, sha256: None };
    assert_eq!(refuse(&replay, &unit(1), 0.02), PolicyError::Replay);
    let sine = PolicySpec::Sinusoid { frequency: 26.0, amplitude: 1.0 };
    assert!(refuse(&sine, &unit(1), 0.02).to_string().contains("at or below 25 Hz"));
    assert!(refuse(&sine, &unit(1), 0.0).to_string().contains("control_dt is 0"));
    for (lo, hi) in [(1.0, -1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
        let ranges = ControlRanges { lo: vec![-1.0, lo], hi: vec![1.0, hi], limited: vec![true; 2] };
        assert!(matches!(refuse(&PolicySpec::Uniform, &ranges, 0.02), PolicyError::Range { control: 1, .. }));
    }
    let ranges = ControlRanges { lo: vec![], ..unit(1) };
    assert!(matches!(refuse(&PolicySpec::Zero, &ranges, 0.02), PolicyError::Lengths { .. }));
}

#[test]
fn ranges_come_from_the_model_and_clamp_limited_controls_only() {
    let mjcf = "<mujoco><worldbody><body><joint name='j'/><geom size='0.1'/></body></worldbody>
        <actuator><motor joint='j' ctrllimited='true' ctrlrange='-0.5 2'/><motor joint='j'/></actuator></mujoco>";
    let ranges = ControlRanges::from(&Model::from_text("m.xml", mjcf).unwrap());
    assert_eq!(ranges, ControlRanges { lo: vec![-0.5, -1.0], hi: vec![2.0, 1.0], limited: vec![true, false] });
    let clamped = |mut u: [f64; 2]| (ranges.clamp(&mut u), u);
    assert_eq!(clamped([3.0, 3.0]), (1, [2.0, 3.0]));
    assert_eq!(clamped([f64::NEG_INFINITY, 0.0]), (1, [-0.5, 0.0]));
    assert_eq!(clamped([2.0, -9.0]), (0, [2.0, -9.0]));
    let (moved, u) = clamped([f64::NAN, 0.0]);
    assert!(moved == 0 && u[0].is_nan());
}

#[test]
fn zero_is_clamped_into_the_range() {
    let ranges = ControlRanges { lo: vec![-1.0, 2.0, -5.0], hi: vec![1.0, 3.0, -4.0], limited: vec![true; 3] };
    assert_eq!(run(&PolicySpec::Zero, &ranges, 0, 0, 1), [0.0, 2.0, -4.0]);
}

#[test]
fn threads_do_not_change_a_policy() {
    for spec in all_kinds() {
        let here: Vec<_> = (0..8).map(|e| run(&spec, &unit(3), 5, e, 200)).collect();
        let there: Vec<_> = std::thread::scope(|s| {
            let spec = &spec;
            let tasks: Vec<_> = (0..8).rev().map(|e| s.spawn(move || run(spec, &unit(3), 5, e, 200))).collect();
            tasks.into_iter().rev().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(here, there);
    }
}

#[test]
fn seeds_episodes_and_controls_are_independent() {
    for spec in all_kinds().into_iter().skip(1) {
        let n = 4000;
        let a = run(&spec, &unit(2), 1, 0, n);
        assert_ne!(a, run(&spec, &unit(2), 1, 1, n));
        assert_ne!(a, run(&spec, &unit(2), 2, 0, n));
        assert_ne!(a[0], a[1]);
    }
    // White noise of two episodes, and of two controls, is uncorrelated.
    let n = 20_000;
    let (a, b) = (run(&PolicySpec::Uniform, &unit(2), 1, 0, n), run(&PolicySpec::Uniform, &unit(2), 1, 1, n));
    let corr = |f: &dyn Fn(usize) -> f64| (0..n).map(f).sum::<f64>() / n as f64 * 3.0;
    assert!(corr(&|t| a[2 * t] * b[2 * t]).abs() < 0.03);
    assert!(corr(&|t| a[2 * t] * a[2 * t + 1]).abs() < 0.03);
}

#[test]
fn steps_may_be_asked_for_in_any_order() {
    let spec = PolicySpec::Colored { beta: 1.0, scale: 0.5 };
    let steps = BLOCK + 10;
    let forward = run(&spec, &unit(1), 3, 0, steps);
    let mut policy = build(&spec, &unit(1), 3, 0, steps, 0.02).unwrap();
    for step in [BLOCK + 3, 5, BLOCK, BLOCK - 1] {
        let mut u = [f64::NAN];
        policy.act(step, &mut u);
        assert_eq!(u[0], forward[step]);
    }
}

#[test]
fn sinusoid_has_its_frequency_and_amplitude() {
    let u = run(&PolicySpec::Sinusoid { frequency: 2.5, amplitude: 0.5 }, &unit(1), 0, 0, 1000);
    // 2.5 Hz at 0.02 s is 20 steps a turn.
    for t in 0..980 {
        assert!((u[t] - u[t + 20]).abs() < 1e-9 && (u[t] + u[t + 10]).abs() < 1e-9);
    }
    let peak = u.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    assert!((0.49..=0.5).contains(&peak), "{peak}");
}

/// Slope of log power against log frequency, by least squares, averaged over episodes.
fn slope(beta: f64, n: usize) -> f64 {
    let spec = PolicySpec::Colored { beta, scale: 1e-3 };
    let fft = FftPlanner::new().plan_fft_forward(n);
    let episodes = 40;
    let mut power = vec![0.0; n / 2];
    for e in 0..episodes {
        let mut x: Vec<Complex64> = run(&spec, &wide(1), 11, e, n).into_iter().map(|v| v.into()).collect();
        fft.process(&mut x);
        power.iter_mut().zip(&x).for_each(|(p, x)| *p += x.norm_sqr());
    }
    let points: Vec<(f64, f64)> = (1..n / 2).map(|k| ((k as f64).ln(), power[k].ln())).collect();
    let mean = |f: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / points.len() as f64;
    let (mx, my) = (mean(&|p| p.0), mean(&|p| p.1));
    mean(&|p| (p.0 - mx) * (p.1 - my)) / mean(&|p| (p.0 - mx).powi(2))
}

#[test]
fn colored_noise_has_its_slope() {
    for n in [1024, 1000, 997] {
        for beta in [0.0, 0.5, 1.0, 2.0] {
            let found = slope(beta, n);
            assert!((found + beta).abs() < 0.03, "beta {beta}, {n} steps: slope {found}");
        }
    }
}

#[test]
fn colored_noise_has_mean_zero_and_unit_variance_at_every_step() {
    let episodes = 4000;
    for beta in [0.0, 1.0, 2.0] {
        for n in [1, 2, 3, 64, 101] {
            let spec = PolicySpec::Colored { beta, scale: 1e-3 };
            let mut moments = vec![[0.0; 2]; n];
            for e in 0..episodes {
                for (m, u) in moments.iter_mut().zip(run(&spec, &wide(1), 4, e, n)) {
                    let x = u / 1e3;
                    *m = [m[0] + x / episodes as f64, m[1] + x * x / episodes as f64];
                }
            }
            for (t, [mean, var]) in moments.into_iter().enumerate() {
                // Five standard deviations of each estimate.
                assert!(mean.abs() < 0.08, "beta {beta}, step {t} of {n}: mean {mean}");
                assert!((var - 1.0).abs() < 0.12, "beta {beta}, step {t} of {n}: variance {var}");
            }
        }
    }
}

#[test]
fn gaussian_is_centred_and_scaled() {
    let ranges = ControlRanges { lo: vec![0.0], hi: vec![1e6], limited: vec![true] };
    let u = run(&PolicySpec::Gaussian { scale: 1e-3 }, &ranges, 0, 0, 50_000);
    let x: Vec<f64> = u.iter().map(|u| (u - 5e5) / 5e2).collect();
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let var = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
    assert!(mean.abs() < 0.02 && (var - 1.0).abs() < 0.03, "{mean} {var}");
}

#[test]
fn colored_noise_of_a_known_seed_does_not_change() {
    // Recordings are made again from their seed: these numbers are a promise, up to the last bits of log.
    let u = run(&PolicySpec::Colored { beta: 1.0, scale: 0.3 }, &unit(1), 7, 2, 4);
    let expected = [-0.10670254888290927, -0.14265791650250612, 0.5505749989171757, -0.17001055866457251];
    assert!(u.iter().zip(expected).all(|(a, b): (&f64, f64)| (a - b).abs() < 1e-12), "{u:?}");
}

fn any_spec() -> impl Strategy<Value = PolicySpec> {
    prop_oneof![
        Just(PolicySpec::Zero),
        Just(PolicySpec::Uniform),
        (0.0..1e3).prop_map(|scale| PolicySpec::Gaussian { scale }),
        (0.0..=2.0, 0.0..1e3).prop_map(|(beta, scale)| PolicySpec::Colored { beta, scale }),
        (0.0..25.0, 0.0..=1.0).prop_map(|(frequency, amplitude)| PolicySpec::Sinusoid { frequency, amplitude }),
    ]
}

proptest! {
    #[test]
    fn controls_are_in_range_and_reproducible(
        spec in any_spec(),
        ends in prop::collection::vec((-1e9..1e9, 0.0..1e9), 1..5),
        seed: u64, episode: u64, steps in 1_usize..300,
    ) {
        let ranges = ControlRanges {
            lo: ends.iter().map(|(lo, _)| *lo).collect(),
            hi: ends.iter().map(|(lo, width)| lo + width).collect(),
            limited: ends.iter().map(|(lo, _)| *lo > 0.0).collect(),
        };
        let u = run(&spec, &ranges, seed, episode, steps);
        for row in u.chunks_exact(ranges.lo.len()) {
            for (i, u) in row.iter().enumerate() {
                prop_assert!(ranges.lo[i] <= *u && *u <= ranges.hi[i]);
            }
            prop_assert_eq!(ranges.clamp(&mut row.to_vec()), 0);
        }
        prop_assert_eq!(&u, &run(&spec, &ranges, seed, episode, steps));
        // The last step alone, without the ones before it.
        let mut last = vec![f64::NAN; ranges.lo.len()];
        build(&spec, &ranges, seed, episode, steps, 0.02).unwrap().act(steps - 1, &mut last);
        prop_assert_eq!(&u[u.len() - last.len()..], &last[..]);
    }
}
