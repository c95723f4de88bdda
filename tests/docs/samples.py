"""What the docs paste: the real output of real runs on made-up appliances.

A pasted block stands behind a line `<!-- output: NAME -->`. NAME is a key of what `help_texts` and
`run_samples` return. `python tests/docs/samples.py` writes all pasted blocks anew.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from docs.workplace import FMC_UUID, Site, Typed, environment, program
from line_model import PASSWORD, LineModel
from rehearsal import AS_ROOT
from sftunnel_builder.lab.fmc import LabFmc
from sftunnel_builder.resources import installer_script

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"(<!-- output: ([^\n]+?) -->\n+```[a-z]*\n)(.*?)(```\n)", re.DOTALL)


def pages() -> list[Path]:
    """Return every page of the docs."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def help_texts(home: Path) -> dict[str, str]:
    """Return the help texts that the docs show, by the command that prints them."""
    texts = {}
    for verb in ("", "build", "expiry"):
        words = [*filter(None, [verb]), "--help"]
        done = subprocess.run(
            program(*words), env=environment(home), capture_output=True, text=True, check=True
        )
        texts[" ".join(["sftunnel-bundler", *words])] = done.stdout
    script = home / "install.sh"
    script.write_bytes(installer_script())
    done = subprocess.run(["sh", script, "--help"], capture_output=True, text=True, check=True)
    own = [sys.executable, "-m", "sftunnel_installer", "--help"]
    shown = subprocess.run(own, env=environment(home), capture_output=True, text=True, check=True)
    texts["sftunnel-installer --help"] = shown.stdout
    return {**texts, "sh install.sh --help": done.stdout}


SECRET = "a passphrase for the documentation"
YES = ("[yes/no]", "yes")


def run_samples(place: Path) -> tuple[dict[str, str], set[str]]:
    """Run every scenario that the docs show.

    Returns the outputs by name, in a reader's places, and all that was typed, as pages print it.
    """
    site = Site.create(place)
    try:
        _why_it_is_down(site)
        _how_long_is_there(site)
        _on_the_fmc(site)
        _on_a_device(site)
        _on_another_device(site)
        _from_a_stick(site)
        _back_at_the_kit(site)
    finally:
        site.close()
    return {name: site.as_told(text) for name, text in site.samples.items()}, site.as_printed()


def _keep(site: Site, name: str, typed: Typed, code: int) -> None:
    """Keep an output that ended as it should."""
    assert typed.code == code, f"{name}: wanted status {code}, found {typed.code}\n{typed.text}"
    site.samples[name] = typed.text


def _why_it_is_down(site: Site) -> None:
    """Diagnose the log of a device that has just failed to connect for the first time."""
    device = site.devices[0]
    last = "SSL Verification status: certificate has expired\n"
    assert device.wait_for_log(last), device.log_text()
    log = "".join(device.log_text().partition(last)[:2])
    (site.place / "messages").write_text(log)
    _keep(site, "diagnose", site.fmc_run("sftunnel-bundler diagnose messages"), 0)


def _how_long_is_there(site: Site) -> None:
    """Expiry on an FMC that has new certificates, and of copies from before."""
    _keep(site, "expiry", site.fmc_run("sftunnel-bundler expiry"), 0)
    LabFmc.create(site.place / "copies/fmc-lab", uuid=FMC_UUID, now=datetime.now(UTC))
    (site.place / "copies/plant-4").mkdir()
    _keep(site, "expiry of many", site.fmc_run("sftunnel-bundler expiry copies"), 2)


