"""See the package."""

import argparse
import asyncio
import gc
import os
import sys

import tests.load

SCENARIOS = ("never-reads", "flood", "progress", "storm", "rolling", "large", "pages", "churn", "redis")
CHURN_MINUTES = 60, 3  # and quick
SEVERAL_PROCESSES = ("rolling", "redis")


def main() -> int:
    options = arguments()
    os.environ["TEST_STACK"] = options.stack  # read when what follows is imported
    from tests.load import churn, figures, large, neighbours, pages, progress, redis, rolling, storm

    gc.disable()  # its pauses here would be taken for the server's
    quick = options.quick
    scenario = {
        "never-reads": lambda: neighbours.never_reads(seconds=30 if quick else 45),
        "flood": lambda: neighbours.flood(seconds=8 if quick else 20),
        "progress": lambda: progress.run(*((40, 8) if quick else (200, 20))),
        "storm": lambda: storm.run(sockets=100 if quick else 1000),
        "rolling": lambda: rolling.run(options.how, rounds=1 if quick else 3),
        "large": lambda: large.run(quick),
        "pages": lambda: pages.run(rounds=3 if quick else 9),
        "redis": lambda: redis.run(seconds=8 if quick else 20),
        "churn": lambda: churn.run(options.minutes or CHURN_MINUTES[quick]),
    }[options.scenario]
    outcome = asyncio.run(scenario())
    figures.show(f"{options.scenario} on {options.stack}", outcome)
    return 0 if all(goal.is_met for goal in outcome.goals) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.load", description=tests.load.__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--stack", choices=["sqlite", "pg"], help="default: pg for rolling and redis, else sqlite")
    parser.add_argument("--how", choices=["sighup", "sigterm"], default="sighup", help="how processes are replaced")
    parser.add_argument("--minutes", type=float, metavar="M", help=f"churn lasts; default: {CHURN_MINUTES[0]}")
    parser.add_argument("--quick", action="store_true", help="fewer clients, shorter")
    options = parser.parse_args()
    options.stack = options.stack or ("pg" if options.scenario in SEVERAL_PROCESSES else "sqlite")
    if options.scenario in SEVERAL_PROCESSES and options.stack != "pg":
        parser.error(f"{options.scenario} needs several processes: --stack pg")
    return options


if __name__ == "__main__":
    sys.exit(main())
