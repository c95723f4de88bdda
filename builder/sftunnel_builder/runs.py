"""Which run of generate_certs.pl the files are of, and what it did not push."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from sftunnel_builder.certificates import Certificate, load_certificate
from sftunnel_builder.devices import Manager
from sftunnel_builder.errors import BundlerError, ExitCode, printable, reason
from sftunnel_builder.failed_push import UUID_PATTERN, FailedPush, parse_failed_push
from sftunnel_builder.fmc_tree import (
    CA_PATH,
    RUNS_PATH,
    FmcTree,
    failed_push_path,
    runs_named_in,
)
from sftunnel_builder.tree import MAX_FILE_BYTES
from sftunnel_builder.trio import check_run
from sftunnel_builder.words import _


def failed_pushes(
    trees: Sequence[FmcTree], named: Path | None
) -> Iterator[tuple[str, FailedPush, list[Manager]]]:
    """Yield each FAILED_PUSH: what to call it, what it says, and the FMCs that it may be of.

    It is the newest of each tree, or the file named: a FAILED_PUSH, or what generate_certs.pl
    showed on the screen or wrote to its log, which names the run. Raises BundlerError.
    """
    if named is None:
        yield from _newest(trees)
        return
    place = printable(str(named))
    try:
        with named.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BundlerError(
            _("cannot read '{place}': {why}").format(place=place, why=reason(error)),
            _("check the name given with --failed-push"),
        ) from None
    if len(data) > MAX_FILE_BYTES:
        raise BundlerError(
            _("'{place}' is over 64 MiB").format(place=place),
            _("check the name given with --failed-push"),
        )
    pushed = parse_failed_push(data)
    if not pushed.records and (runs := runs_named_in(data)):
        # What generate_certs.pl showed on the screen, or its log: it says where the list is.
        yield from _of_named_run(trees, runs[-1], place)
        return
    directory = named.resolve().parent.name
    is_run = directory.isascii() and directory.isdigit() and len(directory) <= 12
    run_id = int(directory) if is_run else _run_with_list(trees, data)
    yield place, pushed, [manager_of(tree, run_id) for tree in trees]


def _run_with_list(trees: Sequence[FmcTree], data: bytes) -> int | None:
    """Return the run whose FAILED_PUSH in a tree is this one, copied under another name."""
    for tree in trees:
        for run_id in tree.run_ids():
            path = failed_push_path(run_id)
            if tree.has(path) and tree.read(path) == data:
                return run_id
    return None


def _newest(trees: Sequence[FmcTree]) -> Iterator[tuple[str, FailedPush, list[Manager]]]:
    """Yield the newest FAILED_PUSH of each tree; one of two FMCs may have none."""
    paths = [(tree, path) for tree in trees if (path := tree.newest_failed_push())]
    if not paths:
        raise BundlerError(
            _("there is no FAILED_PUSH in '{place}/*/'").format(place=trees[0].place(RUNS_PATH)),
            _("name it with --failed-push, or build for every device with --all-devices"),
        )
    for tree, path in paths:
        run_id = int(path.split("/")[-2])
        yield tree.place(path), parse_failed_push(tree.read(path)), [manager_of(tree, run_id)]


def _of_named_run(
    trees: Sequence[FmcTree], run_id: int, place: str
) -> Iterator[tuple[str, FailedPush, list[Manager]]]:
    """Yield the FAILED_PUSH of a run that a text names; place is what to call the text."""
    path = failed_push_path(run_id)
    having = [tree for tree in trees if tree.has(path)]
    if not having:
        raise BundlerError(
            _("'{place}' names run '{run}', and no tree has its '{path}'").format(
                place=place, run=run_id, path=path
            ),
            _("copy that file from the FMC, or build for every device with --all-devices"),
        )
    for tree in having:
        yield tree.place(path), parse_failed_push(tree.read(path)), [manager_of(tree, run_id)]


def manager_of(tree: FmcTree, run_id: int | None) -> Manager:
    """Return the FMC of a tree; run_id is that of its FAILED_PUSH, if known.

    Raises BundlerError when the CA was made by a later run than run_id, or names no FMC.
    """
    uuid, ca = _read_ca(tree)
    return Manager(tree, uuid, check_run(ca, tree.place(CA_PATH), run_id, tree.run_ids()))


def refuse_twins(trees: Sequence[FmcTree]) -> None:
    """Raise BundlerError for two trees of one FMC: which of them holds would be a guess."""
    places: dict[str, str] = {}
    for tree in trees:
        uuid, _ca = _read_ca(tree)
        if uuid in places:
            raise BundlerError(
                _("'{place}' and '{other}' are of the same FMC, '{uuid}'").format(
                    place=places[uuid], other=tree.place("/"), uuid=uuid
                ),
                _("name one tree of each FMC with --fmc-tree"),
                ExitCode.USAGE,
            )
        places[uuid] = tree.place("/")


def _read_ca(tree: FmcTree) -> tuple[str, Certificate]:
    """Return an FMC's UUID, which its CA's common name is, and the CA; raises BundlerError."""
    place = tree.place(CA_PATH)
    ca = load_certificate(tree.read(CA_PATH), place)
    if not ca.common_name:
        raise BundlerError(
            _("'{place}' has no common name, which should be the UUID of the FMC").format(
                place=place
            ),
            _("is this the FMC's internal CA"),
        )
    if not re.fullmatch(UUID_PATTERN, ca.common_name):
        raise BundlerError(
            _("'{place}' has the common name '{name}', wanted the UUID of the FMC").format(
                place=place, name=printable(ca.common_name)
            ),
            _("is this the FMC's internal CA"),
        )
    return ca.common_name.lower(), ca
