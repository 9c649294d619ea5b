//! What policies and planners reach on the tasks with a reward, and what planning costs.
//!
//! `cargo bench --bench experts [-- TASK ... --seeds N --first-seed N --steps N --set FIELD=VALUE --only-planner --scaling]`.
//! A return is the sum of rewards over an episode of 1000 control steps (at most 1000), the mean over seeds. The settings
//! of assets/experts.toml were found with seeds below 20, so the table starts at 100. The columns `sampling` and `ilqg` are of these
//! methods under the task's own horizon, guides and model; where its expert samples in another way, that is in the column
//! `sampling`. Planning time is the processor's time on one thread (on Linux; elsewhere the clock's), so that a busy
//! machine does not decide; the real-time factor is simulated time over it. `--set` changes a setting of the expert.
//!
//! With `--scaling`, only the clock's time of 40 plans on one thread and on two is measured, and beside it, as the most there can
//! be, that of twice the plans by two planners that share nothing, on a thread each; all in turns.

use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use dynsparse::physics::{Model, Sim, SolverMode};
use dynsparse::planner::{self, Planner};
use dynsparse::policy::{self, ControlRanges, PlanMethod, PlanSpec, Policy, PolicySpec};
use dynsparse::task::{Assets, Env, Memory, Scorer, Taken, Task, playground};

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
                playground().iter().filter(|t| t.suite == "dm_control_suite").map(|t| t.name.clone()).collect();
        }
        asked
    }
}

/// Policies that know nothing of the reward.
const BLIND: [(&str, PolicySpec); 3] = [
    ("zero", PolicySpec::Zero),
    ("uniform", PolicySpec::Uniform),
    ("colored", PolicySpec::Colored { beta: 1.0, scale: 1.0 }),
];

