"""Who may import whom, and what importing costs."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

import imfeat

IMFEAT = Path(imfeat.__file__).parent
KERNELS = IMFEAT.parent / "kernels" / "imfeat_kernels"
LAYERS = (
    "feature modules",
    "decoding sources",
    "estimators learn datasets",
    "recipes _recipe _feature _expressions _small",
    "models",
    "compare extract selfcheck",
    "_train",
    "cli warm",
)
SIBLINGS = ("compare", "extract")
SCIPY_FAMILY = {"scipy", "sklearn", "skimage", "pandas"}
PLAIN = set().union(*(level.split() for level in LAYERS[1:])) | {"__init__"}


def imports(path):
    """Return the modules that a file imports anywhere, and those at module level only."""
    tree = ast.parse(path.read_text())
    everywhere, at_top = set(), set()
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        everywhere.update(names)
        if node in tree.body:
            at_top.update(names)
    return everywhere, at_top


def roots(names):
    return {name.split(".")[0] for name in names}


def library_files():
    return [path for path in IMFEAT.rglob("*.py") if path != IMFEAT / "__init__.py"]


def layer_of(name):
    """Return the layer of a part of imfeat: the first component after the package's name."""
    for level, parts in enumerate(LAYERS):
        if name in parts.split():
            return level
    return 0


@pytest.mark.parametrize("path", sorted(KERNELS.rglob("*.py")), ids=lambda path: path.name)
def test_kernels_import_numpy_numba_and_each_other(path):
    everywhere, _ = imports(path)
    # llvmlite is a part of Numba: what it emits instructions with; cuda.core talks to the driver
    drivers = {"cuda"} if path.parent.name == "cuda" else set()
    allowed = {"numpy", "numba", "llvmlite", "imfeat_kernels"} | drivers
    assert roots(everywhere) <= allowed | sys.stdlib_module_names
    if path.parent.name == "cpu":
        assert not any(name.startswith("imfeat_kernels.cuda") for name in everywhere)


def test_only_the_backend_imports_kernels():
    users = {path.name for path in library_files() if "imfeat_kernels" in path.read_text()}
    assert users == {"_backend.py"}
    assert "imfeat_kernels" not in roots(imports(IMFEAT / "_backend.py")[1])


@pytest.mark.parametrize("path", sorted(IMFEAT.glob("*.py")), ids=lambda path: path.stem)
def test_feature_modules_import_no_heavy_libraries(path):
    if path.stem not in PLAIN:
        assert not roots(imports(path)[0]) & (SCIPY_FAMILY | {"matplotlib", "PIL"})


def module_of(path):
    """Return the dotted name of the module in a file."""
    parts = path.relative_to(IMFEAT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_modules_import_each_other():
    """Imports inside functions count, too."""
    modules = {module_of(path): path for path in library_files()}
    graph = {}
    for module, path in modules.items():
        names = imports(path)[0]
        # `from package import module` is an import of the module
        packages = {name.rpartition(".")[0] for name in names if name in modules}
        graph[module] = {name for name in names if name in modules and name not in packages} - {module}
    assert list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("name", SIBLINGS)
def test_siblings_do_not_import_each_other(name):
    """Imports inside functions count, too."""
    for path in (IMFEAT / name).rglob("*.py"):
        others = {module.split(".")[1] for module in imports(path)[0] if module.startswith("imfeat.")}
        assert not others & (set(SIBLINGS) - {name}), path


@pytest.mark.parametrize("path", library_files(), ids=lambda path: str(path.relative_to(IMFEAT)))
def test_nothing_imports_upward(path):
    own = layer_of(path.relative_to(IMFEAT).parts[0].removesuffix(".py"))
    for name in imports(path)[0]:
        if name.startswith("imfeat."):
            assert layer_of(name.split(".")[1]) <= own, f"{path.name} imports {name}"


def test_matplotlib_is_for_reports_and_dask_for_extract():
    users = {
        path.relative_to(IMFEAT).as_posix()
        for path in library_files()
        if "matplotlib" in roots(imports(path)[0])
    }
    assert users <= {"compare/figures.py"}
    assert not [
        path for path in library_files() if "dask" in roots(imports(path)[0]) and "extract" not in str(path)
    ]


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_is_light():
    heavy = "numba llvmlite scipy sklearn skimage matplotlib imfeat_kernels"
    code = f"import sys, imfeat; print([name for name in {heavy.split()} if name in sys.modules])"
    assert run_python(code).strip() == "[]"


def test_every_public_name_loads():
    code = "import imfeat; print([name for name in imfeat.__all__ if getattr(imfeat, name) is None])"
    assert run_python(code).strip() == "[]"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="gist"):
        imfeat.gist  # noqa: B018
