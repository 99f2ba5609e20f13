"""The documents say what the code does: every error, setting, message, event type and link is there, examples run."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pycrdt
import pytest

from keepboth import errors, events
from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact, Episode, Kind, Severity
from keepboth.settings import Settings
from keepboth.store.base import Append
from keepboth.store.sqlite import SqliteStore
from keepboth.yjs import private
from keepboth.yjs.update import decode_update

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
NOT_OURS = {".venv", "node_modules", ".git", "dist", "build"}
PAGES = sorted(
    page
    for page in ROOT.rglob("*.md")
    if not any(part in NOT_OURS or part.startswith(".") for part in page.relative_to(ROOT).parts)
)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every table row."""
    for line in text.splitlines():
        if line.startswith("|") and not re.fullmatch(r"[|\s:-]+", line):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def headings(text: str, level: int) -> list[str]:
    return re.findall(rf"^#{{{level}}} (.+)$", without_code(text), re.M)


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next of its level or above."""
    level = heading.index(" ")
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{level}}} |\Z)", text, re.M | re.S)
    assert found is not None, f"there is no {heading!r}"
    return found[1]


# -- protocol --------------------------------------------------------------------------------------------------------


def error_classes() -> list[type[errors.KeepBothError]]:
    """The errors that are raised: the leaves of the tree."""
    found = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.KeepBothError)]
    return [c for c in found if not any(other is not c and issubclass(other, c) for other in found)]


@pytest.mark.parametrize("error", error_classes(), ids=lambda error: error.code)
def test_every_error_has_its_row_with_its_status(error: type[errors.KeepBothError]) -> None:
    table = {row[0]: row[1] for row in rows(section(read("docs/protocol.md"), "## Errors"))}
    assert table.get(f"`{error.code}`") == str(error.status)


def subtypes() -> list[tuple[str, int]]:
    """The constants of `yjs/private.py` that number messages: they stand before the first one that is no number."""
    tree = ast.parse(read("server/keepboth/yjs/private.py"))
    named = [node for node in tree.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]
    found: list[tuple[str, int]] = []
    for node in named:
        assert isinstance(node.target, ast.Name)
        value = getattr(private, node.target.id)
        if not isinstance(value, int):
            break
        if node.target.id != "VERSION":
            found.append((node.target.id, value))
    return found


def test_every_private_message_is_described() -> None:
    text = section(read("docs/protocol.md"), "## Private messages (type 120)")
    assert len(subtypes()) >= 8
    described = re.findall(r"\*\*`(\d+)` (\w+)\*\*", text)
    assert sorted(described) == sorted((str(value), name.lower()) for name, value in subtypes())


# -- events ----------------------------------------------------------------------------------------------------------


def test_every_event_type_is_described() -> None:
    types = {v for n, v in vars(events).items() if n.isupper() and isinstance(v, str) and re.fullmatch(r"\w+\.\w+", v)}
    assert len(types) >= 7
    table = " ".join(row[0] for row in rows(section(read("docs/events.md"), "## Types")))
    assert set(re.findall(r"`([^`]+)`", table)) == types
    assert all(kind.startswith(events.OWN_TYPE_PREFIXES) for kind in types)


def test_every_field_of_an_event_is_described() -> None:
    table = " ".join(row[0] for row in rows(section(read("docs/events.md"), "## Fields")))
    assert set(re.findall(r"`([^`]+)`", table)) == set(events.Event.__dataclass_fields__)


@pytest.mark.parametrize(
    ("heading", "values"),
    [("## Contexts", get_args(events.ContextSource)), ("## Dispositions", get_args(events.Disposition))],
    ids=["contexts", "dispositions"],
)
def test_every_word_of_a_field_has_its_row(heading: str, values: tuple[str, ...]) -> None:
    assert [row[0] for row in rows(section(read("docs/events.md"), heading))][1:] == [f"`{value}`" for value in values]


def test_a_log_is_verified_by_hand_and_a_changed_one_is_not(tmp_path: Path) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```", section(read("docs/events.md"), "## Verifying"), re.M | re.S)
    (tmp_path / "verify.py").write_text(program, encoding="utf-8")
    log = tmp_path / "log.sqlite3"
    store = SqliteStore(log)
    for number in range(1, 6):
        edit = events.Draft(
            events.EDIT_RECORDED,
            number.to_bytes(16, "big"),
            bytes((number,)) * number,
            actor="ann",
            content_type=events.CONTENT_YJS_UPDATE,
            session="session" if number > 1 else None,
            session_seq=number if number > 2 else None,
            clients=(7, 2**40) if number % 2 else (),
            context=events.Context(events.Seen(number, ((8, 9),)), events.Seen(300, (), ((2, 2),))),
            context_source="structure",
            message=b"more" if number == 4 else None,
            relayed_by="other" if number == 4 else None,
            authored_at=number if number == 3 else None,
            away_from=5 if number == 5 else None,
            correlation_id="together" if number == 5 else None,
        )
        create = events.Draft(events.DOCUMENT_CREATED, bytes(16), b"{}", actor="ann")
        store.append([Append("a/b", [edit], create=create)])
    store.blank("a/b", [3])
    row = store.document("a/b")
    assert row is not None
    store.close()

    def verify() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(tmp_path / "verify.py"), str(log), "a/b"]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    done = verify()
    assert done.stdout.startswith(f"a/b: 6 events, {row.document_hash.hex()}; log "), done.stderr
    data = log.read_bytes()
    assert data.count(b"\x05" * 5) == 1
    log.write_bytes(data.replace(b"\x05" * 5, b"\x05" * 4 + b"\x06"))
    done = verify()
    assert "the payload of revision 6 was changed" in done.stderr


# -- conflicts -------------------------------------------------------------------------------------------------------


MARK = re.compile(r"\[-(.*?)-\]|\{\+(.*?)\+\}")
EXAMPLES = re.findall(r"^```conflict\n(.*?)^```", read("docs/conflicts.md"), re.M | re.S)


def edited(base: bytes, client: int, marked: str) -> bytes:
    """The update of somebody who has *base* and makes the marked changes in one transaction."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=client)
    doc.apply_update(base)
    text = doc.get("text", type=pycrdt.Text)
    before = doc.get_state()
    at = end = 0
    with doc.transaction():
        for mark in MARK.finditer(marked):
            at += len(marked[end : mark.start()])
            end = mark.end()
            if mark[1] is not None:
                del text[at : at + len(mark[1])]
            else:
                text.insert(at, mark[2])
                at += len(mark[2])
    return bytes(doc.get_update(before))


