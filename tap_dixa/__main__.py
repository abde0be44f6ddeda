"""The command ``tap-dixa``, also ``python -m tap_dixa``."""

import os
import signal
import sys
from contextlib import suppress


def main() -> None:
    """Run the tap: whatever fails ends it with one line and exit status 1.

    The traceback is logged too if the log level is DEBUG.
    """
    if os.name != "posix":
        sys.exit("tap-dixa runs on Linux and macOS. On Windows use WSL")
    # Until the tap handles signals, Ctrl-C ends it at once, not with a traceback from an import.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.stdout is None:
        sys.exit("Standard output is closed: there is nowhere to write to")

    # A parent may have set them not to block, which neither print nor logging expects.
    for descriptor in (1, 2):
        with suppress(OSError):
            os.set_blocking(descriptor, True)

    # Compose and Helm set a variable without a value to nothing.
    for variable in ("TAP_DIXA_LOGLEVEL", "LOGLEVEL", "SINGER_SDK_LOG_CONFIG"):
        if not os.environ.get(variable):
            os.environ.pop(variable, None)

    from singer_sdk.exceptions import SingerSDKError  # noqa: PLC0415

    from tap_dixa.singer.signals import ignore  # noqa: PLC0415
    from tap_dixa.tap import TapDixa  # noqa: PLC0415

    try:
        command = TapDixa.cli
    except Exception as error:  # noqa: BLE001 (whatever the SDK raises when it sets up the log)
        sys.exit(
            f"The log cannot be set up: {' '.join(str(error).split())}. TAP_DIXA_LOGLEVEL and "
            "LOGLEVEL can be DEBUG, INFO, WARNING or ERROR; SINGER_SDK_LOG_CONFIG is a YAML file"
        )
    try:
        command(prog_name=TapDixa.name)
    except Exception as error:  # noqa: BLE001 (a traceback says nobody what to do)
        reason = " ".join(str(error).split())
        if not isinstance(error, (SingerSDKError, OSError)):
            reason = (
                f"unexpected {type(error).__name__}: {reason}. TAP_DIXA_LOGLEVEL=DEBUG logs "
                "the traceback: please report it"
            )
        TapDixa.logger.error(reason)
        TapDixa.logger.debug("Where it failed:", exc_info=True)
        # What could not be closed, such as a file in a bucket, fails again when it is deleted.
        sys.unraisablehook = ignore
        sys.exit(1)


if __name__ == "__main__":
    main()
