"""Recordings as data for training: numbers, windows, selections, order."""

import concurrent.futures
import multiprocessing
import os
import pickle
import shutil
import threading
import time

import dynsparse
import mujoco
import numpy as np
import pytest
from conftest import TREE, needed
from dynsparse._linearization import _NOT_SMOOTH
from recorded import EPISODES, STEPS, ball_h5, folder, more_h5, of_steps, python, stored, tree_h5  # noqa: F401

RNG = np.random.default_rng(0)


def test_every_variable_is_what_h5py_reads(tree_h5):
    names = of_steps(tree_h5)
    assert {"qpos", "act", "ctrl", "A", "B", "A_zero", "C_zero", "D", "flags", "kink", "sensordata", "step_episode"} <= set(names)
    data = dynsparse.Dataset(tree_h5, fields=names, dtype=np.float64)
    assert len(data) == EPISODES * STEPS
    index = RNG.integers(-len(data), len(data), 500)
    batch, one, short = data[index], data[-3], dynsparse.Dataset(tree_h5, fields=names)[index.tolist()]
    for name in names:
        expected = stored(tree_h5, name)
        assert batch[name].dtype == expected.dtype and (batch[name] == expected[index]).all(), name
        assert one[name].shape == expected.shape[1:] and (one[name] == expected[-3]).all(), name
        shown = expected[index].astype(np.float32) if expected.dtype == np.float64 else expected[index]
        assert short[name].dtype == shown.dtype and (short[name] == shown).all(), name
    assert (data[10:50:7]["A"] == stored(tree_h5, "A")[10:50:7]).all()
    assert data[[]]["A"].shape == (0, *stored(tree_h5, "A").shape[1:])


def test_states_are_joined_and_named(tree_h5):
    data = dynsparse.Dataset(tree_h5, fields=["state", "next_state", "action", "A", "C"], dtype=np.float64)
    batch = data[:]
    assert (batch["state"] == np.concatenate(stored(tree_h5, "qpos", "qvel", "act"), 1)).all()
    assert (batch["next_state"] == np.concatenate(stored(tree_h5, "qpos_next", "qvel_next", "act_next"), 1)).all()
    # This file has no actions: the policy gives controls.
    assert "action" not in of_steps(tree_h5) and (batch["action"] == stored(tree_h5, "ctrl")).all()
    lin = dynsparse.Linearizer(TREE)
    assert data.state_names == lin.state_names and data.control_names == lin.control_names
    assert data.names("A") == (lin.state_names, lin.state_names) and data.names("C")[0] == lin.sensor_names
    (names,) = data.names("state")
    assert len(names) == lin.nq + lin.nv + lin.na and names[-1] == "act:filter" and names == data.names("next_state")[0]
    assert data.quaternions == [tuple(q) for q in lin._engine.quaternions]
    with pytest.raises(KeyError, match="none of the fields"):
        data.names("B")


def test_the_step_is_the_one_that_a_and_b_are_of(tree_h5):
    """The next state is the step from the state, and A and B are its matrices: both computed anew."""
    data = dynsparse.Dataset(tree_h5, fields=["qpos", "qvel", "act", "ctrl", "qacc_warmstart", "time", "A", "B", "qpos_next", "qvel_next"],
                             dtype=np.float64)  # fmt: skip
    model = mujoco.MjModel.from_xml_string(TREE)
    model.opt.iterations, model.opt.ls_iterations, model.opt.tolerance = 100, 50, 1e-10
    substeps = int(round(np.diff(stored(tree_h5, "time"))[0] / model.opt.timestep))
    lin = dynsparse.Linearizer(model, solver="task", substeps=substeps)
    b = data[RNG.integers(0, len(data), 20)]
    out = lin.step(b["qpos"], b["qvel"], b["ctrl"], b["act"], warmstart=b["qacc_warmstart"], time=b["time"], jacobians=True)
    assert (out.qpos[:, 1] == b["qpos_next"]).all() and (out.qvel[:, 1] == b["qvel_next"]).all()
    assert (out.jacobians.A[:, 0] == b["A"]).all() and (out.jacobians.B[:, 0] == b["B"]).all()


