"""MLflow's pages in headless Chromium, as a person uses them."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PICTURES = os.environ.get("DLNET_PICTURES")  # a folder: the pictures of the docs are taken anew
SECONDS = 60_000.0  # milliseconds that Playwright waits for a thing to appear


@contextmanager
def browser(user: str, password: str):
    """A page of a browser that is logged in."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        context = chromium.new_context(
            viewport={"width": 1400, "height": 900}, http_credentials={"username": user, "password": password}
        )
        page = context.new_page()
        page.set_default_timeout(SECONDS)
        try:
            yield page
        finally:
            context.close()
            chromium.close()


def picture(page, name: str) -> None:
    """Keep the page as a picture of the docs, if that was asked for."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def visit(page, address: str, path: str) -> None:
    """Open a page of MLflow and close the panel that lies over it."""
    page.goto(f"{address}/#/{path}")
    panel = page.locator("[data-component-id='mlflow.assistant.chat_panel.close']")
    page.locator("main").first.wait_for()
    if panel.count():
        panel.first.click()


def give_alias(page, alias: str) -> None:
    """On a version's page: the pencil beside "Aliases", the alias, "Save aliases"."""
    page.locator("[data-component-id*='modelversionviewaliaseditor']").first.click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input").first.click()
    page.keyboard.type(alias)
    page.keyboard.press("Enter")
    picture(page, "mlflow-alias")
    dialog.get_by_role("button", name="Save aliases").click()
    dialog.wait_for(state="hidden")
