"""The module in a process: threads, forks, interrupts, the library that is mapped, and MuJoCo's own errors beside it."""

import concurrent.futures
import gc
import multiprocessing
import os
import pathlib
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time

import dynsparse
import mujoco
import numpy as np
import pytest
from conftest import HUMANOID, along_a_fall, fallen


def run(text, **more):
    """Runs a program of its own; its last line."""
    out = subprocess.run([sys.executable, "-c", textwrap.dedent(text)], capture_output=True, text=True, timeout=120, **more)
    assert out.returncode == 0, out.stdout + out.stderr
    return out.stdout.strip().splitlines()[-1]


@pytest.mark.skipif(sys.platform != "linux", reason="maps of a process are Linux's")
def test_one_library_is_mapped():
    said = run("""
        import dynsparse, mujoco, os
        maps = {line.split()[-1] for line in open("/proc/self/maps") if "libmujoco" in line}
        print(len(maps), os.path.dirname(maps.pop()) == os.path.dirname(mujoco.__file__))
    """)
    assert said == "1 True"


def test_another_mujoco_gets_one_sentence():
    said = run("""
        import mujoco
        mujoco.__version__ = "4.0.0"
        try:
            import dynsparse
        except ImportError as error:
            print(error)
    """)
    assert said == "dynsparse is written for MuJoCo 3.17.0 and this is 4.0.0: pip install mujoco==3.17.0"


@pytest.mark.skipif(sys.platform != "linux", reason="LD_LIBRARY_PATH is Linux's")
def test_another_copy_of_the_library_on_the_path(tmp_path):
    """As modules of a cluster set it: plugins of that copy are those of the package, which has registered them before."""
    package = pathlib.Path(mujoco.__file__).parent
    shutil.copytree(package / "plugin", tmp_path / "plugin")
    for library in package.glob("libmujoco.so*"):
        shutil.copy(library, tmp_path)
    said = run(
        f"""
        import dynsparse, mujoco
        model = mujoco.MjModel.from_xml_path({str(HUMANOID)!r})
        print(sum(dynsparse.linearize(model, mujoco.MjData(model)).A.shape))
        """,
        env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)},
    )
    assert said == "56"


def test_a_clock_of_the_user_is_asked_in_steps_of_the_user_only(humanoid):
    """MuJoCo asks it several times in each stage of each step; ours have no use for that, and it may raise."""
    lin, data, asked = dynsparse.Linearizer(humanoid), mujoco.MjData(humanoid), []

    def clock():
        asked.append(1)
        return float(len(asked))

    mujoco.set_mjcb_time(clock)
    try:
        lin(data)
        assert not asked and mujoco.get_mjcb_time() is clock
        mujoco.mj_step(humanoid, data)
        assert asked and data.timer[mujoco.mjtTimer.mjTIMER_STEP].number == 1
    finally:
        mujoco.set_mjcb_time(None)
    lin(data)
    mujoco.mj_step(humanoid, data)
    # MuJoCo's own clock again, in seconds or less.
    assert 0 < data.timer[mujoco.mjtTimer.mjTIMER_POSITION].duration


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the module of the interpreter that makes others has another name")
def test_other_interpreters_get_one_sentence():
    said = run("""
        import _xxsubinterpreters as interpreters
        import dynsparse
        try:
            interpreters.run_string(interpreters.create(), "import dynsparse")
        except interpreters.RunFailedError as error:
            print(error)
    """)
    assert "dynsparse works in the main interpreter of a process only" in said


@pytest.mark.parametrize("threads", [1, 2])
def test_a_process_ends_while_threads_compute(threads):
    said = run(f"""
        import dynsparse, numpy as np, threading, time
        lin = dynsparse.Linearizer({str(HUMANOID)!r}, threads={threads})
        def work():
            while True:
                lin(qvel=np.zeros((2000, lin.nv)))
        for _ in range(3):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.3)
        print("end")
    """)
    assert said == "end"


