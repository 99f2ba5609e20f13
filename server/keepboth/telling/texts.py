"""Texts of an entry as people read them: XML by block instead of markup, and a noun for what a text is."""

from __future__ import annotations

import json
import re
from typing import Final, Literal, NamedTuple

from keepboth.conflicts.model import Episode
from keepboth.telling.words import has_words, words

_TAG: Final = re.compile(r"<(/?)([A-Za-z_][\w.:-]*)(\s[^<>]*?)?(/?)>")
_HEADLESS: Final = re.compile(r"^[^<>]*>")
_TAILLESS: Final = re.compile(r"<[^<>]*$|&[a-z]{0,4}(?=…?$)")
_NAMED: Final = re.compile(r"&(amp|lt|gt|quot);")
_CHARACTERS: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"'}
_INLINE: Final = frozenset({
    "a", "b", "bold", "code", "em", "emoji", "i", "italic", "link", "mark", "mention", "s", "span", "strike", "strong",
    "sub", "sup", "text", "u", "underline",
})  # fmt: skip
_SENTENCE_END: Final = (".", "!", "?", "…", "。", "！", "？", "؟", "۔", "।")

_ELEMENTS: Final = {
    "paragraph": "paragraph", "p": "paragraph", "heading": "heading", "h1": "heading", "h2": "heading",
    "h3": "heading", "h4": "heading", "h5": "heading", "h6": "heading", "bulletlist": "list", "orderedlist": "list",
    "tasklist": "list", "ul": "list", "ol": "list", "listitem": "list item", "taskitem": "list item", "li": "list item",
    "blockquote": "quotation", "codeblock": "code block", "pre": "code block", "image": "image", "img": "image",
    "table": "table", "tablerow": "table row", "tr": "table row", "tablecell": "table cell", "td": "table cell",
    "tableheader": "table cell", "th": "table cell", "horizontalrule": "rule", "hr": "rule", "figure": "figure",
    "blockgroup": "group", "blockcontainer": "block",
}  # fmt: skip


Form = Literal["text", "markup", "list", "value"]


class Noun(NamedTuple):
    """``word`` names a thing: ``sentence``. ``its``: what a rest of it is without: ``its sentence``."""

    word: str
    its: str
    article: str = "a"
    it: str = "it"

    @property
    def a(self) -> str:
        return f"{self.article} {self.word}"

    @property
    def same(self) -> str:
        """Who changed some words of a sentence changed ``the same sentence``."""
        return "sentence" if self.word == "words" else self.word


def element_noun(name: str) -> str:
    """What people call an XML element of this name: ``paragraph``; ``block`` if there is no word for it."""
    return _ELEMENTS.get(name.lower().replace("_", "").replace("-", ""), "block")


def form_of(episode: Episode) -> Form:
    """What the texts of *episode* are. In an XML element it is markup, and where all that is there begins with a tag,
    which JSON never does."""
    if episode.key is not None:
        return "value"
    if episode.line is not None or not episode.path:
        return "text"
    if len(episode.path) > 1 and episode.path[-2].name is not None:
        return "markup"
    texts = [episode.base, episode.merged, *(side.text for side in episode.sides)]
    filled = [text for text in texts if text]
    return "markup" if filled and all(_TAG.match(text) for text in filled) else "list"


def read_as(form: Form, text: str, whole: str | None = None) -> str:
    """*text*, which may be a part of *whole*, as people read it. A value that is XML reads as its text, if it has
    any."""
    if form == "markup":
        return read_markup(text)
    is_xml = form == "value" and _TAG.match(text if whole is None else whole)
    return read_markup(text) or text if is_xml else text


def entries_of(text: str) -> list[str] | None:
    """The entries of a list, each as JSON; None if one of them is a shared text or XML, whose end nothing marks."""
    try:
        return [json.dumps(entry, ensure_ascii=False) for entry in json.loads(f"[{text}]")]
    except (ValueError, RecursionError):
        return None


def around_markup(before: str, after: str) -> tuple[str, str]:
    """The text of what stands around a place in markup, which may begin or end inside a tag."""
    left = read_markup(_HEADLESS.sub("", before))
    right = read_markup(_TAILLESS.sub("", after))
    return left and left + "\n", right and "\n" + right


def only_element(text: str) -> str | None:
    """The name of the XML element that *text* is, None if it is none, or several."""
    depth = 0
    name = None
    end = 0
    for tag in _TAG.finditer(text):
        if depth == 0:
            if name is not None or tag.start() != end or tag[1]:
                return None
            name = tag[2]
        if not tag[4]:
            depth += -1 if tag[1] else 1
        end = tag.end()
    return name if end == len(text) and depth == 0 else None


def read_markup(text: str) -> str:
    """The text of XML markup, a line for every block."""
    out: list[str] = []
    at = 0
    for tag in _TAG.finditer(text):
        out.append(text[at : tag.start()])
        if tag[2].lower() not in _INLINE and out and "".join(out[-1:]) != "\n" and any(out):
            out.append("\n")
        at = tag.end()
    out.append(text[at:])
    found = re.sub(r"\n+", "\n", "".join(out)).strip("\n")
    return _NAMED.sub(lambda name: _CHARACTERS[name[1]], found)


ENTRY: Final = Noun("entry", "its entry", "an")
"""What an element of a list is."""


def noun_of(text: str, *, before: str, after: str, element: str | None) -> Noun:
    """What *text* is, where *before* and *after* stand around it. *element*: the XML element it was, if it was one."""
    if element is not None:
        word = element_noun(element)
        return Noun(word, f"its {word}", "an" if word[0] in "aeiou" else "a")
    inner = text.strip()
    if not inner:
        return Noun("place", "what was around it")
    starts = not before.strip(" ") or before.rstrip(" ").endswith("\n") or text[0] == "\n"
    ends = not after.strip(" ") or after.lstrip(" ").startswith("\n") or text[-1] == "\n"
    if "\n" in inner:
        return Noun("lines", "the lines around it", "some", "them")
    count = sum(1 for word in words(inner) if has_words(word))
    stops = inner.endswith(_SENTENCE_END)
    if starts and ends and count > 1:
        return Noun("paragraph", "its sentence") if stops else Noun("line", "its line")
    if count == 1:
        return Noun("word", "its word")
    if stops and (starts or before.rstrip().endswith(_SENTENCE_END)):
        return Noun("sentence", "its sentence")
    return Noun("words", "the words around it", "some", "them")
