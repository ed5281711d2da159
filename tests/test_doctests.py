"""Every public function and class shows examples in its docstring, and they print what is written there."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import imfeat
from imfeat.compare.classifiers import CLASSIFIERS
from imfeat.recipes import RECIPES

MODULES = (
    "imfeat",
    "imfeat.compare",
    "imfeat.datasets",
    "imfeat.estimators",
    "imfeat.extract",
    "imfeat.learn",
    "imfeat.models",
    "imfeat.recipes",
)


def public_names():
    """Return each public function and class by its name; the name in ``imfeat`` if there are several."""
    names = {}
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isroutine(value):
                names.setdefault(value, f"{module.__name__}.{name}")
    return {name: value for value, name in names.items()}


PUBLIC = public_names()


@pytest.fixture(autouse=True)
def _registries():
    """Forget what an example registers."""
    before = [(registry, dict(registry)) for registry in (CLASSIFIERS, RECIPES)]
    yield
    for registry, entries in before:
        registry.clear()
        registry.update(entries)


def test_public_names_are_found():
    assert {"imfeat.hog", "imfeat.HOG", "imfeat.learn.SGD", "imfeat.extract.run"} <= PUBLIC.keys()
    assert len(PUBLIC) > 120


@pytest.mark.parametrize("name", PUBLIC)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Without the globals of its module: an example runs when it is copied.
    tests = doctest.DocTestFinder(exclude_empty=False).find(PUBLIC[name], name, module=False, globs={})
    assert tests[0].examples, f"{name} has no example"
    assert "Examples\n" in inspect.getdoc(PUBLIC[name]), f"{name} has examples outside of their section"
    report = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in tests:
        runner.run(test, out=report.append)
    assert not runner.summarize(verbose=False).failed, "".join(report)
    assert not list(tmp_path.iterdir()), f"{name} writes files outside of a temporary folder"


def test_examples_of_helpers():
    """Examples of functions that are not public run in their modules."""
    public = set(map(inspect.unwrap, PUBLIC.values()))
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for info in pkgutil.walk_packages(imfeat.__path__, "imfeat."):
        module = importlib.import_module(info.name)
        for helper in filter(inspect.isfunction, vars(module).values()):
            if helper.__module__ == info.name and inspect.unwrap(helper) not in public:
                for test in doctest.DocTestFinder().find(helper, globs=dict(vars(module))):
                    runner.run(test)
    assert runner.tries
    assert not runner.failures
