"""What a device's runbook says, step by step: the one content of its text and its page.

Nothing here is a guess dressed as a fact: what is not known of an appliance is said with "if".
"""

from __future__ import annotations

from datetime import UTC, datetime

from sftunnel_builder.runbook_blocks import (
    Block,
    Command,
    Digits,
    Output,
    Rows,
    Section,
    Text,
    Tick,
)
from sftunnel_builder.runbook_ending import afterwards, exit_codes, receipt, rollback, sign_off
from sftunnel_builder.runbook_facts import Facts
from sftunnel_builder.runbook_messages import message_table
from sftunnel_builder.runbook_outputs import check_output, install_output, start_output
from sftunnel_builder.words import _

PASTE_PLACE = "/var/tmp/renewal"  # noqa: S108  0700, and of root


def sections(facts: Facts) -> tuple[Section, ...]:
    """Return a device's runbook in the chosen language."""
    found = [
        Section("why", _("WHAT AND WHY"), (Text(_why(facts)),)),
        Section("before", _("BEFORE THE WINDOW"), _before(facts)),
        Section("root", _("BECOME ROOT ON THE DEVICE"), _root()),
        Section("stick", _("FROM A USB STICK"), _from_stick(facts)),
        Section("console", _("OVER THE CONSOLE"), _over_console(facts)),
        Section(
            "install", _("INSTALL FROM THE UNPACKED BUNDLE"), _inside(facts), is_in_bundle=True
        ),
        Section("exit", _("WHAT THE EXIT STATUS SAYS (echo $?)"), exit_codes(), True),
        Section("receipt", _("RECEIPT AND CONFIRMATION CODE"), receipt(facts)),
        Section("after", _("AFTERWARDS"), afterwards(), is_in_bundle=True),
        Section("rollback", _("ROLLBACK"), rollback(facts), is_in_bundle=True),
        Section("signoff", _("SIGN-OFF"), sign_off()),
    ]
    if table := message_table():
        found.append(Section("messages", _("WHAT INSTALL.SH SAYS"), table))
    is_whole = facts.bundle_sha256 is not None
    return tuple(s for s in found if s.name != "install" or not is_whole)


def _why(facts: Facts) -> str:
    """Return three lines."""
    run = datetime.fromtimestamp(facts.conf.trios[0].run_id, UTC)
    return _(
        "The FMC's internal CA was renewed on {made} UTC. This device's sftunnel still has the old "
        "certificates, which that FMC no longer accepts. The bundle brings the new trio "
        "(cacert.pem, sftunnel-cert.pem, sftunnel-key.pem), valid until {until} UTC."
    ).format(made=f"{run:%Y-%m-%d %H:%M}", until=f"{facts.not_after:%Y-%m-%d %H:%M}")


def _before(facts: Facts) -> tuple[Block, ...]:
    blocks: list[Block] = [
        Tick(_("A backup of the FMC exists.")),
        Tick(
            _(
                "On the FMC, in expert mode as root: is this device connected? Write it down. A "
                'line with "connected to" says so; "Registration: Completed." is printed with and '
                "without a tunnel."
            )
        ),
        Command("sftunnel_status.pl"),
        Text(
            _(
                "IF ITS TUNNEL IS STILL UP: do not reboot, upgrade or restart anything before the "
                "window. A tunnel that is up stays up after the certificates expire; once it "
                "drops, it does not come back. The install restarts sftunnel, which drops it, too."
            )
        ),
        Tick(
            _(
                "On this device, as root (see below): until when were the old certificates valid? "
                "Write it down."
            )
        ),
    ]
    for trio in facts.conf.trios:
        blocks += [
            Command(f"openssl x509 -dates -noout -in \\\n  {trio.target('cacert.pem')}"),
            Output("notBefore=...\nnotAfter=..."),
        ]
    if len(facts.conf.trios) > 1:
        blocks.append(
            Tick(
                _(
                    "This device has two FMCs, a high-availability pair, and the bundle has a trio "
                    "for each: generate_certs.pl has run on the primary first, then on the "
                    "secondary."
                )
            )
        )
    blocks.append(
        Tick(
            _(
                "If this device is a unit of a high-availability pair or a cluster: each unit has "
                "a bundle and a runbook of its own. One after the other."
            )
        )
    )
    blocks.append(
        Tick(_("At hand: this runbook, and the stick or a console session that can paste a text."))
    )
    if facts.is_locked:
        blocks.append(Tick(_("At hand, come another way: the passphrase of this device's key.")))
    return (*blocks, *_digits(facts))


def _digits(facts: Facts) -> tuple[Block, ...]:
    blocks: list[Block] = [Digits(_("Fingerprint of the signer:"), facts.signer)]
    if facts.bundle_sha256:
        blocks.append(Digits(_("SHA-256 of the bundle:"), facts.bundle_sha256))
    if facts.sums_sha256:
        blocks += [
            Text(
                _(
                    "Only where the signature does not fit although the bundle is the right one, "
                    "as this device's openssl is too old for it: --digest, with the next number, "
                    "in place of --signer and its number."
                )
            ),
            Digits(_("SHA-256 of its SHA256SUMS, for --digest:"), facts.sums_sha256),
        ]
    return tuple(blocks)


