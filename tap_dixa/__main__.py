"""Run the tap with ``python -m tap_dixa``."""

from tap_dixa.tap import TapDixa

if __name__ == "__main__":
    TapDixa.cli(prog_name="tap-dixa")
