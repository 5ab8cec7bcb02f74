"""`python -m tests.simulation --seeds N [--from SEED]`: many worlds; names the first bad seed."""

import argparse
import sys
import time

from tests.simulation.world import World


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=1000, help="how many worlds")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    asked = parser.parse_args()
    began, simulated_s = time.perf_counter(), 0.0
    crashes = full_disks = runs = 0
    for seed in range(asked.first, asked.first + asked.seeds):
        world = World(seed)
        start = world.now
        try:
            world.run()
        except BaseException:
            print(f"Seed {seed} failed: python -m tests.simulation --from {seed} --seeds 1")
            raise
        simulated_s += world.now - start
        crashes += world.truth.crashes
        full_disks += world.truth.full_disks
        runs += len(world.truth.outcomes)
    took_s = time.perf_counter() - began
    print(
        f"{asked.seeds} seeds, {runs} runs, {crashes} crashes, {full_disks} full disks: "
        f"{took_s:.1f} s, {simulated_s / took_s:.0f} times faster than real time"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
