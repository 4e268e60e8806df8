"""Jobs that this site runs.

The row is the truth. An engine only wakes somebody up to call `execute(job_id)`; whoever
does claims the row with a lease, and every write after that is fenced by the lease's epoch.
"""

from notifications.jobs.runner import start_runners, stop_runners

__all__ = ["start_runners", "stop_runners"]
