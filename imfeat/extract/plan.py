"""The plan of a run, fixed before it begins: its settings, and the images of each shard."""

import contextlib
import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from imfeat._check import one_of
from imfeat._device import DEVICES, Device
from imfeat._environment import EXTRACT_PACKAGES, versions
from imfeat._files import complete, read_json, sha256, write_json
from imfeat.decoding import Decode, ImageSize, as_size, check_decode
from imfeat.sources import Item, find

LEFT_OUT = "left_out.jsonl"
# Not among the settings, which are those of plans from before there was a choice.
DEFAULTS = {"decode": "exact", "device": "cpu"}


class Plan:
    """The settings and shards of a run, in a folder.

    Attributes
    ----------
    folder : Path
    settings : dict
        All that results depend on; two runs with the same settings give the same bytes.
    size : (height, width), "original" or "max-N"
    decode : {"exact", "fast"}
    device : {"cpu", "cuda"}
    key : str
        Digest of the settings and of the lists of images, which the receipt of every shard names.
    n_shards, n_images : int
    left_out : dict
        Number of files that are clearly not images, by reason.
    """

    def __init__(self, folder: Path) -> None:
        content = read_json(folder / "plan.json")
        if content is None:
            raise FileNotFoundError(f"{folder} holds no plan of a run; start one without resuming")
        self.folder = folder
        self.settings: dict[str, Any] = content["settings"]
        self.size: ImageSize = as_size(self.settings["size"])
        self.decode: Decode = (DEFAULTS | self.settings)["decode"]
        self.device: Device = (DEFAULTS | self.settings)["device"]
        self.n_shards: int = content["n_shards"]
        self.n_images: int = content["n_images"]
        self.left_out: dict[str, int] = content.get("left_out", {})
        self.key: str = content["key"]

    @classmethod
    def open_or_make(cls, folder: Path, settings: dict[str, Any]) -> "Plan":
        """Return the plan in a folder, which must have the same settings, or make one."""
        if (folder / "plan.json").exists():
            plan = cls(folder)
            plan.check_same(settings)
            return plan
        return cls.make(folder, settings)

    @classmethod
    def make(cls, folder: Path, settings: Mapping[str, Any]) -> "Plan":
        """Write the plan of a run into a folder, as the images are found, and return it."""
        lists = folder / "plan"
        lists.mkdir(exist_ok=True)
        for path in lists.glob("*.jsonl"):  # left by a run that was killed while it wrote its plan
            path.unlink()
        left_out: Counter[str] = Counter()
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        n_shards = n_images = 0
        with _lines(folder / LEFT_OUT) as write:

            def leave_out(name: str, reason: str) -> None:
                write(json.dumps([name, reason]))
                left_out[reason] += 1

            items = find(settings["source"], settings["column"], leave_out)
            while shard := list(itertools.islice(items, settings["shard_size"])):
                path = lists / f"{n_shards:06}.jsonl"
                with _lines(path) as write_item:
                    for item in shard:
                        write_item(item.as_line())
                digest.update(sha256(path).encode())
                n_shards += 1
                n_images += len(shard)
        if not n_images:
            (folder / LEFT_OUT).unlink()
            raise ValueError(f"no images in {settings['source']}; {left_out.total():,} other files")
        counts = {"n_shards": n_shards, "n_images": n_images, "left_out": dict(sorted(left_out.items()))}
        counts |= {"key": digest.hexdigest()}
        write_json(folder / "plan.json", {"settings": settings, **counts})
        return cls(folder)

    def items(self, shard: int) -> list[Item]:
        """Return the images of a shard."""
        with open(self.folder / "plan" / f"{shard:06}.jsonl", encoding="ascii") as file:
            return [Item.from_line(line) for line in file]

    def check_same(self, settings: Mapping[str, Any]) -> None:
        """Raise ValueError if settings differ from those of the plan."""
        wanted = DEFAULTS | dict(settings)
        own = DEFAULTS | self.settings
        differing = [name for name in wanted if wanted[name] != own.get(name)]
        if differing:
            name = differing[0]
            raise ValueError(
                f"{self.folder} holds a run with {name}={own.get(name)!r}, not {wanted[name]!r}: "
                "continue with the same settings, or choose another folder"
            )


def decoded(decode: Decode, size: ImageSize) -> dict[str, Any]:
    """Return what settings say of decoding, and the versions of the packages that results depend on."""
    check_decode(decode, size)
    if decode == DEFAULTS["decode"]:
        return {"versions": versions(EXTRACT_PACKAGES)}
    return {"versions": versions((*EXTRACT_PACKAGES, "simplejpeg")), "decode": decode}


def computed_on(device: Device) -> dict[str, Any]:
    """Return what settings say of the device that features are computed on."""
    one_of(device, "device", DEVICES)
    return {} if device == DEFAULTS["device"] else {"device": device}


@contextlib.contextmanager
def _lines(path: Path) -> Iterator[Callable[[str], None]]:
    """Yield a function that writes a line to a file, which is complete or absent."""
    with complete(path) as unfinished, open(unfinished, "w", encoding="ascii") as file:
        yield lambda line: print(line, file=file)
