"""`python -m flambeau program.py ARGS…` runs a program with Flambeau behind `torch.jit`."""

import runpy
import sys

import flambeau


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: python -m flambeau program.py [arguments]")
    flambeau.install()
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")


main()
