"""`python -m tests.faults --minutes M --seed S [--stack sqlite|pg] [--fault NAME …]`; see docs/reliability.md."""

import argparse
import os
import sys
import time


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.py faults", description="Breaks the site on purpose, and checks.")
    parser.add_argument("--minutes", type=float, default=1.0, metavar="M")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--stack", choices=["sqlite", "pg"], default="sqlite")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="only this one, repeatable")
    parser.add_argument(
        "--patch", action="append", default=[], metavar="MODULE:FUNCTION", help="of the server, further"
    )
    arguments = parser.parse_args()
    os.environ["TEST_STACK"] = arguments.stack  # read when the modules below are imported
    from tests.faults import driver, faults

    if unknown := set(arguments.fault) - set(faults.names()):
        parser.error(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(faults.names())}")
    began = time.monotonic()
    plan = driver.Plan(
        arguments.minutes, arguments.seed, tuple(arguments.fault), tuple(arguments.patch),
        say=lambda line: print(f"[{time.monotonic() - began:6.1f} s] {line}", flush=True),
    )  # fmt: skip
    report = driver.run(plan)
    print(report.text())
    return 0 if report.verdict.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
