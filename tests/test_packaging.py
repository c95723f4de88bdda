"""What is shipped: the wheel, the sdist, the lock files, and what no file may say."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from rehearsal import AS_ROOT, Firewall, Made, need
from sftunnel_builder import __version__
from sftunnel_builder.resources import installer_script

ROOT = Path(__file__).resolve().parent.parent
SHARE = "sftunnel_builder/share"
DATA = f"sftunnel_bundler-{__version__}.data/data"


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command that must succeed, away from this checkout's code, and return its output."""
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONHOME"}}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(kind: str, source: Path, out: Path) -> Path:
    """Build a "wheel" or an "sdist" of a source tree with hatchling, without the network."""
    run(sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", out, cwd=source)
    (built,) = out.iterdir()
    return built


def names_in(wheel: Path) -> set[str]:
    """Return the names of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def own_files() -> list[Path]:
    """List the files that git tracks, or would after `git add --all`."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this checkout once."""
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a new venv that borrows its dependencies from the running one."""
    venv = tmp_path_factory.mktemp("installed") / "a venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv)
    python = venv / "bin" / "python"
    run(
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python),
        *("install", "--quiet", "--no-index", "--no-deps", wheel),
    )
    # Only the path: what .pth files stand there, such as the editable install, is not followed.
    borrowed = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    )
    (borrowed / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        pytest.param("builder/sftunnel_builder/**/*", "builder/", id="the package"),
        pytest.param("installer/**/*.sh", "installer/", id="the fragments of install.sh, start.sh"),
        pytest.param(
            "installer/sftunnel_installer/**/*",
            "installer/sftunnel_installer/",
            id="the package for the device",
        ),
        pytest.param("templates/**/*", "templates/", id="the templates"),
        pytest.param("packaging/share/**/*", "packaging/", id="manual pages and completion"),
    ],
)
def test_the_wheel_holds(wheel: Path, pattern: str, prefix: str) -> None:
    place = {
        "builder/": "",
        "installer/": f"{SHARE}/installer/",
        "installer/sftunnel_installer/": "sftunnel_installer/",
        "templates/": f"{SHARE}/templates/",
        "packaging/": f"{DATA}/",
    }
    expected = {
        f"{place[prefix]}{path.relative_to(ROOT / prefix).as_posix()}"
        for path in own_files()
        if path in set(ROOT.glob(pattern))
    }
    assert expected, f"no file matches {pattern}"
    assert expected <= names_in(wheel)


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    ours = (
        "sftunnel_builder/",
        "sftunnel_installer/",
        f"sftunnel_bundler-{__version__}.dist-info/",
        f"{DATA}/share/",
    )
    strangers = {
        name
        for name in names_in(wheel)
        if not name.startswith(ours)
        or "__pycache__" in name
        or (name.startswith(f"{SHARE}/installer/") and not name.endswith(".sh"))
    }
    assert strangers == set()


def test_the_wheel_carries_the_licence(wheel: Path) -> None:
    assert f"sftunnel_bundler-{__version__}.dist-info/licenses/LICENSE" in names_in(wheel)


def test_an_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    sdist = build("sdist", ROOT, tmp_path / "sdist")
    (tmp_path / "source").mkdir()
    run("tar", "-xzf", sdist, "-C", tmp_path / "source")
    (source,) = (tmp_path / "source").iterdir()
    rebuilt = build("wheel", source, tmp_path / "wheel")
    assert names_in(rebuilt) == names_in(wheel)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["sftunnel-bundler", "sftunnel-installer"])
def test_the_installed_command_says_its_version(
    installed: Path, tmp_path: Path, command: str
) -> None:
    out = run(installed / "bin" / command, "--version", cwd=tmp_path)
    assert __version__ in out.split()


@pytest.mark.slow
@pytest.mark.parametrize("page", ["sftunnel-bundler-console-send", "sftunnel-installer"])
def test_man_finds_the_pages_of_an_installed_wheel(installed: Path, page: str) -> None:
    need("man", shutil.which("man"))
    path = f"{installed / 'bin'}:{os.environ['PATH']}"
    found = run("env", "-u", "MANPATH", f"PATH={path}", "man", "-w", page)
    assert Path(found.strip()) == installed / f"share/man/man1/{page}.1"


@pytest.mark.slow
def test_the_installed_completion_is_read_by_bash(installed: Path) -> None:
    loader = Path("/usr/share/bash-completion/bash_completion")
    need("bash-completion", loader.exists())
    script = f". {loader}; __load_completion sftunnel-bundler; complete -p sftunnel-bundler"
    found = run("env", f"XDG_DATA_DIRS={installed / 'share'}", "bash", "--norc", "-c", script)
    assert found == "complete -o default -F _sftunnel_bundler sftunnel-bundler\n"


@pytest.mark.slow
def test_the_installed_installer_program_installs(
    installed: Path, firewall: Firewall, made: Made
) -> None:
    command = [installed / "bin" / "sftunnel-installer", "install", made.kit]
    run(*AS_ROOT, *command, *firewall.options("--no-restart"), *("--receipt-dir", firewall.root))
    assert firewall.which_trio() == "new"


@pytest.mark.slow
def test_the_installed_package_is_the_one_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    where = run(
        installed / "bin" / "python",
        *("-c", "import sftunnel_builder; print(sftunnel_builder.__file__)"),
        cwd=tmp_path,
    )
    assert Path(where.strip()).is_relative_to(installed)


@pytest.mark.slow
def test_the_installed_command_makes_a_kit(installed: Path, tmp_path: Path, made: Made) -> None:
    command = installed / "bin" / "sftunnel-bundler"
    run(command, "keygen", "--out", "key.pem", "--no-passphrase", cwd=tmp_path)
    options = ("--fmc-tree", made.fmc.root, "--signing-key", "key.pem", "--out", "kit")
    run(command, "build", *options, cwd=tmp_path)
    bundles = sorted((tmp_path / "kit/bundles").glob("*.tar.gz"))
    assert len(bundles) == len(made.devices)
    run(command, "verify", *bundles, cwd=tmp_path)
    for bundle in bundles:
        run("tar", "-xzf", bundle, cwd=tmp_path)
        unpacked = tmp_path / bundle.name.removesuffix(".tar.gz")
        assert (unpacked / "install.sh").read_bytes() == installer_script()


@pytest.mark.slow
def test_the_installed_command_shows_the_demo(installed: Path, tmp_path: Path) -> None:
    out = run(installed / "bin" / "sftunnel-bundler", "demo", cwd=tmp_path)
    assert "The FMC sees 3 of 3 firewalls" in out


# Written so that the patterns do not match themselves.
NEVER_SAID = {
    "a package registry": r"\bpypi[.](org|python)|pythonhosted[.]|npmjs[.]|registry[.](npm|yarn)",
    "a mirror": r"\b(deb|ftp|security|archive|snapshot)[.](\w\w[.])?(debian|ubuntu)[.](org|com)",
    "a pip option that names an index": r"--(extra-)?index[-]url|--find[-]links|--trusted[-]host",
    "somebody's home directory": r"(?<![\w.])/(home|Users)/(?!USER)\w+/|(?<![\w.])/root/[.]\w",
    "the path of this checkout": rf"(?<![\w.]){re.escape(str(ROOT))}\b",
}


@pytest.mark.parametrize("what", NEVER_SAID)
def test_no_file_names(what: str) -> None:
    files = own_files()
    assert files, "git lists no file"
    pattern = re.compile(NEVER_SAID[what])
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []


def test_the_changelog_knows_this_version() -> None:
    headings = re.findall(r"^## \[([^]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert {__version__, "Unreleased"} & set(headings)


def pins_in(lock: str) -> dict[str, str]:
    """Return name and version of every pin in a lock file, each of which must have a hash."""
    text = (ROOT / "requirements" / lock).read_text()
    assert "://" not in text
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert entries, f"no pin in {lock}"
    pins = {}
    for entry in entries:
        pin = re.match(r"([a-z0-9-]+)==(\S+) ", entry)
        assert pin, entry.splitlines()[0]
        assert "--hash=sha256:" in entry, pin[1]
        pins[pin[1]] = pin[2]
    return pins


@pytest.mark.parametrize("lock", ["dev.lock", "freeze.lock"])
def test_every_lock_holds_the_runtime_lock(lock: str) -> None:
    assert pins_in("run.lock").items() <= pins_in(lock).items()
