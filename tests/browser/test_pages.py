"""What a person does in MLflow's pages: looks at the runs and the fronts, and promotes a version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from made_pipeline import EDGE, make
from pages import CHROMIUM, PICTURES, browser, give_alias, picture, visit
from running_relay import SECRET, GitHubStub, free_port, start_relay
from team import PASSWORD, RELAY_HERE, bridge, running_team

from dlnet.registry.client import connect
from dlnet.registry.collect import collect
from dlnet.registry.publish import publish
from dlnet.release.plan import Releases

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path(CHROMIUM).exists(),
        reason="Chromium is not installed: apt-get install the packages in mlflow/server.apt",
    ),
]


@dataclass
class Site:
    """A server with a published pipeline, a page that is logged in, and a stub of GitHub behind a relay."""

    address: str
    client: Any
    page: Any
    github: GitHubStub

    def parent(self):
        """The newest pipeline."""
        return self.client.search_runs(["1"], "tags.`dlnet.kind` = 'pipeline'")[0]

    def version(self) -> int:
        """The candidate."""
        return int(self.client.get_model_version_by_alias("dlnet-edge", "candidate").version)


@pytest.fixture(scope="module")
def site(migrated, tmp_path_factory) -> Iterator[Site]:
    from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent

    folder = tmp_path_factory.mktemp("site")
    with running_team(**RELAY_HERE) as team:
        stub = GitHubStub(free_port()).up()
        relay = start_relay(folder, stub.port, host=bridge())
        client = connect(team.uri)
        publish(collect(make(folder / "made")), client, team.uri)
        if PICTURES:  # a whole pipeline has more to show
            publish(collect(ROOT), client, team.uri)
        event = WebhookEvent(WebhookEntity.MODEL_VERSION_ALIAS, WebhookAction.CREATED)
        client.create_webhook("relay", f"http://host.docker.internal:{relay.port}/webhook", [event], secret=SECRET)
        with browser("admin", team.secrets[PASSWORD]) as page:
            yield Site(team.uri, client, page, stub)
        relay.stop()
        stub.down()


def test_the_list_of_runs_reads_itself(site):
    visit(site.page, site.address, "experiments/1/runs")
    name = site.parent().info.run_name
    site.page.get_by_role("link", name=name).first.wait_for()
    assert site.page.get_by_text("student", exact=False).count() == 0, "children are folded away below their pipeline"


def test_hovering_over_a_front_shows_the_student(site):
    visit(site.page, site.address, f"experiments/1/runs/{site.parent().info.run_id}/artifacts/figures/fronts.html")
    frame = site.page.frame_locator("iframe")
    point = frame.locator("#front0 .scatterlayer .points path").last
    point.wait_for()
    point.hover(force=True)
    hover_text = frame.locator("#front0 .hoverlayer .hovertext")
    hover_text.first.wait_for()
    picture(site.page, "mlflow-front")
    assert "flash bytes" in hover_text.first.text_content()
    assert "mae validation" in hover_text.first.text_content()


def test_a_version_s_page_shows_its_card(site):
    visit(site.page, site.address, f"models/dlnet-edge/versions/{site.version()}")
    site.page.get_by_text("Gate (validation windows): passed").wait_for()
    site.page.get_by_text("Budget (on the device, a forecast): passed").wait_for()
    assert PICTURES or EDGE in site.page.locator("main").first.inner_text()


def test_a_champion_set_in_the_ui_is_released_and_reaches_github(site):
    version = site.version()
    assert not Releases("dlnet-edge").plan().build
    visit(site.page, site.address, "models/dlnet-edge")
    site.page.get_by_role("link", name=f"Version {version}").first.click()
    site.page.wait_for_url(f"**/models/dlnet-edge/versions/{version}")
    give_alias(site.page, "champion")
    site.page.get_by_text("champion", exact=False).first.wait_for()
    plan = Releases("dlnet-edge").plan()
    assert (plan.build, plan.version) == (True, version)
    assert site.github.wait(1) == [version]