def collide(before: str, people: dict[str, str]) -> tuple[str, tuple[Episode, ...]]:
    """What the merge makes of concurrent edits to *before*, and the conflict log."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=1)
    text = doc.get("text", type=pycrdt.Text)
    text += before
    base = bytes(doc.get_update())
    engine = DocumentConflicts()
    engine.add([EditFact(1, 1, "before", "before", events.Context.of(0), decode_update(base))])
    for number, (name, marked) in enumerate(people.items(), 2):
        update = edited(base, 10 + number, marked)
        doc.apply_update(update)
        engine.add([EditFact(number, number, name, name, events.Context.of(1), decode_update(update))])
    return str(text), engine.episodes()


def said(value: str) -> str:
    """A text as an example writes it."""
    return re.sub(r"^ | $", "_", value) or "(nothing)"


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_a_worked_example_comes_out_as_the_page_says(example: str) -> None:
    lines = dict(re.split(r"  +", line, maxsplit=1) for line in example.splitlines())
    people = {name: lines[name] for name in ("Ann", "Bob")}
    merged, episodes = collide(lines["before"], people)
    expected = {"before": lines["before"], **people, "merged": merged, "kinds": "(nothing)"}
    for name, marked in people.items():
        assert MARK.sub(lambda mark: mark[1] or "", marked) == lines["before"], name
    assert len(episodes) <= 1
    for episode in episodes:
        expected["kinds"] = " ".join(sorted(episode.kinds))
        expected["base"] = said(episode.base)
        expected.update((f"{side.actor}'s", said(side.text)) for side in episode.sides)
        assert episode.certain
        assert episode.before + episode.merged + episode.after == merged
    assert lines == expected


COLLISIONS = re.findall(r"^```collision\n(.*?)^```", read("docs/conflicts.md"), re.M | re.S)


def paragraph(words: str) -> pycrdt.XmlElement:
    return pycrdt.XmlElement("p", {}, [pycrdt.XmlText(words)])


def made(doc: pycrdt.Doc[Any], program: str) -> bytes:
    """The update that *program* makes in one transaction."""
    page = doc.get("page", type=pycrdt.XmlFragment).children
    names = {"map": doc.get("map", type=pycrdt.Map), "text": doc.get("text", type=pycrdt.Text), "page": page}
    updates: list[bytes] = []
    subscription = doc.observe(lambda event: updates.append(event.update))
    with doc.transaction():
        exec(program, {"paragraph": paragraph, **names})
    doc.unobserve(subscription)
    (update,) = updates
    return update


@pytest.mark.parametrize("example", COLLISIONS, ids=range(len(COLLISIONS)))
def test_a_collision_of_any_kind_comes_out_as_the_page_says(example: str) -> None:
    lines = dict(re.split(r"  +", line, maxsplit=1) for line in example.splitlines())
    docs: list[pycrdt.Doc[Any]] = [pycrdt.Doc(client_id=client) for client in (1, 12, 13)]
    updates = [made(docs[0], lines["before"])]
    for doc, name in zip(docs[1:], ("Ann", "Bob"), strict=True):
        doc.apply_update(updates[0])
        updates.append(made(doc, lines[name]))
    engine = DocumentConflicts()
    for number, (name, update) in enumerate(zip(("before", "Ann", "Bob"), updates, strict=True), 1):
        context = events.Context.of(min(number - 1, 1))
        engine.add([EditFact(number, number, name, name, context, decode_update(update))])
    (episode,) = engine.episodes()
    assert lines == {
        **{name: lines[name] for name in ("before", "Ann", "Bob")},
        "kinds": " ".join(sorted(episode.kinds)),
        "severity": episode.severity,
        "base": said(episode.base),
        **{f"{side.actor}'s": said(side.text) for side in episode.sides},
        "merged": said(episode.merged),
        "lost": said("".join(side.lost for side in episode.sides)),
    }


def test_every_kind_field_and_severity_of_a_conflict_is_described() -> None:
    text = read("docs/conflicts.md")
    assert [row[0] for row in rows(section(text, "## Kinds"))][1:] == [f"`{kind}`" for kind in get_args(Kind)]
    assert [row[0] for row in rows(section(text, "## Severity"))][1:] == [f"`{name}`" for name in get_args(Severity)]
    shown = {
        kind for example in EXAMPLES + COLLISIONS for kind in re.findall(r"^kinds +(.*)$", example, re.M)[0].split()
    }
    assert set(get_args(Kind)) <= shown
    fields = " ".join(row[0] for row in rows(section(text, "## Episodes")))
    assert set(re.findall(r"`([^`]+)`", fields)) == set(Episode.__dataclass_fields__)


# -- operating -------------------------------------------------------------------------------------------------------


def default_text(value: Any) -> str:
    if value is None or value == ():
        return "none"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def test_every_setting_has_its_row_with_variable_and_default() -> None:
    table = {row[0]: row[1:3] for row in rows(section(read("docs/operating.md"), "## Settings")) if len(row) == 4}
    del table["setting"]
    assert table == {
        f"`{name}`": [f"`KEEPBOTH_{name.upper()}`", default_text(field.default)]
        for name, field in Settings.model_fields.items()
    }


def test_the_identify_hook_of_the_page_works() -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```", read("docs/operating.md"), re.M | re.S)
    names: dict[str, Any] = {}
    exec(program, names)
    identify = names["identify"]
    ann = names["USERS"]["s3cret"]
    assert identify(SimpleNamespace(path="/ws/a?token=s3cret", headers={})) == ann
    assert identify(SimpleNamespace(url="http://h/api/documents", headers={"Authorization": "Bearer s3cret"})) == ann
    assert identify(SimpleNamespace(path="/ws/a", headers={})) is None
    with pytest.raises(errors.NotAuthorised):
        identify(SimpleNamespace(path="/ws/a?token=other", headers={}))


def test_every_variable_that_is_read_is_described() -> None:
    files = [path for folder in ("server", "tests", "benchmarks", "client_demo") for path in (ROOT / folder).rglob("*")]
    found: set[str] = set()
    for path in files:
        if path.suffix in (".py", ".mjs") and "node_modules" not in path.parts:
            found |= set(re.findall(r"\bKEEPBOTH_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))
    text = read("docs/operating.md")
    assert [name for name in sorted(found) if name not in text] == []


# -- all pages -------------------------------------------------------------------------------------------------------


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    words = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return words.replace(" ", "-")


def links(page: Path) -> list[str]:
    text = re.sub(r"`[^`\n]*`", "", without_code(page.read_text(encoding="utf-8")))
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            broken.append(link)
        elif anchor:
            text = target.read_text(encoding="utf-8")
            if anchor not in {slug(heading) for level in range(1, 7) for heading in headings(text, level)}:
                broken.append(link)
    assert broken == []


WORDS = (
    "event command draft stream revision position append update replica fold projection cut state-vector context "
    "seen concurrent separator touch record episode side actor session room receipt acknowledge awareness dialect"
)


def test_the_glossary_has_the_projects_words_once() -> None:
    terms = headings(read("docs/glossary.md"), 3)
    assert len(terms) == len(set(terms))
    assert [word for word in WORDS.split() if word.replace("-", " ") not in terms] == []


@pytest.mark.parametrize("page", ["events", "conflicts"])
def test_what_a_section_is_about_is_in_the_glossary(page: str) -> None:
    terms = set(headings(read("docs/glossary.md"), 3))
    general = {"Fields", "Types", "Identity", "Tables", "CloudEvents", "Verifying", "Definition", "Ids", "Limits"}
    about = [heading for heading in headings(read(f"docs/{page}.md"), 2) if " " not in heading]
    singular = {re.sub(r"(?<=sh)es$|s$", "", heading.lower()): heading for heading in about if heading not in general}
    assert [heading for word, heading in singular.items() if word not in terms] == []


def test_decisions_are_numbered_and_have_their_parts() -> None:
    pages = sorted((DOCS / "decisions").glob("*.md"))
    for number, page in enumerate(pages, 1):
        assert page.name.startswith(f"{number:04d}-")
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}. ")
        assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.M) == ["Context", "Decision", "Consequence"]


def test_names_of_code_in_the_architecture_exist() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "server").rglob("*.py"))
    text = without_code(read("docs/architecture.md"))
    for name in re.findall(r"`((?:[A-Z]\w+\.)?_?[A-Za-z]\w+)`", text):
        for part in name.split("."):
            assert re.search(rf"\b{part}\b", source), name
    for path in re.findall(r"`((?:\w+/)+\w+\.py)`", text):
        assert (ROOT / path).exists() or (ROOT / "server" / "keepboth" / path).exists(), path
