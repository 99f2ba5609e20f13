"""git as the judge of merges: the program that asks it is tested on small histories, and a real one must stay found."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from random import Random

import pytest

from benchmarks.git_judge import Merge, counts, figures_of, merges
from benchmarks.git_page import page
from benchmarks.history import History
from benchmarks.merge_file import Conflict, changes, merge_file
from benchmarks.traces import folder
from client_demo.traces import Patch, Trace, Txn, read_trace

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is the judge")
PAGE = Path(__file__).parents[2] / "docs" / "judged-by-git.md"


def recorded(limit: int | None = None) -> History:
    where = folder()
    if where is None or not (where / "node_nodecc.json.gz").exists():
        pytest.skip("KEEPBOTH_TRACES names no folder with node_nodecc.json.gz")
    return History(read_trace(where / "node_nodecc.json.gz", limit))


def merge_of(base: str, one: list[Patch], other: list[Patch], after: tuple[Patch, ...] = ((0, 0, "# "),)) -> Merge:
    """Two branches and their merge, which its author then changed."""
    txns = [
        Txn("start", (), ((0, 0, base),)),
        Txn("ann", (0,), tuple(one)),
        Txn("bob", (0,), tuple(other)),
        Txn("ann", (1, 2), after),
    ]
    (found,) = merges(History(Trace("small", txns, None)))
    return found


@pytest.mark.parametrize("seed", range(60))
def test_gits_conflicts_are_on_the_lines_they_are_said_to_be(seed: int) -> None:
    """`merge_file` raises where the lines of a conflict do not read as git shows them."""
    random = Random(seed)

    def version(lines: list[str]) -> list[str]:
        out = list(lines)
        for _ in range(random.randint(0, 4)):
            at = random.randint(0, len(out))
            out[at : at + random.randint(0, 3)] = random.choices("abcd", k=random.randint(0, 3))
        return out

    base = random.choices("abcd", k=random.randint(0, 14))
    texts = ["".join(f"{line}\n" for line in lines) for lines in (base, version(base), version(base))]
    if random.random() < 0.3:
        texts = [text.removesuffix("\n") for text in texts]
    verdict = merge_file(*texts)
    if not verdict.hunks:
        assert "<<<<<<<" not in verdict.text
        assert not verdict.conflicts or texts[1] != texts[2]


def test_lines_that_changed() -> None:
    assert changes("a\nb\nc\nd\n", "a\nB\nc\nd\ne") == [((1, 2), (1, 2)), ((4, 4), (4, 5))]
    assert changes("same\n", "same\n") == []


def test_a_conflict_has_its_entry() -> None:
    merge = merge_of("one\ntwo\nthree\n", [(4, 3, "2")], [(4, 3, "II")])
    assert merge.git.conflicts == [Conflict((1, 2), (1, 2), (1, 2))]
    (episode,) = merge.on_lines(merge.git.conflicts[0])
    assert episode.base == "two"
    assert merge.touched(merge.git.conflicts[0])
    assert merge.merged.text == merge.people.removeprefix("# ") == "one\n2II\nthree\n"


def test_an_entry_elsewhere_does_not_count() -> None:
    far = "-" * 29 + "\n"
    merge = merge_of(f"one\n{far}two\nthree\n", [(0, 3, "1"), (34, 3, "2")], [(0, 3, "I"), (38, 5, "III")])
    first, second = merge.git.conflicts
    assert len(merge.episodes) == 1
    assert merge.on_lines(first) == list(merge.episodes)
    assert (merge.on_lines(second), merge.touched(second)) == ([], False)


def test_the_same_change_twice_is_clean_for_git_and_has_its_entry() -> None:
    merge = merge_of("if (a) {\n", [(5, 0, " && b")], [(5, 0, " && b")])
    assert (merge.git.conflicts, merge.git.text, merge.merged.text) == ([], "if (a && b) {\n", "if (a && b && b) {\n")
    ((_, lines),) = merge.different
    assert len(merge.on_merged_lines(lines)) == 1
    assert merge.touched_in_merged(lines)
    assert merge.said_alike(lines)


@pytest.mark.parametrize(
    ("base", "one", "other", "between", "merged"),
    [
        ("one two three\n", [(0, 3, "1")], [(4, 3, "2")], " ", "1 2 three\n"),
        ("f(x);\nreturn y;\n", [(3, 0, ", z")], [(6, 0, "// why\n")], ");\n", "f(x, z);\n// why\nreturn y;\n"),
        ("  end\n", [(0, 0, "  X\n  Y\n")], [(2, 0, "X\n  ")], "  ", "  X\n  Y\n  X\n  end\n"),
    ],
    ids=["one line", "lines side by side", "one line twice, typed before and behind the indent"],
)
def test_what_both_kept_separates_even_where_git_conflicts(
    base: str, one: list[Patch], other: list[Patch], between: str, merged: str
) -> None:
    merge = merge_of(base, one, other)
    (conflict,) = merge.git.conflicts
    assert (merge.episodes, merge.between(conflict), merge.merged.text) == ((), between, merged)


def test_one_line_typed_before_and_behind_the_indent_is_doubled_and_in_no_entry() -> None:
    """Known: two spaces that both kept separate the two, though both meant the same and git sees that."""
    merge = merge_of("  end\n", [(0, 0, "  X\n")], [(2, 0, "X\n  ")])
    assert (merge.git.text, merge.merged.text) == ("  X\n  end\n", "  X\n  X\n  end\n")
    assert (merge.changed, merge.episodes) == (True, ())


def test_what_people_kept_of_a_merge() -> None:
    one, other = [(4, 3, "1")], [(8, 5, "2")]
    kept = merge_of("top\none two three\n" + "-\n" * 5, one, other, ((20, 1, "+"),))
    changed = merge_of("top\none two three\n" + "-\n" * 5, one, other, ((4, 1, "i"),))
    assert (kept.kept(kept.git.conflicts[0]), changed.kept(changed.git.conflicts[0])) == (True, False)


def test_three_branches_are_two_merges_and_several_common_ancestors_one_base() -> None:
    txns = [
        Txn("a", (), ((0, 0, "1\n2\n3\n"),)),
        Txn("b", (0,), ((0, 1, "b"),)),
        Txn("c", (0,), ((2, 1, "c"),)),
        Txn("d", (0,), ((4, 1, "d"),)),
        Txn("a", (1, 2, 3), ((0, 0, "="),)),
        Txn("b", (1, 2), ((6, 0, "+\n"),)),
        Txn("c", (1, 2), ((6, 0, "-\n"),)),
        Txn("d", (5, 6), ((6, 0, "!\n"),)),
    ]
    found = list(merges(History(Trace("crossed", txns, None))))
    assert [merge.txn for merge in found] == [4, 4, 5, 6, 7]
    assert [merge.bases for merge in found] == [1, 1, 1, 1, 2]
    assert found[1].merged.text == "b\nc\nd\n"
    assert found[-1].base.text == "b\nc\n3\n"


def test_the_first_real_merges_are_as_they_were() -> None:
    history = recorded(60)
    for txn in (22, 40, 59):
        assert history.screen(history.upto(txn)).text == history.text_after[txn]
    assert counts(list(merges(history))) == {
        "merges": 7,
        "merges_git_calls_conflicting": 2,
        "those_with_an_entry": 2,
        "conflicts": 3,
        "conflicts_with_an_entry_on_their_lines": 2,
        "conflicts_with_a_touch_on_their_lines": 2,
        "conflicts_without_where_people_kept_the_merge": 1,
        "merges_git_calls_clean_with_another_text": 1,
        "places_with_another_text": 1,
        "places_with_an_entry_on_their_lines": 1,
        "places_with_a_touch_on_their_lines": 1,
        "places_with_equal_sides": 1,
        "merges_git_calls_clean_with_the_same_text": 4,
        "those_with_entries": 0,
        "entries_between_sides": 4,
    }


@pytest.mark.full
def test_all_real_merges_are_found_and_the_page_says_so() -> None:
    history = recorded()
    assert history.text_after[-1] == history.trace.end
    found = list(merges(history))
    figures = figures_of(history, found)
    assert figures["places_with_an_entry_on_their_lines"] == figures["places_with_another_text"] == 35
    assert figures["conflicts_with_an_entry_on_their_lines"] >= 43
    written = PAGE.read_text(encoding="utf-8")
    git = re.search(r"with (git version \S+)\.", written)
    assert git is not None
    assert page(found, figures, git[1]) == written
