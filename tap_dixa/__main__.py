"""The command ``tap-dixa``, also ``python -m tap_dixa``."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the tap."""
    # Until the tap can end in order, it ends at once, and not with a traceback from an import.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tap_dixa.tap import TapDixa  # noqa: PLC0415

    TapDixa.cli(prog_name="tap-dixa")


if __name__ == "__main__":
    main()