def test_threads_have_the_results_of_one(humanoid):
    states = along_a_fall(humanoid, 24)
    lin = dynsparse.Linearizer(humanoid)
    expected = [lin(state=state) for state in states]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            for found, one in zip(pool.map(lambda state: lin(state=state), states), expected):
                assert (found.A == one.A).all() and (found.A_zero == one.A_zero).all()
            for found, one in zip(pool.map(lambda i: lin(state=states[: i + 1]), range(24)), expected):
                assert (found.A[-1] == one.A).all()


def test_the_lock_of_the_interpreter_is_released(humanoid):
    """Another thread goes on while a batch runs."""
    lin = dynsparse.Linearizer(humanoid, threads=1)
    states = np.repeat(along_a_fall(humanoid, 20), 60, axis=0)
    counted, done = [0], threading.Event()

    def count():
        while not done.is_set():
            counted[0] += 1
            time.sleep(0.001)

    other = threading.Thread(target=count)
    other.start()
    before = counted[0]
    lin(state=states)
    during = counted[0] - before
    done.set()
    other.join()
    assert during > 5


LONG = [
    "lin(state=states)",
    "lin.rollout(horizon=10**6, jacobians=False)",
    "lin.rollout(horizon=20000)",
    # Inside of one control step.
    "dynsparse.Linearizer(model, substeps=100_000)(state=states[0])",
    "dynsparse.Linearizer(model, substeps=100_000)(state=states[:2])",
    "dynsparse.Linearizer(model, substeps=100_000, engine='whole-step')(state=states[0])",
    "dynsparse.Linearizer(model, substeps=1_000_000).step(state=states[0])",
    "dynsparse.Linearizer(model, substeps=1_000_000).step(state=states[:3])",
]


@pytest.mark.parametrize("what", LONG)
def test_an_interrupt_ends_a_long_batch(what):
    program = f"""
        import dynsparse, mujoco, numpy as np, time, os, signal, threading
        model = mujoco.MjModel.from_xml_path({str(HUMANOID)!r})
        lin = dynsparse.Linearizer(model, substeps=2)
        state = np.zeros(mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_INTEGRATION.value))
        states = np.repeat(state[None], 60000, axis=0)
        states[:, 1:1 + model.nq] = model.qpos0
        def later():
            time.sleep(0.3)
            sent.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)
        sent = []
        threading.Thread(target=later).start()
        try:
            {what}
            print("finished")
        except KeyboardInterrupt:
            took = time.monotonic() - sent[0]
            # An engine that was stopped in the middle does not come back.
            again, fresh = lin(state=states[0]), dynsparse.Linearizer(model, substeps=2)(state=states[0])
            print("interrupted", took < 1 or took, again.A.tobytes() == fresh.A.tobytes())
    """
    assert run(program) == "interrupted True True"


