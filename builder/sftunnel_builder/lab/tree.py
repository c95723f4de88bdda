"""Write files and directories of a made-up tree with the modes of the field, whatever the umask."""

from pathlib import Path


def make_directory(path: Path) -> Path:
    """Make a directory and the parents that it lacks, each 755; return it."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for directory in reversed(missing):
        directory.mkdir()
        directory.chmod(0o755)
    return missing[0] if missing else path


def write_file(path: Path, content: bytes | str, mode: int = 0o644) -> Path:
    """Write a file with this mode, making the directories that it lacks; return its path."""
    make_directory(path.parent)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path
