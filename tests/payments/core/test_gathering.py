"""Gathering: together when several come at once, alone when one does, and no one for another."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from payments.core.gathering import MOST, Gathering


class Bad(Exception):
    """What the work refuses."""


def doubled(asked: Sequence[int]) -> list[int | Exception]:
    """Twice each number; zero is refused, and a negative one breaks the whole set."""
    if any(one < 0 for one in asked):
        raise Bad
    return [one * 2 if one else Bad("zero") for one in asked]


def test_who_comes_alone_is_served_at_once() -> None:
    """Without anybody to wait for."""
    assert Gathering(doubled).ask(21) == 42


def test_a_refusal_is_raised_to_whoever_it_is_for() -> None:
    """And what breaks the work as well."""
    gathering = Gathering(doubled)
    for asked in (0, -1):
        with pytest.raises(Bad):
            gathering.ask(asked)
    assert gathering.ask(1) == 2


def ask_together(numbers: Sequence[int]) -> tuple[list[int], dict[int, object]]:
    """Everybody asks while the first one is served; the sizes of the sets, and the answers."""
    sizes: list[int] = []
    at_work, go_on = threading.Event(), threading.Event()
    answers: dict[int, object] = {}

    def work(asked: Sequence[int]) -> list[int | Exception]:
        sizes.append(len(asked))
        if len(sizes) == 1:
            at_work.set()
            assert go_on.wait(10)
        return doubled(asked)

    gathering = Gathering(work)

    def ask(number: int) -> None:
        try:
            answers[number] = gathering.ask(number)
        except Bad as refusal:
            answers[number] = refusal

    threads = [threading.Thread(target=ask, args=(number,)) for number in (1_000, *numbers)]
    threads[0].start()
    assert at_work.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(gathering._waiting) < len(numbers):
        pass
    go_on.set()
    for thread in threads:
        thread.join()
    return sizes, answers


def test_those_who_come_meanwhile_are_done_together_and_each_gets_its_own() -> None:
    """One set for all that gathered; an answer is never another's."""
    sizes, answers = ask_together(range(1, 20))
    assert sizes == [1, 19]
    assert {number: answers[number] for number in range(1, 20)} == {n: 2 * n for n in range(1, 20)}


def test_one_that_breaks_the_set_fails_alone() -> None:
    """The others are tried one by one."""
    sizes, answers = ask_together([1, 2, -3, 4])
    assert sizes == [1, 4, 1, 1, 1, 1]
    assert isinstance(answers.pop(-3), Bad)
    assert answers == {1_000: 2_000, 1: 2, 2: 4, 4: 8}


def test_a_set_has_an_end() -> None:
    """However many wait, so many are done together at most."""
    sizes, answers = ask_together(range(1, MOST + 6))
    assert sizes == [1, MOST, 5]
    assert len(answers) == MOST + 6