def _on_the_fmc(site: Site) -> None:
    """Keygen, build, sign, verify, inspect."""
    ask = [("new signing key", SECRET), ("same again", SECRET)]
    keygen = site.fmc_run("sftunnel-bundler keygen --out signing-key.pem", ask)
    _keep(site, "keygen", keygen, 0)
    # Where it would be without --out.
    home = site.place / ".config/sftunnel-bundler"
    home.mkdir(parents=True)
    shutil.copy(site.place / "signing-key.pem", home)
    unlock = [("signing key", SECRET)]
    _keep(site, "build", site.fmc_run("sftunnel-bundler build --out kit", unlock), 0)
    pushed = site.fmc.peer_dir(site.devices[1].uuid) / "certs_pushed/sftunnel-key.pem"
    whole = pushed.read_bytes()
    pushed.write_bytes(b"")
    refused = site.fmc_run("sftunnel-bundler build --out kit-2", unlock)
    _keep(site, "build, one refused", refused, 9)
    pushed.write_bytes(whole)
    collect = (
        "sftunnel-bundler collect > collect.sh; umask 077; "
        "ssh fmc 'sudo sh -s' < collect.sh > fmc.tar.gz"
    )
    _keep(site, "collect", site.fmc_run(collect), 0)
    (site.place / "devices.csv").write_text("Plant 4 edge,,admin,pw\nBranch 9,10.1.9.9,admin,pw\n")
    listed = "sftunnel-bundler build --fmc-tree fmc.tar.gz --devices devices.csv --out kit-3"
    _keep(site, "build, listed", site.fmc_run(listed, unlock), 0)
    bundles = " ".join(f"kit/bundles/{site.bundle(d)}.tar.gz" for d in site.devices)
    _keep(
        site,
        "verify",
        site.fmc_run(f"sftunnel-bundler verify --signer {site.fingerprint()} {bundles}"),
        0,
    )
    first = f"kit/bundles/{site.bundle(site.devices[0])}.tar.gz"
    _keep(site, "inspect", site.fmc_run(f"sftunnel-bundler inspect {first}"), 0)
    unsigned = site.fmc_run("sftunnel-bundler build --unsigned --out plant-kit")
    _keep(site, "build, unsigned", unsigned, 0)
    _keep(site, "sign", site.fmc_run("sftunnel-bundler sign plant-kit", unlock), 0)
    _keep(site, "kit", site.fmc_run("find kit* -type f | LC_ALL=C sort | grep -v 'kit-[23]'"), 0)
    _before_the_install(site, first)
    _for_the_console(site, first)
    _over_the_console(site, first)


def _for_the_console(site: Site, bundle: str) -> None:
    """The text for pasting, and what a shell answers, one block damaged and then whole."""
    signer = site.fingerprint()
    script = f"sftunnel-bundler console script {bundle} --signer {signer} --out paste.txt"
    _keep(site, "console script", site.fmc_run(script), 0)
    (site.place / "pasted").mkdir()
    damaged = site.fmc_run("cd pasted; sed 's/^b.* 3 /&0/' ../paste.txt | sh")
    _keep(site, "console, a damaged block", damaged, 0)
    _keep(site, "console", site.fmc_run("cd pasted; sh ../paste.txt"), 0)


def _over_the_console(site: Site, bundle: str) -> None:
    """Send a bundle, from the login prompt on, to a console that a line model stands for."""
    place = site.place / "console"
    place.mkdir()
    with LineModel(["bash", "--norc"], place, begins="login") as model:
        send = f"sftunnel-bundler console send {bundle} --signer {site.fingerprint()} --walk"
        typed = site.fmc_run(
            f"{send} --port {model.port} --baud {model.baud} --dir {place}/renewal",
            [("'admin': ", PASSWORD), ("'sudo su': ", PASSWORD)],
        )
    # The bar, and what takes it away again.
    typed.text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[^\n]*\r(?=[^\n])", "", typed.text)
    typed.text = typed.text.replace(f"{place}/renewal", "/var/tmp/renewal")  # noqa: S108
    _keep(site, "console send", typed, 0)


def _before_the_install(site: Site, bundle: str) -> None:
    """What would change on the first device, whose tree stands for its `/`."""
    tree = site.devices[0].root
    tree = tree.relative_to(site.place)  # A long name would stand on a line of its own.
    differing = site.fmc_run(f"sftunnel-bundler diff {shlex.quote(str(tree))} {bundle}")
    differing.text = differing.text.replace(f"device tree {tree}", "device tree /")
    _keep(site, "diff", differing, 0)


