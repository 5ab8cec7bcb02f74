"""Train a small network to tell two spirals apart, and draw what it has learnt.

Writes losses.csv, decision.png and result.json to $LANHERD_OUTPUTS, or to ./outputs.
"""

import argparse
import csv
import itertools
import json
import os
import struct
import sys
import time
import zlib
from pathlib import Path

import numpy as np

WIDTH, HEIGHT = 640, 480
HIDDEN = 48
LEARNING_RATE = 0.002
STEPS_PER_EPOCH = 60
NOISE = 0.035
TURNS = 4
BATCH = 256
PICTURES = 12
BLUE, AMBER = np.array([74, 144, 226.0]), np.array([245, 166, 35.0])
GREEN, DIM, PLAIN = "\x1b[32m", "\x1b[2m", "\x1b[0m"


def spirals(count, noise, rng):
    """Points on two interleaved spirals, and which of the two each lies on."""
    turn = np.sqrt(rng.uniform(0.02, 1, (2, count))) * TURNS * np.pi
    arms = np.stack([turn * np.cos(turn), turn * np.sin(turn)], axis=-1) / (TURNS * np.pi)
    arms[1] *= -1
    points = arms.reshape(-1, 2) + rng.normal(0, noise, (2 * count, 2))
    return points, np.repeat([0.0, 1.0], count)


class Network:
    """Two hidden layers of tanh and a sigmoid, trained by Adam."""

    def __init__(self, rng):
        sizes = (2, HIDDEN, HIDDEN, 1)
        self.weights = [
            rng.normal(0, 1.5 / np.sqrt(rows), (rows, columns))
            for rows, columns in itertools.pairwise(sizes)
        ]
        self.biases = [np.zeros(columns) for columns in sizes[1:]]
        self.means = [np.zeros_like(part) for part in self.weights + self.biases]
        self.squares = [np.zeros_like(part) for part in self.weights + self.biases]
        self.steps = 0

    def layers(self, points):
        values = [points * 3]
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values.append(np.tanh(values[-1] @ weight + bias))
        scores = (values[-1] @ self.weights[-1] + self.biases[-1])[:, 0]
        return values, 1 / (1 + np.exp(-np.clip(scores, -30, 30)))

    def step(self, points, labels, rate):
        values, guesses = self.layers(points)
        error = ((guesses - labels) / len(labels))[:, None]
        weight_slopes, bias_slopes = [], []
        for depth in reversed(range(len(self.weights))):
            weight_slopes.insert(0, values[depth].T @ error)
            bias_slopes.insert(0, error.sum(axis=0))
            if depth:
                error = (error @ self.weights[depth].T) * (1 - values[depth] ** 2)
        self.steps += 1
        parts, slopes = self.weights + self.biases, weight_slopes + bias_slopes
        for index, slope in enumerate(slopes):
            self.means[index] += 0.1 * (slope - self.means[index])
            self.squares[index] += 0.001 * (slope**2 - self.squares[index])
            sure = self.means[index] / (1 - 0.9**self.steps)
            spread = self.squares[index] / (1 - 0.999**self.steps)
            parts[index][...] -= rate * sure / (np.sqrt(spread) + 1e-8)

    def measure(self, points, labels):
        guesses = np.clip(self.layers(points)[1], 1e-7, 1 - 1e-7)
        loss = -np.mean(labels * np.log(guesses) + (1 - labels) * np.log(1 - guesses))
        return float(loss), float(np.mean((guesses > 0.5) == labels))


