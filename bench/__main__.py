"""`python -m bench`, which `dev.py bench` runs once everything is installed."""

import argparse
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import bench
from bench import machine
from bench.measuring import Pace
from bench.ours import Grounds, ours
from bench.rounds import Bench
from bench.servers import Server, peers
from bench.table import markdown
from bench.works import Work, works
from bench.workshop import HERE, MissingError, Workshop
from chatsite.env import Env, EnvError
from tests.support import servers as servers_of_tests

THOROUGH = Pace(
    seconds=5, warm_up=1.5, patience=5, windows=(1, 4, 16, 60)
)  # a socket of ours has at most 64 posts under way
QUICK = Pace(seconds=1, warm_up=0.5, patience=5, windows=(16,))
ROUNDS = 3
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
QUIET_LOAD = 0.5
DESCRIPTORS_BESIDES = 1_000
WINDOWS = ", ".join(map(str, THOROUGH.windows))


def main() -> int:
    if sys.platform != "linux":
        sys.exit("bench: only on Linux, whose accounts of processes it reads")
    try:
        workshop = Workshop(Env(HERE.parent).var_dir() / "bench")
        options = arguments(workshop)
        load = workshop.load
    except (EnvError, MissingError) as problem:
        sys.exit(f"bench: {problem}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends what was started, as Ctrl-C does
    busy = os.getloadavg()[0]
    chosen = [work for work in works(options.quick) if work.name in options.only and has_descriptors_for(work)]
    with (
        tempfile.TemporaryDirectory(prefix="run-", dir=workshop.folder) as folder,
        Grounds(Path(folder), workshop.folder, sorted({work.layout for work in chosen})) as grounds,
    ):
        servers = available(server for server in everybody(workshop, grounds) if server.name in options.servers)
        run = Bench(load, servers, QUICK if options.quick else THOROUGH)
        tables = [markdown(work, run.run(work, options.rounds)) for work in chosen]
    run.write(workshop.folder / "results.json")
    text = "\n\n".join([about(options, workshop, busy), *tables])
    print(f"\n{text}")
    if options.write:
        write(text)
    return int(any(run.has_failed(server) for server in servers if server.is_durable))


def arguments(workshop: Workshop) -> argparse.Namespace:
    all_works = [work.name for work in works(is_quick=False)]
    all_servers = [server.name for server in everybody(workshop, Grounds(Path(), Path(), []))]
    parser = argparse.ArgumentParser(prog="dev.py bench", description=bench.__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, to see that all of it works")
    parser.add_argument("--only", type=some_of(all_works), default=all_works, metavar="WORK,…", help=listed(all_works))
    parser.add_argument(
        "--servers", type=some_of(all_servers), default=all_servers, metavar="NAME,…", help=listed(all_servers)
    )
    parser.add_argument("--rounds", type=int, metavar="N", help=f"{ROUNDS} unless quick; medians are told")
    parser.add_argument("--write", action="store_true", help="put the tables into bench/README.md")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else ROUNDS)
    return options


def everybody(workshop: Workshop, grounds: Grounds) -> list[Server]:
    return [*ours(grounds), *peers(workshop)]


def some_of(names: Sequence[str]) -> Callable[[str], list[str]]:
    """For argparse: a list with commas, each one of the names."""

    def parse(text: str) -> list[str]:
        wanted = text.split(",")
        if unknown := sorted(set(wanted) - set(names)):
            raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}; there are {', '.join(names)}")
        return wanted

    return parse


def listed(names: Sequence[str]) -> str:
    return f"any of {', '.join(names)}; else all"


def has_descriptors_for(work: Work) -> bool:
    """Raises this process's limit, which all that it starts inherit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = 2 * work.layout.members + DESCRIPTORS_BESIDES  # of ours, everybody comes to the inbox, too
    if hard != resource.RLIM_INFINITY and hard < wanted:
        print(f"{work.name} is left out: it wants {wanted} open files, ulimit -Hn is {hard}", flush=True)
        return False
    return True


def available(servers: Iterable[Server]) -> list[Server]:
    """Those that can run here; of the others it says why not."""
    found = []
    for server in servers:
        try:
            server.prepare()
        except (MissingError, servers_of_tests.MissingError) as problem:
            print(f"{server.title} is left out: {problem}", flush=True)
        else:
            found.append(server)
    return found


def about(options: argparse.Namespace, workshop: Workshop, busy: float) -> str:
    """What readers of the tables have to know."""
    rounds = f"medians of {options.rounds} rounds" if options.rounds > 1 else "one round"
    lines = [machine.description(workshop.folder), f"- {rounds}, each server's best of {WINDOWS} under way a sender"]
    if options.quick:
        lines[1] = f"- {rounds}, quick: these figures mean nothing"
    if busy > QUIET_LOAD:
        lines.append(f"- the machine was busy: a load average of {busy:.1f} before it began")
    return "\n".join(lines)


def write(text: str) -> None:
    page = HERE / "README.md"
    before, _, rest = page.read_text().partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    sys.exit(main())
