"""Models with random weights are in tests/firmware, folders of cells in tests/data and tests/importing."""

import helper_paths

helper_paths.use("data", "firmware", "importing", "registry")
