"""Bundles as assets of draft releases: how a bundle comes to GitHub when GitHub does not come to the registry.

A draft is seen only by those who may write to the repository, and has no git tag. The draft ``bundle-TAG`` has one
asset, ``bundle.tar``; the workflow deletes it when the release TAG is made.
"""

from __future__ import annotations

from typing import Any

from dlnet.release.github import GitHub, GitHubError

ASSET = "bundle.tar"
UPLOADED = "uploaded"  # state of an asset that is whole
NOTES = "The signed bundle of {tag}. The workflow builds the release from it; delete this draft to stop that."


def draft_name(tag: str) -> str:
    """The tag of the draft that holds the bundle of a release; never that of a release."""
    return f"bundle-{tag}"


def put_bundle(github: GitHub, tag: str, content: bytes) -> None:
    """Store the bundle of the release ``tag``; may be repeated. An asset that is not whole or not this is replaced.

    Raises:
        GitHubError: no answer, or a refusal.
    """
    draft = _draft(github, tag)
    try:
        number, address = int(draft["id"]), str(draft["upload_url"]).partition("{")[0]
        stored = {str(one["name"]): (int(one["id"]), one["state"], one["size"]) for one in draft["assets"]}
    except (TypeError, KeyError, ValueError) as error:
        raise GitHubError(f"GitHub's answer on draft {draft_name(tag)} has another form ({error!r})") from error
    if ASSET in stored:
        asset, state, size = stored[ASSET]
        # The same release has the same bundle, byte for byte, so one of that size that is whole is this one.
        if (state, size) == (UPLOADED, len(content)):
            return
        github.call("DELETE", f"releases/assets/{asset}", 204)
    kept = github.upload(f"{address}?name={ASSET}", content)
    if not isinstance(kept, dict) or (kept.get("state"), kept.get("size")) != (UPLOADED, len(content)):
        raise GitHubError(f"GitHub did not keep all {len(content):,} bytes of {ASSET} in draft {number}")


def _draft(github: GitHub, tag: str) -> Any:
    name = draft_name(tag)
    for one in github.releases():
        if one.draft and one.tag == name:
            return github.call("GET", f"releases/{one.id}", 200)
    content = {"tag_name": name, "name": name, "draft": True, "body": NOTES.format(tag=tag)}
    return github.call("POST", "releases", 201, content)
