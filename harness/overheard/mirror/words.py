"""What names give away: which fields are labels and which hold content, which tools remember.

A reciting model that writes content into titles, categories or ids manufactures leaks: such values are
shared, listed and used as keys (measured with a graph memory that titled entities with whole messages).
So fields are told apart by the last word of their names, as a reader would.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final


def of(words: str) -> frozenset[str]:
    """A set of words, written as one text."""
    return frozenset(words.split())


_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_LABELS: Final = of(
    """
    action agent alias author caption category class cluster code color colour cursor date day emoji enum
    event filter format group header heading id identifier icon index intent kind label lang language level
    limit locale mode model mood name namespace offset operation op order owner page path position
    predicate priority rank relation relationship resource role scope sentiment session severity slug sort
    source speaker stage state status subject tag target tenant thread time timestamp timezone title tone
    topic type unit until uri url user username uuid version when
    """
)
_REQUESTS: Final = of("input keyword prompt query question request search")
_IDS: Final = of("id identifier key name uuid")
_PERSONS: Final = of(
    """
    account bucket client conversation customer member namespace org organisation organization owner person
    resource session tenant thread user
    """
)
_ANSWERS: Final = of("answer reply response output result")
_EXTRACTS: Final = of("fact memory observation preference note statement quote")

_SAVES: Final = of(
    """
    add append create insert log manage memorise memorize persist put record remember save set store update
    upsert write
    """
)
_SEARCHES: Final = of("fetch find get load lookup query read recall retrieve search")
_DESTROYS: Final = of("clear delete drop erase forget purge remove reset")
_MEMORIES: Final = of(
    "entity fact info information knowledge memory note observation preference profile remembrance"
)


@lru_cache(maxsize=4096)
def split(name: str) -> tuple[str, ...]:
    """The words of an identifier, lower case, plurals made singular: `userFacts` is (user, fact)."""
    return tuple(_singular(word.lower()) for word in _WORD.findall(name))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        return word[:-1]
    return word


def is_label(name: str) -> bool:
    """Whether a field of this name is a title, a category, an id: something that must stay neutral."""
    words = split(name)
    return bool(words) and words[-1] in _LABELS


def is_answer(name: str) -> bool:
    """Whether a field of this name is what the asker will be shown (`final_answer`, `reply`)."""
    words = split(name)
    return bool(words) and words[-1] in _ANSWERS


def is_request(name: str) -> bool:
    """Whether a field of this name hands on what the user wants (`query`, `standalone_question`)."""
    words = split(name)
    return bool(words) and words[-1] in _REQUESTS


def is_extract(name: str) -> bool:
    """Whether a field of this name takes what a user said, whatever the document is for (`facts`)."""
    words = split(name)
    return bool(words) and words[-1] in _EXTRACTS


def is_identity(name: str) -> bool:
    """Whether a field of this name says whose memory it is (`user_id`, `namespace`, `threadId`)."""
    words = split(name)
    return bool(words) and bool(_PERSONS & frozenset(words)) and words[-1] in _PERSONS | _IDS


@lru_cache(maxsize=1024)
def saves(tool: str) -> bool:
    """Whether a tool of this name puts something into memory (`add_memory`, `saveNote`, `remember`)."""
    words = frozenset(split(tool))
    if words & _DESTROYS or words & _SEARCHES:
        return False
    if words & {"remember", "memorise", "memorize", "save"} or words == {"memory"}:
        return True
    return bool(words & _SAVES and words & _MEMORIES)


@lru_cache(maxsize=1024)
def replaces(tool: str) -> bool:
    """Whether a tool of this name puts a text in place of a whole memory (`updateWorkingMemory`)."""
    words = frozenset(split(tool))
    return words >= {"working", "memory"} and bool(words & {"set", "update"})


@lru_cache(maxsize=1024)
def searches(tool: str) -> bool:
    """Whether a tool of this name looks something up in memory (`search_memory`, `recall`)."""
    words = frozenset(split(tool))
    if words & _DESTROYS:
        return False
    return words == {"recall"} or bool(words & _SEARCHES and words & _MEMORIES)


@lru_cache(maxsize=1024)
def finishes(tool: str) -> bool:
    """Whether calling a tool of this name *is* the answer (`final_answer`, `final_result`)."""
    words = split(tool)
    return "final" in words and bool(_ANSWERS & frozenset(words))
