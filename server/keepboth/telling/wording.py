"""Every sentence there is, in English, by code. An application that speaks another language replaces the table.

``{field}`` is a parameter, ``{field:form}`` says how it is written: see `keepboth.telling.sentences`.
"""

from __future__ import annotations

from typing import Final

COLLISIONS: Final = {
    "both-rewrote": "{people:both} rewrote {before:quote}. {versions:all} {still:are} in the {holder}.",
    "both-rewrote-mixed": "{people:both} rewrote {before:quote}. {versions:all} {still:are} in the "
    "{holder} and their letters {still:are} mixed.",
    "both-wrote": "{people:both} wrote in the same place: {texts:quotes}. {versions:all} {still:are} in the {holder}.",
    "both-wrote-mixed": "{people:both} wrote in the same place: {texts:quotes}. {versions:all} "
    "{still:are} in the {holder} and their letters {still:are} mixed.",
    "several-changed": "{people} changed the same {noun}.",
    "several-changed-mixed": "{people} changed the same {noun}. Their letters {still:are} mixed.",
    "same-line": "{people:both} changed line {line}.",
    "near-lines": "{people} changed neighbouring lines, {line} to {last}.",
    "wrote-beside-deleted": "{deleters} deleted {gone:quote} while {writers} wrote {text:quote} right beside it.",
    "wrote-twice": "{people:both} wrote {text:quote}. It {still:is} in the {holder} {times:times}.",
    "changed-twice": "{people} made the same change. What they wrote {still:is} in the {holder} {times:times}.",
    "replaced-deleted": "{deleters} deleted {gone:quote} while {writers} rewrote it. {writers:own} "
    "{text:quote} {still:is} in the {holder}.",
    "typed-in-deleted": "{deleters} deleted {what} while {writers} typed in {it}. {writers:own} "
    "{text:quote} stayed, without {its}.",
    "typed-in-rewritten": "{deleters} rewrote {what} while {writers} typed in {it}. {writers:own} "
    "{text:quote} stayed, without {its}.",
    "typed-in-removed": "{deleters} deleted {what} while {writers} typed in {it}. {losers:own} "
    "{text:quote} {still:is} not in the document.",
    "typed-in-removed-several": "{deleters} deleted {what} while {writers} typed in {it}. {losers:own} "
    "texts {still:are} not in the document.",
    "changed-in-removed-missing": "{deleters} deleted {what} while {writers} changed {it}. {losers:own} "
    "{text:quote} {still:is} not in the document.",
    "changed-in-removed-missing-several": "{deleters} deleted {what} while {writers} changed {it}. "
    "{losers:own} texts {still:are} not in the document.",
    "changed-in-removed": "{deleters} deleted {what} while {writers} changed {it}. Nothing that was "
    "written {still:is} missing.",
    "typed-in-replaced": "{deleters} replaced {key:code} while {writers} changed what was in it. "
    "{losers:own} {text:quote} {still:is} not in the document.",
    "typed-in-replaced-several": "{deleters} replaced {key:code} while {writers} changed what was in it. "
    "{losers:own} texts {still:are} not in the document.",
    "changed-in-replaced": "{deleters} replaced {key:code} while {writers} changed what was in it.",
    "typed-in-unset": "{deleters} removed {key:code} while {writers} changed what was in it. "
    "{losers:own} {text:quote} {still:is} not in the document.",
    "typed-in-unset-several": "{deleters} removed {key:code} while {writers} changed what was in it. "
    "{losers:own} texts {still:are} not in the document.",
    "changed-in-unset": "{deleters} removed {key:code} while {writers} changed what was in it.",
    "text-missing-several": "{people} changed the same {noun}. {losers:own} texts {still:are} not in the document.",
    "text-missing": "{people} changed the same {noun}. {losers:own} {text:quote} {still:is} not in the document.",
    "key-set": "{settings:settings}. It {still:is} {still:now} {now:value}.",
    "key-unset": "{settings:settings}. It {still:is} not set {still:now}.",
    "formatted": "{people} formatted {text:quote} differently: {formats:formats}.",
    "formatted-deleted": "{deleters} deleted {text:quote} while {writers} formatted it.",
    "each-deleted": "{deletions:deletions}. All of it {still:is} gone.",
    "same-change": "{people} made the same change.",
    "same-deleted": "{people:both} deleted {text:quote}.",
    "same-key": "{people:both} set {key:code} to {now:value}.",
    "same-key-removed": "{people:both} removed {key:code}.",
    "own-devices": "{people} changed the same {noun} on {devices:#device}.",
    "own-devices-missing": "{people} changed the same {noun} on {devices:#device}. {text:quote} "
    "{still:is} not in the document.",
    "filled": "{people:both} wrote into an empty document. {versions:all} {still:are} in it.",
    "filled-twice": "{people:both} wrote the same into an empty document. It {still:is} there {times:times}.",
    "possible": "May have collided: this editor does not report what it had seen.",
}

