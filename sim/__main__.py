"""`python -m sim` is `sim`."""

from sim.cli.main import run

if __name__ == "__main__":
    run()
