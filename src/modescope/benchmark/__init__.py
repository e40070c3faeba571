"""Every remedy on data sets under one protocol, with seeds, intervals and paired tests."""

from .entrants import Entrant, entrants
from .execute import run_cells
from .plan import PROTOCOLS, Cell, Plan, make_plan
from .results import Result, load_results
from .schedulers import SCHEDULERS
from .standings import Standing, Standings, standings

__all__ = [
    "PROTOCOLS",
    "SCHEDULERS",
    "Cell",
    "Entrant",
    "Plan",
    "Result",
    "Standing",
    "Standings",
    "entrants",
    "load_results",
    "make_plan",
    "run_cells",
    "standings",
]
