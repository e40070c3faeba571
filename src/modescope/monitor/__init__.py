"""The alarm for anyone's training loop: cheap measures of diversity, and an event when they fall."""

from .alarm import Alarm, Event, Level
from .loggers import writer_of
from .measures import MEASURES, Yardstick, diversity
from .monitor import CollapseMonitor

__all__ = ["MEASURES", "Alarm", "CollapseMonitor", "Event", "Level", "Yardstick", "diversity", "writer_of"]
