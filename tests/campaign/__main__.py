"""Play rounds until the time is up, or one fails: its files stay, and it can be played again.

A round is a random account, whose tap meets random faults and kills: see `rounds` and `faults`.
"""

import argparse
import shutil
import sys
import time
import traceback
from pathlib import Path
from random import SystemRandom
from tempfile import mkdtemp

from tests.campaign.rounds import Round


def main(*arguments):
    """Play; give the exit status, 1 if a round failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rounds", type=int, help="how many at most")
    parser.add_argument("--seed", default=str(SystemRandom().randrange(10**6)))
    parser.add_argument("--first", type=int, default=1, help="the number of the first round")
    options = parser.parse_args(arguments)
    again = f"python -m tests.campaign --seed {options.seed} --rounds 1 --first"
    print(f"seed {options.seed}", flush=True)
    until, runs, failed, number = time.monotonic() + 60 * options.minutes, 0, None, options.first
    while not failed and number - options.first != options.rounds and time.monotonic() < until:
        folder = Path(mkdtemp(prefix="campaign."))
        played = Round(f"{options.seed} {number}", folder)
        try:
            played.play()
        except Exception as error:  # noqa: BLE001 (it is printed, with what repeats it)
            failed = number
            if not isinstance(error, AssertionError) or not str(error):
                traceback.print_exc(file=sys.stdout)
            print(f"round {number}, run {played.runs}: {str(error)[:2_000]}\n  files: {folder}")
            print(f"  again: {again} {number}", flush=True)
        else:
            shutil.rmtree(folder)
        runs, number = runs + played.runs, number + 1
    print(f"{runs} runs; rounds that failed: {failed or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
