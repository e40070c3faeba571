"""Words and numbers as readers like them."""

__all__ = ["interval", "joined", "number", "percent", "plural", "scientific", "slug", "span"]

import math
from collections.abc import Sequence

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 3) -> str:
    """A number with a few digits; whole ones in full; a dash where there is none."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    whole = value == int(value) and abs(value) < 1e6
    if whole or 10**digits - 0.5 <= abs(value) < 1e7:
        return f"{value:,.0f}".replace("-", "−")
    return scientific(value, digits)


def scientific(value: float, digits: int) -> str:
    """A number with a few digits, powers of ten written out, and a true minus sign."""
    text, _, power = f"{value:.{digits}g}".partition("e")
    if power:
        text = f"{text} · 10{str(int(power)).translate(SUPERSCRIPT)}"
    return text.replace("-", "−")


def interval(low: float, high: float) -> str:
    """The two ends of an interval; nothing where there is none, and words where they meet."""
    if math.isnan(low) or math.isnan(high):
        return ""
    return "the same in each" if low == high else f"{number(low)} to {number(high)}"


def percent(share: float) -> str:
    """A share in per cent: whole ones, but for those near nothing and near all, which are never rounded to these."""
    per_cent = 100 * share
    if 0 < per_cent < 1:
        return f"{per_cent:.1f} %" if per_cent >= 0.1 else "< 0.1 %"
    return f"{min(per_cent, 99.9):.1f} %" if 99 < per_cent < 100 else f"{per_cent:.0f} %"


def plural(count: int, noun: str) -> str:
    """A count with its noun, e.g. ``1 seed`` and ``8 seeds``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def span(values: Sequence[int]) -> str:
    """The least and the greatest of some whole numbers, e.g. ``3 to 5``."""
    low, high = min(values), max(values)
    return f"{low}" if low == high else f"{low} to {high}"


def joined(parts: Sequence[str]) -> str:
    """Parts of a sentence with commas and a final "and"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def slug(name: str) -> str:
    """A name as part of a file's name."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "_+") else "-" for c in name.lower())
    return "-".join(part for part in kept.split("-") if part)[:60] or "run"