def _on_a_device(site: Site) -> None:
    """Check, install, again, status, rollback, and a bundle on the wrong device."""
    device, other = site.devices
    bundle = site.unpack(device)
    secret = ("(not shown)", site.passphrase(device))
    signer = site.fingerprint()
    name = f"{site.bundle(device)}.tar.gz"
    _keep(site, "sha256sum", site.device_run(device, bundle.parent, f"sha256sum {name}"), 0)
    untyped = site.device_run(
        device, bundle, "sh install.sh check", [("20 digits", signer[:20]), secret]
    )
    _keep(site, "check, fingerprint typed", untyped, 0)
    checked = site.device_run(device, bundle, f"sh install.sh check --signer {signer}", [secret])
    _keep(site, "check", checked, 0)
    wrong = site.device_run(other, bundle, f"sh install.sh check --signer {signer}")
    _keep(site, "wrong device", wrong, 5)
    stranger = site.device_run(device, bundle, f"sh install.sh check --signer {'0' * 64}")
    _keep(site, "wrong signer", stranger, 4)
    installed = site.device_run(device, bundle, f"sh install.sh --signer {signer}", [secret, YES])
    _keep(site, "install", installed, 0)
    _keep(site, "again", site.device_run(device, bundle, "sh install.sh"), 0)
    _keep(site, "status", site.device_run(device, bundle, "sh install.sh status"), 0)
    as_json = site.device_run(device, bundle, "sh install.sh status --json")
    _keep(site, "status as JSON", as_json, 0)
    (receipt,) = bundle.parent.glob("sftunnel-receipt-*.json")
    site.samples["receipt"] = receipt.read_text()
    (backup,) = (device.root / "ngfw/var/sf/sftunnel-bundler/backups").iterdir()
    _keep(
        site,
        "rollback",
        site.device_run(
            device,
            bundle,
            f"sh '/ngfw/var/sf/sftunnel-bundler/backups/{backup.name}/rollback.sh'",
            [YES],
        ),
        0,
    )
    state = device.root / "ngfw/var/sf/sftunnel-bundler"
    listed = subprocess.run(
        ["sh", "-c", "find . | LC_ALL=C sort"],
        cwd=state,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    site.samples["state directory"] = listed


def _on_another_device(site: Site) -> None:
    """Stage now and activate later; then a power cut in mid-commit."""
    device = site.devices[1]
    bundle = site.unpack(device)
    secret = ("(not shown)", site.passphrase(device))
    signer = site.fingerprint()
    (site.place / "usb").mkdir()
    exported = site.device_run(
        device, bundle, f"sh install.sh --signer {signer} --export-backup /mnt/usb", [secret, YES]
    )
    site.samples["exported"] = "".join(
        line + "\n" for line in exported.text.splitlines() if "/mnt/usb/" in site.as_told(line)
    )
    assert site.device_run(device, bundle, "sh install.sh rollback", [YES]).code == 0
    staged = site.device_run(
        device, bundle, f"sh install.sh --stage-only --signer {signer}", [secret]
    )
    _keep(site, "stage", staged, 0)
    _keep(site, "activate", site.device_run(device, bundle, "sh install.sh activate", [YES]), 0)
    state = device.root / "ngfw/var/sf/sftunnel-bundler"
    backup = sorted((state / "backups").iterdir())[-1]
    peer = device.peer_dir(FMC_UUID)
    shutil.copy(backup / FMC_UUID / "cacert.pem", peer / "cacert.pem")
    new = [
        f"new={hashlib.sha256(path.read_bytes()).hexdigest()}  {FMC_UUID}/{path.name}\n"
        for path in sorted(peer.glob("sftunnel-*.pem"))
    ]
    journal = f"format=1\nverb=install\nphase=commit\nbackup={backup.name}\n"
    (state / "journal").write_text(journal + "".join(new))
    cut = site.device_run(device, bundle, "sh install.sh status | tail -n 3; echo; exit 0")
    site.samples["status after a power cut"] = "".join(
        line for line in cut.text.splitlines(keepends=True) if line.startswith("warning")
    )
    _keep(site, "recover", site.device_run(device, bundle, "sh install.sh recover"), 0)


def _from_a_stick(site: Site) -> None:
    """Write the kit on a stick, a file system of its own; and install from one."""
    signer, device = site.fingerprint(), site.devices[0]
    stick = site.place / "media/usb"
    stick.mkdir(parents=True)
    script = (
        f'mount -t tmpfs -o size=64m none "$0" && sftunnel-bundler usb --signer {signer} kit "$0"'
    )
    mounted = shlex.join([*AS_ROOT, "unshare", "-m", "sh", "-c", script, str(stick)])
    _keep(site, "usb", site.fmc_run(mounted), 0)
    assert site.fmc_run("sftunnel-bundler usb kit usb").code == 0
    answers = [("(not shown)", site.passphrase(device)), YES]
    command = f"sh /mnt/usb/start.sh --signer {signer}"
    _keep(site, "start", site.device_run(device, site.place, command, answers), 0)


def _back_at_the_kit(site: Site) -> None:
    """What the devices' receipts say of the change."""
    signer = site.fingerprint()
    command = f"sftunnel-bundler receipts kit stick usb --signer {signer}"
    _keep(site, "receipts", site.fmc_run(command), 9)
    found = re.search(r"(?m)^confirmation code: (\S+)$", site.samples["start"])
    assert found
    assert site.fmc_run(f"sftunnel-bundler receipts kit --code {found[1]}").code == 9
    (receipt,) = (site.place / "usb").glob("sftunnel-receipt-*-install.json")
    shutil.copy(receipt, site.place / "media/usb")
    assert site.fmc_run(f"sftunnel-bundler receipts kit {site.place}/media/usb").code == 9


# --- comparing -------------------------------------------------------------------------------

_CHANGING = (
    (r"(?<=BEGIN SFTUNNEL RECEIPT-----\n)(\S{1,64}\n)+", "<receipt>\n"),
    (r"(?m)(?<=confirmation code: )[a-z2-9]{12}$", "<code>"),
    (r"\b[0-9a-f]{64}\b", "<sha256>"),
    (r"\b([0-9a-f]{4} ){15}[0-9a-f]{4}\b", "<sha256 in groups>"),
    (r"\b[0-9a-f]{20}\b", "<20 digits>"),
    (r"(?<=wanted ')[0-9a-f]+(?=')", "<digits>"),
    (r"(?i)sha256 Fingerprint=[0-9A-F]{2}(:[0-9A-F]{2}){31}\b", "<fingerprint>"),
    (r"\b\d{8}T\d{6}Z\b", "<time>"),
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ?", "<time>"),
    (r"(?m)\b\d{4}-\d\d-\d\d$", "<day>"),
    (r"\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4} GMT", "<time>"),
    (r"\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\b", "<time>"),
    (r"SF-IMS\[\d+\]: \[\d+\]", "SF-IMS[<n>]: [<n>]"),
    (r"\b\d+ days (later|ago)", r"<n> days \1"),
    (r"(?m)^(  [-+ ] run +)\d{10}", r"\1<n>"),
    (r"PID \d+ -> \d+", "PID <n> -> <n>"),
    (r'"pid_(after|before)":"\d+"', r'"pid_\1":"<n>"'),
    (r"\d+ KiB free", "<n> KiB free"),
    (r"[\d,]+ sent, [\d,]+ needed; blocks: \d+ sent, \d+ needed", "<sent>"),
    (r"[\d,]+ bytes in \d+ blocks: \d+ s at 9600 baud, \d+ s", "<size>"),
    (r"\b\d+,\d{3} bytes", "<n> bytes"),
    (r"sftunnel-start\.\d+", "sftunnel-start.<n>"),
    (r"\b(run|has had is) \d{10}", r"\1 <n>"),
    (r"(?<=bundle id       )[0-9a-f]{16}", "<id>"),
    (r'(?<="bundle":")[0-9a-f]{16}', "<id>"),
    (r"(?<=of bundle )[0-9a-f]{16}", "<id>"),
    (r"(?<=staged-)[0-9a-f]{16}", "<id>"),
    (r"\b\d+ wanted", "<n> wanted"),
    (r"\b\d+ days left", "<n> days left"),
    (r'(?<="days_left":)\d+', "<n>"),
    (r"(?<=bundle )[0-9a-f]{16}(?=:)", "<id>"),
    (r"(?m)^[A-Za-z0-9+/]{100,}=*$", "<base64>"),
    (r"(?m)^ +\d+  (?=\S+$)", "<size>  "),
    (r"(?<=-)[0-9a-f]{12}-\d+(?=-\d+)", "<digits>"),
    (r"(?m)(?:^ok \d+\n+)+", "<blocks>\n"),
)


def comparable(text: str) -> str:
    """Return a text without what differs from run to run."""
    for pattern, instead in _CHANGING:
        text = re.sub(pattern, instead, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def main() -> None:
    """Write every pasted block anew."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        texts = {**help_texts(place), **run_samples(place / "site")[0]}

    def fill(block: re.Match[str]) -> str:
        if comparable(texts[block[2]]) == comparable(block[3]):
            return block[0]
        tidied = "".join(f"{line.rstrip()}\n" for line in texts[block[2]].strip("\n").splitlines())
        return block[1] + tidied + block[4]

    for page in pages():
        page.write_text(BLOCK.sub(fill, page.read_text()))
    used = {block[1] for page in pages() for block in BLOCK.findall(page.read_text())}
    sys.stdout.write("".join(f"not shown anywhere: {name}\n" for name in set(texts) - used))


if __name__ == "__main__":
    main()
