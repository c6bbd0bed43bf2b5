"""Do verdicts depend on the base seed? One profile with several base seeds, and the claims whose verdicts differ.

    python benchmarks/seeds.py                       ten runs of the quick profile (half an hour on two cores)
    python benchmarks/seeds.py --first 100 --seeds 3 --claims N3,N4

The cells that use no randomness are computed once: all runs share one folder of records.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from verify.registry import select
from verify.running.sweep import default_workers
from verify.session import verify
from verify.sizes.profile import load_profile


def main() -> None:
    """Run, and print what differs from HOLDS and a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--claims")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("out/seeds"))
    arguments = parser.parse_args()
    claims = select(arguments.claims)
    verdicts: dict[str, list[str]] = {claim.id: [] for claim in claims}
    controls: Counter[str] = Counter()
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        profile = load_profile(arguments.profile, [f"base_seed={seed}"])
        run = verify(claims, profile, arguments.out, default_workers(profile.device))
        for judgement in run.judgements:
            verdicts[judgement.claim.id].append(str(judgement.verdict))
            controls[str(judgement.control)] += 1
            for reason in judgement.reasons:
                print(f"seed {seed}: {judgement.claim.id} INCONCLUSIVE: {reason}", flush=True)
            if judgement.verdict != "HOLDS" and not judgement.reasons and judgement.outcome.decisive:
                c = judgement.outcome.decisive
                print(
                    f"seed {seed}: {judgement.claim.id} {judgement.verdict}: {c.label}: {c.predicted:g}, {c.measured}"
                )
        print(f"seed {seed}: {dict(Counter(found[-1] for found in verdicts.values()))}", flush=True)
    print("\n| claim | verdicts |\n|---|---|")
    for name, found in verdicts.items():
        counts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(found).most_common())
        print(f"| {name} | {counts} |")
    print(f"\ncontrols: {', '.join(f'{count} {verdict}' for verdict, count in controls.items())}")


if __name__ == "__main__":
    main()
