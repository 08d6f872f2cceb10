"""``python -m tests.s3.short_lease VERB ...``: as ``python -m jobs``, by a lease that runs out after 90 seconds."""

import sys
from datetime import timedelta

from jobs.__main__ import main
from jobs.lake import lease

SECONDS = 90

if __name__ == "__main__":
    vars(lease)["LEASE"] = timedelta(seconds=SECONDS)  # it is final for everybody else
    sys.exit(main())
