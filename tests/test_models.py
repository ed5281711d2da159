"""Models in files: what is saved comes back, and what is damaged or hostile is refused before it is read."""

import hashlib
import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from safetensors.numpy import load_file, save

import imfeat
from imfeat import extract

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 48, 40, 3), dtype=np.uint8)
VECTORS = RNG.normal(size=(400, 16)).astype(np.float32)
FEW = {"n_iterations": 2, "random_state": 0}
LOCAL = {"n_pca": 8, "n_descriptors": 500, "grids": ((1, 1), (2, 1)), **FEW}
MODELS = {
    "whitening": lambda: imfeat.Whitening("pca", epsilon=0.2).fit(VECTORS),
    "mixture": lambda: imfeat.learn_mixture(VECTORS, 4, rng=0, n_iterations=2),
    "quantizer": lambda: imfeat.ProductQuantizer(4, 5, n_iterations=2, rng=0).fit(VECTORS),
    "codebook": lambda: imfeat.learn_codebook(VECTORS, 6, rng=0, n_iterations=2),
    "words": lambda: imfeat.BagOfVisualWords(n_words=9, n_patches=500, encoding="soft", **FEW).fit(IMAGES),
    "unwhitened": lambda: imfeat.BagOfVisualWords(n_words=9, n_patches=500, whiten=False, **FEW).fit(IMAGES),
    "patches": lambda: imfeat.PatchFeatures(n_words=9, n_patches=500, sqrt=False, **FEW).fit(IMAGES),
    "layers": lambda: imfeat.TwoLayerPatches(n_words=9, n_first_words=8, n_pca=6, n_patches=500, **FEW).fit(
        IMAGES
    ),
    "vlad": lambda: imfeat.VLAD(imfeat.LocalColor(step=6), n_words=3, **LOCAL).fit(IMAGES),
    "palette": lambda: imfeat.PaletteHistogram(n_colors=5, random_state=0).fit(IMAGES),
    "no PCA": lambda: imfeat.VLAD(imfeat.LocalColor(step=6), n_words=3, **LOCAL | {"n_pca": None}).fit(
        IMAGES
    ),
    "fisher": lambda: imfeat.FisherVector(imfeat.DenseSIFT(fast=False), n_components=3, **LOCAL).fit(IMAGES),
}
USES = {
    "whitening": lambda model: model.transform(VECTORS),
    "mixture": lambda model: imfeat.fisher_vector(VECTORS, model),
    "quantizer": lambda model: model.decode(model.encode(VECTORS)),
    "codebook": lambda model: model,
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back_as_it_was(name, tmp_path):
    model = MODELS[name]()
    use = USES.get(name, lambda model: model.transform(IMAGES))
    extract.save_model(tmp_path / "a.npz", model)
    found = extract.load_model(tmp_path / "a.npz")
    assert type(found) is type(model)
    np.testing.assert_array_equal(use(found), use(model))
    extract.save_model(tmp_path / "b.npz", found)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    arrays = load_file(tmp_path / "a.npz")  # also for those who have no imfeat
    assert arrays
    assert all(array.dtype in (np.float32, np.uint8) for array in arrays.values())


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


def old_content(model):
    """Kind, options and arrays of a model, as versions 1 and 2 of the format have them."""
    if isinstance(model, np.ndarray):
        return "codebook", {}, {"codebook": model}
    kind = type(model).__name__
    if not hasattr(model, "learned"):
        return kind, model.options(), model.to_arrays()
    unused = ("random_state", "progress", "local", "channel_axis")
    options = {name: value for name, value in model.get_params(deep=False).items() if name not in unused}
    arrays = {}
    for name in model.learned:
        value = getattr(model, f"{name}_")
        if isinstance(value, np.ndarray):
            arrays[name] = value
        elif value is not None:
            arrays |= {f"{name}.{key}": array for key, array in value.to_arrays().items()}
            options |= {name: value.options()} if value.options() else {}
    if hasattr(model, "local_"):
        local = {name: value for name, value in model.local_.get_params().items() if name != "channel_axis"}
        options["local"] = {"kind": type(model.local_).__name__, **local}
    return kind, options | {"image_shape": list(model.image_shape_)}, arrays


def npz_members(model):
    """The members of a file of version 1, as earlier versions of imfeat wrote them."""
    kind, options, arrays = old_content(model)
    members = {f"{name}.npy": npy(array) for name, array in arrays.items()}
    headers = {
        name: {
            "shape": list(array.shape),
            "dtype": "float32",
            "sha256": hashlib.sha256(members[f"{name}.npy"]).hexdigest(),
        }
        for name, array in arrays.items()
    }
    content = {"schema": "imfeat-model", "version": 1, "kind": kind, "options": options, "arrays": headers}
    return {"header.json": json.dumps(content).encode(), **members}


OLD = [name for name in MODELS if name != "layers"]  # which came later


@pytest.mark.parametrize("name", [name for name in OLD if name not in ("palette", "no PCA")])
def test_files_of_the_first_version_load(name, tmp_path):
    model = MODELS[name]()
    with zipfile.ZipFile(tmp_path / "old.npz", "w") as file:
        for member, content in npz_members(model).items():
            file.writestr(member, content)
    use = USES.get(name, lambda model: model.transform(IMAGES))
    np.testing.assert_array_equal(use(extract.load_model(tmp_path / "old.npz")), use(model))


@pytest.mark.parametrize("name", OLD)
def test_files_of_the_second_version_load(name, tmp_path):
    model = MODELS[name]()
    kind, options, arrays = old_content(model)
    (tmp_path / "old.safetensors").write_bytes(safetensors_of(arrays, kind=kind, options=options))
    use = USES.get(name, lambda model: model.transform(IMAGES))
    np.testing.assert_array_equal(use(extract.load_model(tmp_path / "old.safetensors")), use(model))


@pytest.fixture
def parts():
    """The members of a file of version 1 of a mixture."""
    return npz_members(MODELS["mixture"]())


def npy(array, **options):
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def header(parts, **changes):
    return json.dumps(json.loads(parts["header.json"]) | changes).encode()


def with_array(parts, name, content, shape=None):
    about = json.loads(parts["header.json"])["arrays"]
    about[name]["sha256"] = hashlib.sha256(content).hexdigest()
    about[name]["shape"] = shape or about[name]["shape"]
    return {f"{name}.npy": content, "header.json": header(parts, arrays=about)}


HOSTILE = {
    "another schema": lambda p: {"header.json": header(p, schema="sklearn")},
    "a later version": lambda p: {"header.json": header(p, version=2)},
    "an unknown kind": lambda p: {"header.json": header(p, kind="os.system")},
    "an unknown option": lambda p: {"header.json": header(p, options={"shell": "true"})},
    "an unknown key": lambda p: {"header.json": header(p, extra=1)},
    "no JSON": lambda p: {"header.json": b"\xff{"},
    "deep JSON": lambda p: {"header.json": b"[" * 200_000},
    "a list": lambda p: {"header.json": b"[]"},
    "a large header": lambda p: {"header.json": p["header.json"] + b" " * (1 << 22)},
    "no header": lambda p: {"header.json": None},
    "no array": lambda p: {"means.npy": None},
    "an array too many": lambda p: {"other.npy": p["means.npy"]},
    "a member outside": lambda p: {"../../evil.npy": p["means.npy"]},
    "another checksum": lambda p: {"means.npy": p["means.npy"][:-1] + b"\x00"},
    "a longer array": lambda p: {"means.npy": p["means.npy"] + b"\0" * 5000},
    "a pickle": lambda p: with_array(p, "means", npy(np.array([Bomb()]), allow_pickle=True), [1]),
    "a raw pickle": lambda p: with_array(p, "weights", pickle.dumps(Bomb()), [4]),
    "doubles": lambda p: with_array(p, "means", npy(np.zeros((4, 8)))),
    "another shape": lambda p: with_array(p, "means", npy(np.zeros((16, 4), np.float32))),
    "NaN": lambda p: with_array(p, "means", npy(np.full((4, 16), np.nan, np.float32))),
    "negative variances": lambda p: with_array(p, "variances", npy(np.full((4, 16), -1, np.float32))),
    "weights that sum to 4": lambda p: with_array(p, "weights", npy(np.ones(4, np.float32))),
    "a huge shape": lambda p: with_array(p, "means", p["means.npy"], [1 << 40, 1 << 40]),
    "a negative shape": lambda p: with_array(p, "means", p["means.npy"], [-4, -16]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(parts, tmp_path, name):
    changed = parts | HOSTILE[name](parts)
    path = tmp_path / "hostile.npz"
    with zipfile.ZipFile(path, "w") as file:
        for member, content in changed.items():
            if content is not None:
                file.writestr(member, content)
    with pytest.raises(ValueError, match=r"hostile\.npz is no intact"):
        extract.load_model(path)


def test_compressed_members_are_refused_before_they_are_read(parts, tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for member, content in parts.items():
            file.writestr(member, content if member == "header.json" else b"\0" * (1 << 27))
    with pytest.raises(ValueError, match="is compressed"):
        extract.load_model(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all" * 100])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match="is no intact"):
        extract.load_model(tmp_path / "a.npz")
    with pytest.raises(FileNotFoundError):
        extract.load_model(tmp_path / "b.npz")


def test_two_members_of_one_name_are_refused(parts, tmp_path):
    path = tmp_path / "twice.npz"
    with zipfile.ZipFile(path, "w") as file:
        for member, content in parts.items():
            file.writestr(member, content)
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("means.npy", parts["means.npy"])
    with pytest.raises(ValueError, match="members of the same name"):
        extract.load_model(path)


MIXTURE_ARRAYS = MODELS["mixture"]().to_arrays()


def safetensors_of(arrays, **changes):
    """Return the bytes of a model file of a mixture, with changes in the header of imfeat."""
    digests = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}
    content = {"schema": "imfeat-model", "version": 2, "kind": "Mixture", "options": {}, "sha256": digests}
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return save(arrays, {"imfeat": json.dumps(content | changes)})


def with_header(content, change):
    """Return the bytes of a file of safetensors with a changed header."""
    n = int.from_bytes(content[:8], "little")
    header = json.dumps(change(json.loads(content[8 : 8 + n]))).encode()
    return len(header).to_bytes(8, "little") + header + content[8 + n :]


def with_tensor(**changes):
    return lambda header: header | {"means": header["means"] | changes}


GOOD = safetensors_of(MIXTURE_ARRAYS)
HOSTILE_TENSORS = {
    "another schema": safetensors_of(MIXTURE_ARRAYS, schema="sklearn"),
    "a later version": safetensors_of(MIXTURE_ARRAYS, version=3),
    "an unknown kind": safetensors_of(MIXTURE_ARRAYS, kind="os.system"),
    "an unknown option": safetensors_of(MIXTURE_ARRAYS, options={"shell": "true"}),
    "an unknown key": safetensors_of(MIXTURE_ARRAYS, extra=1),
    "another checksum": GOOD[:-1] + b"\x01",
    "an array too many": safetensors_of(MIXTURE_ARRAYS | {"other": VECTORS}),
    "an array without a checksum": safetensors_of(MIXTURE_ARRAYS, sha256={}),
    "no metadata": save(MIXTURE_ARRAYS),
    "cut off": GOOD[:-8],
    "longer": GOOD + bytes(8),
    "a huge header": (1 << 60).to_bytes(8, "little") + GOOD[8:],
    "no JSON": (4).to_bytes(8, "little") + b"\xff{  ",
    "a huge shape": with_header(GOOD, with_tensor(shape=[1 << 40, 1 << 40])),
    "a negative shape": with_header(GOOD, with_tensor(shape=[-4, -16])),
    "another shape": with_header(GOOD, with_tensor(shape=[16, 4])),
    "another dtype": with_header(GOOD, with_tensor(dtype="F64")),
    "offsets outside": with_header(GOOD, with_tensor(data_offsets=[1 << 40, (1 << 40) + 256])),
    "NaN": safetensors_of(MIXTURE_ARRAYS | {"means": np.full((4, 16), np.nan, np.float32)}),
    "negative variances": safetensors_of(MIXTURE_ARRAYS | {"variances": np.full((4, 16), -1, np.float32)}),
}


@pytest.mark.parametrize("name", HOSTILE_TENSORS)
def test_hostile_tensors_are_refused(tmp_path, name):
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(GOOD)
    assert isinstance(extract.load_model(path), imfeat.Mixture)
    path.write_bytes(HOSTILE_TENSORS[name])
    with pytest.raises(ValueError, match=r"hostile\.safetensors is no intact"):
        extract.load_model(path)
