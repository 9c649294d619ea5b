//! What policies and planners reach on the tasks with a reward, and what planning costs.
//!
//! `cargo bench --bench experts [-- TASK ... --seeds N --first-seed N --steps N --set FIELD=VALUE --only-planner
//! --against METHOD --scaling]`. A return is the sum of rewards over an episode of 1000 control steps (at most 1000), the mean over seeds.
//! The settings of assets/experts.toml were found with seeds below 20, so the table starts at 100. Planning time is the
//! processor's time on one thread (on Linux; elsewhere the clock's), so that a busy machine does not decide; the
//! real-time factor is simulated time over it. `--set` changes a setting of the planner for all tasks; `--against ilqg` plans
//! with that method too, under the task's own horizon, guides and model. With `--scaling`, only the clock's time of 40 plans on one
//! thread and on two is measured, and beside it, as the most there can be, that of twice the plans by two planners that share
//! nothing, on a thread each; all in turns.

use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use dynsparse::physics::{Model, Sim, SolverMode};
use dynsparse::planner::{self, Planner};
use dynsparse::policy::{self, ControlRanges, PlanMethod, PlanSpec, Policy, PolicySpec};
use dynsparse::task::{Assets, Scorer, Task, catalogue};

/// Rounds of `--scaling`, and plans in each.
const ROUNDS: usize = 7;
const PLANS: usize = 40;

struct Asked {
    tasks: Vec<String>,
    seeds: u64,
    first_seed: u64,
    steps: usize,
    plan: PlanSpec,
    only_planner: bool,
    against: Option<PlanMethod>,
    scaling: bool,
}

impl Asked {
    fn parse() -> Self {
        let mut asked = Self {
            tasks: Vec::new(),
            seeds: 5,
            first_seed: 100,
            steps: usize::MAX,
            plan: PlanSpec::default(),
            only_planner: false,
            against: None,
            scaling: false,
        };
        let mut plan = toml::Table::new();
        let mut args = std::env::args().skip(1);
        let number = |text: Option<String>| text.and_then(|t| t.parse::<usize>().ok()).expect("a number");
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--bench" => {}
                "--seeds" => asked.seeds = number(args.next()) as u64,
                "--first-seed" => asked.first_seed = number(args.next()) as u64,
                "--steps" => asked.steps = number(args.next()),
                "--only-planner" => asked.only_planner = true,
                "--against" => {
                    let name = args.next().unwrap_or_default();
                    asked.against = Some(PlanMethod::from_str(&name, true).expect("a method"));
                }
                "--scaling" => asked.scaling = true,
                "--set" => {
                    let text = args.next().expect("FIELD=VALUE");
                    let (field, value) = text.split_once('=').expect("FIELD=VALUE");
                    if field == "guide" {
                        let list = plan.entry(field).or_insert_with(|| toml::Value::Array(Vec::new()));
                        list.as_array_mut().expect("a list").push(toml::Value::String(value.to_owned()));
                        continue;
                    }
                    let value = format!("x = {value}").parse::<toml::Table>().map_or_else(
                        |_| toml::Value::String(value.to_owned()),
                        |mut t| t.remove("x").expect("the value"),
                    );
                    plan.insert(field.to_owned(), value);
                }
                task => asked.tasks.push(task.to_owned()),
            }
        }
        asked.plan = plan.try_into().expect("settings of a planner");
        if asked.tasks.is_empty() {
            asked.tasks =
                catalogue().iter().filter(|t| t.suite == "dm_control_suite").map(|t| t.name.clone()).collect();
        }
        asked
    }
}

fn main() {
    let asked = Asked::parse();
    let others = [
        ("zero", PolicySpec::Zero),
        ("uniform", PolicySpec::Uniform),
        ("colored", PolicySpec::Colored { beta: 1.0, scale: 1.0 }),
    ];
    if asked.scaling {
        println!("{:<22} {:>12} {:>12} {:>8} {:>8}", "task", "1 thread ms", "2 threads ms", "1 / 2", "at most");
    } else {
        print!("{:<22} {:>7} {:>7} {:>7}", "task", "zero", "uniform", "colored");
        for method in ["planner", "against"].iter().take(1 + usize::from(asked.against.is_some())) {
            print!(" {method:>8} {:>8} {:>10} {:>9}", "worst", "ms a plan", "real time");
        }
        println!();
    }
    for name in &asked.tasks {
        let bench = Bench::new(name, &asked);
        if asked.scaling {
            bench.scaling();
            continue;
        }
        print!("{name:<22}");
        let seeds = asked.first_seed..asked.first_seed + asked.seeds;
        for (_, spec) in &others {
            if asked.only_planner {
                print!(" {:>7}", "-");
                continue;
            }
            let returns: Vec<f64> = seeds.clone().map(|seed| bench.policy(spec, seed)).collect();
            print!(" {:>7.1}", mean(&returns));
        }
        bench.plan(&bench.plan, seeds.clone());
        if asked.against.is_some() {
            let spec = PlanSpec { method: asked.against, ..PlanSpec::default() };
            bench.plan(&planner::resolve(&spec, name), seeds);
        }
        println!();
        let _ = std::io::stdout().flush();
    }
}

