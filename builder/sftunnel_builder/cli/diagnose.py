"""`sftunnel-bundler diagnose`: why tunnels are down, from logs and saved status outputs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sftunnel_builder import screen
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.words import N_, _, ngettext

if TYPE_CHECKING:
    from sftunnel_builder.diagnosis import Diagnosis, Finding, PeerDiagnosis
    from sftunnel_builder.log_files import LogFile


def diagnose(
    logs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="LOG...",
            help=N_(
                "messages of an FMC or a device, plain or .gz; saved output of sftunnel_status.pl "
                "or sftunnel-status-brief; a directory with messages*; - for standard input."
            ),
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=N_("Print the result as JSON."))] = False,
) -> None:
    """Read logs, and print which tunnels fail and why."""
    from sftunnel_builder.log_files import find_log_files

    files, problems = find_log_files(logs or _standard_input())
    report = _read(files, problems)
    for problem in problems:
        screen.complain(problem)
    if not report["sftunnel_lines"]:
        if problems:
            raise typer.Exit(ExitCode.REFUSED)
        raise _no_sftunnel(report["lines"])
    for warning in report["warnings"]:
        screen.warn(warning)
    diagnosis: Diagnosis = report.pop("diagnosis")
    if as_json:
        screen.result_json({**report, **_facts(diagnosis)})
    else:
        _show(diagnosis)
        screen.result(
            ngettext(
                "{lines:,} line, {sftunnel_lines:,} of sftunnel",
                "{lines:,} lines, {sftunnel_lines:,} of sftunnel",
                report["lines"],
            ).format(**report)
        )
    raise typer.Exit(ExitCode.PART_DONE if problems else ExitCode.DONE)


def _standard_input() -> list[Path]:
    """Return what to read when no log was named; raises BundlerError if nobody sends anything."""
    from sftunnel_builder.log_files import STANDARD_INPUT

    if sys.stdin is None or sys.stdin.isatty():
        raise BundlerError(
            _("no log was named, and none comes from standard input"),
            _("name one: /var/log/messages on an FMC, /ngfw/var/log/messages on a device"),
            ExitCode.USAGE,
        )
    return [STANDARD_INPUT]


def _read(files: list[LogFile], problems: list[BundlerError]) -> dict[str, Any]:
    """Read all files; return the counts, the warnings and the diagnosis, and add to problems."""
    from sftunnel_builder.diagnosis import MAX_ROWS, Observer
    from sftunnel_builder.log_files import Tally, read_lines
    from sftunnel_builder.log_lines import parse_line

    observer, inputs = Observer(), []
    warnings: list[str] = []
    sizes = [file.size for file in files]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    with screen.byte_progress(total, _("reading logs")) as advance:
        for file in files:
            tally, of_sftunnel = Tally(), 0
            try:
                for line in read_lines(file, tally, advance):
                    said = parse_line(line)
                    if said:
                        of_sftunnel += 1
                        observer.add(said)
            except BundlerError as problem:
                problems.append(problem)
            if tally.is_cut_off:
                warnings.append(
                    _("'{file}' is cut off: it was read to line {line}").format(
                        file=file.name(), line=tally.lines
                    )
                )
            row = {"name": file.name(), "lines": tally.lines, "sftunnel_lines": of_sftunnel}
            inputs.append({**row, "is_cut_off": tally.is_cut_off})
    diagnosis = observer.diagnose()
    if diagnosis.left_out:
        warnings.append(
            _("over {most:,} different peers and causes: {n:,} were left out").format(
                most=MAX_ROWS, n=diagnosis.left_out
            )
        )
    return {
        "inputs": inputs,
        "lines": sum(row["lines"] for row in inputs),
        "sftunnel_lines": sum(row["sftunnel_lines"] for row in inputs),
        "warnings": warnings,
        "diagnosis": diagnosis,
    }


def _no_sftunnel(lines: int) -> BundlerError:
    return BundlerError(
        ngettext(
            "nothing of sftunnel was found, in {n:,} line",
            "nothing of sftunnel was found, in {n:,} lines",
            lines,
        ).format(n=lines),
        _(
            "name /var/log/messages of an FMC, /ngfw/var/log/messages of a device, with the older "
            "ones of the set, or a saved output of sftunnel_status.pl"
        ),
    )


def _called(peer: PeerDiagnosis, is_of_many_hosts: bool) -> str:
    """Return what to call a peer."""
    name = peer.name or _("a peer that the log does not name")
    if is_of_many_hosts and peer.host:
        return _("{peer} in the log of {host}").format(peer=name, host=peer.host)
    return name


def _cause(finding: Finding) -> str:
    """Return a cause in words, with the verify error's number."""
    return finding.cause.words + (f": err {finding.number}" if finding.number else "")


