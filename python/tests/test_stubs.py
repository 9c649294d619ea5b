"""What editors and type checkers are told is what there is."""

import ast
import importlib.util
import inspect
import pathlib

import dynsparse
import pytest
from conftest import ROOT
from dynsparse import _native

FOLDER = pathlib.Path(dynsparse.__file__).parent
STUB = ast.parse((FOLDER / "_native.pyi").read_text())


def names(function):
    """Names of parameters, of a definition in the stub."""
    a = function.args
    return [x.arg for x in (*a.posonlyargs, *a.args, *a.kwonlyargs) if x.arg not in ("self", "cls")]


def test_the_module_is_typed():
    assert (FOLDER / "py.typed").exists()


def test_the_stub_names_what_the_compiled_part_has():
    told = {node.name for node in STUB.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    told |= {node.target.id for node in STUB.body if isinstance(node, ast.AnnAssign)}
    public = {name for name in dir(_native) if not name.startswith("_")} | {"__version__"}
    assert told == public


def test_signatures_of_the_stub_are_those_of_the_compiled_part():
    for node in STUB.body:
        if isinstance(node, ast.FunctionDef):
            assert names(node) == list(inspect.signature(getattr(_native, node.name)).parameters)
        if not isinstance(node, ast.ClassDef) or not any(isinstance(n, ast.FunctionDef) for n in node.body):
            continue
        of = getattr(_native, node.name)
        methods = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}
        assert set(methods) - {"__new__"} == {name for name in dir(of) if not name.startswith("_")}
        for name, method in methods.items():
            there = getattr(of, name)
            if any(getattr(d, "id", "") == "property" for d in method.decorator_list):
                assert inspect.isgetsetdescriptor(there) or inspect.isdatadescriptor(there), name
            elif name == "__new__":
                assert names(method) == list(inspect.signature(of).parameters)
            else:
                assert names(method) == [p for p in inspect.signature(there).parameters if p != "self"], name


PUBLIC = [getattr(dynsparse, name) for name in dynsparse.__all__ if not name.startswith("_")]
CLASSES = (dynsparse.Linearizer, dynsparse.Dataset, dynsparse.Batches)
METHODS = [m for of in CLASSES for _, m in inspect.getmembers(of, inspect.isfunction) if not m.__name__.startswith("_")]


@pytest.mark.parametrize("item", PUBLIC + METHODS, ids=lambda item: item.__qualname__)
def test_public_items_have_documentation(item):
    assert inspect.getdoc(item), item


@pytest.mark.parametrize("item", [dynsparse.linearize, dynsparse.step, dynsparse.batches, *METHODS], ids=lambda item: item.__qualname__)
def test_public_functions_are_annotated(item):
    signature = inspect.signature(item)
    given = [p for name, p in signature.parameters.items() if name != "self"]
    assert all(p.annotation is not inspect.Parameter.empty for p in given), signature
    assert signature.return_annotation is not inspect.Signature.empty


def test_flags_and_verdicts_are_those_of_the_engine():
    told = [(flag.name.lower(), flag.value, flag) for flag in dynsparse.Flags]
    assert [(name, bits) for name, bits, _ in told] == [(name, bits) for name, bits, _ in _native.FLAGS]
    text = inspect.getsource(dynsparse.Flags).replace("\n", " ")
    assert all(meaning[1:] in " ".join(text.split()) for _, _, meaning in _native.FLAGS)
    assert [verdict.name for verdict in dynsparse.Verdict] == ["NONZERO", "ZERO", "UNDECIDED"]


def test_the_reference_of_the_book_is_made_of_the_docstrings():
    specification = importlib.util.spec_from_file_location("reference", ROOT / "python/reference.py")
    reference = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(reference)
    assert (ROOT / "docs/python-reference.md").read_text() == reference.page() + "\n", reference.__doc__
