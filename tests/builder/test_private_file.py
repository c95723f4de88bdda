"""A signing key is believed only where nobody else can read it, or put another in its place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.signer import generate_signer, load_signer, save_signer

STRANGER = 12345


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Give a good key, in a directory of its own."""
    path = tmp_path / "keys" / "signing-key.pem"
    save_signer(generate_signer(), path, None)
    return path


def _refusal(path: Path) -> str:
    with pytest.raises(BundlerError) as caught:
        load_signer(path, None)
    assert caught.value.code == ExitCode.REFUSED
    return caught.value.message


def _give_to_stranger(path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let a file belong to another user than root, who runs this; return that user's id."""
    if os.getuid() == 0:
        os.chown(path, STRANGER, STRANGER)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "getegid", lambda: 0)
    return path.stat().st_uid


def test_a_link_is_as_good_as_the_file_that_it_leads_to(key: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.pem"
    link.symlink_to(key)
    assert load_signer(link, None) is not None
    key.chmod(0o644)
    assert "is open to others: wanted mode 0600, found 0644" in _refusal(link)


@pytest.mark.parametrize("mode", [0o777, 0o707, 0o772])
@pytest.mark.parametrize("through_link", [False, True], ids=["its directory", "a link's target"])
def test_a_directory_in_which_others_could_replace_it_is_refused(
    key: Path, tmp_path: Path, mode: int, through_link: bool
) -> None:
    path = key
    if through_link:
        path = tmp_path / "link.pem"
        path.symlink_to(key)
    key.parent.chmod(mode)
    message = f"the directory '{key.parent}' of the signing key is open to others"
    assert _refusal(path) == f"{message}: wanted mode 0700, found {mode:04o}"


def test_a_directory_in_which_others_could_replace_the_link_is_refused(
    key: Path, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (shared / "link.pem").symlink_to(key)
    assert f"the directory '{shared}' of the signing key is open" in _refusal(shared / "link.pem")


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o1777, 0o775])
def test_a_directory_in_which_others_cannot_replace_it_is_fine(key: Path, mode: int) -> None:
    key.parent.chmod(mode)
    assert load_signer(key, None) is not None


def test_a_directory_that_another_group_may_write_in_is_refused(
    key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.getuid() == 0:
        os.chown(key.parent, 0, STRANGER)
    monkeypatch.setattr(os, "getegid", lambda: STRANGER + 1)
    key.parent.chmod(0o775)
    assert "is open to others: wanted mode 0700, found 0775" in _refusal(key)


@pytest.mark.parametrize(
    "which",
    [pytest.param(lambda p: p, id="the key"), pytest.param(lambda p: p.parent, id="its directory")],
)
def test_what_belongs_to_another_user_is_refused_but_to_who_called_sudo(
    key: Path, monkeypatch: pytest.MonkeyPatch, which: Callable[[Path], Path]
) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)
    owner = _give_to_stranger(which(key), monkeypatch)
    message = _refusal(key)
    assert message.endswith(f"belongs to another user: wanted user id '0', found '{owner}'")
    monkeypatch.setenv("SUDO_UID", str(owner))
    assert load_signer(key, None) is not None
    monkeypatch.setenv("SUDO_UID", "root")
    assert _refusal(key) == message


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    fifo, directory = tmp_path / "fifo.pem", tmp_path / "key.pem"
    os.mkfifo(fifo, 0o600)
    directory.mkdir(0o700)
    assert _refusal(fifo) == f"the signing key '{fifo}' is not a plain file"
    assert _refusal(directory) == f"cannot read the signing key '{directory}': is a directory"


def test_a_new_key_is_not_put_where_others_could_replace_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(BundlerError, match="is open to others: wanted mode 0700"):
        save_signer(generate_signer(), tmp_path / "key.pem", None)
    assert list(tmp_path.iterdir()) == []
