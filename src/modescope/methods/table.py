"""The explicit table of methods, and a method's class by name or import path."""

__all__ = ["METHODS", "class_of", "name_of"]

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

from ..core.errors import ModescopeError, nearest_name, need
from ..core.method import Method
from .ali import ALI
from .forward_kl import ForwardKL
from .gan import GAN
from .lsgan import LSGAN
from .pacgan import PacGAN
from .r3gan import R3GAN
from .unrolled import UnrolledGAN
from .veegan import VEEGAN
from .weighted_js import WeightedJS
from .wgan_gp import WGANGP

METHODS: dict[str, type[Method]] = {
    "gan": GAN,
    "lsgan": LSGAN,
    "weighted-js": WeightedJS,
    "forward-kl": ForwardKL,
    "unrolled": UnrolledGAN,
    "pacgan": PacGAN,
    "veegan": VEEGAN,
    "ali": ALI,
    "wgan-gp": WGANGP,
    "r3gan": R3GAN,
}


def name_of(method: Method | type[Method]) -> str:
    """The name of a method's class in the table, or its import path ``package.module:Class``."""
    wanted = method if isinstance(method, type) else type(method)
    names = [name for name, kind in METHODS.items() if kind is wanted]
    return names[0] if names else f"{wanted.__module__}:{wanted.__qualname__}"


def class_of(name: str) -> type[Method]:
    """The class that a name in the table or an import path stands for.

    Arguments:
        name: ``lsgan``, or ``package.module:Class`` for a method of your own; the current folder is searched first.

    Raises:
        ModescopeError: If there is no such method.
    """
    if name in METHODS:
        return METHODS[name]
    if ":" not in name:
        raise nearest_name("method", name, METHODS)
    found = imported(name)
    good = inspect.isclass(found) and issubclass(found, Method) and not inspect.isabstract(found)
    need(good, f"method {name!r} is no method, expected a subclass of modescope.core.Method with all that it asks for")
    return found


def imported(path: str) -> Any:
    """What the import path ``package.module:Name`` names."""
    module_name, _, name = path.partition(":")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise ModescopeError(f"method {path!r} cannot be imported: {type(error).__name__}: {error}") from error
    if not hasattr(module, name):
        here = module_name != "__main__"
        need(here, f"method {path!r} is from a script or notebook that is not this one; move its class to a module")
        classes = [known for known, thing in vars(module).items() if inspect.isclass(thing)]
        raise nearest_name(f"{module_name} class name", name, classes)
    return getattr(module, name)