@pytest.mark.parametrize(("window", "stride"), [(1, 1), (7, 1), (7, 4), (STEPS, 1)])
def test_windows_stay_in_their_episode(tree_h5, more_h5, window, stride):
    lengths = [STEPS] * EPISODES + [17] * 2
    data = dynsparse.Dataset([tree_h5, more_h5], fields=["A", "step_episode", "step_in_episode"], window=window, stride=stride)
    assert data.episode_lengths.tolist() == lengths
    assert len(data) == sum(len(range(0, n - window + 1, stride)) for n in lengths)
    batch = data[:]
    assert batch["A"].shape[:2] == (len(data), window)
    assert (np.diff(batch["step_in_episode"], axis=1) == 1).all() and (np.diff(batch["step_episode"], axis=1) == 0).all()
    full = np.concatenate([stored(tree_h5, "A"), stored(more_h5, "A")])
    expected = full[data.steps(slice(None))[:, None] + np.arange(window)]
    assert (batch["A"] == expected.astype(np.float32)).all()


def test_episodes_and_splits(tree_h5, more_h5):
    files, count = [tree_h5, more_h5], EPISODES + 2
    first = np.concatenate([[0], np.cumsum([STEPS] * EPISODES + [17] * 2)])
    steps = lambda **how: dynsparse.Dataset(files, fields=["time"], **how).steps(slice(None))  # noqa: E731
    assert steps(episodes=[3, -1]).tolist() == [*range(first[3], first[4]), *range(first[6], first[7])]
    assert steps(episodes=slice(5, None)).tolist() == [*range(first[5], first[7])]
    parts = [steps(split=(part, 0.6, 3)) for part in ("train", "test")]
    assert sorted(np.concatenate(parts)) == list(range(first[-1])) and all(len(part) for part in parts)
    of = [{int(np.searchsorted(first, s, side="right")) for s in part} for part in parts]
    assert not of[0] & of[1] and len(of[0]) == round(0.6 * count)
    assert (steps(split=("train", 0.6, 3)) == parts[0]).all()
    assert {tuple(steps(split=("train", 0.6, seed))) for seed in range(6)} > {tuple(parts[0])}
    # Both parts have an episode, however the share is.
    assert len(steps(split=("test", 0.99, 0), episodes=[0, 1])) == STEPS
    with pytest.raises(IndexError, match="episode 7 is asked for"):
        steps(episodes=[7])
    with pytest.raises(ValueError, match="nothing is selected"):
        steps(episodes=[0], split=("test", 0.5, 0))


