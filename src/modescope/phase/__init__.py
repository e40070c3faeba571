"""Phase diagrams of collapse: coverage over two hyper-parameters, each point a population of seeds."""

from .axis import Axis
from .plan import Diagram, make_diagram
from .points import Phase, read_phase, run_phase

__all__ = ["Axis", "Diagram", "Phase", "make_diagram", "read_phase", "run_phase"]
