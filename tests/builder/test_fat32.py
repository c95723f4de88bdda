"""What FAT32 can hold, and how much room it takes."""

from __future__ import annotations

import pytest

from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.fat32 import directories, needed_clusters, refuse_names


def test_directories_come_parents_first_with_what_they_hold() -> None:
    assert directories(["k/b/2", "s", "k/b/1", "k/x"]) == {
        "": ("k", "s"),
        "k": ("k/b", "k/x"),
        "k/b": ("k/b/1", "k/b/2"),
    }


@pytest.mark.parametrize(
    ("files", "cluster", "wanted"),
    [
        pytest.param({}, 512, 1, id="the top directory alone"),
        pytest.param({"a": b""}, 512, 1, id="an empty file takes no cluster of its own"),
        pytest.param({"a": bytes(512)}, 512, 2, id="a file that fills one to the last byte"),
        pytest.param({"a": bytes(513)}, 512, 3, id="a byte more takes another"),
        pytest.param({"a": bytes(513)}, 32768, 2, id="a small file takes a large cluster whole"),
        pytest.param({"d/a": b"x"}, 512, 3, id="a directory takes one, too"),
        # A label and 8 names of two entries are 17, of 32 bytes: one more than fit into 512.
        pytest.param({str(n): b"" for n in range(8)}, 512, 2, id="names make a directory longer"),
        pytest.param({"x" * 39: b""}, 128, 2, id="a long name takes one entry more a 13 letters"),
    ],
)
def test_room_is_counted_in_clusters(files: dict[str, bytes], cluster: int, wanted: int) -> None:
    assert needed_clusters(files, cluster) == wanted


@pytest.mark.parametrize(
    ("names", "message"),
    [
        pytest.param(
            ["b/fw-1.txt", "b/FW-1.txt"],
            "'b/FW-1.txt' and 'b/fw-1.txt' would be one file on a stick",
            id="names that differ in case only",
        ),
        pytest.param(["B/1", "b/2"], "'B' and 'b' would be one file", id="directories, too"),
        pytest.param(
            [f"b/{n:064}" for n in range(11000)],
            "'b' has more names than a directory of FAT32 holds: 11000",
            id="too many names in a directory",
        ),
    ],
)
def test_what_it_cannot_hold_is_refused(names: list[str], message: str) -> None:
    with pytest.raises(BundlerError) as caught:
        refuse_names(names)
    assert message in caught.value.message
    assert caught.value.code == ExitCode.UNSUITABLE


def test_the_same_name_in_two_directories_is_fine() -> None:
    refuse_names(["a/x", "b/x"])