def _root() -> tuple[Block, ...]:
    return (
        Text(
            _(
                "The console is 9600 8N1. If it lands in FXOS, type first: connect ftd. The prompt "
                "then ends in >. Type:"
            )
        ),
        Output("> expert\nadmin@...:~$ sudo su\nPassword:\nroot@...:/home/admin#"),
        Text(
            _(
                "After sudo su, wait for the prompt that ends in # before you paste anything: what "
                "comes sooner is taken as the password."
            )
        ),
        Rows(
            (_("Platform"), _("What is known")),
            (
                (
                    "4100, 9300",
                    _(
                        "First: connect module 1 console. There ~ is an escape character; nothing "
                        "below has one. The supervisor's USB port is not visible to the device: "
                        "use the console."
                    ),
                ),
                (
                    "1000, 2100, 3100",
                    _(
                        "FXOS shows a stick as usbdrive: or usbA:. If what FXOS copies to "
                        "workspace:/ lies in /opt/cisco/csp/workspace in expert mode, which is "
                        "believed and not documented, use that directory in place of /mnt/usb."
                    ),
                ),
                (
                    _("others"),
                    _("Nothing more is known. If no stick can be mounted, use the console."),
                ),
            ),
        ),
    )


def _from_stick(facts: Facts) -> tuple[Block, ...]:
    signed = f"--signer \\\n  {facts.signer}"
    started = start_output(facts.conf, facts.top, facts.bundle_sha256 or "", facts.signer)
    checked = check_output(facts.conf, facts.signer, is_locked=facts.is_locked)
    return (
        Text(
            _(
                "The stick: at most 8 GB, USB 2, FAT32, written with sftunnel-bundler usb. How it "
                "is mounted in expert mode is not documented; release 7.6 can switch the port off. "
                "If it is mounted elsewhere than at /mnt/usb, change the commands accordingly. If "
                "it cannot be mounted, use the console."
            )
        ),
        Text(
            _(
                "Compare start.sh; if sha256sum is missing: openssl dgst -sha256. If it differs, "
                "stop."
            )
        ),
        Command("sha256sum /mnt/usb/start.sh"),
        Output(f"{facts.start_sha256}  ..."),
        Text(_("Check, without changing anything:")),
        Command(f"sh /mnt/usb/start.sh check {signed}"),
        Output(f"{started}\n{checked}"),
        Text(_install_words(facts)),
        Command(f"sh /mnt/usb/start.sh {signed}"),
        Text(_("It says what the check says, and then, with your answer:")),
        Output(install_output(facts.conf)),
    )


def _install_words(facts: Facts) -> str:
    text = _(
        "Install: it verifies everything again, backs up, replaces, restarts sftunnel and waits up "
        "to 60 seconds for the tunnel. Do not switch the device off. After a power cut or a lost "
        "console, type the same again."
    )
    typed = _("The passphrase is not shown while it is typed.")
    return f"{text} {typed}" if facts.is_locked else text


def _over_console(facts: Facts) -> tuple[Block, ...]:
    bundle = f"{facts.top}.tar.gz"
    signed = f"--signer \\\n  {facts.signer}"
    checked = check_output(facts.conf, facts.signer, is_locked=facts.is_locked)
    return (
        *_sent_or_pasted(facts),
        Text(_("On the device, as root, make a directory; then paste all of paste.txt:")),
        Command(f"mkdir -m 700 {PASTE_PLACE} && cd {PASTE_PLACE}"),
        Text(
            _(
                "Each block is answered with ok and its number, or asked for again. The last "
                "answer is the SHA-256 of the bundle, and a command. Before that command, compare "
                "the bundle:"
            )
        ),
        Command(f"sha256sum {bundle}"),
        Output(f"{facts.bundle_sha256}  ..."),
        Text(_("If it differs, stop: carry the bundle again. If not, unpack it:")),
        Command(f"tar -xzf {bundle}\ncd {facts.top}"),
        Text(_("Check, without changing anything:")),
        Command(f"sh install.sh check {signed}"),
        Output(checked),
        Text(_install_words(facts)),
        Command(f"sh install.sh {signed}"),
        Text(_("It says what the check says, and then, with your answer:")),
        Output(install_output(facts.conf)),
    )


def _sent_or_pasted(facts: Facts) -> tuple[Block, ...]:
    """Say what is typed where the kit is."""
    bundle = f"{facts.top}.tar.gz"
    return (
        Text(
            _(
                "If the machine that has the kit also has the console, on a serial port or through "
                "a terminal server, it logs in and sends the bundle itself. On a 4100 or 9300 add "
                "--module 1. In the kit's directory, with no other program on that port:"
            )
        ),
        Command(
            f"sftunnel-bundler console send \\\n  bundles/{bundle} \\\n"
            f"  --port /dev/ttyUSB0 --walk --signer \\\n  {facts.signer}"
        ),
        Text(
            _(
                "Then, on the device as root, type cd {place} and go on below, where the bundle "
                "is compared. Otherwise make the text to paste, in the kit's directory:"
            ).format(place=PASTE_PLACE)
        ),
        Command(
            f"sftunnel-bundler console script \\\n  bundles/{bundle} \\\n"
            f"  --out ../paste.txt --signer \\\n  {facts.signer}"
        ),
    )


def _inside(facts: Facts) -> tuple[Block, ...]:
    """What stands in the short copy, in the unpacked bundle."""
    signed = f"--signer \\\n  {facts.signer}"
    return (
        Text(
            _(
                "Compare the bundle's SHA-256 with the PRINTED runbook before you unpack it. Take "
                "the signer's fingerprint from there, too. As root, here:"
            )
        ),
        Command(f"sh install.sh check {signed}"),
        Text(
            _("It ends with: ready to install on {name}").format(name=facts.conf.device_name[:39])
        ),
        Command(f"sh install.sh {signed}"),
        Text(_("It ends with: done: install on {name}").format(name=facts.conf.device_name[:39])),
    )