def draw(network, points, labels):
    """The network's opinion of the plane, with the points on it, as rows of RGB pixels."""
    across, down = np.meshgrid(
        np.linspace(-1.6, 1.6, WIDTH // 2), np.linspace(1.2, -1.2, HEIGHT // 2)
    )
    plane = np.stack([across.ravel(), down.ravel()], axis=-1)
    belief = network.layers(plane)[1].reshape(HEIGHT // 2, WIDTH // 2)
    belief = belief.repeat(2, axis=0).repeat(2, axis=1)[..., None]
    sure = np.abs(belief - 0.5) * 2
    picture = (BLUE * (1 - belief) + AMBER * belief) * (0.35 + 0.25 * sure) + 255 * (
        0.65 - 0.25 * sure
    ) * (1 - 0.35 * sure)
    picture[np.abs(belief[..., 0] - 0.5) < 0.06] = (255, 255, 255)
    columns = np.rint((points[:, 0] + 1.6) / 3.2 * (WIDTH - 1)).astype(int)
    rows = np.rint((1.2 - points[:, 1]) / 2.4 * (HEIGHT - 1)).astype(int)
    for radius_squared, shade in ((12, 1.0), (6, 0.72)):
        for y in range(-3, 4):
            for x in range(-3, 4):
                if x * x + y * y > radius_squared:
                    continue
                inside = (rows + y).clip(0, HEIGHT - 1), (columns + x).clip(0, WIDTH - 1)
                if shade == 1.0:
                    picture[inside] = (255, 255, 255)
                else:
                    picture[inside] = np.where(labels[:, None] > 0.5, AMBER, BLUE) * shade
    return picture.clip(0, 255).astype(np.uint8)


def png(picture):
    """The bytes of a PNG file (RFC 2083) of 8-bit RGB pixels."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    height, width, _ = picture.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), picture.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6))
        + chunk(b"IEND", b"")
    )


def write_whole(path, data):
    """Whoever looks meanwhile sees the old file or the new one, never a half."""
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(data)
    new.replace(path)


def bar(done, text):
    filled = round(done * 24)
    sys.stdout.write(f"\r{'█' * filled}{DIM}{'░' * (24 - filled)}{PLAIN} {text}")
    sys.stdout.flush()


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to take, about")
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    if chosen.epochs < 1 or chosen.seconds <= 0:
        parser.error("--epochs and --seconds are above zero")
    return chosen


def main():
    chosen = options()
    rng = np.random.default_rng(chosen.seed)
    outputs = Path(os.environ.get("LANHERD_OUTPUTS") or "outputs")
    outputs.mkdir(parents=True, exist_ok=True)
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES") or "none"
    print(f"GPU given to this run: {gpus}")
    print(f"numpy {np.__version__}, Python {sys.version.split()[0]}")
    print(f"{chosen.epochs} epochs in about {chosen.seconds:g} s, seed {chosen.seed}", flush=True)

    points, labels = spirals(400, NOISE, rng)
    unseen, unseen_labels = spirals(200, NOISE, rng)
    network = Network(rng)
    picture_every = max(1, chosen.epochs // PICTURES)
    begun = time.monotonic()
    with (outputs / "losses.csv").open("w", newline="") as file:
        losses = csv.writer(file)
        losses.writerow(("epoch", "loss", "accuracy", "unseen_accuracy", "seconds"))
        for epoch in range(1, chosen.epochs + 1):
            until = begun + chosen.seconds * epoch / chosen.epochs
            rate = LEARNING_RATE * (1 - 0.9 * epoch / chosen.epochs)
            for step in range(STEPS_PER_EPOCH):
                batch = rng.integers(0, len(points), BATCH)
                network.step(points[batch], labels[batch], rate)
                if step % 20 == 0:
                    bar((epoch - 1 + step / STEPS_PER_EPOCH) / chosen.epochs, "")
            # The work is small; the pause leaves time to watch it, and the result the same.
            time.sleep(max(0.0, until - time.monotonic()))
            loss, accuracy = network.measure(points, labels)
            _, unseen_accuracy = network.measure(unseen, unseen_labels)
            seconds = time.monotonic() - begun
            losses.writerow(
                (epoch, f"{loss:.5f}", f"{accuracy:.4f}", f"{unseen_accuracy:.4f}",
                 f"{seconds:.2f}")
            )  # fmt: skip
            file.flush()
            bar(epoch / chosen.epochs, "")
            print(
                f"\repoch {epoch:3}/{chosen.epochs}  loss {loss:.4f}"
                f"  accuracy {GREEN}{accuracy:6.1%}{PLAIN}  unseen {unseen_accuracy:6.1%}\x1b[K",
                flush=True,
            )
            if epoch % picture_every == 0 or epoch == chosen.epochs:
                write_whole(outputs / "decision.png", png(draw(network, points, labels)))

    result = {
        "accuracy": round(accuracy, 4),
        "unseen_accuracy": round(unseen_accuracy, 4),
        "loss": round(loss, 5),
        "epochs": chosen.epochs,
        "steps": network.steps,
        "seconds": round(time.monotonic() - begun, 2),
        "seed": chosen.seed,
        "gpus": gpus,
    }
    write_whole(outputs / "result.json", (json.dumps(result, indent=2) + "\n").encode())
    print(f"{GREEN}done{PLAIN}: {accuracy:.1%} of the points, {unseen_accuracy:.1%} of unseen ones")


if __name__ == "__main__":
    main()