/// What this thread has had of a processor; where the system does not tell, the time since the first call.
fn busy() -> Duration {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split_whitespace().next()?.parse().ok());
    nanos.map_or_else(|| BEGUN.elapsed(), Duration::from_nanos)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

struct Bench {
    task: Task,
    model: Arc<Model>,
    scorer: Scorer,
    plan: PlanSpec,
    steps: usize,
}

impl Bench {
    fn new(name: &str, asked: &Asked) -> Self {
        let task = Task::from_catalogue(name, &Assets::find(None)).expect("run `cargo xtask setup` first");
        let model = Arc::new(task.model(SolverMode::Converged).expect("the model compiles"));
        let scorer = task.scorer(&model).expect("the reward fits").expect("the task has a reward");
        let plan = planner::resolve(&asked.plan, name);
        let steps = asked.steps.min(task.spec.episode_length);
        Self { task, model, scorer, plan, steps }
    }

    /// The return of an episode.
    fn episode(&self, seed: u64, mut act: impl FnMut(&mut Sim, usize, &mut [f64])) -> f64 {
        let mut sim = Sim::new(&self.model).expect("a simulation");
        self.task.reset(&mut sim, seed, 0).expect("a reset");
        let mut ctrl = vec![0.0; self.model.nu()];
        let mut total = 0.0;
        for step in 0..self.steps {
            act(&mut sim, step, &mut ctrl);
            sim.ctrl_mut().copy_from_slice(&ctrl);
            for _ in 0..self.task.spec.substeps {
                sim.step().expect("a step");
            }
            total += self.scorer.reward(&sim, &ctrl);
        }
        total
    }

    fn policy(&self, spec: &PolicySpec, seed: u64) -> f64 {
        let ranges = ControlRanges::from(&*self.model);
        let dt = self.task.control_dt(&self.model);
        let mut policy: Box<dyn Policy> = policy::build(spec, &ranges, seed, 0, self.steps, dt).expect("a policy");
        self.episode(seed, |_, step, ctrl| policy.act(step, ctrl))
    }

    /// Plans an episode for every seed, and prints what came of it.
    fn plan(&self, spec: &PlanSpec, seeds: Range<u64>) {
        let runs: Vec<(f64, Duration)> = seeds.map(|seed| self.planner(spec, seed)).collect();
        let returns: Vec<f64> = runs.iter().map(|r| r.0).collect();
        let seconds = runs.iter().map(|r| r.1.as_secs_f64()).sum::<f64>() / (self.steps * runs.len()) as f64;
        print!(
            " {:>8.1} {:>8.1} {:>10.2} {:>9.2}",
            mean(&returns),
            returns.iter().copied().fold(f64::INFINITY, f64::min),
            1e3 * seconds,
            self.task.control_dt(&self.model) / seconds
        );
        let _ = std::io::stdout().flush();
    }

    /// The return of an episode, and the time spent on plans.
    fn planner(&self, spec: &PlanSpec, seed: u64) -> (f64, Duration) {
        let mut planner = Planner::new(&self.task, &self.model, spec).expect("a planner");
        planner.begin(seed, 0);
        let mut time = Duration::ZERO;
        let total = self.episode(seed, |sim, step, ctrl| {
            let begun = busy();
            planner.act(sim, step, ctrl).expect("a plan");
            time += busy() - begun;
        });
        (total, time)
    }

    fn scaling(&self) {
        let pools = [1, 2].map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("a pool"));
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            for (pool, times) in pools.iter().zip(&mut times) {
                times.push(pool.install(|| self.plans(true)));
            }
            let apart = pools[1].broadcast(|_| self.plans(false));
            times[2].push(apart.into_iter().max().expect("two"));
        }
        let [one, two, apart] = times.map(|mut t| {
            t.sort();
            1e3 * t[t.len() / 2].as_secs_f64() / PLANS as f64
        });
        let name = &self.task.spec.name;
        println!("{name:<22} {one:>12.2} {two:>12.2} {:>8.2} {:>8.2}", one / two, 2.0 * one / apart);
    }

    /// The clock's time of the first plans of an episode.
    fn plans(&self, share: bool) -> Duration {
        let mut planner = Planner::new(&self.task, &self.model, &self.plan).expect("a planner");
        if share {
            planner.share();
        }
        planner.begin(0, 0);
        let mut sim = Sim::new(&self.model).expect("a simulation");
        self.task.reset(&mut sim, 0, 0).expect("a reset");
        let mut ctrl = vec![0.0; self.model.nu()];
        let mut act = |step| planner.act(&mut sim, step, &mut ctrl).expect("a plan");
        // The first plan makes the simulations.
        act(0);
        let begun = Instant::now();
        (1..=PLANS).for_each(act);
        begun.elapsed()
    }
}
