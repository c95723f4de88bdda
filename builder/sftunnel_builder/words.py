"""Which language people are spoken to in: gettext, with the catalogues that Babel made.

`_("wanted {x}").format(x=...)` gives a text in the language that the command line chose, once, with
`speak`. English is what stands in the sources and needs no catalogue, so that it costs one look at
an attribute. What is looked up while a module is loaded would be English for ever: mark such a text
with `N_`, and translate it where it is shown. `make catalogues` finds all of these, and those
in the templates.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from sftunnel_builder.resources import DOMAIN, catalogues

if TYPE_CHECKING:
    import gettext as catalogue


class Lang(StrEnum):
    """A language, by its ISO 639-1 code."""

    EN = "en"
    ES = "es"


class _Spoken:
    """The language of this process; catalogue is None for English."""

    lang: Lang = Lang.EN
    catalogue: catalogue.NullTranslations | None = None


_spoken = _Spoken()


def speak(lang: Lang) -> None:
    """Choose the language of everything that is worded from now on."""
    _spoken.lang, _spoken.catalogue = lang, _load(lang)


@contextmanager
def speaking(lang: Lang) -> Iterator[None]:
    """Choose the language of what is worded inside; before and after it is as it was."""
    before = _spoken.lang
    speak(lang)
    try:
        yield
    finally:
        speak(before)


def spoken() -> Lang:
    """Return the language that was chosen."""
    return _spoken.lang


@cache
def _load(lang: Lang) -> catalogue.NullTranslations | None:
    """Return the catalogue of a language, None for that of the sources."""
    if lang is Lang.EN:
        return None
    import gettext as catalogue

    return catalogue.translation(DOMAIN, catalogues(), [lang])


def gettext(message: str) -> str:
    """Return a text in the chosen language."""
    return _spoken.catalogue.gettext(message) if _spoken.catalogue else message


def ngettext(one: str, many: str, count: int) -> str:
    """Return the form of a text that fits a number."""
    if _spoken.catalogue:
        return _spoken.catalogue.ngettext(one, many, count)
    return one if count == 1 else many


def pgettext(context: str, message: str) -> str:
    """Return a text that is translated apart from others that read the same."""
    return _spoken.catalogue.pgettext(context, message) if _spoken.catalogue else message


def N_(message: str) -> str:  # noqa: N802  the name that gettext's tools know
    """Mark a text that is translated later, where it is shown."""
    return message


_ = gettext
