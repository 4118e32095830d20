"""Models with random weights stand in tests/firmware."""

import helper_paths

helper_paths.use("firmware")