def child(lin, states, queue):
    queue.put(lin(state=states).A.tobytes())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_of_its_own(humanoid, method):
    """Workers of a DataLoader: forked while pools have threads, or spawned with a Linearizer that was sent to them."""
    lin = dynsparse.Linearizer(humanoid, threads=2)
    states = along_a_fall(humanoid, 16)
    expected = lin(state=states).A.tobytes()
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    workers = [context.Process(target=child, args=(lin, states, queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    assert all(queue.get(timeout=60) == expected for _ in workers)
    for worker in workers:
        worker.join(20)
        assert worker.exitcode == 0
    assert lin(state=states).A.tobytes() == expected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_while_batches_run(humanoid):
    """Locks that another thread holds at that instant are not those of the child."""
    lin = dynsparse.Linearizer(humanoid)
    states = along_a_fall(humanoid, 16)
    expected = lin(state=states[:4]).A.tobytes()
    done = threading.Event()

    def work():
        while not done.is_set():
            lin(state=states)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            time.sleep(0.05)
            pid = os.fork()
            if pid == 0:
                signal.alarm(30)
                os._exit(0 if lin(state=states[:4]).A.tobytes() == expected else 1)
            assert os.waitpid(pid, 0)[1] == 0
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_a_linearizer_can_be_sent(humanoid):
    lin = dynsparse.Linearizer(humanoid, substeps=3, sensors=True, dtype=np.float32)
    data = fallen(humanoid)
    there = pickle.loads(pickle.dumps(lin))
    state = along_a_fall(humanoid, 1)[0]
    assert (there(state=state).A == lin(state=state).A).all() and there.substeps == 3
    out = lin(data)
    assert (pickle.loads(pickle.dumps(out)).A == out.A).all()


def test_errors_of_mujoco_stay_those_of_its_binding(humanoid):
    """Our handler of messages does not take those of the user's own calls."""
    lin = dynsparse.Linearizer(humanoid)
    lin()
    humanoid.opt.integrator = mujoco.mjtIntegrator.mjINT_RK4
    with pytest.raises(mujoco.FatalError, match="RK4"):
        mujoco.mjd_transitionFD(humanoid, mujoco.MjData(humanoid), 1e-6, True, None, None, None, None)


def test_warnings_of_mujoco_are_still_told(tmp_path):
    program = f"""
        import dynsparse, mujoco
        model = mujoco.MjModel.from_xml_path({str(HUMANOID)!r})
        dynsparse.linearize(model, mujoco.MjData(model))
        data = mujoco.MjData(model)
        data.qvel[0] = float("nan")
        mujoco.mj_step(model, data)
        import os
        print(os.path.exists("MUJOCO_LOG.TXT"))
    """
    assert run(program, cwd=tmp_path) == "True"


def test_nothing_is_written_by_our_own_steps(tmp_path):
    program = f"""
        import dynsparse, mujoco, numpy as np, os
        model = mujoco.MjModel.from_xml_path({str(HUMANOID)!r})
        out = dynsparse.Linearizer(model).rollout(qvel=np.full(model.nv, 1e8), horizon=50)
        print(int(out.steps) < 50, os.listdir("."))
    """
    assert run(program, cwd=tmp_path) == "True []"


def test_arrays_may_go_while_threads_run(humanoid):
    """What is read was copied before; what is written is held."""
    lin = dynsparse.Linearizer(humanoid)
    states = along_a_fall(humanoid, 32)
    expected = lin(state=states).A.tobytes()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for _ in range(6):
            own = states.copy()
            futures = [pool.submit(lin, state=own) for _ in range(4)]
            del own
            gc.collect()
            assert all(future.result().A.tobytes() == expected for future in futures)


def test_the_same_buffer_twice_at_once_is_refused_or_right(humanoid):
    lin = dynsparse.Linearizer(humanoid, threads=1)
    states = np.repeat(along_a_fall(humanoid, 20), 5, axis=0)
    out = lin(state=states)
    expected = out.A.copy()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(lin, state=states, out=out) for _ in range(4)]:
            try:
                future.result()
            except ValueError as error:
                assert "cannot be written" in str(error)
    assert (lin(state=states, out=out).A == expected).all()


def test_stress():
    """Eight threads, ten thousand calls, models made and dropped."""
    xml = """<mujoco><option timestep="0.01"/><worldbody><geom type="plane" size="1 1 1"/>
      <body pos="0 0 {z}"><freejoint/><geom size="0.1"/></body></worldbody></mujoco>"""
    expected = {}

    def calls(thread):
        rng = np.random.default_rng(thread)
        for i in range(125):
            z = 0.05 + 0.1 * (i % 5)
            model = mujoco.MjModel.from_xml_string(xml.format(z=z))
            lin = dynsparse.Linearizer(model, threads=2)
            for k in range(10):
                count = int(rng.integers(1, 5))
                out = lin(time=np.zeros(count)) if k % 2 else lin(mujoco.MjData(model))
                bits = out.A.reshape(-1, lin.ndx, lin.ndx)[-1].tobytes()
                assert expected.setdefault(i % 5, bits) == bits

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(calls, range(8)))
