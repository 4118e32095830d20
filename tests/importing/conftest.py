"""Tables of cells are made in tests/data."""

import helper_paths

helper_paths.use("data", "importing")
