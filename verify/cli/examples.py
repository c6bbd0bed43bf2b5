"""The examples at the end of each command's --help."""

from __future__ import annotations

TYPED: dict[str, tuple[tuple[str, str], ...]] = {
    "": (
        ("verify --claims S1,N5", "Judge two claims, and write out/report.html."),
        ("explain N3", "One claim in words."),
        ("spectrum 'tanh(z + 1)' --d 20", "Certified eigenvalues."),
    ),
    "claims": (
        ("claims", "All of them, with sources and controls."),
        ("claims --claims-from my_claims.py", "Your own."),
    ),
    "verify": (
        ("verify --claims S1,N5", "Judge two claims."),
        ("verify --profile full --dry-run", "How long would the full profile take?"),
        ("verify --adaptive --budget 30m", "More repetitions where chance leaves a verdict open."),
        ("verify --activation 'gelu(z + 1)' --set spectral.blocks=1000", "Another activation, with larger samples."),
    ),
    "report": (("report out", "Write out/report.html again."),),
    "figure": (("figure N10 --to n10.pdf --width 5", "The figures of N10 for a paper, 5 inches wide."),),
    "explain": (
        ("explain N3", "What is claimed, and how it is decided."),
        ("explain N3 --out run", "What the run in this folder found."),
    ),
    "compare": (("compare before after", "Did a verdict get worse?"),),
    "calibrate": (
        ("calibrate --claims N3,N5", "How often the rules of two claims err."),
        ("calibrate N3 --truth 2 --runs 20", "N3 in 20 worlds whose exponent is 2, as the NTK's."),
        ("calibrate --worlds --claims E1 --runs 20", "E1 whole, from its theory to the nearest rival and beyond."),
        ("calibrate --records out", "Do the numbers of a run scatter as the rules say?"),
    ),
    "certificate": (("certificate 'sin(z + pi/4)' --d-min 100 --explain", "Theorem and proof for every d >= 100."),),
    "spectrum": (
        ("spectrum 'tanh(z + 1)' --d 20", "Eigenvalues of degree 0 .. 6."),
        ("spectrum 'exp(t - 1)' --kernel zonal --d 20 --latex", "Of a kernel in t, as a LaTeX table."),
    ),
    "completion": (
        ("completion bash > ~/.bash_completion", "In bash, by its package bash-completion."),
        ("completion zsh > ~/.zfunc/_escape-ntk", "In zsh, where fpath has ~/.zfunc before compinit."),
        ("completion fish > ~/.config/fish/completions/escape-ntk.fish", "In fish."),
    ),
    "export": (
        ("export graph --to claims.html", "The claims as a page."),
        ("export logbook --out run --to logbook", "A run for Trackio."),
    ),
    "export graph": (
        ("export graph --to claims.html", "A page whose nodes are links."),
        ("export graph --out run --to claims.dot", "For Graphviz, with the verdicts of a run."),
    ),
    "export records": (
        ("export records --to records.csv", "Every measurement, a row each."),
        ("export records --kind GramSpectrum --to gram.csv", "Fields and numbers of one kind as columns."),
        ("export records --to shards", "Parquet, for more than SQLite should hold."),
    ),
    "export logbook": (("export logbook --out run --to logbook", "A run as a project that Trackio reads."),),
    "sweep": (
        ("sweep plan --chunks 64 --out run", "Deal the cells to chunks, which any queue can run."),
        ("sweep run run/plan/7.json", "One of them."),
        ("sweep collect run", "Merge what they gave."),
        ("verify --out run", "Judge it."),
    ),
    "sweep plan": (("sweep plan --chunks 64 --profile full --out run", "Deal the full profile to 64 chunks."),),
    "sweep run": (("sweep run run/plan/7.json --time-limit 1h", "Compute the chunk 7, an hour for a cell at most."),),
    "sweep collect": (("sweep collect run", "Merge what the chunks gave so far."),),
    "sweep failures": (("sweep failures out", "The tracebacks of a run."),),
}
"""By command: the words after escape-ntk, and what they do."""


def shown(lines: tuple[tuple[str, str], ...]) -> str:
    r"""The examples as Markdown, which --help is written in; a backslash ends a line.

    >>> shown((("report out", "Write it again."),))
    'Examples:\n\nWrite it again.\\\nescape-ntk report out'
    """
    return "\n\n".join(["Examples:", *(f"{what}\\\nescape-ntk {words}" for words, what in lines)])


EXAMPLES = {command: shown(lines) for command, lines in TYPED.items()}
