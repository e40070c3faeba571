"""The papers' figures and tables redone, beside what they printed."""

from .items import ITEMS, Item, reproduce

__all__ = ["ITEMS", "Item", "reproduce"]
