"""``modescope train``, whose flags depend on the data set and the method."""

__all__ = ["Train", "train"]

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from .. import datasets, methods
from ..api import fresh_folder
from ..core.config import MOST_MEMBERS, Training
from ..core.errors import extra, need
from ..core.method import Method
from ..core.processes import Processes, joined
from ..datasets import Dataset, ImageData
from ..nets import Architecture, UserModule, architecture
from ..papers.settings import setting_for
from ..runs import Evaluation, Experiment, Run, block_for
from ..runs.run import check_pace
from .flags import Flags, flags_of, parse
from .output import finish, print_metrics


def shown(metavar: str) -> Any:
    """An optional flag whose text says what happens without it."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="")


ORDER = "DATASET and METHOD come before all flags, e.g. modescope train ring pacgan --steps 3000"
NETWORK = "PKG.MOD:NAME|ARCHITECTURE"


@dataclass(kw_only=True)
class Train:
    """Trains a population, one member for each seed, and keeps it in a run's folder.

    DATASET and METHOD come before all flags. They decide which others there are, those of the training among them:
    modescope train ring pacgan --help

    Arguments:
        dataset: A name (ring), a preset (ring:unrolled), a file (.npy, .npz, .csv; .json for a mixture), or a
            folder of images.
        method: A name (lsgan), or a chain of methods, outermost first (unrolled+pacgan+lsgan).
        seeds: How many seeds, from 0; or the seeds, separated by commas.
        sweep: Values of a real-valued hyper-parameter of the method or the training; may be given again.
        out: The run's folder; a new one in runs/ if not given.
        quiet: Shows no progress.
        json: Prints the metrics as JSON.
        architecture: The networks of a paper, by name; the data set preset's if not given.
        latent_dim: The number of coordinates of a latent.
        prior: What latents are drawn from.
        generator: Your own generator, called with its numbers of inputs and outputs; or an architecture's.
        critic: Your own critic, likewise.
        encoder: Your own encoder, likewise.
        device: Where to train.
        dtype: Of all numbers.
        compile: Fuses steps by torch.compile; pays in long runs.
        precision: Half precision for what networks compute where that is safe (float16 on a GPU only).
        channels_last: Gives convolutions images with the channels of a pixel side by side in memory.
        cuda_graphs: Replays a step as one CUDA graph; on a GPU only.
        block: Members that are trained as one tensor program; if not given, 32 on a CPU and 4096 elsewhere, and one on
            images, where a single member fills the machine.
        workers: Processes that train blocks side by side; the number of cores if not given.
        checkpoint_seconds: The least time between two checkpoints.
        tensorboard: Writes the looks for TensorBoard, to the folder tensorboard in the run's.
    """

    dataset: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="DATASET")]
    method: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="METHOD")] = "gan"
    seeds: Annotated[str, tyro.conf.arg(metavar="N|A,B,...")] = "8"
    sweep: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="NAME=A,B,...")] = ()
    out: Annotated[Path | None, shown("PATH")] = None
    quiet: bool = False
    json: bool = False
    architecture: Annotated[str | None, shown("NAME")] = None
    latent_dim: Annotated[int | None, shown("INT")] = None
    prior: Annotated[Literal["normal", "uniform"] | None, shown("{normal,uniform}")] = None
    generator: Annotated[str | None, shown(NETWORK)] = None
    critic: Annotated[str | None, shown(NETWORK)] = None
    encoder: Annotated[str | None, shown(NETWORK)] = None
    device: Literal["cpu", "cuda", "mps"] = "cpu"
    dtype: Literal["float32", "float64"] = "float32"
    compile: bool = False
    precision: Literal["full", "bfloat16", "float16"] = "full"
    channels_last: bool = False
    cuda_graphs: bool = False
    block: Annotated[int | None, shown("INT")] = None
    workers: Annotated[int | None, shown("INT")] = None
    checkpoint_seconds: float = 15.0
    tensorboard: bool = False


def train(args: Sequence[str]) -> int:
    """Runs ``modescope train`` and returns the exit code."""
    names = list(takewhile(lambda arg: not arg.startswith("-"), args[:2]))
    need(bool(names or not args or {"-h", "--help"} & set(args)), ORDER)
    dataset = names[0] if names else None
    method = names[1] if len(names) > 1 else "gan"
    groups = flag_groups(dataset, method) if dataset else {}
    command, given = parse(Train, groups, args, " ".join(["modescope train", *names]))
    need(command.method == method, ORDER)  # else the flags' defaults would be another method's
    experiment = experiment_of(command, given)
    check_pace(command.workers, command.checkpoint_seconds)
    if command.tensorboard:
        extra("tensorboard", "tensorboard", "--tensorboard")
    with joined() as processes:
        experiment.need_apart(processes)
        run = begun(command, experiment, args, processes)
        finish([run], command.workers, command.quiet, command.checkpoint_seconds, processes, command.tensorboard)
    if processes.first:
        print_metrics(run, command.json)
    return 0


def begun(command: Train, experiment: Experiment, args: Sequence[str], processes: Processes) -> Run:
    """The run, whose folder the first process makes."""
    folder = command.out or fresh_folder(command.dataset, command.method)
    if processes.first:
        name = f"{command.dataset} {methods.spec_of(experiment.method)}"
        Run.create(folder, experiment, ["modescope", "train", *args], name)
    return Run(processes.told(str(folder)))


def flag_groups(dataset: str, method: str) -> dict[str, Flags]:
    """The flags of a data set, a method and the training, with the defaults that they have together."""
    (kind, chosen), game = datasets.recipe(dataset), methods.build(method)  # no data are read: help is had without
    setting = setting_for(dataset, issubclass(kind, ImageData))
    training = Training(**{**game.settings(), **setting.training})
    groups = {}
    defaults = {f.name: chosen.get(f.name, f.default) for f in dataclasses.fields(kind) if f.init}
    fields = {
        name: value for name, value in defaults.items() if name != "digest" and can_be_flag(value)
    }  # a digest is found, not chosen
    if fields:
        groups["data"] = flags_of(kind, fields, kind.summary)
    names = flag_names(kind, game)
    for group, layer in layer_groups(game):
        own = {name: getattr(layer, name) for name in names[group]}
        if own:
            groups[group] = flags_of(type(layer), own, layer.summary, names[group])
    groups["training"] = flags_of(Training, dataclasses.asdict(training), "How it is trained.")
    groups["evaluation"] = flags_of(
        Evaluation, dataclasses.asdict(Evaluation(**setting.evaluation)), "How it is looked at."
    )
    return groups


def flag_names(data: type[Dataset], method: Method) -> dict[str, dict[str, str]]:
    """The flag of each field of a method's layers, by group and field.

    A field goes by its own name, unless an outer layer has it already, when it is ``base.name``, or the data set, the
    training or the command does, when it is ``method-name.name``.
    """
    reserved = {f.name for thing in (data, Training, Evaluation, Train) for f in dataclasses.fields(thing)}
    taken: set[str] = set()
    names: dict[str, dict[str, str]] = {}
    for depth, (group, layer) in enumerate(layer_groups(method)):
        own = [f.name for f in dataclasses.fields(layer) if f.init and f.name != "base"]
        outer = {name: "base." * depth + name if name in taken else name for name in own}
        names[group] = {name: f"{group}.{name}" if flag in reserved else flag for name, flag in outer.items()}
        taken |= set(own)
    return names


def layer_groups(method: Method) -> list[tuple[str, Method]]:
    """The layers of a method, outermost first, each with a name for its group of flags."""
    layers = methods.layers(method)
    names = [re.sub(r"\W", "_", methods.name_of(layer)) for layer in layers]  # also of an import path
    unique = [name if name not in names[:depth] else f"{name}_{depth}" for depth, name in enumerate(names)]
    return list(zip(unique, layers, strict=True))


def can_be_flag(value: Any) -> bool:
    """Whether a field can be a flag."""
    return isinstance(value, bool | int | float | str)


def experiment_of(command: Train, given: Mapping[str, Mapping[str, Any]]) -> Experiment:
    """The experiment that a command line describes."""
    data = datasets.make(command.dataset, **given.get("data", {}))
    game = methods.build(command.method)
    names, chosen = flag_names(type(data), game), []
    for group, layer in layer_groups(game):
        values = {name: given[group][flag.replace(".", "_")] for name, flag in names[group].items()}
        chosen.append(dataclasses.replace(layer, **values))
    return Experiment(
        dataset=data,
        method=nest(chosen),
        architecture=networks_of(command, data),
        training=Training(**given["training"]),
        seeds=seeds_of(command.seeds),
        sweep=sweep_of(command.sweep),
        evaluation=Evaluation(**given["evaluation"]),
        device=command.device,
        dtype=command.dtype,
        compile=command.compile,
        precision=command.precision,
        channels_last=command.channels_last,
        cuda_graphs=command.cuda_graphs,
        block=block_for(data.shape, command.device) if command.block is None else command.block,
    )


def nest(layers: Sequence[Method]) -> Method:
    """The method whose layers, outermost first, these are."""
    method = layers[-1]
    for layer in reversed(layers[:-1]):
        method = dataclasses.replace(layer, base=method)  # type: ignore[call-arg]
    return method


def networks_of(command: Train, data: Dataset) -> Architecture:
    """The networks that a command line asks for."""
    base = architecture(command.architecture or setting_for(command.dataset, len(data.shape) == 3).architecture)
    changes: dict[str, Any] = {}
    for name in ("latent_dim", "prior"):
        if getattr(command, name) is not None:
            changes[name] = getattr(command, name)
    for role in ("generator", "critic", "encoder"):
        spec = getattr(command, role)
        if spec is not None:
            changes[role] = UserModule(spec) if ":" in spec else getattr(architecture(spec), role)
    return dataclasses.replace(base, **changes)


def seeds_of(text: str) -> tuple[int, ...]:
    """Seeds from ``8`` (0 to 7) or ``3,5,7``."""
    try:
        numbers = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        numbers = []
    need(bool(numbers), f"seeds is {text!r}, expected a number of seeds, or seeds separated by commas")
    if "," in text:
        return tuple(numbers)
    need(numbers[0] >= 1, f"seeds is {text!r}, expected at least 1")
    need(numbers[0] <= MOST_MEMBERS, f"seeds is {text!r}, expected at most {MOST_MEMBERS:,}")
    return tuple(range(numbers[0]))


def sweep_of(texts: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Swept values from ``name=a,b,c``."""
    sweep: dict[str, tuple[float, ...]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        name = name.strip().replace("-", "_")
        need(name not in sweep, f"sweep of {name} is given twice, expected all its values at once: {name}=A,B,...")
        try:
            sweep[name] = tuple(float(value) for value in values.split(","))
        except ValueError:
            equals = ""
        need(bool(equals and name), f"sweep is {text!r}, expected NAME=A,B,... with numbers, e.g. pi=0.1,0.5")
    return sweep
