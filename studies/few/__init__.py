"""``make few``: what public cells add to few own ones. Writes docs/few-cells.md and docs/few-cells.json."""
