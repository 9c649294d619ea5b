"""Bring what was trained in MuJoCo Playground with Brax's PPO to dynsparse: as a network, or as trajectories.

    pip install playground brax onnx
    python examples/export_playground.py policy PARAMS policy.onnx
    dynsparse record CheetahRun --onnx-file policy.onnx

    python examples/export_playground.py trajectories CheetahRun traj.npz --params PARAMS --episodes 4
    dynsparse record CheetahRun --replay traj.npz

PARAMS is a file of `brax.io.model.save_params` or a checkpoint folder of Brax's PPO; without it, `trajectories` acts at
random. The network is what Brax calls deterministic: normalised observation, layers, tanh of the mean. dynsparse shows
a network the observations of the DM Control tasks; policies for other tasks come as trajectories.
"""

import argparse
import os
import sys

import numpy as np

ACTIVATIONS = ("swish", "relu", "elu", "tanh")


def load(path):
    """The normaliser's state and the policy's parameters."""
    if os.path.isdir(path):
        from brax.training.agents.ppo import checkpoint

        params = checkpoint.load(os.path.abspath(path))
    else:
        from brax.io import model

        params = model.load_params(path)
    return params[0], params[1]


def layers(policy):
    """Kernels and biases, from the first layer to the last."""
    tree = policy["params"]
    while len(tree) == 1 and "hidden_0" not in tree:
        tree = next(iter(tree.values()))
    if sorted(tree) != sorted(f"hidden_{i}" for i in range(len(tree))):
        sys.exit(f"the policy has {sorted(tree)}, not the layers hidden_0, hidden_1, ...: not a network of Brax's PPO "
                 "with a tanh_normal distribution; export its trajectories instead")
    ordered = [tree[f"hidden_{i}"] for i in range(len(tree))]
    return [(np.asarray(layer["kernel"], np.float32), np.asarray(layer["bias"], np.float32)) for layer in ordered]


def network(normalizer, policy, activation, normalize):
    """The policy as an ONNX model: observation (1, n) to action (1, m)."""
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes, tensors = [], []

    def constant(name, value):
        tensors.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(op, *inputs):
        output = f"v{len(nodes)}"
        nodes.append(helper.make_node(op, inputs, [output]))
        return output

    weights = layers(policy)
    seen, actions = weights[0][0].shape[0], weights[-1][0].shape[1] // 2
    x = "observation"
    if normalize:
        statistics = [normalizer.mean, normalizer.std]
        mean, std = (np.asarray(s["state"] if isinstance(s, dict) else s, np.float32) for s in statistics)
        x = node("Div", node("Sub", x, constant("mean", mean)), constant("std", std))
    for i, (kernel, bias) in enumerate(weights):
        x = node("Gemm", x, constant(f"kernel_{i}", kernel), constant(f"bias_{i}", bias))
        if i + 1 < len(weights):
            x = node("Mul", x, node("Sigmoid", x)) if activation == "swish" else node(activation.capitalize(), x)
    # The other half is the spread of the distribution.
    bounds = [constant(name, np.array([value])) for name, value in (("from", 0), ("to", actions), ("axis", 1))]
    x = node("Tanh", node("Slice", x, *bounds))
    nodes[-1].output[0] = "action"
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "policy", [value("observation", TensorProto.FLOAT, [1, seen])],
                              [value("action", TensorProto.FLOAT, [1, actions])], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    return model


def brax_policy(params, seen, actions, args):
    """Brax's own deterministic policy: observation to action."""
    import jax
    from brax.training import networks
    from brax.training.acme import running_statistics
    from brax.training.agents.ppo import networks as ppo

    made = ppo.make_ppo_networks(
        seen, actions, activation=networks.ACTIVATION[args.activation],
        preprocess_observations_fn=running_statistics.normalize if args.normalize else lambda x, _: x,
        policy_hidden_layer_sizes=[bias.size for _, bias in layers(params[1])[:-1]])
    act = ppo.make_inference_fn(made)(params, deterministic=True)
    return lambda observation: act(observation, jax.random.PRNGKey(0))[0]


