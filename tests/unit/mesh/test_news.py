# SPDX-License-Identifier: Apache-2.0
"""A repeated report hastens once: a link that is dead for a day must not cost the mesh a day of fast OGMs."""

from agent.mesh.news import FORGET_S, MAX_KEPT, News


def test_a_report_is_news_once_however_long_it_is_repeated() -> None:
    news = News()
    assert news.fresh(0.0, "n4", "link-dead", "aa")
    assert not any(news.fresh(2.0 * turn, "n4", "link-dead", "aa") for turn in range(1, 1000))


def test_another_link_is_news_and_the_same_after_silence() -> None:
    news = News()
    news.fresh(0.0, "n4", "link-dead", "aa")
    assert news.fresh(1.0, "n4", "link-dead", "bb")
    assert news.fresh(FORGET_S + 0.1, "n4", "link-dead", "aa")


def test_strangers_cannot_fill_the_memory() -> None:
    news = News()
    for number in range(10 * MAX_KEPT):
        news.fresh(0.0, f"n{number}")
    assert len(news._heard) == MAX_KEPT
