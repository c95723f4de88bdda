"""What FAT32 can hold and how much room it takes: the rules of a stick, apart from any stick.

No file of a kit comes near the limit of 4 GiB: `open_kit` refuses one of more than 64 MiB.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.words import _

ENTRY_BYTES = 32
"""Of a directory entry; a name takes one for the short name and one for each 13 characters."""
LONG_NAME_CHARACTERS = 13
MAX_DIRECTORY_BYTES = ENTRY_BYTES * 65536


def directories(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return what each directory holds, sorted: paths by path, parents first, `` being the top."""
    held: dict[str, set[str]] = {"": set()}
    for name in names:
        parts = name.split("/")
        for depth in range(len(parts)):
            held.setdefault("/".join(parts[:depth]), set()).add("/".join(parts[: depth + 1]))
    return {name: tuple(sorted(held[name])) for name in sorted(held)}


def directory_bytes(directory: str, held: Iterable[str]) -> int:
    """Return the bytes of a directory's entries, its own two, or the volume's label, included."""
    long_entries = sum(-(-len(base_name(path)) // LONG_NAME_CHARACTERS) + 1 for path in held)
    return ENTRY_BYTES * (long_entries + (2 if directory else 1))


def base_name(path: str) -> str:
    """Return the last part of a path."""
    return path.rpartition("/")[2]


def needed_clusters(files: Mapping[str, bytes], cluster_bytes: int) -> int:
    """Return how many clusters of a size in bytes these files take, and their directories."""
    held = directories(files)
    sizes = [len(content) for content in files.values()]
    sizes += [directory_bytes(name, paths) for name, paths in held.items()]
    return sum(-(-size // cluster_bytes) for size in sizes)


def refuse_names(names: Iterable[str]) -> None:
    """Raise BundlerError if FAT32 cannot hold these paths beside each other."""
    for directory, paths in directories(names).items():
        seen: dict[str, str] = {}
        for path in paths:
            other = seen.setdefault(path.casefold(), path)
            if other != path:
                raise BundlerError(
                    _(
                        "'{other}' and '{path}' would be one file on a stick, as FAT32 takes upper "
                        "and lower case for the same"
                    ).format(other=other, path=path),
                    _("build a kit for each of them, with --only"),
                    ExitCode.UNSUITABLE,
                )
        if directory_bytes(directory, paths) > MAX_DIRECTORY_BYTES:
            raise BundlerError(
                _("'{directory}' has more names than a directory of FAT32 holds: {count}").format(
                    directory=directory, count=len(paths)
                ),
                _("build several kits, with --devices, for a stick each"),
                ExitCode.UNSUITABLE,
            )
