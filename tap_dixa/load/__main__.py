"""The command ``tap-dixa-load``, also ``python -m tap_dixa.load``."""

from tap_dixa.load.command import main

main()