def test_smooth_steps_alone(ball_h5):
    flags, kink = stored(ball_h5, "flags", "kink")
    bad = (flags & int(_NOT_SMOOTH) != 0) | (kink > 1e-6)
    assert 0 < bad.sum() < len(bad)
    data = dynsparse.Dataset(ball_h5, fields=["flags"], smooth=True)
    assert data.steps(slice(None)).tolist() == np.flatnonzero(~bad).tolist()
    windows = dynsparse.Dataset(ball_h5, fields=["flags"], smooth=True, window=4).steps(slice(None))
    expected = [s for s in range(len(bad) - 3) if s // 60 == (s + 3) // 60 and not bad[s : s + 4].any()]
    assert windows.tolist() == expected
    some = dynsparse.Dataset(ball_h5, fields=["flags"], exclude=dynsparse.Flags.CONTACT_SWITCH)
    assert (some[:]["flags"] & dynsparse.Flags.CONTACT_SWITCH == 0).all() and len(data) <= len(some) < len(bad)


def test_a_model_without_controls(ball_h5):
    data = dynsparse.Dataset(ball_h5)
    batch = data[[5, 6]]
    assert batch["ctrl"].shape == (2, 0) and batch["B"].shape == (2, 12, 0) and batch["state"].shape == (2, 13)
    assert dynsparse.Dataset(ball_h5, fields=["act", "action", "B_zero"], window=2)[0]["B_zero"].shape == (2, 12, 0)
    assert len(dynsparse.Dataset(ball_h5, fields=["ctrl"]).order(shuffle="blocks")) == 120


def test_what_a_file_has_not_is_told(tree_h5, ball_h5, tmp_path):
    with pytest.raises(dynsparse.DynsparseError, match=r"tree.h5: has no variable reward; of every step it has A, A_zero, .*, zero_floor"):
        dynsparse.Dataset(tree_h5, fields=["state", "reward"])
    for name in ("contact_dist", "episode_length", "step", "model", "/A", "../A", "coordinate", ""):
        with pytest.raises(dynsparse.DynsparseError, match="has no variable"):
            dynsparse.Dataset(ball_h5, fields=[name])
    with pytest.raises(FileNotFoundError, match="nothing.h5"):
        dynsparse.Dataset(tmp_path / "nothing.h5")
    with pytest.raises(FileNotFoundError, match="there is no recording"):
        dynsparse.Dataset(tmp_path)
    (tmp_path / "text.h5").write_text("no recording")
    with pytest.raises(dynsparse.DynsparseError, match="text.h5: cannot be read as a recording"):
        dynsparse.Dataset(tmp_path / "text.h5")
    with pytest.raises(OSError, match="pipe.h5"):
        os.mkfifo(tmp_path / "pipe.h5")
        dynsparse.Dataset(tmp_path / "pipe.h5")


def test_files_of_one_model(tree_h5, more_h5, ball_h5, tmp_path):
    both = dynsparse.Dataset([tree_h5, more_h5], fields=["qpos", "A_zero"], dtype=np.float64)
    index = RNG.permutation(len(both))
    for name in both.fields:
        assert (both[index][name] == np.concatenate([stored(tree_h5, name), stored(more_h5, name)])[index]).all()
    for file in (tree_h5, more_h5):
        shutil.copy(file, tmp_path)
    in_folder = dynsparse.Dataset(tmp_path, fields=["qpos"], dtype=np.float64)
    assert (in_folder[:]["qpos"] == np.concatenate([stored(more_h5, "qpos"), stored(tree_h5, "qpos")])).all()
    with pytest.raises(ValueError, match=r"tree.h5 .* and .*ball.h5 .* are not of the same model: they differ in the names along"):
        dynsparse.Dataset([tree_h5, ball_h5])
    damped = TREE.replace('damping="0.1"', 'damping="0.2"')
    other = dynsparse.record(damped, tmp_path / "other.h5", episodes=1, steps=5, sensors=True)
    with pytest.raises(ValueError, match="they differ in the files of the model; .* same_model=False"):
        dynsparse.Dataset([tree_h5, other])
    assert len(dynsparse.Dataset([tree_h5, other], same_model=False)) == EPISODES * STEPS + 5
    slow = dynsparse.record(TREE, tmp_path / "slow.h5", episodes=1, steps=5, substeps=3)
    with pytest.raises(ValueError, match=r"they differ in (step_kind|substeps)"):
        dynsparse.Dataset([more_h5, slow])


def test_what_is_kept_of_the_jacobians(tmp_path):
    needed("DYNSPARSE_PROGRAM", "the program")
    how = {"episodes": 2, "steps": 30, "sensors": True}
    double, single, masks = (
        str(dynsparse.record(TREE, tmp_path / f"{store}.h5", store=store, **how)) for store in ("f64", "f32", "masks")
    )
    index = [59, 0, 7, 7, 31]
    for dtype in (np.float32, np.float64):
        # More than the cache holds, and all of it.
        for cache_bytes in (0, 1 << 30):
            batch = dynsparse.Dataset(single, fields=["A", "B", "C", "D", "qpos"], dtype=dtype, cache_bytes=cache_bytes)[index]
            for name in ("A", "B", "C", "D"):
                assert stored(single, name).dtype == np.float32 and batch[name].dtype == dtype
                assert (batch[name] == stored(double, name)[index].astype(np.float32)).all(), name
            assert (batch["qpos"] == stored(double, "qpos")[index].astype(dtype)).all()
    verdicts = dynsparse.Dataset(masks, fields=["state", "ctrl", "A_zero", "B_zero"])[index]
    assert (verdicts["A_zero"] == stored(double, "A_zero")[index]).all()
    with pytest.raises(dynsparse.DynsparseError, match="masks.h5: has no variable A;"):
        dynsparse.Dataset(masks)
    with pytest.raises(ValueError, match=r"the type of A \(float64 and float32, see --store\)"):
        dynsparse.Dataset([double, single])


@pytest.mark.parametrize("shuffle", [True, False, "blocks"])
def test_an_epoch_has_every_sample_once(tree_h5, more_h5, shuffle):
    train = dynsparse.batches([tree_h5, more_h5], 16, shuffle=shuffle, seed=5, fields=["time", "A"], cache_bytes=200_000)
    again = dynsparse.batches([tree_h5, more_h5], 16, shuffle=shuffle, seed=5, fields=["time", "A"], prefetch=0)
    total = len(train.data)
    epochs = []
    for _ in range(2):
        batches = list(train)
        assert len(batches) == len(train) and [len(b["A"]) for b in batches] == [16] * (total // 16) + [total % 16]
        epochs.append(np.concatenate([b["A"] for b in batches]))
        order = train.data.order(shuffle=shuffle, seed=5, epoch=len(epochs) - 1)
        assert sorted(order) == list(range(total)) and (train.data[order]["A"] == epochs[-1]).all()
    if shuffle != "blocks":
        # Blocks depend on the size of the cache.
        assert (np.concatenate([b["A"] for b in again]) == epochs[0]).all()
        again.epoch = 1
        assert (np.concatenate([b["A"] for b in again]) == epochs[1]).all()
    assert (epochs[0] == epochs[1]).all() == (shuffle is False)
    whole = dynsparse.batches(tree_h5, 16, drop_last=True, fields=["time"])
    assert [len(b["time"]) for b in whole] == [16] * (EPISODES * STEPS // 16)


def test_an_order_is_the_same_everywhere(tree_h5):
    data = dynsparse.Dataset(tree_h5, fields=["time"])
    assert data.order(seed=1, epoch=2)[:6].tolist() == [64, 60, 54, 40, 146, 127]
    assert (data.order(seed=1) != data.order(seed=2)).any() and (data.order(seed=1) != data.order(seed=1, epoch=1)).any()


def test_blocks_are_decoded_once(tree_h5):
    """Where all samples drawn at once take many times as many chunks."""
    of = {}
    for shuffle in (True, "blocks"):
        data = dynsparse.Dataset(tree_h5, fields=["A", "time", "ctrl"], cache_bytes=150_000, threads=1)
        assert [name for name, _ in data._reader.large[1]] == ["A"]
        for batch in data.batches(8, shuffle=shuffle):
            assert len(batch["A"]) <= 8
        kept, _, misses = data._reader.cache
        of[shuffle] = misses - sum(len(data._reader.chunk_starts(name)) for name in ("time", "ctrl"))
        assert kept <= 150_000 and len(data._reader.chunk_starts("A")) == EPISODES
    assert of["blocks"] == EPISODES and of[True] > 2 * EPISODES


@pytest.mark.parametrize("cache_bytes", [0, 1, 50_000, 300_000, 1 << 40])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_cache_has_its_bound(tree_h5, cache_bytes, threads):
    data = dynsparse.Dataset(tree_h5, cache_bytes=cache_bytes, threads=threads)
    expected = dynsparse.Dataset(tree_h5)[:]
    for _ in range(5):
        index = RNG.integers(0, len(data), 64)
        found = data[index]
        assert all((found[name] == expected[name][index]).all() for name in data.fields)
        assert data._reader.cache[0] <= cache_bytes


def test_threads_at_once(tree_h5):
    data = dynsparse.Dataset(tree_h5, cache_bytes=100_000)
    expected = dynsparse.Dataset(tree_h5)[:]
    indices = [RNG.integers(0, len(data), 40) for _ in range(60)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for index, found in zip(indices, pool.map(data.__getitem__, indices)):
            assert all((found[name] == expected[name][index]).all() for name in data.fields)


def test_the_lock_of_the_interpreter_is_released(tree_h5):
    """Another thread goes on while a large batch is gathered in one call."""
    data = dynsparse.Dataset(tree_h5, threads=1, cache_bytes=0, fields=["A", "B", "A_zero"])
    index = np.tile(np.arange(len(data)), 200)
    counted, done = [0], threading.Event()

    def count():
        while not done.is_set():
            counted[0] += 1
            time.sleep(0.0005)

    arrays = {name: np.empty((len(index), *data[0][name].shape), data[0][name].dtype) for name in data.fields}
    out = [([name], array.reshape(len(index), -1)) for name, array in arrays.items()]
    other = threading.Thread(target=count)
    other.start()
    time.sleep(0.05)
    before = counted[0]
    data._reader.gather(index, out, 1)
    during = counted[0] - before
    done.set()
    other.join()
    assert during > 3 and (arrays["A"][: len(data)] == data[:]["A"]).all()


def child(data, index, queue):
    queue.put(data[index]["A"].tobytes())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_of_its_own(tree_h5, method):
    data = dynsparse.Dataset(tree_h5)
    index = RNG.integers(0, len(data), 50)
    expected = data[index]["A"].tobytes()
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    workers = [context.Process(target=child, args=(data, index, queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    assert all(queue.get(timeout=120) == expected for _ in workers)
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    there = pickle.loads(pickle.dumps(data))
    assert there[index]["A"].tobytes() == expected and repr(there) == repr(data)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_while_batches_are_gathered(tree_h5):
    """In a program of its own, since PyTorch and JAX warn of forks beside their threads."""
    said = python(
        """
        import os, signal, sys, threading, time
        import dynsparse, numpy as np
        data = dynsparse.Dataset(sys.argv[1], cache_bytes=100_000)
        expected = data[:]["A"].tobytes()
        done = threading.Event()
        def work():
            rng = np.random.default_rng()
            while not done.is_set():
                data[rng.integers(0, len(data), 64)]
        threads = [threading.Thread(target=work) for _ in range(3)]
        [thread.start() for thread in threads]
        good = 0
        for _ in range(5):
            time.sleep(0.05)
            pid = os.fork()
            if pid == 0:
                signal.alarm(30)
                os._exit(0 if data[:]["A"].tobytes() == expected else 1)
            good += os.waitpid(pid, 0)[1] == 0
        done.set()
        [thread.join() for thread in threads]
        print(good)
        """.replace("\n        ", "\n"),
        tree_h5,
    )
    assert said == "5"


def test_prefetched_batches_may_be_left(tree_h5):
    before = threading.active_count()
    for _ in range(3):
        for _ in dynsparse.batches(tree_h5, 8, prefetch=4):
            break
    with pytest.raises(ValueError, match="two of one"):
        for _ in dynsparse.batches(tree_h5, 8):
            raise ValueError("two of one")
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"fields": []}, ValueError, "fields is"),
        ({"fields": ["A", "A"]}, ValueError, "each once"),
        ({"fields": [3]}, ValueError, "fields is"),
        ({"window": 0}, ValueError, "window is 0; give at least 1"),
        ({"window": 2.5}, TypeError, "window is 2.5"),
        ({"window": STEPS + 1}, ValueError, f"no {STEPS + 1} consecutive steps"),
        ({"stride": 0}, ValueError, "stride is 0"),
        ({"dtype": np.int32}, TypeError, "dtype is int32"),
        ({"split": "train"}, TypeError, "split is 'train'"),
        ({"split": ("half", 0.5, 0)}, ValueError, 'give "train" or "test"'),
        ({"split": ("train", 1.5, 0)}, ValueError, "between 0 and 1"),
        ({"threads": 0}, ValueError, "threads is 0"),
        ({"cache_bytes": -1}, ValueError, "cache_bytes is -1"),
    ],
)
def test_options_that_mean_nothing(tree_h5, options, error, said):
    with pytest.raises(error, match=said):
        dynsparse.Dataset(tree_h5, **options)


def test_samples_that_are_not_there(tree_h5):
    data = dynsparse.Dataset(tree_h5, fields=["time"])
    for index in (len(data), -len(data) - 1, [0, len(data)], np.array([-len(data) - 1])):
        with pytest.raises(IndexError):
            data[index]
    for index in ("a", 1.5, [[1, 2]], [0.5], None):
        with pytest.raises(TypeError):
            data[index]
    assert len(list(data)) == len(data)
    for bad in ({"batch_size": 0}, {"batch_size": 8, "shuffle": "none"}, {"batch_size": 1000, "drop_last": True}, {"batch_size": 8, "seed": -1}):
        with pytest.raises(ValueError):
            dynsparse.batches(tree_h5, **bad)
