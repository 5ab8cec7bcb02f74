"""`python -m tests.simulation [--lab] --seeds N [--from SEED]`: many worlds, or many labs.

The first seed that fails is named.
"""

import argparse
import sys
import time
from collections import Counter

from tests.simulation.lab import Lab
from tests.simulation.world import World


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=1000, help="how many worlds")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    parser.add_argument("--lab", action="store_true", help="placement on difficult machines")
    asked = parser.parse_args()
    make: type[Lab] | type[World] = Lab if asked.lab else World
    began, simulated_s = time.perf_counter(), 0.0
    seen: Counter[str] = Counter()
    for seed in range(asked.first, asked.first + asked.seeds):
        world = make(seed)
        try:
            world.run()
        except BaseException:
            which = "--lab " if asked.lab else ""
            print(f"Seed {seed} failed: python -m tests.simulation {which}--from {seed} --seeds 1")
            raise
        simulated_s += world.simulated_s
        seen.update(world.truth.seen())
    took_s = time.perf_counter() - began
    counts = ", ".join(f"{count} {what}" for what, count in seen.items())
    print(
        f"{asked.seeds} seeds: {counts}; "
        f"{took_s:.1f} s, {simulated_s / took_s:.0f} times faster than real time"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
