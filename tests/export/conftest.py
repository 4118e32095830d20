"""Tests of the export make small baselines too."""

import helper_paths

helper_paths.use("baselines")
