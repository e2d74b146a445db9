"""The store of trunk caches keeps within its budget, and to each client his own."""

from __future__ import annotations

from dataclasses import dataclass

from remdm_backend.engine.caches import ENTRIES_PER_CLIENT, CacheStore


@dataclass
class Filled:
    nbytes: int = 0


def store(budget: int = 100) -> CacheStore[Filled]:
    return CacheStore(budget, Filled)


def test_a_name_finds_its_entry_again() -> None:
    caches = store()
    entry = caches.entry((b"a", 1, 0))
    assert caches.entry((b"a", 1, 0)) is entry
    assert caches.entry((b"b", 1, 0)) is not entry
    assert caches.entry((b"a", 2, 0)) is not entry
    assert caches.entry((b"a", 1, 8)) is not entry


def test_the_least_recently_used_go_first() -> None:
    caches = store()
    first, second = (caches.entry((b"a", name, 0)) for name in (1, 2))
    first.nbytes, second.nbytes = 60, 40
    caches.trim()
    assert len(caches) == 2
    assert caches.entry((b"a", 1, 0)) is first
    caches.entry((b"a", 3, 0)).nbytes = 30
    caches.trim()
    assert caches.entry((b"a", 1, 0)) is first
    assert caches.entry((b"a", 2, 0)) is not second


def test_what_is_larger_than_the_budget_is_not_kept_and_pushes_nothing_out() -> None:
    caches = store()
    other = caches.entry((b"b", 1, 0))
    other.nbytes = 50
    caches.entry((b"a", 1, 0)).nbytes = 101
    caches.trim()
    assert len(caches) == 1
    assert caches.entry((b"b", 1, 0)) is other


def test_what_stayed_empty_is_not_kept() -> None:
    caches = store()
    for name in range(10):
        caches.entry((b"a", name, 0))
    caches.trim()
    assert len(caches) == 0


def test_release_takes_all_pieces_of_one_name() -> None:
    caches = store()
    for key in [(b"a", 1, 0), (b"a", 1, 8), (b"a", 2, 0), (b"b", 1, 0)]:
        caches.entry(key)
    caches.release(b"a", 1)
    caches.release(b"nobody", 1)
    assert len(caches) == 2


def test_a_client_has_a_number_of_entries_only() -> None:
    caches = store()
    other = caches.entry((b"b", 0, 0))
    for name in range(3 * ENTRIES_PER_CLIENT):
        caches.entry((b"a", name, 0))
    assert len(caches) == ENTRIES_PER_CLIENT + 1
    assert caches.entry((b"b", 0, 0)) is other


def test_clear_says_whether_that_freed_anything() -> None:
    caches = store()
    caches.entry((b"a", 1, 0))
    assert not caches.clear()
    caches.entry((b"a", 1, 0)).nbytes = 5
    assert caches.clear()
    assert len(caches) == 0
