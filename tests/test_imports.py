"""Who may import whom, and what importing costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import imfeat

IMFEAT = Path(imfeat.__file__).parent
KERNELS = IMFEAT.parent / "kernels" / "imfeat_kernels"
LAYERS = ("feature modules", "estimators learn datasets", "compare extract selfcheck", "cli warm")
SCIPY_FAMILY = {"scipy", "sklearn", "skimage", "pandas"}
# What a feature module may import of the others, beside those that begin with _.
FEATURE_IMPORTS = {
    "color": set(),
    "histogram": {"color"},
    "exposure": {"color"},
    "hog": set(),
    "codebook": set(),
    "palette": {"codebook", "color"},
    "patches": {"color"},
    "fused": {"color", "patches"},
    "quantizer": set(),
    "sift": {"color"},
    "encoding": {"codebook", "histogram"},
    "fisher": {"codebook", "mixture", "scaling"},
    "mixture": {"codebook"},
    "pooling": set(),
    "scaling": set(),
}


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
    # llvmlite is a part of Numba: what it emits instructions with
    allowed = {"numpy", "numba", "llvmlite", "imfeat_kernels"}
    assert roots(everywhere) <= allowed | sys.stdlib_module_names
    if path.parent.name == "cpu":
        assert not any(name.startswith("imfeat_kernels.cuda") for name in everywhere)


def test_only_the_backend_imports_kernels():
    users = {path.name for path in library_files() if "imfeat_kernels" in path.read_text()}
    assert users == {"_backend.py"}
    assert "imfeat_kernels" not in roots(imports(IMFEAT / "_backend.py")[1])


@pytest.mark.parametrize("path", sorted(IMFEAT.glob("*.py")), ids=lambda path: path.stem)
def test_feature_modules_import_in_one_direction(path):
    if path.stem in ("__init__", "cli", "warm"):
        return
    everywhere, _ = imports(path)
    assert not roots(everywhere) & (SCIPY_FAMILY | {"matplotlib", "PIL"})
    if not path.stem.startswith("_"):
        others = {name.split(".")[1] for name in everywhere if name.startswith("imfeat.")}
        assert {name for name in others if name[0] != "_"} <= FEATURE_IMPORTS[path.stem]


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
