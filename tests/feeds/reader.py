"""A reader as a process of its own, with the standard library only: handles events of a consumer until it is killed.

``python reader.py URL CONSUMER FILE SEED``. Every step is a line of FILE, written before the next is taken.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path
from urllib.request import Request, urlopen


def main(url: str, consumer: str, path: str, seed: str) -> None:
    """Read, handle, acknowledge, without end."""
    draw = random.Random(int(seed))
    out = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    kept = Path(path + ".lease")
    lease = kept.read_text() if kept.exists() else ""

    def say(what: str, position: int = 0) -> None:
        os.write(out, f"{what} {position}\n".encode())

    say("began")
    while True:
        query = f"consumer={consumer}&limit={draw.randint(1, 20)}&wait_s=1" + (f"&lease={lease}" if lease else "")
        with urlopen(f"{url}/api/consumer/events?{query}", timeout=20) as answer:
            lease = answer.headers["KeepBoth-Lease"]
            events = json.loads(answer.read())
        kept.write_text(lease)
        for event in events:
            position = int(event["sequence"])
            say("handled", position)
            if event is events[-1] or draw.random() < 0.3:
                say("acknowledging", position)
                body = json.dumps({"lease": lease, "position": position}).encode()
                request = Request(
                    f"{url}/api/consumer/ack?consumer={consumer}", body, {"Content-Type": "application/json"}
                )
                with urlopen(request, timeout=20):
                    say("acknowledged", position)


if __name__ == "__main__":
    main(*sys.argv[1:])