fn main() {
    let asked = Asked::parse();
    if asked.scaling {
        println!("{:<22} {:>12} {:>12} {:>8} {:>8}", "task", "1 thread ms", "2 threads ms", "1 / 2", "at most");
    } else {
        print!("{:<22}", "task");
        if !asked.only_planner {
            BLIND.iter().for_each(|(name, _)| print!(" {name:>7}"));
            print!(" {:>8} {:>6} {:>6} {:>6}", "sampling", "ms", "ilqg", "ms");
        }
        println!(" {:>10} {:>7} {:>6} {:>6} {:>9}", "expert by", "return", "worst", "ms", "real time");
    }
    for name in &asked.tasks {
        let bench = Bench::new(name, &asked);
        if asked.scaling {
            bench.scaling();
        } else {
            bench.row(&asked);
        }
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

/// What a planner reached.
#[derive(Clone, Copy)]
struct Planned {
    mean: f64,
    worst: f64,
    /// Time of a plan.
    ms: f64,
}

impl Bench {
    fn new(name: &str, asked: &Asked) -> Self {
        let task = Task::from_catalogue(name, &Assets::find(None)).expect("run `cargo xtask setup` first");
        let model = Arc::new(task.model(SolverMode::Converged).expect("the model compiles"));
        let scorer = task.scorer(&model).expect("the reward fits").expect("the task has a reward");
        let plan = planner::resolve_plan(&asked.plan, name);
        let steps = asked.steps.min(task.spec.episode_length);
        Self { task, model, scorer, plan, steps }
    }

    /// The return of an episode.
    fn episode(&self, seed: u64, mut act: impl FnMut(&mut Sim, (&Env, &Memory), usize, &mut [f64])) -> f64 {
        let mut sim = Sim::new(&self.model).expect("a simulation");
        self.task.reset(&mut sim, seed, 0).expect("a reset");
        let mut env = self.task.env(&self.model).expect("its rules");
        env.begin(&sim, seed, 0);
        let mut memory = self.scorer.begin(&sim, seed, 0);
        let ranges = ControlRanges::from(&*self.model);
        let (mut action, mut ctrl) = (vec![0.0; self.ranges().lo.len()], vec![0.0; self.model.nu()]);
        let mut total = 0.0;
        for step in 0..self.steps {
            if step % self.task.spec.action_repeat == 0 {
                act(&mut sim, (&env, &memory), step / self.task.spec.action_repeat, &mut action);
            }
            env.act(&mut sim, &action, &mut ctrl);
            ranges.clamp(&mut ctrl);
            sim.ctrl_mut().copy_from_slice(&ctrl);
            for _ in 0..self.task.spec.substeps {
                sim.step().expect("a step");
            }
            let over = env.over(&sim).is_some();
            let applied = env.applied().unwrap_or(&action);
            let taken = Taken { sim: &sim, action: &action, applied, unreachable: env.unreachable(), over };
            total += self.scorer.score(&taken, &mut memory);
            self.scorer.conclude(&taken, &mut memory);
            if over {
                break;
            }
            env.conclude(&mut sim);
        }
        total
    }

    /// Ranges of the policy's actions.
    fn ranges(&self) -> ControlRanges {
        let actions = self.task.env(&self.model).expect("its rules").action_labels();
        actions.map_or_else(|| ControlRanges::from(&*self.model), |labels| ControlRanges::unit(labels.len()))
    }

    fn policy(&self, spec: &PolicySpec, seed: u64) -> f64 {
        let ranges = self.ranges();
        let dt = self.task.control_dt(&self.model);
        let mut policy: Box<dyn Policy> = policy::build(spec, &ranges, seed, 0, self.steps, dt).expect("a policy");
        self.episode(seed, |_, _, step, ctrl| policy.act(step, ctrl))
    }

    /// A line of the table.
    fn row(&self, asked: &Asked) {
        let seeds = asked.first_seed..asked.first_seed + asked.seeds;
        let own = self.plan.method.expect("it is resolved");
        let expert = self.planned(&self.plan, seeds.clone());
        print!("{:<22}", self.task.spec.name);
        if !asked.only_planner {
            for (_, spec) in &BLIND {
                let returns: Vec<f64> = seeds.clone().map(|seed| self.policy(spec, seed)).collect();
                print!(" {:>7.1}", mean(&returns));
            }
            for (method, width) in [(PlanMethod::Sampling, 8), (PlanMethod::Ilqg, 6)] {
                let same = own == method || (method == PlanMethod::Sampling && !own.differentiates());
                let found = if same {
                    expert
                } else {
                    let asked = PlanSpec { method: Some(method), ..PlanSpec::default() };
                    self.planned(&planner::resolve_plan(&asked, &self.task.spec.name), seeds.clone())
                };
                print!(" {:>width$.1} {:>6.1}", found.mean, found.ms);
            }
        }
        let method = own.to_possible_value().expect("a name").get_name().to_owned();
        let real_time = 1e3 * self.task.control_dt(&self.model) / expert.ms;
        println!(" {method:>10} {:>7.1} {:>6.1} {:>6.1} {real_time:>9.2}", expert.mean, expert.worst, expert.ms);
        let _ = std::io::stdout().flush();
    }

    /// Plans an episode for every seed.
    fn planned(&self, spec: &PlanSpec, seeds: Range<u64>) -> Planned {
        let runs: Vec<(f64, Duration)> = seeds.map(|seed| self.planner(spec, seed)).collect();
        let returns: Vec<f64> = runs.iter().map(|r| r.0).collect();
        let seconds = runs.iter().map(|r| r.1.as_secs_f64()).sum::<f64>() / (self.steps * runs.len()) as f64;
        let worst = returns.iter().copied().fold(f64::INFINITY, f64::min);
        Planned { mean: mean(&returns), worst, ms: 1e3 * seconds }
    }

    /// The return of an episode, no number where no plan could be found, and the time spent on plans.
    fn planner(&self, spec: &PlanSpec, seed: u64) -> (f64, Duration) {
        let mut planner = Planner::new(&self.task, &self.model, spec).expect("a planner");
        planner.begin(seed, 0);
        let mut time = Duration::ZERO;
        let mut lost = false;
        let total = self.episode(seed, |sim, past, step, ctrl| {
            let begun = busy();
            lost = lost || planner.act(sim, past, step, ctrl).is_err();
            time += busy() - begun;
        });
        let total = if lost { f64::NAN } else { total };
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
        let mut env = self.task.env(&self.model).expect("its rules");
        env.begin(&sim, 0, 0);
        let memory = self.scorer.begin(&sim, 0, 0);
        let mut action = vec![0.0; self.ranges().lo.len()];
        let mut act = |step| planner.act(&mut sim, (&env, &memory), step, &mut action).expect("a plan");
        // The first plan makes the simulations.
        act(0);
        let begun = Instant::now();
        (1..=PLANS).for_each(act);
        begun.elapsed()
    }
}
