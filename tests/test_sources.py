"""Sources of images: what is found in folders, lists, archives and Parquet files, and what is left out."""

import io
import json
import os
import stat
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import as_file, crop

from imfeat import extract
from imfeat.sources import _rows, find

PNG = as_file(crop(3, 16))
OTHER = as_file(crop(8, 16))
LIMIT = 1 << 20


def found(source, column=None):
    """Return names below a source with their bytes, or the reason of a failure; and what was left out."""
    left_out = {}
    contents = []
    for item in find(str(source), column, left_out.__setitem__):
        try:
            content = item.read(LIMIT)
        except (OSError, ValueError) as error:
            content = str(error)
        contents.append((os.path.relpath(item.name, source), content))
    return contents, {os.path.relpath(name, source): reason for name, reason in left_out.items()}


def member(name, content=b"", **attributes):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, io.BytesIO(content)


def write_tar(path, *members, mode="w"):
    with tarfile.open(path, mode) as tar:
        for info, content in members:
            tar.addfile(info, content)
    return path


# --- what is left out ----------------------------------------------------------------------------

NOT_IMAGES = {
    "._a.png": "hidden",
    ".hidden.png": "hidden",
    ".git/a.png": "hidden",
    ".DS_Store": "hidden",
    "__MACOSX/a.png": "of an operating system",
    "__MACOSX/._a.png": "hidden",
    "b/@eaDir/a.png": "of an operating system",
    "Thumbs.db": "of an operating system",
    "b/desktop.ini": "of an operating system",
    "b/a.json": "sidecar",
    "b/A.XML": "sidecar",
    "a.txt": "sidecar",
    "a.csv": "sidecar",
    "README.md": "sidecar",
    "00000_stats.json": "sidecar",
}
IMAGES = ["LICENSE", "a.png", "b/.../a", "b/c.heic", "b/picture.PNG", "c.mp4", "picture.json", "z"]


def contents_of(names):
    return {name: b"text" if name in NOT_IMAGES else PNG for name in names}


@pytest.mark.parametrize("kind", ["folder", "tar", "tar.gz", "zip"])
def test_one_rule_says_what_is_no_image(tmp_path, kind):
    names = [*NOT_IMAGES, *(name for name in IMAGES if "..." not in name)]
    contents = contents_of(names)
    source = tmp_path / f"a.{kind}"
    if kind == "folder":
        for name, content in contents.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(content)
    elif kind == "zip":
        with zipfile.ZipFile(source, "w") as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
    else:
        mode = "w:gz" if kind == "tar.gz" else "w"
        write_tar(source, *(member(f"./{name}", content) for name, content in contents.items()), mode=mode)
    images, left_out = found(source)
    assert left_out == NOT_IMAGES
    assert dict(images) == {name: PNG for name in names if name not in NOT_IMAGES}


def test_what_is_left_out_is_counted_and_named(tmp_path):
    for name, content in contents_of([*NOT_IMAGES, "a.png", "LICENSE"]).items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    features = extract.run(tmp_path / "in", "color", tmp_path / "out")
    assert len(features) == 2
    counts = {"hidden": 5, "of an operating system": 4, "sidecar": 6}
    assert features.left_out == counts
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["left_out"] == counts
    assert manifest["n_left_out"] == 15
    lines = (tmp_path / "out" / "left_out.jsonl").read_text().splitlines()
    assert {
        os.path.relpath(name, tmp_path / "in"): reason for name, reason in map(json.loads, lines)
    } == NOT_IMAGES


def test_linked_folders_are_followed_and_cycles_noticed(tmp_path):
    (tmp_path / "away" / "deep").mkdir(parents=True)
    (tmp_path / "away" / "deep" / "a.png").write_bytes(PNG)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "away")
    (tmp_path / "in" / "twice").symlink_to(tmp_path / "away" / "deep")
    (tmp_path / "away" / "deep" / "up").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "self").symlink_to(".")
    images, left_out = found(tmp_path / "in")
    assert dict(images) == {"link/deep/a.png": PNG, "twice/a.png": PNG}
    assert set(left_out) == {"link/deep/up", "self", "twice/up"}
    assert set(left_out.values()) == {"link to a folder that holds it"}


