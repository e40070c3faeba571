"""Collapse and cure in three minutes: a ring of 8 Gaussians, five methods, 8 seeds each.

Run it as ``python examples/demo.py [FOLDER]``; it writes the runs and ``FOLDER/report.html``.
"""

import argparse
from pathlib import Path

import modescope as ms

METHODS = {
    "gan": {"steps": 2500},
    "weighted-js": {"steps": 2500},
    "pacgan": {"steps": 2500},
    "wgan-gp": {"steps": 800},
    "r3gan": {"steps": 2500},
}


def main(folder: Path) -> None:
    """Trains the methods side by side, prints a table, and writes the report."""
    experiments = {method: ms.plan("ring", method, seeds=8, **settings) for method, settings in METHODS.items()}
    runs = ms.train_many(experiments, folder)
    ms.print_comparison(runs)
    print(ms.write_report(runs, folder / "report.html"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("demo"), help="of the runs and the report")
    main(parser.parse_args().folder)
