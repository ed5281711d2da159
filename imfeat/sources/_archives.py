"""The images in archives: tars, compressed or not, and zips."""

import functools
import os
import posixpath
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import BinaryIO

from imfeat.sources._item import Item, LeaveOut
from imfeat.sources._names import HEAD, reason_to_leave_out
from imfeat.sources._paths import shown
from imfeat.sources.readers import open_packed

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz", ".tar.lzma", ".tlz")
ZIPS = (".zip",)
ARCHIVES = (*TARS, *ZIPS)
MOST_LINKS = 40  # from one to the next, as Linux follows


def in_archive(path: str, leave_out: LeaveOut) -> Iterator[Item]:
    """Yield the images in an archive, and if it is damaged from somewhere on, a row that says so."""
    try:
        yield from _in_zip(path, leave_out) if path.lower().endswith(ZIPS) else _in_tar(path, leave_out)
    except Exception as error:  # of the kinds of tarfile, zipfile, and of three compressions
        reason = f"{type(error).__name__}: {error}"
        yield Item(shown(path), "damaged", (reason,))


def _in_tar(path: str, leave_out: LeaveOut) -> Iterator[Item]:
    links: list[tarfile.TarInfo] = []
    file, kind = open_packed(path)
    with file, tarfile.open(fileobj=file, mode="r:", errors="surrogateescape") as tar:
        for member in tar:
            if not member.isdir():
                name = shown(f"{path}/{member.name}")
                if reason := _reason(member.name, functools.partial(_head, file, member)):
                    leave_out(name, reason)
                elif member.issym() or member.islnk():
                    links.append(member)
                else:
                    yield _item_of_member(name, path, kind, member)
            tar.members = []  # type: ignore[attr-defined]  # or it would keep all of them
        # Python takes a damaged header for the end, which is a block of zeros.
        file.seek(tar.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("a damaged header, or an end that is missing")
    if links:
        yield from _targets(path, links)


def _item_of_member(name: str, path: str, kind: str, member: tarfile.TarInfo) -> Item:
    if member.issparse():
        return Item(name, "sparse", (path, member.offset))
    if not member.isreg():
        return Item(name, "damaged", ("not a regular file",))
    return Item(name, kind, (path, member.offset_data, member.size))


def _targets(path: str, links: list[tarfile.TarInfo]) -> Iterator[Item]:
    """Yield the links of a tar, each with the content of its target, which may precede or follow it."""
    target_of = {_normal(link.name): _target(link) for link in links}
    wanted = set(target_of.values())
    members = {}
    file, kind = open_packed(path)
    with file, tarfile.open(fileobj=file, mode="r:", errors="surrogateescape") as tar:
        for member in tar:
            if _normal(member.name) in wanted and not (member.issym() or member.islnk()):
                members[_normal(member.name)] = member
            tar.members = []  # type: ignore[attr-defined]
    for link in links:
        name = shown(f"{path}/{link.name}")
        target = _follow(_normal(link.name), target_of)
        if target not in members:
            yield Item(name, "damaged", (f"a link to {shown(target)!r}, which the archive does not hold",))
        elif members[target].isdir():
            yield Item(name, "damaged", (f"a link to the folder {shown(target)!r}",))
        else:
            yield _item_of_member(name, path, kind, members[target])


def _target(link: tarfile.TarInfo) -> str:
    # A hard link names a member, a symbolic one a path relative to its own folder.
    return _normal(
        link.linkname if link.islnk() else posixpath.join(posixpath.dirname(link.name), link.linkname)
    )


def _follow(name: str, target_of: dict[str, str]) -> str:
    for _ in range(MOST_LINKS):
        if name not in target_of:
            break
        name = target_of[name]
    return name


def _normal(name: str) -> str:
    return posixpath.normpath(name)


def _head(file: BinaryIO, member: tarfile.TarInfo) -> bytes:
    if not member.isreg():
        return b""
    file.seek(member.offset_data)
    return file.read(min(HEAD, member.size))


def _in_zip(path: str, leave_out: LeaveOut) -> Iterator[Item]:
    with zipfile.ZipFile(path) as archive:
        members = {_normal(member.filename): member for member in archive.infolist()}
        for member in archive.infolist():
            if member.is_dir():
                continue
            name = shown(f"{path}/{member.filename}")
            if reason := _reason(member.filename, functools.partial(_head_in_zip, archive, member)):
                leave_out(name, reason)
            elif stat.S_ISLNK(member.external_attr >> 16):
                yield _target_in_zip(name, path, archive, members, member)
            else:
                yield Item(name, "zip", (path, member.filename, member.header_offset))


def _target_in_zip(
    name: str,
    path: str,
    archive: zipfile.ZipFile,
    members: dict[str, zipfile.ZipInfo],
    member: zipfile.ZipInfo,
) -> Item:
    target = _normal(member.filename)
    for _ in range(MOST_LINKS):
        if target not in members or not stat.S_ISLNK(members[target].external_attr >> 16):
            break
        text = os.fsdecode(archive.read(members[target]))
        target = _normal(posixpath.join(posixpath.dirname(target), text))
    if target not in members:
        return Item(name, "damaged", (f"a link to {shown(target)!r}, which the archive does not hold",))
    return Item(name, "zip", (path, members[target].filename, members[target].header_offset))


def _head_in_zip(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(member) as file:
            return file.read(HEAD)
    except Exception:  # encrypted, damaged or of an unknown compression
        return b""


def _reason(name: str, head: Callable[[], bytes]) -> str | None:
    return reason_to_leave_out([part for part in name.split("/") if part] or [name], head)
