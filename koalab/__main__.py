"""``python -m koalab``: the same as ``koalab``."""

from koalab.cli import program

if __name__ == "__main__":
    program.main(prog_name="python -m koalab")
