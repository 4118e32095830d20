"""Models with random weights are in tests/firmware."""

import helper_paths

helper_paths.use("firmware", "registry")
