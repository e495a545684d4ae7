"""``python -m koalab``: the same as ``koalab``."""

from kernel_server import gc_tuning

if __name__ == "__main__":
    with gc_tuning.loading():
        from koalab.cli import program

    program.main(prog_name="python -m koalab")
