"""``python -m dlnet.cli``."""

import sys

from dlnet.cli.app import main

sys.exit(main())