@pytest.mark.parametrize("command", ["extract", "codebook"])
def test_an_empty_source_is_not_the_current_folder(tmp_path, command):
    (tmp_path / "a.png").write_bytes(PNG)
    code = f"from imfeat.cli import main; main(['{command}', '', '--out', 'out'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert "source is empty" in done.stderr
    assert not (tmp_path / "out" / "plan.json").exists()


def test_a_file_that_is_no_source_is_refused(tmp_path):
    (tmp_path / "labels.csv").write_text("a.png,3\n")
    with pytest.raises(ValueError, match="neither an image nor a source of images: expected a folder"):
        found(tmp_path / "labels.csv")
    (tmp_path / "really.csv").write_bytes(PNG)
    assert found(tmp_path / "really.csv")[0] == [(".", PNG)]


def test_resuming_what_was_not_begun_begins(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    features = extract.run(tmp_path / "a.png", "color", tmp_path / "out", resume=True)
    assert len(features) == 1
    with pytest.raises(FileNotFoundError, match="no plan of a run"):
        extract.resume(tmp_path / "nothing")


# --- archives ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_links_in_tars_are_read_as_their_targets(tmp_path, mode):
    path = write_tar(
        tmp_path / f"a.tar.{mode[2:] or 'x'}"[: None if mode[2:] else -2],
        member("x/early.png", type=tarfile.SYMTYPE, linkname="../y/late.png"),
        member("x/1.png", PNG),
        member("x/2.png", type=tarfile.LNKTYPE, linkname="x/1.png"),
        member("x/chain.png", type=tarfile.SYMTYPE, linkname="./2.png"),
        member("y/late.png", OTHER),
        member("y/a.txt", type=tarfile.SYMTYPE, linkname="late.png"),
        member("lost.png", type=tarfile.SYMTYPE, linkname="/etc/nothing"),
        member("round.png", type=tarfile.SYMTYPE, linkname="round.png"),
        member("folder", type=tarfile.DIRTYPE),
        member("to-folder", type=tarfile.SYMTYPE, linkname="folder"),
        member("pipe.png", type=tarfile.FIFOTYPE),
        mode=mode,
    )
    images, left_out = found(path)
    rows = dict(images)
    assert len(images) == len(rows) == 9
    assert rows.pop("x/1.png") == rows.pop("x/2.png") == rows.pop("x/chain.png") == PNG
    assert rows.pop("y/late.png") == rows.pop("x/early.png") == OTHER
    assert rows.pop("lost.png") == "a link to '/etc/nothing', which the archive does not hold"
    assert rows.pop("round.png") == "a link to 'round.png', which the archive does not hold"
    assert rows.pop("to-folder") == "a link to the folder 'folder'"
    assert rows.pop("pipe.png") == "not a regular file"
    assert left_out == {"y/a.txt": "sidecar"}


def test_links_in_a_tar_made_by_tar(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "1.png").write_bytes(PNG)
    os.link(tmp_path / "x" / "1.png", tmp_path / "x" / "2.png")
    subprocess.run(["tar", "cf", "h.tar", "x"], cwd=tmp_path, check=True)
    features = extract.run(tmp_path / "h.tar", "color", tmp_path / "out")
    assert len(features) == 2
    assert features.n_errors == 0
    np.testing.assert_array_equal(*features["color"])


@pytest.mark.parametrize("format", ["gnu", "pax"])
def test_files_with_holes_in_tars(tmp_path, format):
    with open(tmp_path / "holes.png", "wb") as file:
        file.write(PNG)
        file.truncate(1 << 20)
    done = subprocess.run(
        ["tar", "--sparse", f"--format={format}", "-cf", "a.tar", "holes.png"], cwd=tmp_path, check=False
    )
    if done.returncode or (tmp_path / "a.tar").stat().st_size > 1 << 19:
        pytest.skip("this tar writes no holes")
    ((name, content),), _ = found(tmp_path / "a.tar")
    assert name == "holes.png"
    assert content == PNG + bytes((1 << 20) - len(PNG))


def test_links_and_encrypted_members_of_zips(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/1.png", PNG)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("x/1.png", OTHER)
        for name, target in (("y/2.png", "../x/1.png"), ("y/3.png", "2.png"), ("y/4.png", "nothing")):
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, target)
        archive.writestr("bomb.png", bytes(LIMIT + 1))
        archive.writestr("secret.png", PNG)
        archive.writestr("folder/", b"")
    content = bytearray((tmp_path / "a.zip").read_bytes())
    for start in (content.index(b"secret.png") - 24, content.rindex(b"secret.png") - 38):
        content[start] |= 1  # encrypted, say the header and the list of members
    (tmp_path / "a.zip").write_bytes(bytes(content))
    images, _ = found(tmp_path / "a.zip")
    assert images[:4] == [("x/1.png", PNG), ("x/1.png", OTHER), ("y/2.png", OTHER), ("y/3.png", OTHER)]
    rows = dict(images)
    assert rows["y/4.png"] == "a link to 'y/nothing', which the archive does not hold"
    assert rows["bomb.png"] == "1,048,577 bytes, more than 1,048,576"
    assert "encrypted" in rows["secret.png"]
    assert len(images) == 7


@pytest.mark.parametrize("suffix", ["tar.gz", "tar.bz2", "tar.xz", "zip", "tar"])
def test_damaged_archives_are_rows(tmp_path, suffix):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / f"a.{suffix}"
    rng = np.random.default_rng(0)
    noise = [as_file(rng.integers(256, size=(40, 40, 3), dtype=np.uint8)) for _ in range(4)]
    if suffix == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for k, content in enumerate(noise):
                archive.writestr(f"{k}.png", content)
    else:
        mode = "w:" + suffix[4:] if suffix[3:] else "w"
        write_tar(path, *(member(f"{k}.png", content) for k, content in enumerate(noise)), mode=mode)
    whole = path.read_bytes()
    for content in (b"", b"no archive", whole[: len(whole) // 2]):
        path.write_bytes(content)
        (tmp_path / "in" / "b.png").write_bytes(PNG)
        images, _ = found(tmp_path / "in")
        assert images[-1] == ("b.png", PNG)
        assert len(images) >= 2
        assert isinstance(images[-2][1], str)
        assert all(isinstance(row, str) or row in noise for _, row in images[:-1])


def test_compressed_tars_are_read_by_workers(tmp_path):
    contents = [as_file(crop(k, 16)) for k in range(40)]
    for name, mode in (("a.tar", "w"), ("a.tgz", "w:gz")):
        write_tar(
            tmp_path / name,
            *(member(f"{k:02}.png", content) for k, content in enumerate(contents)),
            mode=mode,
        )
    expected = extract.run(tmp_path / "a.tar", "color", tmp_path / "a", shard_size=3)
    features = extract.run(tmp_path / "a.tgz", "color", tmp_path / "b", shard_size=3, n_workers=3)
    np.testing.assert_array_equal(features["color"], expected["color"])
    assert features.n_errors == 0


# --- lists ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lists_with_marks_comments_labels_and_urls(tmp_path, encoding):
    for name in ("ä.png", "b c.png", "#d.png", "e.png", "f%20.png"):
        (tmp_path / name).write_bytes(PNG)
    lines = [
        *(
            "ä.png",
            "# a comment",
            "",
            "   ",
            "b c.png",
            "b c.png 3",
            "e.png\tclass one",
            "e.png,7",
            "e.png;7",
        ),
        *(
            "'b c.png' 1",
            "#d.png",
            "  e.png",
            "e.png   ",
            (tmp_path / "e.png").as_uri(),
            "file://localhost" + str(tmp_path / "e.png"),
        ),
        (tmp_path / "f%20.png").as_uri(),
        *(str(tmp_path / "e.png"), "gone.png", "gone.png 4", "https://a.org/b.png", "file://far/e.png"),
    ]
    (tmp_path / "list.txt").write_text("\r\n".join(lines), encoding=encoding)
    rows = [content for _, content in found(tmp_path / "list.txt")[0]]
    assert rows[:-4] == [PNG] * 14
    assert "No such file" in rows[-4]
    assert "No such file" in rows[-3]
    assert rows[-2] == "a URL of https://a.org, expected a path; download the images first"
    assert rows[-1].startswith("a URL of file://far")


# --- Parquet -------------------------------------------------------------------------------------


def write_images(folder, n=4):
    folder.mkdir(exist_ok=True)
    contents = [as_file(crop(k, 16)) for k in range(n)]
    for k, content in enumerate(contents):
        (folder / f"{k}.png").write_bytes(content)
    return [f"{folder.name}/{k}.png" for k in range(n)], contents


def columns(names, contents):
    """Return columns of paths or bytes of many types, by how they are asked for."""
    text = pa.array(names)
    raw = pa.array(contents)
    both = pa.StructArray.from_arrays([raw, text], ["bytes", "path"])
    lost = pa.StructArray.from_arrays([pa.nulls(len(names), pa.binary()), text], ["bytes", "path"])
    nested = pa.StructArray.from_arrays([both, pa.array(range(len(names)))], ["picture", "id"])
    return {
        "text": (text, "x"),
        "large text": (text.cast(pa.large_string()), "x"),
        "dictionary of text": (text.dictionary_encode(), "x"),
        "dictionary of bytes": (raw.dictionary_encode(), "x"),
        "large bytes": (raw.cast(pa.large_binary()), "x"),
        "list of bytes": (pa.array([list(content) for content in contents], pa.list_(pa.uint8())), "x"),
        "both": (both, "x"),
        "field": (both, "x.bytes"),
        "field of paths": (both, "x.path"),
        "paths where bytes are null": (lost, "x"),
        "field of a field": (nested, "x.picture.bytes"),
        "both in a field": (nested, "x.picture"),
        "URLs": (pa.array([f"file://localhost{name}" for name in names]), "x"),
    }


KINDS = list(columns(["a"], [b"a"]))


@pytest.mark.parametrize("kind", KINDS)
def test_columns_of_every_type(tmp_path, kind):
    names, contents = write_images(tmp_path / "images")
    if kind == "URLs":
        names = [str(tmp_path / name) for name in names]
    values, column = columns(names, contents)[kind]
    pq.write_table(pa.table({"id": range(4), "x": values}), tmp_path / "a.parquet", row_group_size=3)
    rows, _ = found(tmp_path / "a.parquet", column)
    assert [content for _, content in rows] == contents
    renamed = {"text": "path", "paths where bytes are null": "image"}.get(kind, "image")
    if "text" in kind or "bytes" in kind or kind == "both":
        pq.write_table(pa.table({"id": range(4), renamed: values}), tmp_path / "a.parquet", row_group_size=3)
        if kind != "field of a field":
            rows, _ = found(tmp_path / "a.parquet")
            assert [content for _, content in rows] == contents


def test_nulls_and_names_with_points(tmp_path):
    names, contents = write_images(tmp_path / "images")
    table = pa.table({"a.b": pa.array([contents[0], None]), "path": pa.array([None, names[1]])})
    pq.write_table(table, tmp_path / "a.parquet")
    assert [row for _, row in found(tmp_path / "a.parquet", "a.b")[0]] == [contents[0], "null"]
    assert [row for _, row in found(tmp_path / "a.parquet", "path")[0]] == ["no path", contents[1]]
    table = pa.table({"image": [{"bytes": None, "path": None}, None, {"bytes": None, "path": "gone.png"}]})
    pq.write_table(
        table.cast(pa.schema({"image": pa.struct({"bytes": pa.binary(), "path": pa.string()})})),
        tmp_path / "a.parquet",
    )
    rows = [row for _, row in found(tmp_path / "a.parquet")[0]]
    assert rows[:2] == ["null", "null"]
    assert "No such file" in rows[2]


@pytest.mark.parametrize("column", ["id", "x.id", "x.nothing", "y", "x.bytes.z"])
def test_columns_without_images_are_refused_with_what_there_is(tmp_path, column):
    pq.write_table(pa.table({"id": [1], "x": [{"bytes": b"a", "id": 3}]}), tmp_path / "a.parquet")
    message = (
        "holds int64, expected bytes or paths" if column in ("id", "x.id") else "it has id, x, x.bytes, x.id"
    )
    with pytest.raises(ValueError, match=message):
        list(find(str(tmp_path / "a.parquet"), column))


def test_output_of_img2dataset(tmp_path):
    """Tars with a table of metadata beside each, and one of statistics."""
    contents = [as_file(crop(k, 16), "JPEG") for k in range(4)]
    for shard in range(2):
        members = []
        for k in (2 * shard, 2 * shard + 1):
            members += [
                member(f"{k:09}.jpg", contents[k]),
                member(f"{k:09}.txt", b"a cat"),
                member(f"{k:09}.json", b"{}"),
            ]
        write_tar(tmp_path / f"{shard:05}.tar", *members)
        table = pa.table(
            {
                "caption": ["a cat"] * 2,
                "url": ["http://a.org/b.jpg"] * 2,
                "key": ["0", "1"],
                "sha256": ["0"] * 2,
            }
        )
        pq.write_table(table, tmp_path / f"{shard:05}.parquet")
        (tmp_path / f"{shard:05}_stats.json").write_text("{}")
    rows, left_out = found(tmp_path)
    assert [content for _, content in rows] == contents
    assert [left_out[f"0000{k}.parquet"] for k in range(2)] == ["table without images"] * 2
    assert len(left_out) == 2 + 2 + 8
    features = extract.run(tmp_path, "color", tmp_path.with_name(f"{tmp_path.name}-out"))
    assert len(features) == 4
    assert features.n_errors == 0


def test_paths_in_a_table_beside_its_images_are_not_read_twice(tmp_path):
    names, contents = write_images(tmp_path / "in")
    outside, others = write_images(tmp_path / "out", 1)
    table = pa.table(
        {"file_name": [*(os.path.basename(name) for name in names), "gone.png", f"../{outside[0]}"]}
    )
    pq.write_table(table, tmp_path / "in" / "metadata.parquet")
    rows, _ = found(tmp_path / "in")
    assert [content for _, content in rows[:4]] == contents
    assert "No such file" in rows[4][1]
    assert rows[5][1] == others[0]
    assert len(rows) == 6


def test_oddly_typed_and_damaged_tables_are_not_the_end(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more PAR1")
    pq.write_table(pa.table({"path": [[1.5]], "image": [3]}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"image": [[b"a", b"b"]]}), tmp_path / "c.parquet")
    pq.write_table(pa.table({}), tmp_path / "d.parquet")
    (tmp_path / "e.png").write_bytes(PNG)
    rows, left_out = found(tmp_path)
    assert rows[-1] == ("e.png", PNG)
    assert [name for name, _ in rows] == ["a.parquet", "e.png"]
    assert set(left_out) == {"b.parquet", "c.parquet", "d.parquet"}


def test_a_row_group_is_read_once_and_a_batch_at_a_time(tmp_path, monkeypatch):
    contents = [bytes([k]) * 10_000 for k in range(200)]
    pq.write_table(pa.table({"bytes": contents}), tmp_path / "a.parquet", row_group_size=150)
    monkeypatch.setattr(_rows, "BATCH_BYTES", 50_000)
    begun = []
    begin = _rows._Rows._begin
    monkeypatch.setattr(_rows._Rows, "_begin", lambda self: begun.append(self.group) or begin(self))
    _rows._rows.cache_clear()
    items = list(find(str(tmp_path / "a.parquet")))
    assert [item.read(LIMIT) for item in items] == contents
    assert begun == [0, 1]
    rows = _rows._rows(os.getpid(), str(tmp_path / "a.parquet"), 1, "bytes")
    assert len(rows.values) <= 5
    assert items[3].read(LIMIT) == contents[3]
    assert items[2].read(LIMIT) == contents[2]
    with pytest.raises(ValueError, match="10,000 bytes, more than 100"):
        items[4].read(100)
