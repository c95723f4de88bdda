import ast
import io
import re
import string
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from sftunnel_builder import words
from sftunnel_builder.resources import DOMAIN, catalogues
from sftunnel_builder.words import Lang, gettext, ngettext, pgettext, speak, speaking, spoken

ROOT = Path(__file__).resolve().parents[2]
TRANSLATED = [lang for lang in Lang if lang is not Lang.EN]
FILLED_IN = re.compile(r"%\(\w+\)[sd]|\{[^{}]*\}")


def key(message: Message) -> tuple[str | None, object]:
    return message.context, message.id


def place(lang: Lang) -> Path:
    return catalogues() / lang / "LC_MESSAGES" / f"{DOMAIN}.po"


def read(lang: Lang) -> Catalog:
    with place(lang).open("rb") as file:
        return read_po(file, locale=lang)


def forms(text: object) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, list | tuple) else (str(text),)


@pytest.fixture(scope="module")
def in_sources(tmp_path_factory: pytest.TempPathFactory) -> dict[object, Message]:
    """Return what `make catalogues` would find in sources and templates."""
    found = tmp_path_factory.mktemp("words") / "strings.pot"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        CommandLineInterface().run(
            ["pybabel", "-q", "extract", "--mapping", "pyproject.toml", "--output", str(found), "."]
        )
    with found.open("rb") as file:
        messages = {key(m): m for m in read_po(file) if m.id}
    assert messages, "nothing in the sources is marked"
    return messages


@pytest.mark.parametrize("lang", TRANSLATED)
def test_every_string_is_translated_and_none_is_out_of_date(
    lang: Lang, in_sources: dict[object, Message]
) -> None:
    catalogue = read(lang)
    translated = {key(m): m for m in catalogue if m.id}
    assert set(translated) == set(in_sources), "make catalogues, then translate"
    assert not catalogue.obsolete
    assert [m.id for m in translated.values() if not all(forms(m.string))] == []
    assert [m.id for m in translated.values() if m.fuzzy] == []


@pytest.mark.parametrize("lang", TRANSLATED)
def test_a_translation_fills_in_what_the_original_does(lang: Lang) -> None:
    for message in read(lang):
        wanted = sorted(FILLED_IN.findall(forms(message.id)[-1]))
        for form in forms(message.string) if message.id else ():
            assert sorted(FILLED_IN.findall(form)) == wanted, message.id


@pytest.mark.parametrize("lang", TRANSLATED)
def test_a_translation_begins_and_ends_as_the_original_does(lang: Lang) -> None:
    for message in filter(lambda m: m.id, read(lang)):
        first, last = forms(message.id)[0], forms(message.string)[0]
        assert (first[:1].isspace(), first[-1:].isspace()) == (
            *(last[:1].isspace(), last[-1:].isspace()),
        ), message.id


@pytest.mark.parametrize("lang", TRANSLATED)
def test_what_is_compiled_is_what_can_be_read(lang: Lang) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, read(lang))
    assert place(lang).with_suffix(".mo").read_bytes() == compiled.getvalue(), "make catalogues"


def test_the_language_is_chosen_once_and_put_back_after_a_page_in_another() -> None:
    assert (spoken(), gettext("WHAT AND WHY")) == (Lang.EN, "WHAT AND WHY")
    with speaking(Lang.ES):
        assert (spoken(), gettext("WHAT AND WHY")) == (Lang.ES, "QUÉ Y POR QUÉ")
        with speaking(Lang.EN):
            assert gettext("WHAT AND WHY") == "WHAT AND WHY"
        assert spoken() is Lang.ES
        assert ngettext("{n} not there", "{n} not there at all", 2) == "{n} not there at all"
        assert pgettext("nowhere", "not there") == "not there"
    assert spoken() is Lang.EN
    assert ngettext("one", "many", 1) == "one"
    speak(Lang.EN)
    assert words.N_("marked") == "marked"


def test_english_loads_no_catalogue() -> None:
    code = (
        "import sys; from sftunnel_builder import words; words.speak(words.Lang.EN);"
        "words._('x'); sys.exit('gettext' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_text_is_filled_in_with_what_it_names() -> None:
    found = 0
    for path in sorted((ROOT / "builder" / "sftunnel_builder").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            marked = node.func.value
            if node.func.attr != "format" or not isinstance(marked, ast.Call):
                continue
            given = {each.arg for each in node.keywords}
            if ast.unparse(marked.func) in ("_", "gettext", "ngettext") and None not in given:
                for text in marked.args:
                    if isinstance(text, ast.Constant):
                        named = {name for _, name, _, _ in string.Formatter().parse(text.value)}
                        assert named - {None} == given, f"{path.name} line {node.lineno}"
                        found += 1
    assert found > 200
