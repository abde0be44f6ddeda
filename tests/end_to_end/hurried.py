"""The tap in a world where two minutes of waiting take a second."""

HURRIED = """
import time
sleep = time.sleep
time.sleep = lambda seconds: sleep(seconds / 100)
from tap_dixa.__main__ import main
main()
"""
