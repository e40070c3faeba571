"""Does the diagnosis tell collapsed digits from healthy ones?

Run it as ``python examples/digits --out digits.json --pictures pictures``. It takes MNIST (downloaded if it is on this
machine nowhere), spoils real digits by hand, trains two small DCGANs, asks the diagnosis and a classifier what is
wrong with each set, and prints a table. With its defaults that takes about a quarter of an hour on two cores.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from dcgan import LATENT, Settings, train
from fakes import HAND_MADE
from torch import Tensor
from truth import shares_of, truth_of

import modescope as ms
from modescope.core.files import atomic_write
from modescope.datasets import images as image_sets
from modescope.diagnosis.pictures import draw_duplicates, draw_tiles
from modescope.report.drawing import save

GENERATORS = {
    "DCGAN": Settings(steps=600, lr=1e-3, critic_lr=5e-4),
    "DCGAN, 8 generator steps to one": Settings(steps=50, lr=2e-3, greed=8),
}
SHOWN = ("without 1 digit (4)", "500 images, repeated", "blurred", "DCGAN, 8 generator steps to one")


def main(arguments: list[str]) -> None:
    """Makes the sets, diagnoses each, and writes what came out."""
    options = parser().parse_args(arguments)
    prepare(options.out, options.pictures)
    torch.set_num_threads(1)
    mnist = image_sets.load("mnist")
    images, labels = mnist.images[: options.images], mnist.labels[: options.images]
    half = len(images) // 2
    networks = {}
    for name, settings in GENERATORS.items():
        settings = replace(settings, steps=options.steps or settings.steps)
        networks[name] = train(images[:half], settings)
        print(f"trained: {name}", flush=True)
    rows: dict[str, dict[str, Any]] = {}
    for seed in range(options.seeds):
        generator = torch.Generator().manual_seed(seed)
        real = images[:half][torch.randperm(half, generator=generator)[: options.n]]
        sets = fake_sets(images[half:], labels[half:], networks, options.n, generator)
        for name, known, fake in sets:
            shares = shares_of(fake)
            row = rows.setdefault(name, {"truth": "", "truths": [], "judge": [], "found": {}})
            row["truths"].append(known or truth_of(shares))
            row["truth"] = counted(row["truths"])
            row["judge"].append([round(share, 3) for share in shares.tolist()])
            for features in options.features:
                found = ms.diagnose(real, fake, features=features, metrics=["recall_k3"], splits=2, seed=seed)
                told = row["found"].setdefault(features, {"verdicts": [], "reasons": []})
                told["verdicts"].append(found.verdict.name)
                told["reasons"].append(found.verdict.reason)
                if options.pictures and seed == 0 and features == options.features[0] and name in SHOWN:
                    draw(found, options.pictures, name)
            print(f"seed {seed}, {name}: {summary(row, options.features)}", flush=True)
        about = {"n": options.n, "seeds": seed + 1, "features": options.features, "sets": rows}
        atomic_write(options.out, json.dumps(about, indent=1, ensure_ascii=False) + "\n")
    print_table(rows, options.features)


def prepare(out: Path, pictures: Path | None) -> None:
    """Makes the folders for what comes out, before the work and not after it."""
    if out.is_dir():
        raise ms.ModescopeError(f"--out is the folder {str(out)!r}, expected a file")
    try:
        for folder in (out.parent, *([pictures] if pictures else [])):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ms.ModescopeError(f"the folder {str(folder)!r} cannot be made: {error.strerror}") from error


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    made = argparse.ArgumentParser(prog="digits", description="Diagnoses spoiled digits.")
    made.add_argument("--out", type=Path, default=Path("digits.json"), help="where the verdicts go, as JSON")
    made.add_argument("--pictures", type=Path, help="a folder for pictures")
    made.add_argument("--n", type=int, default=1000, help="images of each kind")
    made.add_argument("--seeds", type=int, default=3, help="how often images are drawn anew")
    made.add_argument("--steps", type=int, help="steps of both DCGANs, to see that all works")
    made.add_argument("--images", type=int, help="how many images of MNIST to use; all if not given")
    made.add_argument(
        "--features", nargs="+", default=["random-conv", "pca:50", "judge:mnist"], help="names of features"
    )
    return made


def fake_sets(
    images: Tensor, labels: Tensor, networks: dict[str, torch.nn.Module], n: int, generator: torch.Generator
) -> Iterator[tuple[str, str, Tensor]]:
    """Each set's name, the verdict that is true of it (empty if the judge must say), and `n` images."""
    chosen = torch.randperm(len(images), generator=generator)[: 12 * n]
    for name, (truth, spoil) in HAND_MADE.items():
        yield name, truth, spoil(images[chosen], labels[chosen], generator)[:n]
    for name, network in networks.items():
        with torch.no_grad():
            drawn = network(torch.randn(n, LATENT, generator=generator))
        yield name, "", ((drawn + 1) * 127.5).round().byte()


def summary(row: dict, features: list[str]) -> str:
    """A set's verdicts so far, counted."""
    told = [f"{name} {counted(row['found'][name]['verdicts'])}" for name in features]
    return f"truth {row['truth']}; " + "; ".join(told)


def counted(verdicts: list[str]) -> str:
    """Verdicts with how often each was given, where they differ."""
    counts = Counter(verdicts).most_common()
    return ", ".join(f"{verdict} {count}" if len(counts) > 1 else verdict for verdict, count in counts)


def print_table(rows: dict, features: list[str]) -> None:
    """The verdicts as a Markdown table."""
    print("| fakes | truth | " + " | ".join(f"`{name}`" for name in features) + " |")
    print("|---" * (2 + len(features)) + "|")
    for name, row in rows.items():
        cells = [counted(row["found"][feature]["verdicts"]) for feature in features]
        print(f"| {name} | {row['truth']} | " + " | ".join(cells) + " |")


def draw(found: ms.Diagnosis, folder: Path, name: str) -> None:
    """The pictures of a diagnosis."""
    stem = "digits-" + "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())
    save(found.plot(), folder / f"{stem}.png", 128)
    if found.scene is not None:
        save(draw_tiles(found.scene), folder / f"{stem}-tiles.png", 128)
        save(draw_duplicates(found.scene), folder / f"{stem}-pairs.png", 128)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ms.ModescopeError as error:
        sys.exit(f"error: {error}")
