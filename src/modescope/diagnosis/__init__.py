"""Whether a generator collapsed, from samples alone."""

from .evidence import Evidence, Share, gather_evidence
from .measure import Measure
from .measures import MEASURES
from .result import Diagnosis
from .rule import Verdict, judge
from .run import diagnose

__all__ = [
    "MEASURES",
    "Diagnosis",
    "Evidence",
    "Measure",
    "Share",
    "Verdict",
    "diagnose",
    "gather_evidence",
    "judge",
]
