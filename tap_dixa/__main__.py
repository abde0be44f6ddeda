"""The command ``tap-dixa``, also ``python -m tap_dixa``."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the tap: an expected failure ends it with one line and exit status 1.

    A traceback is left for what only a bug in the tap can cause.
    """
    # Until the tap handles signals, Ctrl-C ends it at once, not with a traceback from an import.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.stdout is None:
        sys.exit("Standard output is closed: there is nowhere to write to")

    from singer_sdk.exceptions import SingerSDKError  # noqa: PLC0415

    from tap_dixa.tap import TapDixa  # noqa: PLC0415

    try:
        TapDixa.cli(prog_name=TapDixa.name)
    except (SingerSDKError, OSError) as error:
        TapDixa.logger.error(" ".join(str(error).split()))
        sys.exit(1)


if __name__ == "__main__":
    main()
