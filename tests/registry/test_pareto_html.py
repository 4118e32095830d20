"""The page of fronts: self-contained, with a text for each student."""

import re

import pytest
from made_pipeline import EDGE, make

from dlnet.registry.collect import collect


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    return collect(make(tmp_path_factory.mktemp("made"))).pipeline


@pytest.fixture(scope="module")
def page(pipeline):
    return pipeline.views["figures/fronts.html"]


def test_a_point_tells_its_student(page):
    hover_text = next(text for text in re.findall(r'"text":\[(.*?)\]', page) if EDGE in text)
    assert "learned" not in hover_text
    assert re.search(rf"{EDGE}.{{1,80}}cell: liquid.{{1,80}}hidden: 4", hover_text)
    assert "flash bytes: " in hover_text
    assert "mae test: " in hover_text


def test_the_page_needs_no_network(page):
    assert "Plotly.newPlot" in page
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page)


def test_a_new_plotly_is_no_new_pipeline(pipeline):
    assert "figures/fronts.html" not in {**pipeline.files, **pipeline.texts}


def test_the_same_pipeline_gives_the_same_page(tmp_path, page):
    assert collect(make(tmp_path)).pipeline.views["figures/fronts.html"] == page