NOTES: Final = {
    "capped": "So many edits met here that they were not compared one by one.",
    "settled": "It has been rewritten since, by somebody who had seen all of it.",
    "resolved": "Resolved by {person}.",
    "nothing-missing": "Nothing {still:is} missing.",
}

TITLES: Final = {
    "wrote": "{people} wrote",
    "deleted": "{people} deleted it",
    "kept": "{people} left it as it was",
    "device": "{people} wrote on device {number}",
    "now": "In the document now",
    "then": "When they met",
}

PLACES: Final = {
    "line": "line {line}",
    "key": "{key:code}",
    "path": "{path}",
    "path-line": "{path}, line {line}",
    "block": "{noun} {number}",
    "heading": "heading {heading:quote}",
}

TIMES: Final = {
    "met": "{ago} ago, at the same time",
    "met-apart": "{ago} ago, apart for {apart}",
    "just-met": "just now, at the same time",
    "just-met-apart": "just now, apart for {apart}",
    "arrived": "arrived {at}, written earlier",
}

CHOICES: Final = {
    "leave": "Leave as it is",
    "leave-deleted": "Leave it deleted",
    "use": "Use {people:own}",
    "use-device": "Use what device {number} has",
    "use-once": "Keep it once",
    "use-value": "Use {value:value}",
    "use-removed": "Remove {key:code}",
    "keep-value": "Keep {value:value}",
    "keep-removed": "Keep it removed",
    "both": "Both, one after the other",
    "all": "All, one after the other",
    "restore": "Put the {noun} back",
    "remove-rest": "Remove the rest",
    "write": "Write it…",
    "seen": "Seen",
}

OUTCOMES: Final = {
    "text-missing": "Text missing",
    "shown-twice": "Shown twice",
    "both-kept": "Both kept",
    "one-kept": "One kept",
    "stray-words": "Stray words",
    "formatting": "Formatting",
    "both-deleted": "Both deleted",
    "same-change": "Same change",
}

RETURNS: Final = {
    "back": "{person} is back after {away}: {edits:#edit} merged, {places:#place} to look at.",
    "back-missing": "{person} is back after {away}: {edits:#edit} merged, {places:#place} to look at, "
    "{missing} with missing text.",
    "back-unknown": "{person} is back: {edits:#edit} arrived {at}, written earlier, {places:#place} to look at.",
    "back-unknown-missing": "{person} is back: {edits:#edit} arrived {at}, written earlier, "
    "{places:#place} to look at, {missing} with missing text.",
}

FOOTERS: Final = {
    "none": "No collisions in {edits:#edit} by {people:#person}. Overlapping edits will appear here.",
    "none-yet": "No collisions yet. Overlapping edits will appear here.",
    "nothing-needs-you": "Nothing needs you. {hidden} hidden: {reasons:reasons}.",
    "hidden": "{hidden} hidden: {reasons:reasons}.",
    "checking": "Checking history, {percent} %.",
}

HIDDEN: Final = {
    "resolved": "resolved",
    "settled": "settled",
    "same-change": "same change",
    "your-own-devices": "your own devices",
    "own-devices": "one person's own devices",
    "possible": "possible",
    "whitespace": "only spaces",
    "filled-twice": "the same start twice",
}

ENGLISH: Final[dict[str, dict[str, str]]] = {
    "collision": COLLISIONS,
    "note": NOTES,
    "title": TITLES,
    "place": PLACES,
    "time": TIMES,
    "choice": CHOICES,
    "outcome": OUTCOMES,
    "return": RETURNS,
    "footer": FOOTERS,
    "hidden": HIDDEN,
}
"""By group; a sentence's full code is ``group.code``."""
