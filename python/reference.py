"""The reference of the book from the docstrings: python reference.py > ../docs/python-reference.md (a test compares both)."""

import ast
import inspect
import pathlib
import re

import dynsparse

HEAD = """# Python: reference

For people who know what they look for; [Python](python.md) is the way in. `python/reference.py` makes this page from the docstrings.
"""


def signature(item):
    """As one writes the call."""
    parts = []
    for parameter in inspect.signature(item).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts and not any(p.startswith("*") for p in parts):
            parts.append("*")
        star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        default = parameter.default
        shown = getattr(default, "__name__", None) if isinstance(default, type) else repr(default)
        parts.append(star + parameter.name + ("" if default is parameter.empty else f"={shown}"))
    return ", ".join(parts)


def body(text):
    """A docstring of numpydoc as Markdown: titles in bold, what sections list as a list."""
    lines, out, listed, example = text.replace("``", "`").splitlines(), [], False, False
    for line, after in zip(lines, [*lines[1:], ""]):
        line = re.sub(r":(?:class|func|meth):`\.?([^`]+)`", r"`\1`", line)
        if re.fullmatch(r"-{3,}", after):
            listed, example = line != "Examples", line == "Examples"
            out += [f"**{line}**", *(["", "```text"] if example else [])]
        elif re.fullmatch(r"-{3,}", line):
            out += [] if example else [""]
        elif listed and line:
            out.append("  " + line.strip() if line.startswith(" ") else f"- `{line}`")
        else:
            out.append(line.rstrip())
    return "\n".join(out + (["```"] if example else []))


def unparsed(module, name):
    """Arguments and docstring of a function or a class of a module that may not be importable here."""
    tree = ast.parse((pathlib.Path(dynsparse.__file__).parent / f"{module}.py").read_text())
    item = next(node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name)
    made = item if isinstance(item, ast.FunctionDef) else next(node for node in item.body if getattr(node, "name", "") == "__init__")
    for argument in ast.walk(made.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return ast.unparse(made.args).removeprefix("self, "), ast.get_docstring(item)


def page():
    """The whole page."""
    out = [HEAD]
    items = [dynsparse.linearize, dynsparse.step, dynsparse.Linearizer, dynsparse.Linearization, dynsparse.Rollout]
    items += [dynsparse.record, dynsparse.analyze, dynsparse.tasks, dynsparse.open, dynsparse.Dataset, dynsparse.batches, dynsparse.Batches]
    items += [dynsparse.DynsparseError, dynsparse.NotCoveredError]
    made = {dynsparse.Linearizer: "lin", dynsparse.Dataset: "data"}
    for item in items:
        called = f"({signature(item)})" if inspect.isfunction(item) or item in made else ""
        out.append(f"## dynsparse.{item.__name__}\n\n```text\n{item.__name__}{called}\n```\n\n{body(inspect.getdoc(item))}\n")
        if item in made:
            methods = [m for name, m in vars(item).items() if inspect.isfunction(m) and (name == "__call__" or not name.startswith("_"))]
            for method in methods:
                name = made[item] if method.__name__ == "__call__" else f"{made[item]}.{method.__name__}"
                out.append(f"### {name}\n\n```text\n{name}({signature(method)})\n```\n\n{body(inspect.getdoc(method))}\n")
    for enum in (dynsparse.Verdict, dynsparse.Flags):
        meanings = re.findall(r'(\w+) = [^\n]+\n\s+"""(.*?)"""', inspect.getsource(enum), re.S)
        rows = "\n".join(f"| `{name}` | {getattr(enum, name).value} | {' '.join(text.split())} |" for name, text in meanings)
        out.append(f"## dynsparse.{enum.__name__}\n\n{inspect.getdoc(enum)}\n\n| name | number | meaning |\n|---|---|---|\n{rows}\n")
    for module, name, source in (("torch", "step", "torch"), ("torch", "Dataset", "_torch_dataset"), ("jax", "step", "jax")):
        arguments, text = unparsed(source, name)
        out.append(f"## dynsparse.{module}.{name}\n\n```text\n{name}({arguments})\n```\n\n{body(text)}\n")
    return "\n".join(out).rstrip()


if __name__ == "__main__":
    print(page())