def export_policy(args):
    from onnx.reference import ReferenceEvaluator

    params = load(args.params)
    model = network(*params, args.activation, args.normalize)
    # The same as Brax says, or not written at all.
    weights = layers(params[1])
    seen, actions = weights[0][0].shape[0], weights[-1][0].shape[1] // 2
    # A network for several observations sees the one that is called state.
    several = isinstance(params[0].mean, dict)
    size = {key: np.shape(mean) for key, mean in params[0].mean.items()} if several else seen
    act, own = brax_policy(params, size, actions, args), ReferenceEvaluator(model)
    worst = 0.0
    for row in np.random.default_rng(0).normal(size=(100, seen)).astype(np.float32):
        shown = {key: row if key == "state" else np.zeros(n, np.float32) for key, n in size.items()} if several else row
        worst = max(worst, float(np.abs(own.run(None, {"observation": row[None]})[0][0] - act(shown)).max()))
    if not worst < 1e-4:
        sys.exit(f"the network differs from Brax by {worst:.1e}, so it is not written: Brax has changed since this script")
    with open(args.output, "wb") as file:
        file.write(model.SerializeToString())
    print(f"{args.output}: {seen} observations to {actions} actions, within {worst:.1e} of Brax")


def export_trajectories(args):
    import jax
    from mujoco_playground import registry

    env = registry.load(args.task, config_overrides={"impl": "jax"})
    if args.params:
        act = brax_policy(load(args.params), env.observation_size, env.action_size, args)
    reset, step = jax.jit(env.reset), jax.jit(env.step)
    # One row per control step: the state before it, and the controls during it.
    names = ["qpos", "qvel", "qacc_warmstart", "time"] + ["act"] * (env.mj_model.na > 0)
    names += ["mocap_pos", "mocap_quat"] * (env.mj_model.nmocap > 0)
    rows, offsets = {name: [] for name in [*names, "ctrl"]}, [0]
    for episode in range(args.episodes):
        state = reset(jax.random.PRNGKey(args.seed + episode))
        key = jax.random.PRNGKey(1_000_000 + args.seed + episode)
        for _ in range(args.steps):
            if args.params:
                action = act(state.obs)
            else:
                key, draw = jax.random.split(key)
                action = jax.random.uniform(draw, (env.action_size,), minval=-1.0, maxval=1.0)
            before, state = state, step(state, action)
            for name in names:
                rows[name].append(np.asarray(getattr(before.data, name), np.float64))
            rows["ctrl"].append(np.asarray(state.data.ctrl, np.float64))
            if state.done:
                break
        offsets.append(len(rows["ctrl"]))
    np.savez(args.output, episode_offsets=offsets, **{name: np.stack(values) for name, values in rows.items()})
    print(f"{args.output}: {args.episodes} episodes, {offsets[-1]} control steps of {args.task}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True)
    policy = verbs.add_parser("policy", help="a network, as ONNX")
    policy.add_argument("params")
    policy.add_argument("output")
    policy.set_defaults(run=export_policy)
    trajectories = verbs.add_parser("trajectories", help="states and controls of episodes, as .npz")
    trajectories.add_argument("task")
    trajectories.add_argument("output")
    trajectories.add_argument("--params")
    trajectories.add_argument("--episodes", type=int, default=1)
    trajectories.add_argument("--steps", type=int, default=1000)
    trajectories.add_argument("--seed", type=int, default=0)
    trajectories.set_defaults(run=export_trajectories)
    for verb in (policy, trajectories):
        verb.add_argument("--activation", choices=ACTIVATIONS, default="swish", help="of the hidden layers")
        verb.add_argument("--no-normalize", dest="normalize", action="store_false",
                          help="for training with normalize_observations=False")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