def _verdict(peer: PeerDiagnosis) -> str:
    """Return what is the matter with a peer, in one line."""
    if not peer.findings:
        return _("no failure seen")
    cause = _cause(peer.findings[0])
    if not peer.is_up:
        return cause
    if not peer.up_since:
        return _("up again; before that: {cause}").format(cause=cause)
    return _("up again since {time}; before that: {cause}").format(time=peer.up_since, cause=cause)


def _show(diagnosis: Diagnosis) -> None:
    """Print a line a peer, then the details of each, then what to do about each cause."""
    from sftunnel_builder.causes import STANDING_ADVICE, Cause

    hosts = {peer.host for peer in diagnosis.peers}
    names = [_called(peer, len(hosts) > 1) for peer in diagnosis.peers]
    width = min(max(map(len, names), default=0), 60)
    up, fails = _("up"), _("fails")
    state_width = max(len(up), len(fails)) + 1
    for peer, name in zip(diagnosis.peers, names, strict=True):
        text = f"{name:<{width}}  {_verdict(peer)}"
        screen.result(screen.row(up if peer.is_up else fails, text, state_width))
    if not diagnosis.peers:
        screen.result(_("nothing wrong found: these lines tell of no failure and no connection"))
    for peer, name in zip(diagnosis.peers, names, strict=True):
        if peer.findings:
            uuid = f", {peer.uuid}" if peer.uuid and peer.uuid != peer.name else ""
            screen.result(f"\n{name}{uuid}")
            for finding in peer.findings:
                _show_finding(finding)
    failing = [peer for peer in diagnosis.peers if not peer.is_up]
    leading = list(dict.fromkeys(peer.findings[0].cause for peer in failing))
    if leading:
        screen.result()
        screen.result(_("what to do"))
    for cause in leading:
        screen.result(f"  {cause.words}:")
        screen.result(f"    {cause.advice}")
    if Cause.EXPIRED in leading:
        screen.result("  " + _(STANDING_ADVICE))
    screen.result()


def _show_finding(finding: Finding) -> None:
    """Print one cause of one peer."""
    from sftunnel_builder.verify_errors import verify_error_name

    screen.result(f"  {finding.cause.words}")
    if finding.number:
        name = verify_error_name(finding.number) or _("a number that is not known here")
        text = _("verify error {number}, {name}").format(number=finding.number, name=name)
        screen.result(f"    {text}")
    times = _("once") if finding.count == 1 else _("{n:,} times").format(n=finding.count)
    if finding.first != finding.last:
        when = _("first {first}, last {last}").format(first=finding.first, last=finding.last)
    elif finding.last:
        when = _("at {time}").format(time=finding.last)
    else:
        when = _("at a time that is not told")
    screen.result(f"    {times}, {when}")
    screen.result(f"    > {finding.example}")


def _facts(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the diagnosis for --json."""
    from sftunnel_builder.verify_errors import verify_error_name

    def finding(each: Finding) -> dict[str, Any]:
        return {
            "cause": each.cause.code,
            "words": each.cause.words,
            "verify_error": each.number,
            "verify_error_name": verify_error_name(each.number) if each.number else None,
            "count": each.count,
            "first": each.first or None,
            "last": each.last or None,
            "example": each.example,
            "advice": each.cause.advice,
        }

    def peer(each: PeerDiagnosis) -> dict[str, Any]:
        return {
            "name": each.name or None,
            "uuid": each.uuid or None,
            "log_of": each.host or None,
            "is_up": each.is_up,
            "up_since": each.up_since or None,
            "cause": each.findings[0].cause.code if each.findings and not each.is_up else None,
            "findings": [finding(each) for each in each.findings],
        }

    return {"peers": [peer(each) for each in diagnosis.peers], "left_out": diagnosis.left_out}
