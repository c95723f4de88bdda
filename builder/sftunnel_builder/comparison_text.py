"""How a comparison reads on a terminal: at most 100 columns, `-` what is now, `+` what would be."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sftunnel_builder.comparison import Comparison, Fact, FileComparison, FmcComparison, Status
from sftunnel_builder.forecast import Forecast
from sftunnel_builder.holding import BUNDLE, LANDED, Holding
from sftunnel_builder.words import N_, _, ngettext

COLUMNS = 100
LABELS = {
    "device_name": N_("device name"),
    "device_address": N_("device address"),
    "bundle_id": N_("bundle id"),
    "created": N_("created"),
    "builder_version": N_("builder version"),
    "signer": N_("signer"),
    "install_sh": "install.sh",
    "runbook": "RUNBOOK.txt",
    "run_id": N_("run"),
    "newest_run": N_("newest run had"),
    "problem": N_("PROBLEM"),
    "kind": N_("what is there"),
    "mode": N_("mode"),
    "owner": N_("owner"),
    "subject": N_("subject"),
    "issuer": N_("issuer"),
    "not_before": N_("not before"),
    "not_after": N_("not after"),
    "serial": N_("serial"),
    "fingerprint": "SHA-256",
    "sha256": N_("file SHA-256"),
    "digest": N_("signature"),
    "key": N_("key"),
    "public_key": N_("public key"),
    "belongs_to": N_("belongs to"),
    "protection": N_("in the bundle"),
}
"""Of the facts that are shown, in the order in which they are."""
_BELONGS_TO = {
    "its certificate": N_("the certificate beside it"),
    "another certificate": N_("ANOTHER certificate than the one beside it"),
    "no certificate": N_("nobody knows: the certificate beside it cannot be read"),
    "not opened": N_("not looked at: it is encrypted (--passphrase-file opens it)"),
}
_AS_IT_SHOULD_BE = {"kind": LANDED.kind, "mode": LANDED.mode, "owner": LANDED.owner}
_OF_TWO_BUNDLES = {"device_name", "device_address", "install_sh", "runbook"}
"""Shown of two bundles only: of one bundle they say nothing that a device could differ from."""
_LANDS = {Status.UNCHANGED: N_("the same again"), Status.CHANGED: N_("changed")}
_IN_SHORT = {"problem", "not_after", "fingerprint", "belongs_to"}
"""What is shown of a file that does not change."""


def render(comparison: Comparison, forecast: Forecast | None, now: datetime) -> Iterator[str]:
    """Yield the lines; forecast is None unless a bundle meets a device tree; now is UTC."""
    yield from _head(comparison)
    shown = [f for f in comparison.facts if f.name != "device_uuid" and _is_shown(f)]
    if comparison.before.bundle or comparison.after.bundle:
        yield ""
        yield _("bundles") if comparison.before.bundle and comparison.after.bundle else _("bundle")
        for fact in shown:
            yield from _fact(fact, now)
    for fmc in comparison.fmcs:
        yield from _fmc(fmc, comparison, now)
    yield ""
    if forecast:
        yield from _forecast(forecast, comparison)
    else:
        yield _("they differ") if comparison.differs else _("no difference")


def _head(comparison: Comparison) -> Iterator[str]:
    """Yield what is compared; that these are two devices comes before anything else."""
    sides = (comparison.before, comparison.after)
    if not comparison.is_same_device:
        yield _("ANOTHER DEVICE: these are not of the same device, and must not be mixed")
        for side in sides:
            yield from _wrapped("      ", _who(side))
        yield ""
    for word, side in zip((_("from"), _("to")), sides, strict=True):
        yield from _wrapped(f"{word:<6}", f"{_(side.kind)} {side.place}")
        name = f", {side.device_name}" if side.device_name else ""
        device = _("device {uuid}").format(uuid=side.device_uuid)
        yield from _wrapped("      ", f"{device}{name}")


def _who(side: Holding) -> str:
    if side.kind == BUNDLE:
        text = _("the bundle is for '{name}', {uuid}: {place}")
    else:
        text = _("the device tree is of {uuid}: {place}")
    return text.format(name=side.device_name, uuid=side.device_uuid, place=side.place)


def _is_shown(fact: Fact) -> bool:
    if fact.before is None and fact.after is None:
        return False
    return fact.is_same is not None or fact.name not in _OF_TWO_BUNDLES


def _fmc(fmc: FmcComparison, comparison: Comparison, now: datetime) -> Iterator[str]:
    yield ""
    yield f"FMC {fmc.uuid}: {_status(fmc.status, comparison)}"
    for fact in fmc.facts:
        if _is_shown(fact):
            yield from _fact(fact, now)
    for file in fmc.files:
        yield from _file(file, comparison, now)


def _status(status: Status, comparison: Comparison) -> str:
    """Return a status in words; what only one side has is called by what that side is."""
    if status in (Status.UNCHANGED, Status.CHANGED):
        return _(str(status))
    is_from = status is Status.ONLY_FROM
    side = comparison.before if is_from else comparison.after
    if comparison.before.kind != comparison.after.kind:
        text = _("only in the {kind}")
    else:
        text = _("only in the first {kind}") if is_from else _("only in the second {kind}")
    return text.format(kind=_(side.kind))


def _file(file: FileComparison, comparison: Comparison, now: datetime) -> Iterator[str]:
    kind = "key" if file.name.endswith("key.pem") else "certificate"
    facts = {fact.name: fact for fact in file.facts}
    status = _status(file.status, comparison)
    if file.status is Status.CHANGED:
        if facts["sha256"].is_same:
            status = _("the same file, but not as it should stand")
        elif file.is_same:
            is_key = kind == "key"
            status = (
                _("the same key in other bytes")
                if is_key
                else _("the same certificate in other bytes")
            )
    yield f"  {file.name}: {status}"
    for name in LABELS:
        if name in facts and _is_shown_of_file(facts[name], file, kind):
            yield from _fact(facts[name], now)


def _is_shown_of_file(fact: Fact, file: FileComparison, kind: str) -> bool:
    """Leave out what is as it should be, and what another fact says."""
    if fact.name in _AS_IT_SHOULD_BE:
        wanted = _AS_IT_SHOULD_BE[fact.name]
        return any(each not in (None, wanted) for each in (fact.before, fact.after))
    if file.status is Status.UNCHANGED:
        return fact.name in _IN_SHORT
    if fact.name == "sha256":
        return kind == "key" or file.is_same
    if fact.name == "public_key":
        return fact.is_same is not None
    return True


def _fact(fact: Fact, now: datetime) -> Iterator[str]:
    """Yield one row if both sides say the same, else one for each side that says something."""
    before, after = (_text(fact, value, now) for value in (fact.before, fact.after))
    if fact.name == "public_key":
        yield from _row(
            " " if fact.is_same else "+", fact, _("the same") if fact.is_same else _("another")
        )
    elif fact.is_same:
        yield from _row(" ", fact, after)
    else:
        if fact.name == "subject" and fact.is_same is False:
            before, after = _only_differing(fact)
        if fact.before is not None:
            yield from _row("-", fact, before)
        if fact.after is not None:
            yield from _row("+", fact, after + _beside(fact))


def _only_differing(fact: Fact) -> tuple[str, str]:
    """Return the attributes in which two subjects differ."""
    sides = [side if isinstance(side, tuple) else () for side in (fact.before, fact.after)]
    one, other = sides
    return (
        _joined([each for each in one if each not in other] or one),
        _joined([each for each in other if each not in one] or other),
    )


def _joined(attributes: Sequence[str]) -> str:
    """Return attributes as one text that is wrapped between them: their blanks do not break."""
    return "; ".join(each.replace(" ", "\N{NO-BREAK SPACE}") for each in attributes)


def _text(fact: Fact, value: object, now: datetime) -> str:
    """Return what one side says; nothing is never shown."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        text = f"{value:%Y-%m-%dT%H:%M:%SZ}"
        if fact.name == "not_after" and value < now:
            text = _("{time}, EXPIRED {ago} ago").format(time=text, ago=_days(now - value))
        if fact.name == "not_before" and value > now:
            text = _("{time}, NOT VALID YET").format(time=text)
        return text
    if isinstance(value, tuple):
        return _joined(value)
    if fact.name == "belongs_to":
        return _(_BELONGS_TO[str(value)])
    if fact.name == "protection":
        return _("encrypted") if value == "encrypted" else _("NOT ENCRYPTED")
    if fact.name == "issuer" and value == "":
        return _("without a common name")
    if fact.name in ("kind", "key"):
        return _(str(value))
    return str(value)


