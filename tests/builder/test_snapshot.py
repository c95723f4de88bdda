"""A snapshot is believed only as far as an FMC could have made it."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sftunnel_builder import snapshot as snapshot_module
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.fmc_tree import open_fmc_tree
from sftunnel_builder.snapshot import open_snapshot, read_snapshot

CA = "etc/sf/ca_root/cacert.pem"
KEY = "var/sf/peers/c8d5d5c6-87c9-11ef-a993-b9831565bc4e/certs_pushed/sftunnel-key.pem"
RUN = "var/tmp/certs/1728915794"


def _member(name: str, content: bytes = b"x\n", **facts: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for fact, value in facts.items():
        setattr(info, fact, value)
    return info, content


GOOD = [
    _member(CA, b"ca\n"),
    _member(RUN, b"", type=tarfile.DIRTYPE),
    _member(f"{RUN}/FAILED_PUSH", b"pushed\n"),
    _member(KEY, b"key\n"),
]


def _tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as writer:
        for info, content in members:
            writer.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _read(data: bytes) -> snapshot_module.SnapshotTree:
    return read_snapshot(io.BytesIO(data), "fmc.tar.gz")


@pytest.mark.parametrize(
    "rename",
    [
        pytest.param(lambda name: name, id="as the script names them"),
        pytest.param(lambda name: f"./{name}", id="as tar -C / . names them"),
    ],
)
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT])
def test_files_and_directories_are_found(rename: Callable[[str], str], form: int) -> None:
    members = [
        _member(rename(info.name), content, type=info.type, mtime=1.5) for info, content in GOOD
    ]
    tree = _read(gzip.compress(_tar(*members, form=form)))
    assert tree.read(f"/{CA}") == b"ca\n"
    assert tree.read(f"/{KEY}") == b"key\n"
    assert tree.names(f"/{RUN}".rpartition("/")[0]) == ["1728915794"]
    assert tree.has(f"/{RUN}/FAILED_PUSH")
    assert not tree.has("/etc/passwd")
    assert tree.place(f"/{CA}") == f"fmc.tar.gz:/{CA}"
    with pytest.raises(BundlerError, match=r"'fmc\.tar\.gz:/etc/passwd' is not in the snapshot"):
        tree.read("/etc/passwd")


def test_what_a_build_does_not_need_is_not_kept() -> None:
    members = [*GOOD, _member("etc/shadow", b"secret"), _member("._odd name\u00e9", b"mac")]
    tree = _read(gzip.compress(_tar(*members)))
    assert b"secret" not in tree.contents.values()
    assert set(tree.contents) == {f"/{CA}", f"/{RUN}/FAILED_PUSH", f"/{KEY}"}


OTHER = "holds something else than plain files"
AWAY = "holds a name that leads elsewhere"


@pytest.mark.parametrize(
    ("member", "message"),
    [
        pytest.param(_member("x", b"", type=tarfile.SYMTYPE, linkname=CA), OTHER, id="a link"),
        pytest.param(_member("x", b"", type=tarfile.LNKTYPE, linkname=CA), OTHER, id="a hard link"),
        pytest.param(_member("x", b"", type=tarfile.CHRTYPE), OTHER, id="a device"),
        pytest.param(_member("x", b"", type=tarfile.BLKTYPE), OTHER, id="a disk"),
        pytest.param(_member("x", b"", type=tarfile.FIFOTYPE), OTHER, id="a pipe"),
        pytest.param(_member("x", b"", type=b"Z"), OTHER, id="an unknown type"),
        pytest.param(_member("../etc/sf/ims.conf"), AWAY, id="a name with .. before"),
        pytest.param(_member("etc/sf/../../x"), AWAY, id="a name with .. within"),
        pytest.param(_member("/etc/sf/ims.conf"), AWAY, id="an absolute name"),
        pytest.param(_member("etc//sf/ims.conf"), AWAY, id="a double slash"),
        pytest.param(_member("etc/sf/./ims.conf"), AWAY, id="a dot within"),
        pytest.param(_member("etc/sf/\x1b[2Jims.conf"), AWAY, id="an escape sequence"),
        pytest.param(_member("etc/\u202esf"), AWAY, id="a right-to-left mark"),
        pytest.param(_member(CA, b"other\n"), f"holds '{CA}' twice", id="a file twice"),
        pytest.param(_member(f"./{CA}", b"other\n"), "twice", id="a file twice by another name"),
        pytest.param(
            _member("etc/sf/ims.conf", b"x" * (1 << 20) + b"x"),
            "holds a file of over 1 MiB: 'etc/sf/ims.conf'",
            id="a huge file",
        ),
    ],
)
def test_a_hostile_member_is_refused(member: tuple[tarfile.TarInfo, bytes], message: str) -> None:
    with pytest.raises(BundlerError) as caught:
        _read(gzip.compress(_tar(*GOOD, member)))
    assert message in caught.value.message
    assert caught.value.message.isprintable()


def _sparse(tar: bytes) -> bytes:
    """Return the same with its first member said to be a sparse file of GNU tar."""
    head = bytearray(tar[:512])
    head[156:157] = tarfile.GNUTYPE_SPARSE
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + tar[512:]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda tar: gzip.compress(tar)[:-9], "is cut short", id="cut in the stream"),
        pytest.param(lambda tar: gzip.compress(tar)[:-1], "is cut short", id="cut by a byte"),
        pytest.param(lambda _: b"", "is cut short", id="empty"),
        pytest.param(lambda tar: tar, "or is no .tar.gz", id="not packed"),
        pytest.param(lambda tar: b"Password:\n" + gzip.compress(tar), "no .tar.gz", id="a prompt"),
        pytest.param(lambda tar: gzip.compress(tar) + b"\n", "behind its end", id="a byte more"),
        pytest.param(lambda tar: gzip.compress(tar) * 2, "behind its end", id="twice in a row"),
        pytest.param(
            lambda tar: gzip.compress(tar + b"x" * 512), "does not end as", id="more in the tar"
        ),
        pytest.param(
            lambda tar: gzip.compress(tar[:3584]), "does not end as", id="tar was stopped"
        ),
        pytest.param(lambda tar: gzip.compress(tar[:700]), "damaged", id="tar stopped in a file"),
        pytest.param(lambda _: gzip.compress(b"x" * 4096), "read as a tar", id="no tar"),
        pytest.param(lambda tar: gzip.compress(_sparse(tar)), OTHER, id="a sparse file"),
    ],
)
def test_a_damaged_snapshot_is_refused(damage: Callable[[bytes], bytes], message: str) -> None:
    with pytest.raises(BundlerError) as caught:
        _read(damage(_tar(*GOOD)))
    assert message in caught.value.message


def test_a_flipped_bit_is_found() -> None:
    data = gzip.compress(_tar(*GOOD))
    wrong = 0
    for at in range(10, len(data)):
        flipped = bytearray(data)
        flipped[at] ^= 0x10
        try:
            tree = _read(bytes(flipped))
        except BundlerError:
            continue
        # Two bytes that say how long a match is may say it in two ways.
        wrong += tree.contents != _read(data).contents
    assert wrong == 0


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_module, "MAX_SNAPSHOT_BYTES", 4 << 20)
    bomb = gzip.compress(_tar(*GOOD, _member("big", bytes(8 << 20))))
    assert len(bomb) < 20_000
    with pytest.raises(BundlerError, match="unpacks to over 4 MiB"):
        _read(bomb)


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_module, "MAX_MEMBERS", 10)
    with pytest.raises(BundlerError, match="holds over 10 files"):
        _read(gzip.compress(_tar(*(_member(f"f{n}") for n in range(11)))))


def test_a_file_that_others_can_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "fmc.tar.gz"
    path.write_bytes(gzip.compress(_tar(*GOOD)))
    path.chmod(0o600)
    (note,) = open_snapshot(path).notes()
    assert "has the SHA-256 " in note
    path.chmod(0o644)
    assert "wanted mode 0600, found 0644" in open_snapshot(path).notes()[1]


def test_other_things_are_no_snapshot(tmp_path: Path) -> None:
    with pytest.raises(BundlerError, match="there is no directory or snapshot"):
        open_fmc_tree(tmp_path / "none")
    empty = tmp_path / "other.tar.gz"
    empty.write_bytes(gzip.compress(_tar(_member("x"))))
    with pytest.raises(BundlerError, match="is not an FMC tree"):
        open_fmc_tree(empty)
