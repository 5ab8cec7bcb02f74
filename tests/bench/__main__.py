"""`python -m tests.bench NAME [--json]`: one benchmark against its bar.

Exits 0 only if every metric that has a bar reaches it, 1 if one doesn't, 2 for a wrong call.
"""

import argparse
import importlib
import sys

from tests.bench.report import Report

NAMES = (
    "dispatch",
    "endings",
    "env",
    "idle",
    "logs",
    "placement",
    "race",
    "sampling",
    "start",
    "state",
    "sync",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("name", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="one JSON line for each metric")
    arguments = parser.parse_args()
    report = Report(as_json=arguments.json)
    importlib.import_module(f"tests.bench.{arguments.name}").measure(report)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