def _beside(fact: Fact) -> str:
    """Return what is said behind the right side of a fact that differs."""
    if isinstance(fact.before, datetime) and isinstance(fact.after, datetime):
        apart = fact.after - fact.before
        text = _(", {days} later") if apart > timedelta(0) else _(", {days} EARLIER")
        return text.format(days=_days(abs(apart)))
    if fact.name == "run_id" and isinstance(fact.before, int) and isinstance(fact.after, int):
        is_older = fact.after < fact.before
        return (
            _(", OLDER: install.sh refuses it without --allow-older") if is_older else _(", newer")
        )
    return ""


def _days(span: timedelta) -> str:
    return ngettext("{count} day", "{count} days", span.days).format(count=span.days)


def _row(mark: str, fact: Fact, text: str) -> Iterator[str]:
    return _wrapped(f"  {mark} {_(LABELS[fact.name]):<16}", text)


def _wrapped(label: str, text: str) -> Iterator[str]:
    """Yield a label and a text, wrapped so that no line is longer than COLUMNS."""
    lines = textwrap.wrap(text, COLUMNS - len(label), break_on_hyphens=False) or [""]
    for line in lines:
        yield f"{label}{line}".rstrip().replace("\N{NO-BREAK SPACE}", " ")
        label = " " * len(label)


