"""From numbers to verdicts: claims, decision rules, statistics, corrections for many comparisons."""
