"""How much memory a command takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LAUNCH = Path(__file__).parents[2] / "benchmarks" / "launch.py"


def peak_of(command, status=0):
    """Run a command that ends with a status; give the most memory it had, in MB."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", LAUNCH, os.devnull, *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    return float(done.stdout.split()[1])