def _forecast(forecast: Forecast, comparison: Comparison) -> Iterator[str]:
    """Yield what install.sh would do."""
    if forecast.is_interrupted:
        yield _("an earlier run of install.sh was interrupted: the next one first puts that right")
    if forecast.outcome == "nothing":
        yield _("install.sh would say: already installed: nothing to do")
    elif forecast.outcome == "refuse":
        label = _("install.sh would refuse:")
        width = len(label)
        for each in forecast.objections:
            text = (
                _("{message} (exit {code}), unless {option} is given")
                if each.unless
                else _("{message} (exit {code})")
            ).format(message=each.message, code=int(each.exit_code), option=each.unless)
            yield from _wrapped(f"{label:>{width}} ", text)
            label = _("and then:")
    else:
        if not forecast.is_signer_pinned:
            yield _("install.sh would ask for the signer's fingerprint, as it is not pinned there")
        yield from _landing(forecast, comparison)


def _landing(forecast: Forecast, comparison: Comparison) -> Iterator[str]:
    """Yield the files that would be put in place, each with what becomes of it."""
    files = {(fmc.uuid, f.name): f for fmc in comparison.fmcs for f in fmc.files}
    named = [
        (target, files[target.split("/")[-2], target.split("/")[-1]]) for target in forecast.targets
    ]
    if all(fact.is_same for _target, f in named for fact in f.facts if fact.name == "sha256"):
        yield _("only mode or owner differ, which in a copy not made by root are not the device's")
    yield _("install.sh would put {count} files in place as one, and restart sftunnel:").format(
        count=len(named)
    )
    width = max(len(target) for target in forecast.targets)
    for target, file in named:
        what = _LANDS.get(file.status, N_("new"))
        yield f"  {target:<{width}}  {_(what)}"
