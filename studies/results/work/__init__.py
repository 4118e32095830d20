"""The units of the study, a module each: what one of them imports decides when it is run again.

Each has ``run(setting) -> Rows``. A row has ``kind``, ``name`` and the errors of ``Setting.scores``; the other columns
depend on the kind.
"""
