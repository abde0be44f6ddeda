"""How much memory a command takes."""

import json
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


def command(folder, **files):
    """Give the command that runs the tap with options, each of which has a file in a folder."""
    tap = [sys.executable, "-m", "tap_dixa"]
    for option, content in files.items():
        (folder / option).write_text(json.dumps(content))
        tap += [f"--{option}", str(folder / option)]
    return tap
