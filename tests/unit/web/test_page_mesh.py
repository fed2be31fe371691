# SPDX-License-Identifier: Apache-2.0
"""Rules of what the page shows of the mesh: neighbours, radios to align, the drawing and its table."""

import re

from agent.web import page
from tests.integration.web import scenes
from tests.unit.web.pages import document


def test_a_festival_is_cut_and_said() -> None:
    html = page.sections(scenes.crowd(100))
    assert html.count("not encrypted") == 64
    assert "And 36 more" in html
    assert html.count("<line") == 64


def test_neighbour_says_that_its_link_is_not_encrypted_and_that_it_does_not_hear_us() -> None:
    row = {**document()["neighbours"][0], "hears_us": False}
    html = page.sections(document(neighbours=[row]))
    assert "not encrypted" in html
    assert "! does not hear us" in html


def test_alignment_is_there_only_with_a_radio() -> None:
    assert 'class="aim"' not in page.sections(document(radios=None))
    assert "The radio hears nobody." in page.sections(document(radios=[]))
    station = {
        "radio": "wlan0",
        "mac": "02:00:00:00:00:01",
        "node": "mill",
        "signal_dbm": -61,
        "inactive_ms": 50,
    }
    html = page.sections(document(radios=[station]))
    assert "<b>−61</b> dBm" in html
    assert 'value="-61"' in html
    lost = page.sections(document(radios=[{**station, "inactive_ms": 3500}]))
    assert "signal lost" in lost
    assert "−61" not in lost


def test_drawing_and_table_hold_the_same_nodes() -> None:
    html = page.sections(scenes.healthy())
    [drawing] = re.findall(r'<svg class="mesh".*?</svg>', html, re.DOTALL)
    [table] = re.findall(r'<details id="ways">(.*?)</details>', html, re.DOTALL)
    ways = scenes.healthy()["mesh"]["ways"]
    assert len(re.findall("<line", drawing)) == len(ways) == len(re.findall("<tbody>", table))
    assert all(way["mac"] in table for way in ways)
    assert drawing.count("<rect") == 1  # the gateway: a square, not only a colour
