"""Docstrings for a terminal: formulas in Unicode, tables in columns, no markup."""

__all__ = ["plain"]

import re
from unicodedata import normalize

NAMES = """
alpha beta gamma Gamma delta epsilon varepsilon zeta eta theta kappa lambda Lambda mu nu xi pi rho sigma Sigma tau phi
varphi Phi chi psi omega sum prod int nabla partial infty cdot times le leq ge geq ne neq approx sim to gets in pm dots
ldots cdots mid propto odot top ell star forall circ
"""
SIGNS = dict(zip(NAMES.split(), "αβγΓδεεζηθκλΛμνξπρσΣτφφΦχψωΣΠ∫∇∂∞·×≤≤≥≥≠≠≈~→←∈±………|∝⊙ᵀℓ*∀∘", strict=True))
SUPER = str.maketrans("0123456789+-*nKmT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻*ⁿᴷᵐᵀ")
SUB = str.maketrans("0123456789ijnkmxpt", "₀₁₂₃₄₅₆₇₈₉ᵢⱼₙₖₘₓₚₜ")
RULED = re.compile(
    r"^ *=+(?: +=+)+ *\n.*?\n *=+(?: +=+)+ *\n(?:.*?\n *=+(?: +=+)+ *(?:\n|$))?", re.MULTILINE | re.DOTALL
)


def plain(text: str) -> str:
    """Text of a docstring as a terminal shows it."""
    return inline(RULED.sub(lambda m: table(m[0]), text))


def inline(text: str) -> str:
    """Formulas and names without their markup."""
    text = re.sub(r"\.\. math::\s*(.*?)(?=\n\n|\Z)", lambda m: mathematics(m[1]), text, flags=re.DOTALL)
    text = re.sub(r":math:`(.*?)`", lambda m: mathematics(m[1]), text, flags=re.DOTALL)
    text = re.sub(r":\w+:`~?(.*?)`", r"\1", text)
    return re.sub(r"^\| ", "", re.sub(r"``?(.*?)``?", r"\1", text, flags=re.DOTALL), flags=re.MULTILINE)


def table(text: str) -> str:
    """A ruled table, with columns as wide as what stands in them once its formulas are plain."""
    lines = text.rstrip("\n").splitlines()
    edges = [(m.start(), m.end()) for m in re.finditer(r"=+", lines[0])]
    edges[-1] = (edges[-1][0], max(map(len, lines)))
    rows = [[inline(line[a:b].strip()) for a, b in edges] for line in lines if not line.lstrip().startswith("==")]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([shown[0], "─" * (sum(widths) + 2 * len(widths) - 2), *shown[1:]]) + "\n"


def mathematics(tex: str) -> str:
    """A formula of LaTeX in Unicode, near enough to read."""
    tex = " ".join(tex.split())
    tex = re.sub(r"\\(?:left|right|big|Big|bigl|bigr|displaystyle)(?![a-zA-Z])", "", tex)
    for sign, shown in (
        (r"\|", "‖"),
        (r"\{", "❴"),
        (r"\}", "❵"),
        (r"\,", " "),
        (r"\;", " "),
        (r"\quad", " "),
        (r"\ ", " "),
    ):
        tex = tex.replace(sign, shown)
    tex = re.sub(r"\\(?:mathbb|mathrm|mathcal|operatorname|text|mathbf|boldsymbol)\{([^{}]*)\}", r"\1", tex)
    tex = re.sub(r"\\(?:hat|tilde|bar)\s*\{?(\\?\w)\}?", r"\1̂", tex)
    tex = re.sub(
        r"\\([td]?frac|sqrt)(?![a-zA-Z])", r"@\1", tex
    )  # the only ones that take arguments; the rest are signs
    tex = re.sub(r"\\([a-zA-Z]+)", lambda m: SIGNS.get(m[1], m[1]), tex)
    for _ in range(4):  # from the inside out
        tex = re.sub(r"\^\{([0-9+\-*nKmT])\}", lambda m: m[1].translate(SUPER), tex)
        tex = re.sub(r"_\{([0-9ijnkmxpt])\}", lambda m: m[1].translate(SUB), tex)
        tex = re.sub(r"([\^_])\{([^{}]*)\}", r"\1(\2)", tex)
        tex = re.sub(r"@[td]?frac\{([^{}]*)\}\{([^{}]*)\}", r"(\1)/(\2)", tex)
        tex = re.sub(r"@sqrt\{([^{}]*)\}", r"√(\1)", tex)
    tex = re.sub(r"@[td]?frac\s*(\w)\s*(\w)", r"\1/\2", tex).replace("@sqrt", "√")
    tex = re.sub(r"\^([0-9+\-*nKmT])(?!\w)", lambda m: m[1].translate(SUPER), tex)
    tex = re.sub(r"_([0-9ijnkmxpt])(?!\w)", lambda m: m[1].translate(SUB), tex)
    return normalize("NFC", re.sub(r"[{}]", "", tex).replace("❴", "{").replace("❵", "}").strip())
