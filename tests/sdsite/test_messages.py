"""Translation files: complete, and in step with code and templates."""

import re
import shutil
from io import BytesIO

import pytest
from babel.messages.extract import extract

from sdsite import messages

CATALOGS = pytest.mark.parametrize("path", messages.catalogs(), ids=lambda path: path.parts[-3])
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w*\}")
TEMPLATE = b"""{% load i18n %}
  <h1>{% translate "Plans" %}</h1>
    {% translate "Open" context "invoice" %}
{% include "a.html" with label=_("Gallery") %}
{% blocktranslate count n=n with who=user.name %}{{ who }} has one{% plural %}{{ who }} has {{ n }}{% endblocktranslate %}
"""


def texts_of(message):
    return message.id if isinstance(message.id, tuple | list) else (message.id,)


def strings_of(message):
    """The translations of a message; the file's header is no message."""
    strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return [string for string in strings if string and message.id]


def named(message):
    return (message.context, texts_of(message)[0])


@CATALOGS
def test_every_text_is_translated(path):
    catalog = messages.read(path)
    known = {named(message) for message in catalog}
    unsure = messages.missing(catalog)
    unknown = [each for each in messages.extracted() if each.id and named(each) not in known]

    waiting = [
        f"{texts_of(each)[0]!r} ({', '.join(place for place, _ in each.locations) or path.name})"
        for each in (*unknown, *unsure)
    ]
    assert not waiting, f"{len(waiting)} texts wait for {path}:\n" + "\n".join(waiting)


@CATALOGS
def test_a_translation_fills_in_what_its_text_does(path):
    wrong = [
        string
        for message in messages.read(path)
        for string in strings_of(message)
        if not set(PLACEHOLDER.findall(string))
        <= set(PLACEHOLDER.findall(" ".join(texts_of(message))))
    ]

    assert wrong == []


def test_texts_are_found_in_templates():
    found = extract(messages._extract_template, BytesIO(TEMPLATE), messages.KEYWORDS)

    assert [(line, text, context) for line, text, _comments, context in found] == [
        (2, "Plans", None),
        (3, "Open", "invoice"),
        (4, "Gallery", None),
        (5, ("%(who)s has one", "%(who)s has %(n)s"), None),
    ]


def test_texts_are_found_in_code():
    ids = {named(message) for message in messages.extracted()}

    assert (None, "Concept art and illustration") in ids
    assert ("seed", "Keep for the next picture") in ids
    assert (None, "Choose a number from %(low)g to %(high).10g.") in ids


@pytest.fixture
def file(tmp_path):
    """A translation file that may be changed."""
    path = tmp_path / "zh_Hans" / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True)
    shutil.copy(messages.PROJECT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po", path)
    return path


def test_new_texts_come_in_and_old_ones_go(file):
    before = file.read_text()
    file.write_text(before.replace('msgid "Dark"', 'msgid "Gone"'))

    waiting = messages.update(file)

    after = messages.read(file)
    assert (None, "Dark") in {named(each) for each in waiting}
    assert (None, "Gone") not in {named(each) for each in after}
    assert after.get("Light").string == "浅色"


def test_a_second_time_changes_nothing(file):
    messages.update(file)
    once = file.read_text()

    messages.update(file)

    assert file.read_text() == once
