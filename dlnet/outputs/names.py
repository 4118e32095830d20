"""Names of files that a command writes for an asset, whatever the asset is called."""

from __future__ import annotations

import hashlib
import re

LONGEST = 200  # bytes: most file systems allow 255 with the suffix
_UNFIT = re.compile(r'[<>:"/\\|?*]')


def file_name(asset: str) -> str:
    """Name of a file without suffix: the asset's, or one like it where no file can have that.

    Of the names of two assets, those that were changed differ, too.
    """
    plain = _UNFIT.sub("_", "".join(char if char.isprintable() else "_" for char in asset)).strip(". ")
    short = plain.encode(errors="replace")[:LONGEST].decode(errors="ignore")
    if short == asset:
        return asset
    return f"{short or 'asset'}-{hashlib.sha256(asset.encode(errors='backslashreplace')).hexdigest()[:8]}"
